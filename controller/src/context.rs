//! `Context`: what the hops share. Each field has one owner that writes it, named beside it.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_crds::{ExternalSecret, GeneratorState, SecretLease};
use strongroom_provider_api::Clock;

use crate::changes;
use crate::external_secret::{Asked, Brake, Refreshed, StatusSchema, Templates, Writers};
use crate::generators::{Clients, Registry};
use crate::kube_io::{
    Cluster, Events, ManifestMirrors, Mirror, NamespaceView, ObjectKey, Outbox, References, SecretDigest,
    Watched,
};
use crate::leases::{LeaseClients, Owners, Turns};
use crate::logins::Logins;
use crate::policies::Policies;
use crate::schedule::{Group, Lane, Schedule};
use crate::stores::{Breakers, Pool, StoreId, Stores};
use crate::telemetry::{Audit, Metrics};

/// What the command line decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--controller-class`
    pub controller_class: String,
    /// `--enable-flood-gate`
    pub flood_gate: bool,
    /// `--unsafe-allow-generic-targets`
    pub generic_targets: bool,
    /// `--store-requeue-interval`
    pub store_interval: Duration,
    /// `--status-time-interval`
    pub status_time_interval: Duration,
    /// `--enable-synced-condition`
    pub synced_condition: bool,
    /// `--enable-secret-store-reconciler`
    pub stores: bool,
    /// `--enable-cluster-store-reconciler`
    pub cluster_stores: bool,
    /// `--enable-generator-state`
    pub generator_states: bool,
    /// `--generator-gc-grace-period`
    pub generator_grace: Duration,
    /// `--change-sweep-interval` and its like
    pub changes: changes::Defaults,
}

/// What the hops share.
#[derive(Debug)]
pub struct Context {
    /// The API server.
    pub cluster: Cluster,
    /// ExternalSecrets. Written by their watch and by the status writes of `report`.
    pub external_secrets: Arc<Mirror<Watched<ExternalSecret>>>,
    /// Managed Secrets, without their values. Written by their watch and by `apply`.
    pub secrets: Arc<Mirror<SecretDigest>>,
    /// Who writes which target. Written by the watch of ExternalSecrets.
    pub writers: Writers,
    /// Namespaces. Written by their watch.
    pub namespaces: Arc<Mirror<NamespaceView>>,
    /// Stores. Written by their watches and by their own status writes.
    pub stores: Stores,
    /// Live clients.
    pub pool: Pool,
    /// Which generators there are.
    pub generators: Registry,
    /// Live clients of generators.
    pub generator_clients: Clients,
    /// What generators made and may have to be undone. Written by their watch and by our own writes.
    pub generator_states: Arc<Mirror<Watched<GeneratorState>>>,
    /// When each GeneratorState is looked at.
    pub state_schedule: Arc<Schedule<ObjectKey>>,
    /// Leases of what generators made. Written by their watch and by our own writes.
    pub leases: Arc<Mirror<Watched<SecretLease>>>,
    /// Which logins there are. Written by the clients.
    pub logins: Arc<Logins>,
    /// The clients of these leases. Written by `leases`.
    pub lease_clients: LeaseClients,
    /// Which leases are whose. Written by `leases`.
    pub lease_owners: Owners,
    /// Places for requests about leases.
    pub lease_turns: Arc<Turns>,
    /// Events about leases. Their own, so that what is told of syncs and what of leases does not silence each other.
    pub lease_events: Events,
    /// When each lease is looked at.
    pub lease_schedule: Arc<Schedule<ObjectKey>>,
    /// SyncPolicies, and what is waited with for them.
    pub policies: Policies,
    /// Who refers to which foreign object. Written by the clients in `pool` and by the watches.
    pub references: Arc<References>,
    /// How much was deleted or emptied of late. Written by `apply`.
    pub brake: Brake,
    /// Refreshes that no status tells. Written by `report`.
    pub refreshed: Refreshed,
    /// What the installed CustomResourceDefinition lets through. Written by `report`.
    pub status_schema: StatusSchema,
    /// ExternalSecrets whose templates have changed. Written by the watches and by `report`.
    pub retemplated: Marks,
    /// Refreshes before their time. Written by `refresh`, `changes` and `report`.
    pub asked: Asked,
    /// Which stores may be asked. Written by `connect` and `fetch`.
    pub breakers: Arc<Breakers>,
    /// When each ExternalSecret is looked at.
    pub schedule: Arc<Schedule<ObjectKey>>,
    /// When each store is looked at.
    pub store_schedule: Arc<Schedule<StoreId>>,
    /// Where all events wait to be posted.
    pub outbox: Outbox,
    /// Events about ExternalSecrets.
    pub events: Events,
    /// Events about SecretStores.
    pub store_events: Events,
    /// Events about ClusterSecretStores.
    pub cluster_store_events: Events,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// The audit trail. Written by `external_secret/account`.
    pub audit: Audit,
    /// When this process started.
    pub started: Timestamp,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Managed objects of the kinds that generic targets have.
    pub manifests: ManifestMirrors,
    /// Template engines.
    pub templates: Templates,
    /// Targets that were found to be in step. Written by `apply`.
    pub in_step: InStep,
    /// Whether this process works, or waits for another to end. Written by `app`.
    pub leads: AtomicBool,
    /// What the command line decides.
    pub settings: Settings,
}

impl Context {
    /// Waits until every mirror holds its first list.
    pub async fn synced(&self) {
        tokio::join!(
            self.external_secrets.synced(),
            self.secrets.synced(),
            self.namespaces.synced(),
            self.stores.namespaced.synced(),
            self.stores.cluster.synced(),
        );
    }

    /// True once every mirror holds its first list.
    pub fn is_synced(&self) -> bool {
        self.external_secrets.is_synced()
            && self.secrets.is_synced()
            && self.namespaces.is_synced()
            && self.stores.namespaced.is_synced()
            && self.stores.cluster.is_synced()
    }

    /// Asks for an attempt on the ExternalSecret `key`, in the places of the store it names first.
    pub fn request(&self, key: &ObjectKey, lane: Lane) {
        let group =
            self.external_secrets.get(key).map_or_else(|| Group::from(""), |object| group(key, &object));
        self.schedule.request(key, &group, lane);
    }
}

/// The places in which an ExternalSecret runs: those of `spec.secretStoreRef`. One that names no store there
/// runs in the places of its namespace.
fn group(key: &ObjectKey, object: &Watched<ExternalSecret>) -> Group {
    let store = object.0.as_ref().ok().and_then(|object| object.spec.secret_store_ref.as_ref());
    let name = store.and_then(|store| store.name.as_deref()).unwrap_or_default();
    match store.and_then(|store| store.kind) {
        Some(strongroom_crds::StoreRefKind::ClusterSecretStore) => Group::from(format!("/{name}")),
        _ => Group::from(format!("{}/{name}", key.namespace)),
    }
}

/// Marks on objects, each to be settled by whoever has seen to it.
#[derive(Debug, Default)]
pub struct Marks(Mutex<HashMap<ObjectKey, u64>>);

impl Marks {
    /// Marks `key`, once more if it is marked already.
    pub fn set(&self, key: &ObjectKey) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default() += 1;
    }

    /// The mark on `key`, if there is one.
    pub fn get(&self, key: &ObjectKey) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Takes `mark` off `key`, unless it was marked again meanwhile.
    pub fn settle(&self, key: &ObjectKey, mark: u64) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.get(key) == Some(&mark) {
            marks.remove(key);
        }
    }

    /// The object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Which targets are known to be in step, and with what: so that a refresh that brings nothing new needs no
/// request at all.
#[derive(Debug, Default)]
pub struct InStep(Mutex<HashMap<String, (String, String)>>);

impl InStep {
    /// The target `uid` in `resource_version` is in step with the desired state of this `fingerprint`.
    pub fn note(&self, uid: &str, resource_version: &str, fingerprint: &str) {
        let state = (resource_version.to_owned(), fingerprint.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), state);
    }

    /// Whether exactly that was noted.
    pub fn holds(&self, uid: &str, resource_version: &str, fingerprint: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(uid).is_some_and(|(version, print)| version == resource_version && print == fingerprint)
    }

    /// The target is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
