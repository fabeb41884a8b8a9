//! Hop 7, first half: the one difference between the target as it is and as it should be. Pure.

use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use strongroom_crds::{CreationPolicy, names};

use super::desired::Desired;
use super::privilege;
use super::render::{self, group, is_same_object};
use crate::error::Refusal;

/// The one thing to do to the target.
#[derive(Clone, PartialEq)]
pub(super) enum Change {
    /// It does not exist.
    Create(Box<Secret>),
    /// It differs.
    Update(Box<Secret>),
    /// It is immutable and its data would change: only what may be written is, then it is refused.
    UpdateMetadata(Box<Secret>),
    /// It is in step.
    Keep,
    /// It does not exist, and the policy waits for somebody to make it.
    Wait,
}

/// Names the change only: a Secret's own `Debug` prints its data.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create(_) => "Create",
            Self::Update(_) => "Update",
            Self::UpdateMetadata(_) => "UpdateMetadata",
            Self::Keep => "Keep",
            Self::Wait => "Wait",
        })
    }
}

/// What has to be done so that `existing` becomes `desired` (spec eso-core 2.8, 2.9).
///
/// Foreign labels, annotations and owners stay. What this ExternalSecret once wrote and no longer wants goes:
/// managedFields tell what that is. Under `Owner` and `Orphan` the data is replaced as a whole, under the merging
/// policies foreign keys stay.
///
/// # Errors
/// Somebody else's target is refused.
pub(super) fn change(existing: Option<&Secret>, desired: &Desired) -> Result<Change, Refusal> {
    let Some(existing) = existing else {
        return match desired.policy {
            CreationPolicy::Merge | CreationPolicy::None => Ok(Change::Wait),
            CreationPolicy::Owner | CreationPolicy::Orphan | CreationPolicy::CreateOrMerge => {
                let new = render::created(desired);
                privilege::check(None, &new)?;
                Ok(Change::Create(Box::new(new)))
            }
        };
    };
    check_owner(controller(existing), desired)?;
    let new = render::updated(existing, desired);
    if new == *existing {
        return Ok(Change::Keep);
    }
    privilege::check(Some(existing), &new)?;
    if existing.immutable == Some(true) && (new.data != existing.data || new.type_ != existing.type_) {
        // The new hash is written although the data is not: upstream's is, and it keeps the difference visible.
        let allowed = Secret { data: existing.data.clone(), type_: existing.type_.clone(), ..new };
        if allowed == *existing {
            return Err(Refusal::Immutable);
        }
        return Ok(Change::UpdateMetadata(Box::new(allowed)));
    }
    Ok(Change::Update(Box::new(new)))
}

/// The owner that controls the target.
pub(super) fn controller(existing: &impl ResourceExt) -> Option<&OwnerReference> {
    existing.owner_references().iter().find(|owner| owner.controller == Some(true))
}

/// Whether the target may be written; `controller` is the owner that controls it.
///
/// # Errors
/// Another ExternalSecret owns it, or another controller under the policy `Owner`.
pub(super) fn check_owner<C>(
    controller: Option<&OwnerReference>,
    desired: &Desired<C>,
) -> Result<(), Refusal> {
    match controller {
        Some(owner) if is_same_object(owner, &desired.owner) => Ok(()),
        Some(owner) if is_external_secret(owner) => Err(Refusal::OwnedByOther(owner.name.clone())),
        // Only who wants to own the target minds another controller.
        Some(owner) if desired.policy == CreationPolicy::Owner => {
            Err(Refusal::OwnershipTaken(format!("{} {:?}", owner.kind, owner.name)))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_external_secret(owner: &OwnerReference) -> bool {
    group(owner) == names::GROUP && owner.kind == "ExternalSecret"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use serde_json::json;
    use strongroom_provider_api::SecretBytes;

    use super::super::template::Content;
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
            content: Content {
                data: BTreeMap::from([("k".to_owned(), SecretBytes::from("v"))]),
                labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
                annotations: BTreeMap::from([("note".to_owned(), "x".to_owned())]),
                ..Content::default()
            },
            policy: CreationPolicy::Owner,
            immutable: false,
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
    fn debug_output_shows_no_data() {
        assert_eq!(format!("{:?}", change(None, &desired()).unwrap()), "Create");
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
        assert!(!updated.labels().contains_key("old") && updated.labels().contains_key("app"));
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
    fn an_immutable_target_gets_its_metadata_and_is_then_refused() {
        let mut secret = created();
        secret.immutable = Some(true);
        assert_eq!(change(Some(&secret), &desired()), Ok(Change::Keep));
        let mut other = desired();
        other.content.data = BTreeMap::from([("k".to_owned(), SecretBytes::from("other"))]);
        other.content.labels.insert("new".to_owned(), "1".to_owned());
        let Ok(Change::UpdateMetadata(updated)) = change(Some(&secret), &other) else { panic!("no update") };
        assert_eq!(updated.data, secret.data);
        assert_ne!(
            updated.annotations()[names::ANNOTATION_DATA_HASH],
            secret.annotations()[names::ANNOTATION_DATA_HASH]
        );
        assert_eq!(change(Some(&updated), &other), Err(Refusal::Immutable));
    }

    #[test]
    fn the_type_of_an_immutable_target_is_as_fixed_as_its_data() {
        let mut secret = created();
        (secret.immutable, secret.type_) = (Some(true), Some("Opaque".to_owned()));
        let mut other = desired();
        other.content.type_ = Some("kubernetes.io/basic-auth".to_owned());
        assert_eq!(change(Some(&secret), &other), Err(Refusal::Immutable));
        other.content.labels.insert("new".to_owned(), "1".to_owned());
        let Ok(Change::UpdateMetadata(updated)) = change(Some(&secret), &other) else { panic!("no update") };
        assert_eq!((&updated.type_, updated.labels()["new"].as_str()), (&secret.type_, "1"));
    }

    #[test]
    fn what_is_to_be_immutable_is_written_once() {
        let mut frozen = desired();
        frozen.immutable = true;
        let Ok(Change::Create(secret)) = change(None, &frozen) else { panic!("no create") };
        assert_eq!(secret.immutable, Some(true));
        frozen.content.data = BTreeMap::from([("k".to_owned(), SecretBytes::from("other"))]);
        assert_eq!(change(Some(&secret), &frozen), Ok(Change::Keep));
    }

    fn with(policy: CreationPolicy) -> Desired {
        Desired { policy, ..desired() }
    }

    #[test]
    fn the_policy_says_who_creates() {
        for policy in [CreationPolicy::Owner, CreationPolicy::Orphan, CreationPolicy::CreateOrMerge] {
            let Ok(Change::Create(secret)) = change(None, &with(policy)) else { panic!("{policy:?}") };
            let owned = policy == CreationPolicy::Owner;
            assert_eq!(secret.owner_references().len(), usize::from(owned), "{policy:?}");
            assert_eq!(secret.labels().contains_key(names::LABEL_CREATED_BY), owned, "{policy:?}");
            assert_eq!(secret.labels()[names::LABEL_MANAGED], "true");
        }
        assert_eq!(change(None, &with(CreationPolicy::Merge)), Ok(Change::Wait));
    }

    #[test]
    fn merging_keeps_foreign_keys_and_drops_our_stale_ones() {
        let mut secret = created();
        let data = secret.data.get_or_insert_default();
        data.insert("foreign".to_owned(), ByteString(b"x".to_vec()));
        data.insert("stale".to_owned(), ByteString(b"y".to_vec()));
        secret.metadata.managed_fields = serde_json::from_value(
            json!([{ "manager": "manager", "fieldsV1": { "f:data": { ".": {}, "f:stale": {} } } }]),
        )
        .unwrap();
        let Ok(Change::Update(updated)) = change(Some(&secret), &with(CreationPolicy::Merge)) else {
            panic!()
        };
        assert_eq!(updated.data.as_ref().unwrap().keys().collect::<Vec<_>>(), ["foreign", "k"]);
        assert!(updated.owner_references().is_empty(), "what was ours is given up");
    }

    #[test]
    fn other_controllers_matter_only_to_owners() {
        let mut secret = created();
        secret.metadata.owner_references = Some(vec![owner("Deployment", "d", "3")]);
        let Ok(Change::Update(updated)) = change(Some(&secret), &with(CreationPolicy::Merge)) else {
            panic!()
        };
        assert_eq!(updated.owner_references(), [owner("Deployment", "d", "3")]);
    }

    #[test]
    fn no_data_is_written_as_no_map() {
        let desired = Desired { content: Content::default(), ..desired() };
        let Ok(Change::Create(secret)) = change(None, &desired) else { panic!("no create") };
        assert_eq!(secret.data, None);
        assert_eq!(change(Some(&secret), &desired), Ok(Change::Keep));
    }
}
