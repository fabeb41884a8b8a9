//! One story's stage: a namespace of its own, a store, places in Vault, and waiting for what should happen.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    audit::AuditLog,
    cluster::{Cluster, Kind},
    controller::{Controller, SHARED_CLASS},
    expected, manifests,
    observed::{self, Condition, Event, ready},
    testbed::Testbed,
    turn::Turn,
    vault::Vault,
    wait::soon,
};

/// The store that [`Story::token_store`] makes.
pub const STORE: &str = "store";
/// The Secret with a Vault token that [`Story::token_store`] makes.
pub const TOKEN_SECRET: &str = "vault-token";

/// Marks everything cluster-wide that stories make, so that the next run can sweep it up after a failure.
const MARK: &str = "e2e.strongroom.dev/story";

/// Most stories tell from `refreshTime` that time has passed.
const EVERY_REFRESH: [&str; 1] = ["--status-time-interval=1ms"];

static SWEPT: OnceCell<()> = OnceCell::const_new();
static SHARED: OnceCell<Controller> = OnceCell::const_new();

/// A story being told.
#[derive(Debug)]
pub struct Story {
    /// The test bed.
    pub testbed: Testbed,
    /// The cluster, as its administrator.
    pub cluster: Cluster,
    /// The test bed's Vault, as its administrator.
    pub vault: Vault,
    /// The story's namespace, with a name no other story has.
    pub namespace: String,
    /// The controller class that the story's stores name.
    pub class: String,
    title: String,
    _turn: Turn,
}

impl Story {
    /// A story that the shared controller plays in.
    pub async fn begin(title: &str) -> Result<Self> {
        let turn = Turn::busy().await?;
        Self::shared(Self::set(title, turn).await?).await
    }

    /// [`Story::begin`] for a story that waits for most of its time: it is told at once, beside all others.
    pub async fn begin_patient(title: &str) -> Result<Self> {
        Self::shared(Self::set(title, Turn::Free).await?).await
    }

    /// A story that starts controllers of its own, with a class of its own: see [`Story::controller`].
    pub async fn begin_alone(title: &str) -> Result<Self> {
        let turn = Turn::busy().await?;
        Self::set(title, turn).await
    }

    /// [`Story::begin_alone`] for a story that waits for most of its time: it is told at once, beside all others.
    pub async fn begin_alone_patient(title: &str) -> Result<Self> {
        Self::set(title, Turn::Free).await
    }

    /// [`Story::begin_alone`] with many objects or many starts: beside it only those are told that wait for most of their
    /// time, because what it allows for would not be enough beside other busy ones.
    pub async fn begin_crowd(title: &str) -> Result<Self> {
        let turn = Turn::alone().await?;
        Self::set(title, turn).await
    }

    async fn shared(mut story: Self) -> Result<Self> {
        SHARED
            .get_or_try_init(|| {
                Controller::start_with(&story.testbed, &story.cluster, "shared", SHARED_CLASS, &EVERY_REFRESH)
            })
            .await?;
        SHARED_CLASS.clone_into(&mut story.class);
        Ok(story)
    }

    async fn set(title: &str, turn: Turn) -> Result<Self> {
        let testbed = Testbed::from_environment()?;
        let cluster = Cluster::connect(&testbed).await?;
        SWEPT.get_or_try_init(|| sweep(&cluster)).await?;
        let vault = Vault::at(&testbed.vault.address, &testbed.vault.root_token);
        let namespace = format!("{title}-{:08x}", RandomState::new().hash_one(title) >> 32);
        let story = Self {
            testbed,
            cluster,
            vault,
            class: namespace.clone(),
            namespace,
            title: title.to_owned(),
            _turn: turn,
        };
        story.create_namespace(&story.namespace).await?;
        Ok(story)
    }

    /// Removes what the story made. Not called by a story that fails, so that its objects can be looked at.
    pub async fn end(self) -> Result<()> {
        let selector = format!("{MARK}={}", self.namespace);
        for kind in [Kind::ClusterSecretStore, Kind::Namespace] {
            for object in self.cluster.list(kind, "", &selector).await? {
                self.cluster
                    .delete(kind, "", object["metadata"]["name"].as_str().unwrap_or_default())
                    .await?;
            }
        }
        Ok(())
    }

    /// Starts a controller for this story's class. `role` tells it from the story's other controllers.
    pub async fn controller(&self, role: &str) -> Result<Controller> {
        self.controller_with(role, &EVERY_REFRESH).await
    }

    /// [`Story::controller`] with these arguments on its command line.
    pub async fn controller_with(&self, role: &str, arguments: &[&str]) -> Result<Controller> {
        let name = format!("{}-{role}", self.namespace);
        Controller::start_with(&self.testbed, &self.cluster, &name, &self.class, arguments).await
    }

    /// The shared controller's user name at the API server.
    pub fn shared_controller_user(&self) -> Result<&'static str> {
        Ok(&SHARED.get().context("this story does not use the shared controller")?.user)
    }

    /// The shared controller's log.
    pub fn shared_controller_log(&self) -> Result<&'static Path> {
        Ok(&SHARED.get().context("this story does not use the shared controller")?.log)
    }

    /// One more namespace.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let mark = json!({ MARK: self.namespace, "e2e.strongroom.dev/title": self.title });
        self.cluster.create("", &manifests::namespace(name, &mark)).await?;
        Ok(())
    }

    /// Creates an object, in the story's namespace if its kind has one, and gives it back as stored.
    pub async fn create(&self, manifest: &Value) -> Result<Value> {
        let mut manifest = manifest.clone();
        if !Kind::of(&manifest)?.is_namespaced() {
            manifest["metadata"]["labels"][MARK] = self.namespace.as_str().into();
        }
        self.cluster.create(&self.namespace, &manifest).await
    }

    /// Creates an ExternalSecret and gives its name.
    pub async fn external_secret(&self, external_secret: manifests::ExternalSecret) -> Result<String> {
        let stored = self.create(&external_secret.manifest()).await?;
        Ok(stored["metadata"]["name"].as_str().context("an object without a name")?.to_owned())
    }

    /// Creates the SecretStore [`STORE`] that reads `secret/` (KV v2) of `vault` with that client's token, and waits until
    /// it is ready.
    pub async fn token_store_at(&self, vault: &Vault) -> Result<()> {
        self.create(&manifests::secret(TOKEN_SECRET, "token", vault.token())).await?;
        let provider = manifests::vault_v2(vault.address(), "secret", &manifests::token_login(TOKEN_SECRET));
        self.create(&manifests::secret_store(STORE, &self.class, &provider)).await?;
        self.store_ready(Kind::SecretStore, STORE).await.map(drop)
    }

    /// [`Story::token_store_at`] the test bed's Vault.
    pub async fn token_store(&self) -> Result<()> {
        self.token_store_at(&self.vault).await
    }

    /// The remote key that this story uses for `leaf`: no other story uses it.
    pub fn key(&self, leaf: &str) -> String {
        format!("{}/{leaf}", self.namespace)
    }

    /// Writes fields to [`Story::key`] of `leaf` in the test bed's `secret/`.
    pub async fn write(&self, leaf: &str, fields: &Value) -> Result<()> {
        self.vault.write_v2("secret", &self.key(leaf), fields).await
    }

    /// Reads an object of the story that must be there.
    pub async fn get(&self, kind: Kind, name: &str) -> Result<Value> {
        self.cluster.get(kind, &self.namespace, name).await
    }

    /// Applies a merge patch to an object of the story.
    pub async fn patch(&self, kind: Kind, name: &str, change: &Value) -> Result<Value> {
        self.cluster.patch(kind, &self.namespace, name, change).await
    }

    /// Asks for the deletion of an object of the story.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<()> {
        self.cluster.delete(kind, &self.namespace, name).await
    }

    /// The events about an object of the story.
    pub async fn events(&self, kind: Kind, name: &str) -> Result<Vec<Event>> {
        observed::events(&self.cluster, kind, &self.namespace, name).await
    }

    /// Waits for an event with this reason about an ExternalSecret and gives it.
    pub async fn event(&self, name: &str, reason: &str) -> Result<Event> {
        soon(&format!("an event {reason} about {name}"), async || {
            let events = self.events(Kind::ExternalSecret, name).await?;
            let found = events.iter().find(|event| event.reason == reason);
            found.cloned().with_context(|| format!("there are only {events:?}"))
        })
        .await
    }

    /// Waits until a store is ready and gives it.
    pub async fn store_ready(&self, kind: Kind, name: &str) -> Result<Value> {
        soon(&format!("{} {name} to be ready", kind.name()), async || {
            let store = self.get(kind, name).await?;
            let condition = ready(&store)?;
            ensure!(condition.status == "True", "{condition:?}");
            Ok(store)
        })
        .await
    }

    /// Waits until an ExternalSecret's present state has been synced and gives it.
    pub async fn synced(&self, name: &str) -> Result<Value> {
        soon(&format!("ExternalSecret {name} to be synced"), async || {
            let object = self.get(Kind::ExternalSecret, name).await?;
            let condition = ready(&object)?;
            ensure!(condition.status == "True", "{condition:?}");
            let (shown, due) =
                (&object["status"]["syncedResourceVersion"], expected::synced_resource_version(&object));
            ensure!(*shown == *due, "syncedResourceVersion is {shown}, not {due}");
            Ok(object)
        })
        .await
    }

    /// Waits until an object's Ready condition is False and gives the condition.
    pub async fn failed(&self, kind: Kind, name: &str) -> Result<Condition> {
        soon(&format!("{} {name} to fail", kind.name()), async || {
            let condition = ready(&self.get(kind, name).await?)?;
            ensure!(condition.status == "False", "{condition:?}");
            Ok(condition)
        })
        .await
    }

    /// Waits until a Secret holds exactly this text and gives it.
    pub async fn secret_with(&self, name: &str, entries: &[(&str, &str)]) -> Result<Value> {
        let wanted: BTreeMap<String, String> =
            entries.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        soon(&format!("Secret {name} to hold {wanted:?}"), async || {
            let secret = self.get(Kind::Secret, name).await?;
            let held = observed::text_data(&secret)?;
            ensure!(held == wanted, "it holds {held:?}");
            Ok(secret)
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, kind: Kind, name: &str) -> Result<()> {
        soon(&format!("{} {name} to be gone", kind.name()), async || {
            let found = self.cluster.find(kind, &self.namespace, name).await?;
            ensure!(found.is_none(), "it is still there");
            Ok(())
        })
        .await
    }

    /// Waits until an ExternalSecret has been refreshed `times` times more.
    pub async fn refreshed(&self, name: &str, times: usize) -> Result<()> {
        for _ in 0..times {
            let before = observed::refresh_time(&self.get(Kind::ExternalSecret, name).await?);
            soon(&format!("ExternalSecret {name} to be refreshed"), async || {
                let now = observed::refresh_time(&self.get(Kind::ExternalSecret, name).await?);
                ensure!(now != before, "its refreshTime is still {now}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// The API server's audit log from now on.
    pub fn api_audit(&self) -> Result<AuditLog> {
        AuditLog::from_now(&self.testbed.api_audit_log)
    }

    /// The audit log of the test bed's Vault from now on.
    pub fn vault_audit(&self) -> Result<AuditLog> {
        AuditLog::from_now(&self.testbed.vault.audit_log)
    }
}

/// Asks for the deletion of what failed stories of earlier runs left behind.
async fn sweep(cluster: &Cluster) -> Result<()> {
    for kind in [Kind::ClusterSecretStore, Kind::Namespace] {
        for object in cluster.list(kind, "", MARK).await? {
            cluster.delete(kind, "", object["metadata"]["name"].as_str().unwrap_or_default()).await?;
        }
    }
    Ok(())
}
