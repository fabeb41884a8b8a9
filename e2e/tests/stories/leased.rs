//! The stage of stories about leases: a database role, a login of its own, and what Vault and PostgreSQL know of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    controller::Controller,
    manifests,
    observed::text_data,
    postgres::Postgres,
    story::{STORE, Story},
    wait::{soon, until},
};

use crate::leaders::{LEASE, candidate_with, leads};

/// The generator's name.
const GENERATOR: &str = "database";

/// How long a superseded lease is left in these stories.
pub(crate) const GRACE: &str = "3s";

/// The Vault roles and the objects of one story.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) story: Story,
    pub(crate) postgres: Postgres,
    /// The database role: eight characters that no other story has.
    pub(crate) role: String,
}

/// A user of the database with its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Leased {
    /// Credentials that live for `ttl`, and for `max_ttl` at most; a login for ServiceAccount `vault-client` of the story's
    /// namespace with `policy`, whose tokens live for `token_ttl`; and a generator that uses both.
    pub(crate) async fn begin(title: &str, life: (&str, &str), login: (&str, &str)) -> Result<Self> {
        Self::told_in(Story::begin_alone(title).await?, life, login).await
    }

    /// [`Leased::begin`] in a story that has begun.
    pub(crate) async fn told_in(
        story: Story,
        (ttl, max_ttl): (&str, &str),
        (token_ttl, policy): (&str, &str),
    ) -> Result<Self> {
        let role = story.namespace.rsplit('-').next().context("a namespace with a number")?.to_owned();
        let database = json!({
            "db_name": "postgres",
            "creation_statements":
                "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';",
            "default_ttl": ttl, "max_ttl": max_ttl,
        });
        story.vault.request(Method::POST, &format!("database/roles/{role}"), Some(&database)).await?;
        let login = json!({
            "bound_service_account_names": ["vault-client"],
            "bound_service_account_namespaces": [story.namespace],
            "audience": "vault", "token_policies": [policy], "token_ttl": token_ttl,
        });
        let path = format!("auth/kubernetes/role/{}", story.namespace);
        story.vault.request(Method::POST, &path, Some(&login)).await?;
        story.create(&manifests::service_account("vault-client")).await?;
        let leased = Self { postgres: Postgres::at(&story.testbed.postgres), story, role };
        leased.story.create(&leased.generator()).await?;
        Ok(leased)
    }

    fn generator(&self) -> Value {
        json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": "VaultDynamicSecret",
            "metadata": { "name": GENERATOR },
            "spec": {
                "controller": self.story.class,
                "path": format!("database/creds/{}", self.role),
                "provider": {
                    "server": self.story.testbed.vault.address,
                    "auth": { "kubernetes": {
                        "mountPath": "kubernetes",
                        "role": self.story.namespace,
                        "serviceAccountRef": { "name": "vault-client", "audiences": ["vault"] },
                    } },
                },
            },
        })
    }

    /// A controller for this story.
    pub(crate) async fn controller(&self, role: &str) -> Result<Controller> {
        let grace = format!("--generator-gc-grace-period={GRACE}");
        self.story.controller_with(role, &["--status-time-interval=1ms", &grace]).await
    }

    /// A controller for this story that stands in an election, by terms that a busy machine can keep; leading.
    pub(crate) async fn leader(&self, role: &str) -> Result<Controller> {
        let grace = format!("--generator-gc-grace-period={GRACE}");
        let terms = ["--leader-election-lease-duration=30s", "--leader-election-renew-deadline=20s", &grace];
        let controller = candidate_with(&self.story, role, &terms).await?;
        leads(&controller).await?;
        Ok(controller)
    }

    /// Kills `controller`; gives one that leads after it. Nobody waits until the Lease has run out: who held it is gone.
    pub(crate) async fn after_kill(&self, controller: Controller) -> Result<Controller> {
        controller.kill()?;
        self.story.delete(Kind::Lease, LEASE).await?;
        self.leader("one").await
    }

    /// Creates the ExternalSecret `name`, refreshed every `interval`.
    pub(crate) async fn external_secret(&self, name: &str, interval: &str) -> Result<()> {
        self.create(name, interval, None).await
    }

    /// The same, with all fields of `key` in the story's store besides.
    pub(crate) async fn external_secret_with(&self, name: &str, interval: &str, key: &str) -> Result<()> {
        self.create(name, interval, Some(key)).await
    }

    async fn create(&self, name: &str, interval: &str, key: Option<&str>) -> Result<()> {
        let reference = json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": "VaultDynamicSecret", "name": GENERATOR,
        });
        let mut entries = vec![json!({ "sourceRef": { "generatorRef": reference } })];
        let mut spec = json!({ "refreshInterval": interval });
        if let Some(key) = key {
            entries.push(json!({ "extract": { "key": key } }));
            spec["secretStoreRef"] = json!({ "kind": "SecretStore", "name": STORE });
        }
        spec["dataFrom"] = entries.into();
        self.story
            .create(&json!({
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "metadata": { "name": name },
                "spec": spec,
            }))
            .await?;
        Ok(())
    }

    /// Asks for a sync of the ExternalSecret `name`; `mark` is another each time.
    pub(crate) async fn force(&self, name: &str, mark: &str) -> Result<()> {
        let force = json!({ "metadata": { "annotations": { "external-secrets.io/force-sync": mark } } });
        self.story.patch(Kind::ExternalSecret, name, &force).await?;
        Ok(())
    }

    /// What the Secret `name` holds.
    pub(crate) async fn credentials(&self, name: &str) -> Result<Credentials> {
        let data = text_data(&self.story.get(Kind::Secret, name).await?)?;
        let field = |key: &str| data.get(key).cloned().with_context(|| format!("no {key}"));
        Ok(Credentials { user: field("username")?, password: field("password")? })
    }

    /// Waits until the Secret `name` holds credentials that work, and its lease is kept alive.
    pub(crate) async fn works(&self, name: &str) -> Result<Credentials> {
        soon(&format!("credentials in {name}"), async || {
            let found = self.credentials(name).await?;
            self.postgres.log_in(&found.user, &found.password).await?;
            ensure!(!self.records_of(name, "Active").await?.is_empty(), "no active lease is recorded");
            Ok(found)
        })
        .await
    }

    /// Waits until the Secret `name` holds others than `old`.
    pub(crate) async fn others(&self, name: &str, old: &Credentials) -> Result<Credentials> {
        until("other credentials", Duration::from_mins(3), async || {
            let found = self.credentials(name).await?;
            ensure!(found != *old, "still {}", old.user);
            Ok(found)
        })
        .await
    }

    /// All SecretLeases.
    pub(crate) async fn records(&self) -> Result<Vec<Value>> {
        self.story.cluster.list(Kind::SecretLease, &self.story.namespace, "").await
    }

    /// The SecretLeases of the ExternalSecret `name` in `state`.
    pub(crate) async fn records_of(&self, name: &str, state: &str) -> Result<Vec<Value>> {
        let mut records = self.records().await?;
        records
            .retain(|record| record["spec"]["owner"]["name"] == name && record["status"]["state"] == state);
        Ok(records)
    }

    /// How many leases of the database role Vault knows.
    pub(crate) async fn vault_leases(&self) -> Result<usize> {
        let path = format!("sys/leases/lookup/database/creds/{}?list=true", self.role);
        // Vault answers 404 where there are none.
        let found = self.story.vault.request(Method::GET, &path, None).await.unwrap_or_default();
        Ok(found["data"]["keys"].as_array().map_or(0, Vec::len))
    }

    /// How many roles PostgreSQL has for the database role.
    pub(crate) async fn database_roles(&self) -> Result<usize> {
        Ok(usize::try_from(self.postgres.roles_of(&self.role).await?)?)
    }

    /// How many login tokens of this story live.
    pub(crate) async fn tokens(&self) -> Result<usize> {
        let all = self.story.vault.request(Method::GET, "auth/token/accessors?list=true", None).await?;
        let mut count = 0;
        for accessor in all["data"]["keys"].as_array().into_iter().flatten() {
            let body = json!({ "accessor": accessor });
            // It may have ended since.
            let path = "auth/token/lookup-accessor";
            let found = self.story.vault.request(Method::POST, path, Some(&body)).await.unwrap_or_default();
            count += usize::from(found["data"]["meta"]["role"] == self.story.namespace.as_str());
        }
        Ok(count)
    }

    /// Waits until exactly `count` roles are left in the database, and as many leases in Vault.
    pub(crate) async fn left(&self, count: usize) -> Result<()> {
        soon(&format!("{count} roles and leases"), async || {
            let (roles, leases) = (self.database_roles().await?, self.vault_leases().await?);
            ensure!(roles == count && leases == count, "{roles} roles, {leases} leases");
            Ok(())
        })
        .await
    }
}
