//! The stage of stories about Vault's engines: a login that may do what the story says, and generators of our own that use it.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    controller::Controller,
    manifests,
    observed::{resource_version, text_data},
    story::Story,
    wait::soon,
};

/// How long superseded values are left in these stories.
pub(crate) const GRACE: &str = "3s";

/// The group of our own generators.
pub(crate) const OWN: &str = "generators.strongroom.dev/v1alpha1";

/// The login and the objects of one story.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) story: Story,
}

impl Engines {
    /// A login for ServiceAccount `vault-client` of the story's namespace with the rights in `policy`.
    pub(crate) async fn begin(title: &str, policy: &str) -> Result<Self> {
        let story = Story::begin_alone(title).await?;
        let rules = json!({ "policy": policy });
        let path = format!("sys/policies/acl/{}", story.namespace);
        story.vault.request(Method::PUT, &path, Some(&rules)).await?;
        let login = json!({
            "bound_service_account_names": ["vault-client"],
            "bound_service_account_namespaces": [story.namespace],
            "audience": "vault", "token_policies": [story.namespace], "token_ttl": "1h",
        });
        let path = format!("auth/kubernetes/role/{}", story.namespace);
        story.vault.request(Method::POST, &path, Some(&login)).await?;
        story.create(&manifests::service_account("vault-client")).await?;
        Ok(Self { story })
    }

    /// A name that no other story has.
    pub(crate) fn unique(&self) -> &str {
        &self.story.namespace
    }

    /// A controller for this story.
    pub(crate) async fn controller(&self, role: &str) -> Result<Controller> {
        let grace = format!("--generator-gc-grace-period={GRACE}");
        self.story.controller_with(role, &["--status-time-interval=1ms", &grace]).await
    }

    /// A store's settings with the story's login.
    pub(crate) fn provider(&self) -> Value {
        json!({
            "server": self.story.testbed.vault.address,
            "auth": { "kubernetes": {
                "mountPath": "kubernetes",
                "role": self.story.namespace,
                "serviceAccountRef": { "name": "vault-client", "audiences": ["vault"] },
            } },
        })
    }

    /// Creates the generator `kind` of our own with `spec`, to which class and login are added; its name is `generator`.
    pub(crate) async fn generator(&self, kind: Kind, mut spec: Value) -> Result<()> {
        spec["controller"] = self.story.class.as_str().into();
        if spec["provider"].is_null() {
            spec["provider"] = self.provider();
        }
        let metadata = json!({ "name": "generator" });
        let object = json!({ "apiVersion": OWN, "kind": kind.name(), "metadata": metadata, "spec": spec });
        self.story.create(&object).await?;
        Ok(())
    }

    /// Creates the ExternalSecret `name` that draws from the generator `kind`, refreshed every `interval`.
    pub(crate) async fn external_secret(&self, name: &str, kind: Kind, interval: &str) -> Result<()> {
        let reference = json!({ "apiVersion": OWN, "kind": kind.name(), "name": "generator" });
        self.story
            .create(&json!({
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "metadata": { "name": name },
                "spec": {
                    "refreshInterval": interval,
                    "dataFrom": [{ "sourceRef": { "generatorRef": reference } }],
                },
            }))
            .await?;
        Ok(())
    }

    /// The value under `key` in the Secret `name`, and the Secret's version.
    pub(crate) async fn held(&self, name: &str, key: &str) -> Result<(String, String)> {
        let secret = self.story.get(Kind::Secret, name).await?;
        let text = text_data(&secret)?.get(key).cloned().unwrap_or_default();
        ensure!(!text.is_empty(), "nothing under {key}");
        Ok((text, resource_version(&secret)))
    }

    /// Waits until the Secret `name` holds another value under `key` than `old`.
    pub(crate) async fn other(&self, name: &str, key: &str, old: &str) -> Result<String> {
        soon("another value", async || {
            let (found, _) = self.held(name, key).await?;
            ensure!(found != old, "still the same");
            Ok(found)
        })
        .await
    }

    /// All SecretLeases.
    pub(crate) async fn records(&self) -> Result<Vec<Value>> {
        self.story.cluster.list(Kind::SecretLease, &self.story.namespace, "").await
    }
}
