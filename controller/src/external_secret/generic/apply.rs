//! Carries the change of a generic target out, with at most one write.

use kube::core::DynamicObject;
use strongroom_crds::CreationPolicy;

use super::super::apply::{Applied, Written, failed, was_overtaken};
use super::super::change::{check_owner, controller};
use super::super::desired::Desired;
use super::super::gather::Observed;
use super::super::writers::wake_others;
use super::content::GenericContent;
use super::render::rendered;
use crate::context::Context;
use crate::error::{Refusal, SyncError};
use crate::kube_io::{ManifestKind, ObjectKey, SecretDigest};

/// Other writers may be faster this often before the attempt is given up for now.
const ATTEMPTS: usize = 3;

/// Brings the target in step with `desired`. `known` is what the mirror of its kind holds of it.
///
/// # Errors
/// A refused target, or a request that failed.
pub(super) async fn apply(
    context: &Context,
    kind: &ManifestKind,
    desired: &Desired<GenericContent>,
    known: Option<&SecretDigest>,
) -> Result<Applied, SyncError> {
    if desired.policy == CreationPolicy::None {
        return Ok(Applied::new(Written::Nothing));
    }
    let fingerprint = desired.fingerprint_with(&desired.content.fingerprint());
    if let Some(known) = known
        && context.in_step.holds(&known.uid, &known.resource_version, &fingerprint)
    {
        return Ok(Applied::new(Written::Nothing));
    }
    let mut lost = None;
    for _ in 0..ATTEMPTS {
        let existing = context.cluster.manifest(kind, &desired.key).await.map_err(SyncError::TargetRead)?;
        if existing.is_none() && desired.policy == CreationPolicy::Merge {
            return Ok(Applied::new(Written::Waiting));
        }
        if let Some(existing) = &existing {
            check_owner(controller(existing), desired).map_err(SyncError::Refused)?;
        }
        let object = rendered(existing.as_ref(), kind, desired).ok_or_else(|| no_content(kind))?;
        let (written, outcome) = match existing {
            Some(existing) if existing == object => {
                note(context, kind, desired, &existing, &fingerprint);
                return Ok(Applied::new(Written::Nothing));
            }
            Some(_) => {
                let replaced = context.cluster.replace_manifest(kind, &object, &desired.manager).await;
                (Written::Updated, replaced)
            }
            None => {
                let created = context.cluster.create_manifest(kind, &object, &desired.manager).await;
                (Written::Created, created)
            }
        };
        match outcome {
            Ok(object) => {
                let object = reclaimed(context, kind, desired, object).await?;
                note(context, kind, desired, &object, &fingerprint);
                return Ok(Applied::new(written));
            }
            Err(error) if was_overtaken(&error) => lost = Some(error),
            Err(error) => return Err(failed(&desired.key, error)),
        }
    }
    Err(lost.map_or_else(|| no_content(kind), SyncError::Write))
}

/// The API server may have filled in defaults. The claim must be of what is there, or the target would look altered
/// for ever.
async fn reclaimed(
    context: &Context,
    kind: &ManifestKind,
    desired: &Desired<GenericContent>,
    mut object: DynamicObject,
) -> Result<DynamicObject, SyncError> {
    let digest = SecretDigest::of_manifest(&object);
    if digest.claimed_hash.as_ref() == Some(&digest.hash) {
        return Ok(object);
    }
    super::super::render::claim(&mut object.metadata, desired, digest.hash);
    let replaced = context.cluster.replace_manifest(kind, &object, &desired.manager).await;
    replaced.map_err(|error| failed(&desired.key, error))
}

/// Deletes the target because the stores have nothing for it any more. Only a target that this ExternalSecret
/// controls goes (spec eso-core Q4). Gives false if there was none.
///
/// # Errors
/// Somebody else's target, or a request that failed.
pub(in crate::external_secret) async fn delete(
    context: &Context,
    kind: &ManifestKind,
    observed: &Observed,
) -> Result<bool, SyncError> {
    let Some(target) = &observed.target else { return Ok(false) };
    if target.controller.as_ref().is_none_or(|owner| owner.uid != observed.uid()) {
        return Err(SyncError::Refused(Refusal::NotOurs(
            "this ExternalSecret does not control it".to_owned(),
        )));
    }
    let permit = context.brake.permit(&observed.key, context.secrets.len()).map_err(SyncError::Braked)?;
    let deleted = context.cluster.delete_manifest(kind, &observed.target_key(), &target.uid).await;
    deleted.map_err(SyncError::Write)?;
    permit.used();
    Ok(true)
}

fn no_content(kind: &ManifestKind) -> SyncError {
    SyncError::Rendered(format!("a target of kind {} has neither spec nor data", kind.kind()))
}

/// Remembers the target as we know it now, before its watch event comes.
fn note<C>(
    context: &Context,
    kind: &ManifestKind,
    desired: &Desired<C>,
    object: &DynamicObject,
    fingerprint: &str,
) {
    let digest = SecretDigest::of_manifest(object);
    context.in_step.note(&digest.uid, &digest.resource_version, fingerprint);
    let key = ObjectKey::of(&object.metadata);
    let version = object.metadata.resource_version.as_deref();
    // Not newer means that the watch was faster.
    if context.manifests.mirror(kind).put(key.clone(), version, digest).is_ok() {
        wake_others(context, &key, &ObjectKey::new(&key.namespace, &desired.owner.name));
    }
}
