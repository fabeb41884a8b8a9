//! What is kept of objects that are not of our kinds: managed targets as digests, and namespaces.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::core::DynamicObject;
use strongroom_crds::names;

use super::watched::{Unread, WithData};
use crate::hash;

/// What is kept of a managed Secret, or of another managed target: enough to tell whether it is in step, and no
/// value.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretDigest {
    /// The object's uid.
    pub uid: String,
    /// The version that was digested.
    pub resource_version: String,
    /// Hash of `.data` as it is (spec eso-core 2.4).
    pub hash: String,
    /// What the data-hash annotation claims.
    pub claimed_hash: Option<String>,
    /// The controlling owner, if there is one.
    pub controller: Option<OwnerReference>,
    /// The `created-by` label.
    pub created_by: Option<String>,
    /// When it goes, if it keeps the previous values of another.
    pub previous_until: Option<Timestamp>,
}

impl SecretDigest {
    /// The digest of `secret`; its values are not kept.
    pub fn of(secret: &Secret) -> Self {
        let data = secret.data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
        Self::with_hash(&secret.metadata, hash::data(data))
    }

    /// The digest of a Secret as it came. `None` if it is none.
    pub(super) fn read(unread: &Unread<Secret>) -> Option<Self> {
        let WithData { metadata, data } = unread.with_data::<BTreeMap<String, ByteString>>()?;
        let data = data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
        Some(Self::with_hash(&metadata, hash::data(data)))
    }

    /// The digest of a target that is not a Secret. One without content has an empty hash.
    pub fn of_manifest(object: &DynamicObject) -> Self {
        Self::with_hash(&object.metadata, hash::manifest(&object.data).unwrap_or_default())
    }

    fn with_hash(meta: &ObjectMeta, hash: String) -> Self {
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            hash,
            claimed_hash: meta
                .annotations
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::ANNOTATION_DATA_HASH)
                .map(|(_, value)| value.clone()),
            controller: meta
                .owner_references
                .iter()
                .flatten()
                .find(|owner| owner.controller == Some(true))
                .cloned(),
            created_by: meta
                .labels
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::LABEL_CREATED_BY)
                .map(|(_, value)| value.clone()),
            previous_until: meta
                .annotations
                .iter()
                .flatten()
                .find(|(key, _)| *key == names::ANNOTATION_PREVIOUS_UNTIL)
                .and_then(|(_, value)| value.parse().ok()),
        }
    }
}

/// What is kept of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceView {
    /// Its labels, which store conditions select on.
    pub labels: BTreeMap<String, String>,
    /// True while it is being deleted.
    pub terminating: bool,
}

impl NamespaceView {
    /// What is kept of `namespace`.
    pub(super) fn of(namespace: PartialObjectMeta<Namespace>) -> Self {
        Self {
            terminating: namespace.metadata.deletion_timestamp.is_some(),
            labels: namespace.metadata.labels.unwrap_or_default(),
        }
    }
}
