//! What the target looks like: the desired state laid over what is there. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use strongroom_crds::{CreationPolicy, names};

use super::desired::Desired;
use crate::hash;

/// A Secret's data, as the API types have it.
type Data = BTreeMap<String, ByteString>;

/// The target where nothing is there yet.
pub(super) fn created(desired: &Desired) -> Secret {
    let metadata = ObjectMeta {
        name: Some(desired.key.name.clone()),
        namespace: Some(desired.key.namespace.clone()),
        ..ObjectMeta::default()
    };
    claimed(with_content(Secret { metadata, ..Secret::default() }, desired), desired)
}

/// The target as it should be, given what is there (spec eso-core 2.9). A target that is to be immutable keeps the
/// content it was created with.
pub(super) fn updated(existing: &Secret, desired: &Desired) -> Secret {
    let secret = if desired.immutable {
        Secret { immutable: Some(true), ..existing.clone() }
    } else {
        with_content(without_stale(existing, desired), desired)
    };
    claimed(secret, desired)
}

fn with_content(mut secret: Secret, desired: &Desired) -> Secret {
    if desired.immutable {
        secret.immutable = Some(true);
    }
    let content = &desired.content;
    secret.labels_mut().extend(content.labels.clone());
    secret.annotations_mut().extend(content.annotations.clone());
    if content.type_.is_some() {
        secret.type_.clone_from(&content.type_);
    }
    // The API server takes none more once the Secret is being deleted.
    let is_deleting = secret.metadata.deletion_timestamp.is_some();
    for finalizer in content.finalizers.iter().filter(|_| !is_deleting) {
        if !secret.finalizers().contains(finalizer) {
            secret.finalizers_mut().push(finalizer.clone());
        }
    }
    let new = content.data.iter().map(|(key, value)| (key.clone(), ByteString(value.expose().to_vec())));
    let mut data = match desired.policy {
        CreationPolicy::Merge | CreationPolicy::CreateOrMerge => secret.data.take().unwrap_or_default(),
        CreationPolicy::Owner | CreationPolicy::Orphan | CreationPolicy::None => Data::new(),
    };
    data.extend(new);
    // The API server leaves an empty map out: written as one it would differ for ever.
    secret.data = Some(data).filter(|data| !data.is_empty());
    secret
}

fn claimed(mut secret: Secret, desired: &Desired) -> Secret {
    let data = secret.data.iter().flatten().map(|(key, value)| (key.as_str(), value.0.as_slice()));
    let hash = hash::data(data);
    claim(&mut secret.metadata, desired, hash);
    secret
}

/// Owner reference, our two labels and `hash`, which stands for the content.
pub(super) fn claim<C>(meta: &mut ObjectMeta, desired: &Desired<C>, hash: String) {
    let owners = meta.owner_references.get_or_insert_default();
    let ours = owners.iter_mut().find(|owner| is_same_object(owner, &desired.owner));
    match (desired.policy, ours) {
        (CreationPolicy::Owner, Some(owner)) => *owner = desired.owner.clone(),
        (CreationPolicy::Owner, None) => owners.push(desired.owner.clone()),
        (_, _) => owners.retain(|owner| !is_same_object(owner, &desired.owner)),
    }
    if owners.is_empty() {
        meta.owner_references = None;
    }
    let labels = meta.labels.get_or_insert_default();
    labels.insert(names::LABEL_MANAGED.to_owned(), names::MANAGED_VALUE.to_owned());
    if desired.policy == CreationPolicy::Owner {
        labels.insert(names::LABEL_CREATED_BY.to_owned(), desired.created_by());
    } else {
        labels.remove(names::LABEL_CREATED_BY);
    }
    meta.annotations.get_or_insert_default().insert(names::ANNOTATION_DATA_HASH.to_owned(), hash);
}

/// Without what managedFields attribute to this ExternalSecret: what it still wants is laid over again.
fn without_stale(existing: &Secret, desired: &Desired) -> Secret {
    let mut secret = existing.clone();
    remove_stale_metadata(&mut secret.metadata, &existing.metadata, &desired.manager);
    let data = owned_keys(&existing.metadata, &desired.manager, &["f:data"]);
    if let Some(kept) = &mut secret.data {
        kept.retain(|key, _| !data.contains(key));
    }
    secret
}

/// Takes away the labels and annotations that managedFields attribute to `manager`.
pub(super) fn remove_stale_metadata(meta: &mut ObjectMeta, existing: &ObjectMeta, manager: &str) {
    let labels = owned_keys(existing, manager, &["f:metadata", "f:labels"]);
    let annotations = owned_keys(existing, manager, &["f:metadata", "f:annotations"]);
    meta.labels.get_or_insert_default().retain(|key, _| !labels.contains(key));
    meta.annotations.get_or_insert_default().retain(|key, _| !annotations.contains(key));
}

/// The keys under `path` that managedFields attribute to `manager`.
pub(super) fn owned_keys(meta: &ObjectMeta, manager: &str, path: &[&str]) -> BTreeSet<String> {
    meta.managed_fields
        .iter()
        .flatten()
        .filter(|entry| entry.manager.as_deref() == Some(manager))
        .filter_map(|entry| {
            path.iter().try_fold(&entry.fields_v1.as_ref()?.0, |fields, step| fields.get(step))?.as_object()
        })
        .flat_map(|keys| keys.keys().filter_map(|key| key.strip_prefix("f:").map(ToOwned::to_owned)))
        .collect()
}

/// Group, kind and name; not the uid: a recreated ExternalSecret takes over what its namesake left.
pub(super) fn is_same_object(a: &OwnerReference, b: &OwnerReference) -> bool {
    group(a) == group(b) && a.kind == b.kind && a.name == b.name
}

/// The API group of an owner's kind.
pub(super) fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}
