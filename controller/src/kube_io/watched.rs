//! `Unread` and `Watched`: stored objects as the API server sends them, decoded only where somebody wants to know.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference, Time};
use kube::Resource;
use kube::api::ObjectMeta;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use strongroom_crds::{
    ClusterSecretStore, ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, GeneratorState,
    GeneratorStateSpec, SecretLease, SecretLeaseSpec, SecretLeaseStatus, SecretStore, SecretStoreSpec,
    SecretStoreStatus, SyncPolicy, SyncPolicySpec, SyncPolicyStatus,
};

/// A stored object of ours: its metadata always, the rest if it can be read.
#[derive(Clone, Debug)]
pub struct Watched<K>(pub Result<K, Unreadable>);

/// A stored object that is not as its kind should be.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its metadata, which can always be read.
    pub metadata: ObjectMeta,
    /// What is wrong with it.
    pub error: String,
}

/// An object as it came: which one, in which version; the rest is text. Half of what a watch brings is the echo of
/// our own writes, and nobody wants to know what those say.
#[derive(Clone)]
pub(super) struct Unread<K> {
    head: ObjectMeta,
    text: Box<RawValue>,
    kind: PhantomData<fn() -> K>,
}

/// A kind of ours, to be put together from what was decoded.
pub trait Stored: Resource<DynamicType = ()> {
    /// What the user wants.
    type Spec: DeserializeOwned;
    /// What we tell.
    type Status: DeserializeOwned;

    /// The object of these parts.
    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self;
}

/// Metadata without what nobody reads; `managedFields` are half of an object.
#[derive(Deserialize)]
#[serde(remote = "ObjectMeta", rename_all = "camelCase")]
struct Metadata {
    annotations: Option<std::collections::BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    #[serde(skip)]
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    #[serde(skip)]
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<std::collections::BTreeMap<String, String>>,
    #[serde(skip)]
    managed_fields: Option<Vec<ManagedFieldsEntry>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    #[serde(skip)]
    self_link: Option<String>,
    uid: Option<String>,
}

#[derive(Deserialize)]
struct Whole<S, T> {
    #[serde(with = "Metadata")]
    metadata: ObjectMeta,
    spec: S,
    status: Option<T>,
}

#[derive(Deserialize)]
struct OnlyMetadata {
    #[serde(with = "Metadata")]
    metadata: ObjectMeta,
}

/// An object with its data, which Secrets have beside the metadata.
#[derive(Deserialize)]
pub(super) struct WithData<D> {
    /// The metadata, without what nobody reads.
    #[serde(with = "Metadata")]
    pub metadata: ObjectMeta,
    /// The data.
    pub data: Option<D>,
}

/// What a mirror needs to know before it wants to know more.
#[derive(Deserialize)]
struct Head {
    metadata: HeadMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMetadata {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
}

impl Stored for ExternalSecret {
    type Spec = ExternalSecretSpec;
    type Status = ExternalSecretStatus;

    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }
}

impl Stored for SecretStore {
    type Spec = SecretStoreSpec;
    type Status = SecretStoreStatus;

    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }
}

impl Stored for ClusterSecretStore {
    type Spec = SecretStoreSpec;
    type Status = SecretStoreStatus;

    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }
}

impl Stored for SecretLease {
    type Spec = SecretLeaseSpec;
    type Status = SecretLeaseStatus;

    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }
}

impl Stored for SyncPolicy {
    type Spec = SyncPolicySpec;
    type Status = SyncPolicyStatus;

    fn of(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }
}

/// Upstream's status of it is never written (spec eso-core Q6).
impl Stored for GeneratorState {
    type Spec = GeneratorStateSpec;
    type Status = IgnoredAny;

    fn of(metadata: ObjectMeta, spec: Self::Spec, _: Option<Self::Status>) -> Self {
        Self { metadata, spec }
    }
}

impl<K: Stored> Unread<K> {
    /// The object, or what can be said of it.
    pub(super) fn read(self) -> Watched<K> {
        let text = self.text.get();
        Watched(match serde_json::from_str::<Whole<K::Spec, K::Status>>(text) {
            Ok(Whole { metadata, spec, status }) => Ok(K::of(metadata, spec, status)),
            Err(error) => {
                let known = serde_json::from_str::<OnlyMetadata>(text);
                let metadata = known.map_or(self.head, |known| known.metadata);
                Err(Unreadable { metadata, error: without_place(&error) })
            }
        })
    }
}

impl<K> Unread<K> {
    /// Metadata and data. `None` if the API server sends what is no object of the kind.
    pub(super) fn with_data<D: DeserializeOwned>(&self) -> Option<WithData<D>> {
        // The decoder's words could quote data.
        serde_json::from_str(self.text.get()).ok()
    }
}

/// The place in the text changes with every write of the object, and tells its author nothing.
fn without_place(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

impl<'de, K> Deserialize<'de> for Unread<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Head { metadata } = serde_json::from_str(text.get()).map_err(serde::de::Error::custom)?;
        let HeadMetadata { name, namespace, resource_version } = metadata;
        let head = ObjectMeta { name, namespace, resource_version, ..ObjectMeta::default() };
        Ok(Self { head, text, kind: PhantomData })
    }
}

impl<'de, K: Stored> Deserialize<'de> for Watched<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Unread::deserialize(deserializer).map(Unread::read)
    }
}

/// The text is not shown: a Secret's holds its data.
impl<K> fmt::Debug for Unread<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<K: Resource> Resource for Unread<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.head
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.head
    }
}

impl<K: Resource> Resource for Watched<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unreadable) => &mut unreadable.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_read_as_its_kind_reads_it_but_for_what_nobody_reads() {
        let stored = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": {
                "name": "es", "namespace": "ns", "uid": "1", "generation": 3, "resourceVersion": "7",
                "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["f"],
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                "ownerReferences": [{ "apiVersion": "v1", "kind": "K", "name": "n", "uid": "2" }],
                "managedFields": [{ "manager": "m", "fieldsV1": { "f:spec": {} } }],
            },
            "spec": { "secretStoreRef": { "name": "s" }, "refreshInterval": "1h" },
            "status": { "observedGeneration": 3 },
        });
        let mut expected: ExternalSecret = serde_json::from_value(stored.clone()).unwrap();
        expected.metadata.managed_fields = None;
        let read: Watched<ExternalSecret> = serde_json::from_value(stored).unwrap();
        let read = read.0.unwrap();
        assert_eq!(
            (read.metadata, read.spec, read.status),
            (expected.metadata, expected.spec, expected.status)
        );
    }

    #[test]
    fn an_object_that_cannot_be_read_still_has_its_metadata_and_says_why() {
        let stored = r#"{"metadata": {"name": "es", "generation": 2}, "spec": {"data": 7}}"#;
        let read: Watched<ExternalSecret> = serde_json::from_str(stored).unwrap();
        assert_eq!((read.meta().name.as_deref(), read.meta().generation), (Some("es"), Some(2)));
        let error = read.0.unwrap_err().error;
        assert_eq!(error, "invalid type: integer `7`, expected a sequence");
    }

    #[test]
    fn what_came_shows_no_data() {
        let stored = r#"{"metadata": {"name": "s", "resourceVersion": "9"}, "data": {"k": "Y2FuYXJ5"}}"#;
        let unread: Unread<Secret> = serde_json::from_str(stored).unwrap();
        let shown = format!("{unread:?}");
        assert!(shown.contains("\"9\"") && !shown.contains("Y2FuYXJ5"), "{shown}");
    }
}
