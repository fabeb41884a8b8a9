//! Plays one case: its namespace, its manifests and its steps, and what differs at each stage.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::{Cluster, Kind, refusal},
    manifests,
    observed::resource_version,
    vault::Vault,
    wait::{PATIENCE, until},
};

use crate::{
    case::{Case, Operation, VaultRequest},
    changes::Changes,
    compare::differences,
    observe::{Memory, Seen},
    placeholders::with_uids,
};

/// A stage is looked at when nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(1500);

/// And once more after so long a quiet, if it is not as expected: the machine may be busy.
const LONGER_QUIET: Duration = Duration::from_secs(5);

/// But a stage is not waited for longer than this: some never become quiet.
const LONGEST: Duration = Duration::from_secs(20);

/// How long a store may take to get a condition; some never get one.
const STORE_PATIENCE: Duration = Duration::from_secs(8);

/// The first stage.
const START: &str = "start";

/// Where cases are played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage<'a> {
    /// The cluster.
    pub(crate) cluster: &'a Cluster,
    /// Vault, as its administrator.
    pub(crate) vault: &'a Vault,
    /// When something changed.
    pub(crate) changes: &'a Changes,
}

/// A case being played.
#[derive(Debug)]
struct Play<'a> {
    stage: Stage<'a>,
    case: &'a Case,
    /// Whether a stage that is not as expected is given more time.
    patient: bool,
    memory: Memory,
    /// Requests that the API server refused in this stage.
    refused: Seen,
    /// Differences so far.
    found: Vec<String>,
}

impl Stage<'_> {
    /// Plays a case and gives its differences. With `patient`, a stage that differs is looked at once more, later.
    pub(crate) async fn play(self, case: &Case, patient: bool) -> Result<Vec<String>> {
        let mut play = Play {
            stage: self,
            case,
            patient,
            memory: Memory::default(),
            refused: Seen::new(),
            found: Vec::new(),
        };
        play.sweep().await?;
        let played = play.run().await;
        play.remove().await?;
        played.map(|()| play.found)
    }
}

impl Play<'_> {
    /// What an earlier run left goes.
    async fn sweep(&self) -> Result<()> {
        let (cluster, name) = (self.stage.cluster, self.case.namespace.as_str());
        self.remove_cluster_wide().await?;
        for request in &self.case.vault {
            // All versions of it: they are counted.
            let path = request.path.replacen("/data/", "/metadata/", 1);
            self.stage.vault.request(Method::DELETE, &path, None).await?;
        }
        if cluster.find(Kind::Namespace, "", name).await?.is_none() {
            return Ok(());
        }
        cluster.delete(Kind::Namespace, "", name).await?;
        until(&format!("namespace {name} to be gone"), PATIENCE, async || {
            ensure!(cluster.find(Kind::Namespace, "", name).await?.is_none(), "it is still there");
            Ok(())
        })
        .await
    }

    /// Leaves nothing for a controller to do. The namespace stays: the cluster takes long over each, and a case that
    /// watches one go must not wait for the others.
    async fn remove(&self) -> Result<()> {
        let (cluster, namespace) = (self.stage.cluster, self.case.namespace.as_str());
        for kind in [Kind::ExternalSecret, Kind::SecretStore] {
            for object in cluster.list(kind, namespace, "").await? {
                cluster
                    .delete(kind, namespace, object["metadata"]["name"].as_str().unwrap_or_default())
                    .await?;
            }
        }
        self.remove_cluster_wide().await
    }

    async fn remove_cluster_wide(&self) -> Result<()> {
        for object in &self.case.objects {
            let kind = Kind::of(object)?;
            if !kind.is_namespaced() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.stage.cluster.delete(kind, "", name).await?;
            }
        }
        Ok(())
    }

    async fn run(&mut self) -> Result<()> {
        let case = self.case;
        let namespace = manifests::namespace(&case.namespace, &json!(case.ns_labels));
        self.stage.cluster.create("", &namespace).await?;
        for request in &case.vault {
            self.ask_vault(request).await?;
        }
        let is_last = |object: &&Value| object["kind"] == Kind::ExternalSecret.name();
        for object in case.objects.iter().filter(|object| !is_last(object)) {
            self.create(object).await?;
        }
        for object in &case.objects {
            let kind = object["kind"].as_str().unwrap_or_default();
            if ["SecretStore", "ClusterSecretStore"].contains(&kind) {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.store_condition(kind, name).await?;
            }
        }
        for object in case.objects.iter().filter(is_last) {
            self.create(object).await?;
        }
        self.compare(START).await?;
        for step in &case.steps {
            for operation in &step.ops {
                self.operate(operation).await?;
            }
            self.compare(&step.name).await?;
        }
        Ok(())
    }

    async fn operate(&mut self, operation: &Operation) -> Result<()> {
        let (cluster, namespace) = (self.stage.cluster, self.case.namespace.as_str());
        match operation {
            Operation::Create { object } => self.create(object).await,
            Operation::Patch { kind, name, body } => {
                let body = with_uids(body, cluster, namespace).await?;
                let kind = Kind::named(kind)?;
                let patched = if body.is_array() {
                    cluster.patch_by_operations(kind, namespace, name, &body).await
                } else {
                    cluster.patch(kind, namespace, name, &body).await
                };
                self.note_refusal(kind, name, patched).map(drop)
            }
            Operation::Delete { kind, name, _policy } => {
                cluster.delete(Kind::named(kind)?, namespace, name).await
            }
            Operation::Vault(request) => self.ask_vault(request).await,
            Operation::Wait { seconds } => {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                Ok(())
            }
            Operation::WaitStore { kind, name } => self.store_condition(kind, name).await,
        }
    }

    async fn ask_vault(&self, request: &VaultRequest) -> Result<()> {
        let method = request.method.parse()?;
        self.stage.vault.request(method, &request.path, request.data.as_ref()).await.map(drop)
    }

    async fn create(&mut self, object: &Value) -> Result<()> {
        let (cluster, namespace) = (self.stage.cluster, self.case.namespace.as_str());
        let object = with_uids(object, cluster, namespace).await?;
        let kind = Kind::of(&object)?;
        let name = object["metadata"]["name"].as_str().context("a manifest without name")?;
        let created = cluster.create(namespace, &object).await;
        let Some(stored) = self.note_refusal(kind, name, created)? else { return Ok(()) };
        match kind {
            Kind::Secret => drop(self.memory.made.insert(name.to_owned(), resource_version(&stored))),
            Kind::ClusterSecretStore => self.memory.cluster_stores.push(name.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// A request that the API server refuses belongs to what is seen.
    fn note_refusal(&mut self, kind: Kind, name: &str, outcome: Result<Value>) -> Result<Option<Value>> {
        match outcome {
            Ok(stored) => Ok(Some(stored)),
            Err(error) => {
                let Some(code) = refusal(&error) else { return Err(error) };
                let place = (format!("api/{}/{name}", kind.name()), "accepted".to_owned());
                self.refused.insert(place, format!("refused {code}").into());
                Ok(None)
            }
        }
    }

    /// Waits until a store has a condition; one that gets none, or was refused, is left alone.
    async fn store_condition(&self, kind: &str, name: &str) -> Result<()> {
        let (cluster, kind) = (self.stage.cluster, Kind::named(kind)?);
        let started = Instant::now();
        while started.elapsed() < STORE_PATIENCE {
            let Some(store) = cluster.find(kind, &self.case.namespace, name).await? else { break };
            if !store["status"]["conditions"][0].is_null() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Waits until the stage has settled and adds what differs.
    async fn compare(&mut self, stage: &str) -> Result<()> {
        let started = Instant::now();
        let mut places = self.memory.cluster_stores.clone();
        places.push(self.case.namespace.clone());
        for quiet in [QUIET, LONGER_QUIET] {
            self.stage.changes.settled(&places, started, quiet, LONGEST).await;
            let objects = self.memory.look(self.stage.cluster, &self.case.namespace).await?;
            let mut seen = self.memory.seen(&objects)?;
            seen.append(&mut self.refused.clone());
            let found = differences(stage, self.case.expect.get(stage), &seen);
            if found.is_empty() || !self.patient || quiet == LONGER_QUIET {
                self.found.extend(found);
                self.memory.remember(&objects);
                break;
            }
        }
        self.refused.clear();
        Ok(())
    }
}
