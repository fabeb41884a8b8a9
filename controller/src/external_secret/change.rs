//! Hop 7, first half: the one difference between the target as it is and as it should be. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use strongroom_crds::conditions::secret_message;
use strongroom_crds::names;

use super::build::Desired;

/// The one thing to do to the target.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It does not exist.
    Create(Box<Secret>),
    /// It differs.
    Update(Box<Secret>),
    /// It is in step.
    Keep,
}

/// Why the target must not be written. Nothing is tried again until something changes (spec eso-core 2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another ExternalSecret owns it.
    OwnedByOther(String),
    /// A controller of another kind owns it.
    OwnershipTaken(String),
    /// It is immutable and its data would change.
    Immutable,
}

impl Refusal {
    /// Upstream's condition message (spec eso-core 2.10).
    pub fn message(&self) -> &'static str {
        match self {
            Self::OwnedByOther(_) => secret_message::OWNED_BY_OTHER,
            Self::OwnershipTaken(_) => secret_message::NOT_OWNED,
            Self::Immutable => secret_message::IMMUTABLE,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnedByOther(owner) => write!(f, "the target is owned by ExternalSecret {owner:?}"),
            Self::OwnershipTaken(owner) => write!(f, "the target is owned by {owner}"),
            Self::Immutable => f.write_str("the target is immutable and its data differs"),
        }
    }
}

/// What has to be done so that `existing` becomes `desired` (spec eso-core 2.8, 2.9; policy Owner).
///
/// Foreign labels, annotations and owners stay. What this ExternalSecret once wrote and no longer wants goes:
/// managedFields tell which labels and annotations those are. Data keys are replaced as a whole.
///
/// # Errors
/// Somebody else's target, or an immutable one that would change, is refused.
pub(super) fn change(existing: Option<&Secret>, desired: &Desired) -> Result<Change, Refusal> {
    let Some(existing) = existing else {
        let empty = Secret {
            metadata: ObjectMeta {
                name: Some(desired.key.name.clone()),
                namespace: Some(desired.key.namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        };
        return Ok(Change::Create(Box::new(rendered(empty, desired))));
    };
    check_owner(existing, desired)?;
    let new = rendered(without_stale_metadata(existing, &desired.manager), desired);
    if new == *existing {
        return Ok(Change::Keep);
    }
    if existing.immutable == Some(true) && new.data != existing.data {
        return Err(Refusal::Immutable);
    }
    Ok(Change::Update(Box::new(new)))
}

fn check_owner(existing: &Secret, desired: &Desired) -> Result<(), Refusal> {
    let controller = existing.owner_references().iter().find(|owner| owner.controller == Some(true));
    match controller {
        None => Ok(()),
        Some(owner) if is_same_object(owner, &desired.owner) => Ok(()),
        Some(owner) if is_external_secret(owner) => Err(Refusal::OwnedByOther(owner.name.clone())),
        Some(owner) => Err(Refusal::OwnershipTaken(format!("{} {:?}", owner.kind, owner.name))),
    }
}

/// Group, kind and name; not the uid: a recreated ExternalSecret takes over what its namesake left.
fn is_same_object(a: &OwnerReference, b: &OwnerReference) -> bool {
    group(a) == group(b) && a.kind == b.kind && a.name == b.name
}

fn is_external_secret(owner: &OwnerReference) -> bool {
    group(owner) == names::GROUP && owner.kind == "ExternalSecret"
}

fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn rendered(mut secret: Secret, desired: &Desired) -> Secret {
    let labels = secret.metadata.labels.get_or_insert_default();
    labels.extend(desired.labels.clone());
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.extend(desired.annotations.clone());
    let owners = secret.metadata.owner_references.get_or_insert_default();
    match owners.iter_mut().find(|owner| is_same_object(owner, &desired.owner)) {
        Some(owner) => *owner = desired.owner.clone(),
        None => owners.push(desired.owner.clone()),
    }
    let data: BTreeMap<_, _> =
        desired.data.iter().map(|(key, value)| (key.clone(), ByteString(value.expose().to_vec()))).collect();
    // The API server leaves an empty map out: written as one it would differ for ever.
    secret.data = Some(data).filter(|data| !data.is_empty());
    secret
}

fn without_stale_metadata(existing: &Secret, manager: &str) -> Secret {
    let mut secret = existing.clone();
    let owned = |field: &str| owned_keys(existing, manager, field);
    let (stale_labels, stale_annotations) = (owned("f:labels"), owned("f:annotations"));
    if let Some(labels) = &mut secret.metadata.labels {
        labels.retain(|key, _| !stale_labels.contains(key));
    }
    if let Some(annotations) = &mut secret.metadata.annotations {
        annotations.retain(|key, _| !stale_annotations.contains(key));
    }
    secret
}

/// The keys under `metadata.<field>` that managedFields attributes to `manager`.
fn owned_keys(secret: &Secret, manager: &str, field: &str) -> BTreeSet<String> {
    secret
        .managed_fields()
        .iter()
        .filter(|entry| entry.manager.as_deref() == Some(manager))
        .filter_map(|entry| entry.fields_v1.as_ref()?.0.get("f:metadata")?.get(field)?.as_object())
        .flat_map(|keys| keys.keys().filter_map(|key| key.strip_prefix("f:").map(ToOwned::to_owned)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strongroom_provider_api::SecretBytes;

    use super::*;
    use crate::kube_io::ObjectKey;

    fn owner(kind: &str, name: &str, uid: &str) -> OwnerReference {
        OwnerReference {
            api_version: if kind == "ExternalSecret" { "external-secrets.io/v1" } else { "apps/v1" }
                .to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }

    fn desired() -> Desired {
        Desired {
            key: ObjectKey::new("ns", "target"),
            owner: owner("ExternalSecret", "es", "1"),
            manager: "manager".to_owned(),
            labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
            annotations: BTreeMap::from([("note".to_owned(), "x".to_owned())]),
            data: BTreeMap::from([("k".to_owned(), SecretBytes::from("v"))]),
        }
    }

    fn created() -> Secret {
        match change(None, &desired()) {
            Ok(Change::Create(secret)) => *secret,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_target_is_created_whole_and_an_equal_one_is_kept() {
        let secret = created();
        assert_eq!(secret.name_any(), "target");
        assert_eq!(secret.metadata.owner_references, Some(vec![owner("ExternalSecret", "es", "1")]));
        assert_eq!(change(Some(&secret), &desired()), Ok(Change::Keep));
    }

    #[test]
    fn foreign_metadata_stays_and_foreign_data_goes() {
        let mut secret = created();
        secret.labels_mut().insert("foreign".to_owned(), "1".to_owned());
        secret.data.get_or_insert_default().insert("foreign".to_owned(), ByteString(b"x".to_vec()));
        let Ok(Change::Update(updated)) = change(Some(&secret), &desired()) else { panic!("no update") };
        assert_eq!(updated.labels().get("foreign").map(String::as_str), Some("1"));
        assert_eq!(updated.data.unwrap().keys().collect::<Vec<_>>(), ["k"]);
    }

    #[test]
    fn what_we_wrote_and_no_longer_want_goes() {
        let mut secret = created();
        secret.labels_mut().insert("old".to_owned(), "1".to_owned());
        secret.metadata.managed_fields = serde_json::from_value(json!([{
            "manager": "manager",
            "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:old": {}, "f:app": {} } } },
        }]))
        .unwrap();
        let Ok(Change::Update(updated)) = change(Some(&secret), &desired()) else { panic!("no update") };
        assert_eq!(updated.labels().keys().collect::<Vec<_>>(), ["app"]);
    }

    #[test]
    fn other_owners_are_respected() {
        let mut secret = created();
        secret.metadata.owner_references = Some(vec![owner("ExternalSecret", "other", "2")]);
        assert_eq!(change(Some(&secret), &desired()), Err(Refusal::OwnedByOther("other".to_owned())));
        secret.metadata.owner_references = Some(vec![owner("Deployment", "d", "3")]);
        assert!(matches!(change(Some(&secret), &desired()), Err(Refusal::OwnershipTaken(_))));
    }

    #[test]
    fn a_namesake_takes_over_what_the_deleted_one_left() {
        let mut secret = created();
        secret.metadata.owner_references = Some(vec![owner("ExternalSecret", "es", "0")]);
        let Ok(Change::Update(updated)) = change(Some(&secret), &desired()) else { panic!("no update") };
        assert_eq!(updated.owner_references(), [owner("ExternalSecret", "es", "1")]);
    }

    #[test]
    fn an_immutable_target_is_refused_only_where_data_would_change() {
        let mut secret = created();
        secret.immutable = Some(true);
        assert_eq!(change(Some(&secret), &desired()), Ok(Change::Keep));
        secret.data = None;
        assert_eq!(change(Some(&secret), &desired()), Err(Refusal::Immutable));
    }

    #[test]
    fn no_data_is_written_as_no_map() {
        let desired = Desired { data: BTreeMap::new(), ..desired() };
        let Ok(Change::Create(secret)) = change(None, &desired) else { panic!("no create") };
        assert_eq!(secret.data, None);
        assert_eq!(change(Some(&secret), &desired), Ok(Change::Keep));
    }
}
