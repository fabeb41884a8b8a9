//! `StoreView`: a SecretStore or ClusterSecretStore, alike.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kube::api::ObjectMeta;
use serde_json::Value;
use strongroom_crds::conditions::{ConditionType, STATUS_TRUE};
use strongroom_crds::{
    ClusterSecretStore, GoDuration, SecretStore, SecretStoreSpec, SecretStoreStatus, names,
};
use strongroom_provider_api::{Descriptor, Error, ErrorKind, Result, StoreKind};
use strongroom_provider_catalog as catalog;
use strongroom_provider_kit::layers::Limits;

use super::rate::rate;
use crate::kube_io::{Mirror, ObjectKey, Watched};
use crate::schedule::Group;

/// Which store: its kind and where it lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId {
    /// True for a ClusterSecretStore.
    pub cluster: bool,
    /// Where it lives.
    pub key: ObjectKey,
}

/// What the store's own Ready condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Nobody has looked at the store yet.
    Unknown,
    /// `Ready=True`.
    Ready,
    /// Anything else.
    NotReady,
}

/// A store, whatever its kind, as it was last seen.
#[derive(Clone, Debug)]
pub struct StoreView {
    /// Which store.
    pub id: StoreId,
    /// Its metadata.
    pub meta: ObjectMeta,
    /// Its spec, or why it cannot be read.
    pub spec: Result<SecretStoreSpec, String>,
    /// Its status.
    pub status: SecretStoreStatus,
}

/// The mirrors of both kinds.
#[derive(Debug, Default)]
pub struct Stores {
    /// SecretStores.
    pub namespaced: Arc<Mirror<StoreView>>,
    /// ClusterSecretStores.
    pub cluster: Arc<Mirror<StoreView>>,
}

impl Stores {
    /// The store, if it exists.
    pub fn get(&self, id: &StoreId) -> Option<Arc<StoreView>> {
        self.mirror(id).get(&id.key)
    }

    /// Every store that exists.
    pub fn all(&self) -> BTreeSet<StoreId> {
        let namespaced = self.namespaced.keys_where(|_, _| true).into_iter().map(StoreId::namespaced);
        let cluster = self.cluster.keys_where(|_, _| true).into_iter();
        namespaced.chain(cluster.map(|key| StoreId { cluster: true, key })).collect()
    }

    /// The mirror that holds stores of the kind of `id`.
    pub fn mirror(&self, id: &StoreId) -> &Mirror<StoreView> {
        if id.cluster { &self.cluster } else { &self.namespaced }
    }
}

impl StoreId {
    /// A SecretStore.
    pub fn namespaced(key: ObjectKey) -> Self {
        Self { cluster: false, key }
    }

    /// A ClusterSecretStore.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self { cluster: true, key: ObjectKey::cluster(name) }
    }

    /// The places in which objects that draw from it run, and for which they wait.
    pub fn group(&self) -> Group {
        Group::from(format!("{}/{}", self.key.namespace, self.key.name))
    }

    /// The kind, as the provider contract names it.
    pub fn kind(&self) -> StoreKind {
        if self.cluster { StoreKind::Cluster } else { StoreKind::Namespaced }
    }
}

/// As messages name it: `SecretStore "name"`.
impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind().as_str(), self.key.name)
    }
}

impl StoreView {
    /// The view of a SecretStore.
    pub fn namespaced(watched: Watched<SecretStore>) -> Self {
        let store = watched.0.map(|store| (store.metadata, store.spec, store.status));
        let (meta, spec, status) = match store {
            Ok((meta, spec, status)) => (meta, Ok(spec), status),
            Err(invalid) => (invalid.metadata, Err(invalid.error), None),
        };
        let id = StoreId::namespaced(ObjectKey::of(&meta));
        Self { id, meta, spec, status: status.unwrap_or_default() }
    }

    /// The view of a ClusterSecretStore.
    pub fn cluster(watched: Watched<ClusterSecretStore>) -> Self {
        let store = watched.0.map(|store| (store.metadata, store.spec, store.status));
        let (meta, spec, status) = match store {
            Ok((meta, spec, status)) => (meta, Ok(spec), status),
            Err(invalid) => (invalid.metadata, Err(invalid.error), None),
        };
        let id = StoreId::cluster(meta.name.clone().unwrap_or_default());
        Self { id, meta, spec, status: status.unwrap_or_default() }
    }

    /// What the Ready condition says.
    pub fn readiness(&self) -> Readiness {
        match self.status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())
        {
            None => Readiness::Unknown,
            Some(ready) if ready.status == STATUS_TRUE => Readiness::Ready,
            Some(_) => Readiness::NotReady,
        }
    }

    /// True if a controller of `class` looks after it (spec eso-core 3).
    pub fn is_of_class(&self, class: &str) -> bool {
        let own = self.spec.as_ref().ok().and_then(|spec| spec.controller.as_deref()).unwrap_or_default();
        own.is_empty() || own == class
    }

    /// The provider it names and the settings for it.
    pub fn provider(&self) -> Result<(&'static Descriptor, &Value)> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidConfig, "read the settings", message);
        let spec = self.spec.as_ref().map_err(|error| invalid(error.clone()))?;
        let (name, config) = spec.provider.single().map_err(|error| invalid(error.to_string()))?;
        let Some(descriptor) = catalog::find(name) else {
            let known: Vec<_> = catalog::stores().map(|descriptor| descriptor.name).collect();
            return Err(invalid(format!(
                "spec.provider.{name}: this provider is not built in; built in: {}",
                known.join(", ")
            )));
        };
        Ok((descriptor, config))
    }

    /// What is wrong with `spec.retrySettings`, if something is.
    pub fn retry_fault(&self) -> Option<String> {
        let settings = self.spec.as_ref().ok()?.retry_settings.as_ref()?;
        let error = settings.retry_interval.as_deref()?.parse::<GoDuration>().err()?;
        Some(format!("spec.retrySettings.retryInterval: {error}"))
    }

    /// How calls are limited and repeated: `spec.retrySettings` as upstream's Vault provider reads it (spec
    /// eso-providers B.1), our defaults where it is absent. An interval that cannot be read is passed over: where it
    /// matters, the store's check tells of the [`retry_fault`](Self::retry_fault).
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        let Some(settings) = self.spec.as_ref().ok().and_then(|spec| spec.retry_settings.as_ref()) else {
            return default;
        };
        let interval = settings.retry_interval.as_deref().and_then(|text| text.parse::<GoDuration>().ok());
        let interval = interval.and_then(GoDuration::as_std);
        Limits {
            retries: settings.max_retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or_default(),
            first_wait: interval.unwrap_or(default.first_wait),
            longest_wait: interval.unwrap_or(default.longest_wait),
            ..default
        }
    }

    /// What is wrong with its annotations, if something is; what is wrong counts as absent.
    pub fn annotation_fault(&self) -> Option<String> {
        rate(&self.meta, None).1
    }

    /// The object's uid.
    pub fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    /// True if the maintenance warnings are muted.
    pub fn ignores_maintenance(&self) -> bool {
        let annotations = self.meta.annotations.as_ref();
        annotations.is_some_and(|map| map.contains_key(names::ANNOTATION_IGNORE_MAINTENANCE))
    }
}
