//! Hop 7, second half: carries the change out, with at most one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use strongroom_crds::conditions::ExternalSecretReason;
use strongroom_crds::{Condition, CreationPolicy};

use super::account;
use super::brake::Permit;
use super::change::{Change, change};
use super::desired::{self, Desired};
use super::gather::Observed;
use super::generic::TargetKind;
use super::writers::wake_others;
use super::{label, previous};
use crate::context::Context;
use crate::error::{Refusal, SyncError};
use crate::kube_io::{ApiError, ApiFailure, ObjectKey, SecretDigest};
use crate::policies;

/// Other writers may be faster this often before the attempt is given up for now.
const ATTEMPTS: usize = 3;

/// What was done to the target; made where it is applied, so that nothing else can be reported as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Applied(Written);

/// The write that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The target is new.
    Created,
    /// The target was different.
    Updated,
    /// Nothing was written.
    Nothing,
    /// There is no target, and the policy leaves it to others to make it.
    Waiting,
}

impl Written {
    /// As traces tell it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Nothing => "unchanged",
            Self::Waiting => "waiting",
        }
    }
}

impl Applied {
    /// For those who apply.
    pub(super) fn new(written: Written) -> Self {
        Self(written)
    }

    /// The write that was made.
    pub(super) fn written(self) -> Written {
        self.0
    }
}

/// Brings the target in step with `desired`.
///
/// A target that the mirror does not know is created outright: only the API server's refusal proves that it
/// exists without our label, and then it is read. A target that was found in step before, and has not changed
/// since, is not even read.
///
/// # Errors
/// A refused target, or a request that failed.
pub(super) async fn apply(
    context: &Context,
    observed: &Observed,
    desired: &Desired,
) -> Result<Applied, SyncError> {
    let known = observed.target.as_deref();
    if desired.policy == CreationPolicy::None {
        return Ok(Applied(Written::Nothing));
    }
    let fingerprint = desired.fingerprint();
    if let Some(known) = known
        && context.in_step.holds(&known.uid, &known.resource_version, &fingerprint)
    {
        return Ok(Applied(Written::Nothing));
    }
    let mut existing = match known {
        None if desired.policy != CreationPolicy::Merge => None,
        _ => read(context, desired).await?,
    };
    let mut lost = None;
    for _ in 0..ATTEMPTS {
        let change = change(existing.as_ref(), desired).map_err(SyncError::Refused)?;
        let written = match &change {
            Change::Wait => return Ok(Applied(Written::Waiting)),
            Change::Keep => {
                note(context, desired, existing.as_ref(), &fingerprint);
                return Ok(Applied(Written::Nothing));
            }
            Change::Create(_) => Written::Created,
            Change::Update(_) | Change::UpdateMetadata(_) => Written::Updated,
        };
        let refused = matches!(change, Change::UpdateMetadata(_));
        let permit = match &change {
            Change::Update(new) if empties(existing.as_ref(), new, desired) => {
                Some(permit(context, desired)?)
            }
            _ => None,
        };
        if let (Some(existing), Change::Update(new)) = (&existing, &change) {
            previous::keep(context, observed, desired, existing, new).await?;
        }
        match write(context, desired, change).await {
            Ok(_) if refused => return Err(SyncError::Refused(Refusal::Immutable)),
            Ok(secret) => {
                if let Some(permit) = permit {
                    permit.used();
                }
                note(context, desired, secret.as_ref(), &fingerprint);
                return Ok(Applied(written));
            }
            Err(error) if was_overtaken(&error) => {
                existing = read(context, desired).await?;
                lost = Some(error);
            }
            Err(error) => return Err(failed(&desired.key, error)),
        }
    }
    Err(lost.map_or_else(|| SyncError::Refused(Refusal::Immutable), SyncError::Write))
}

/// Puts what says whose it is on a target whose content stays (an immutable one).
///
/// # Errors
/// A refused target, or a request that failed.
pub(super) async fn claim(
    context: &Context,
    desired: &Desired,
    existing: &Secret,
) -> Result<Applied, SyncError> {
    let change = change(Some(existing), desired).map_err(SyncError::Refused)?;
    if change == Change::Keep {
        return Ok(Applied(Written::Nothing));
    }
    let written = write(context, desired, change).await.map_err(|error| failed(&desired.key, error))?;
    note(context, desired, written.as_ref(), &desired.fingerprint());
    Ok(Applied(Written::Updated))
}

/// True if the target loses data and gets none: a store has nothing for it any more.
fn empties(existing: Option<&Secret>, new: &Secret, desired: &Desired) -> bool {
    let keys = |secret: &Secret| secret.data.as_ref().map_or(0, BTreeMap::len);
    desired.content.data.is_empty() && existing.is_some_and(|existing| keys(new) < keys(existing))
}

fn permit<'a>(context: &'a Context, desired: &Desired) -> Result<Permit<'a>, SyncError> {
    let owner = ObjectKey::new(&desired.key.namespace, &desired.owner.name);
    context.brake.permit(&owner, context.secrets.len()).map_err(SyncError::Braked)
}

async fn write(context: &Context, desired: &Desired, change: Change) -> Result<Option<Secret>, ApiError> {
    let manager = &desired.manager;
    match change {
        Change::Create(secret) => context.cluster.create_secret(&secret, manager).await.map(Some),
        Change::Update(secret) | Change::UpdateMetadata(secret) => {
            context.cluster.replace_secret(&secret, manager).await.map(Some)
        }
        Change::Keep | Change::Wait => Ok(None),
    }
}

/// Deletes the targets that this ExternalSecret wrote under earlier names; gives how many. Only Secrets that it
/// still controls count: a copied label must not cost anybody a Secret (spec eso-core 14).
///
/// # Errors
/// A request that failed.
pub(super) async fn delete_orphans<C>(
    context: &Context,
    observed: &Observed,
    desired: &Desired<C>,
) -> Result<usize, SyncError> {
    let status = observed.status();
    // What was bound last was cleaned up behind, unless the policy said otherwise then: the search is only worth while
    // after a change of the spec.
    let is_bound = status.binding.as_ref().is_some_and(|binding| binding.name == desired.key.name);
    if is_bound && observed.is_of_synced_generation() {
        return Ok(0);
    }
    if status.binding.is_some() && !is_bound {
        forget_previous(context, observed, desired).await?;
    }
    if desired.policy != CreationPolicy::Owner {
        return Ok(0);
    }
    let created_by = desired.created_by();
    let orphans = context.secrets.keys_where(|key, secret| {
        key.namespace == desired.key.namespace
            && key.name != desired.key.name
            && secret.created_by.as_ref() == Some(&created_by)
            && secret.controller.as_ref().is_some_and(|owner| owner.uid == desired.owner.uid)
    });
    for key in &orphans {
        if let Some(orphan) = context.secrets.get(key)
            && context.cluster.delete_secret(key, &orphan.uid).await.map_err(SyncError::Orphan)?
        {
            account::deleted(context, observed, "Secret", key.clone());
        }
    }
    Ok(orphans.len())
}

/// Deletes what was kept of targets under earlier names.
async fn forget_previous<C>(
    context: &Context,
    observed: &Observed,
    desired: &Desired<C>,
) -> Result<(), SyncError> {
    let own = previous::beside(&desired.key);
    let kept = context.secrets.keys_where(|key, secret| {
        key.namespace == own.namespace && *key != own && previous::is_kept_for(secret, observed.uid())
    });
    for key in &kept {
        if let Some(secret) = context.secrets.get(key)
            && context.cluster.delete_secret(key, &secret.uid).await.map_err(SyncError::Orphan)?
        {
            account::deleted(context, observed, "Secret", key.clone());
        }
    }
    Ok(())
}

/// True if the target exists as we wrote it, only without the label by which we see it: whoever took the label off is
/// heeded until the next refresh, as upstream does. What somebody else made under that name is no such target, unless
/// nothing of the target is ours to write.
///
/// # Errors
/// A request that failed.
pub(super) async fn is_only_unlabelled(
    context: &Context,
    kind: &TargetKind,
    observed: &Observed,
    policy: CreationPolicy,
) -> Result<bool, SyncError> {
    let key = observed.target_key();
    let target = match kind {
        TargetKind::Secret => context.cluster.secret(&key).await.map(|target| target.map(|it| it.metadata)),
        TargetKind::Generic(kind) => {
            context.cluster.manifest(kind, &key).await.map(|target| target.map(|it| it.metadata))
        }
    };
    let target = target.map_err(SyncError::Write)?;
    let manager = desired::field_manager(&observed.key.name);
    let is_of_ours = |entry: &ManagedFieldsEntry| entry.manager.as_ref() == Some(&manager);
    Ok(target.is_some_and(|meta| {
        !label::is_managed(&meta)
            && (policy == CreationPolicy::None || meta.managed_fields.iter().flatten().any(is_of_ours))
    }))
}

/// Deletes the target because the stores have nothing for it any more and `deletionPolicy: Delete` says so. Only
/// a target that this ExternalSecret controls goes. Gives false if there was none.
///
/// # Errors
/// Somebody else's target, or a request that failed.
pub(super) async fn delete(context: &Context, observed: &Observed) -> Result<bool, SyncError> {
    let target = match &observed.target {
        Some(target) => Arc::clone(target),
        None => match unseen(context, observed).await? {
            Some(target) => Arc::new(target),
            None => return Ok(false),
        },
    };
    let Some(owner) = target.controller.as_ref().filter(|owner| owner.uid == observed.uid()) else {
        let owner = target.controller.as_ref().map_or("nobody", |owner| owner.name.as_str());
        return Err(SyncError::Refused(Refusal::NotOurs(format!("its controller is {owner}"))));
    };
    let permit = context.brake.permit(&observed.key, context.secrets.len()).map_err(SyncError::Braked)?;
    tracing::debug!(object = %observed.key, owner = owner.name, "deleting the target");
    let deleted = context.cluster.delete_secret(&observed.target_key(), &target.uid).await;
    let deleted = deleted.map_err(SyncError::Write)?;
    permit.used();
    Ok(deleted)
}

/// The target without the label by which we see it. Nobody asks once it was told that it is deleted.
async fn unseen(context: &Context, observed: &Observed) -> Result<Option<SecretDigest>, SyncError> {
    let deleted = ExternalSecretReason::SecretDeleted.as_str();
    let told = |condition: &Condition| condition.reason.as_deref() == Some(deleted);
    if observed.status().conditions.iter().any(told) {
        return Ok(None);
    }
    let target = context.cluster.secret(&observed.target_key()).await.map_err(SyncError::Write)?;
    Ok(target.as_ref().map(SecretDigest::of))
}

/// The target changed between our reading and our writing.
pub(super) fn was_overtaken(error: &ApiError) -> bool {
    matches!(error.failure(), ApiFailure::AlreadyExists | ApiFailure::Conflict | ApiFailure::NotFound)
}

/// Why a write failed: a namespace that is going away is no fault of the object.
pub(super) fn failed(target: &ObjectKey, error: ApiError) -> SyncError {
    if error.failure() == ApiFailure::NamespaceTerminating {
        return SyncError::NamespaceTerminating(target.namespace.clone());
    }
    SyncError::Write(error)
}

/// The target as it is.
///
/// # Errors
/// A request that failed.
pub(super) async fn read(context: &Context, desired: &Desired) -> Result<Option<Secret>, SyncError> {
    context.cluster.secret(&desired.key).await.map_err(SyncError::Write)
}

/// Remembers the target as we know it now, before its watch event comes.
fn note(context: &Context, desired: &Desired, secret: Option<&Secret>, fingerprint: &str) {
    let Some(secret) = secret else { return };
    let digest = SecretDigest::of(secret);
    context.in_step.note(&digest.uid, &digest.resource_version, fingerprint);
    let key = ObjectKey::of(&secret.metadata);
    let version = secret.metadata.resource_version.as_deref();
    let hash = digest.hash.clone();
    // Not newer means that the watch was faster.
    let Ok(old) = context.secrets.put(key.clone(), version, digest) else { return };
    if old.is_none_or(|old| old.hash != hash) {
        policies::secret(context, &key);
    }
    wake_others(context, &key, &ObjectKey::new(&key.namespace, &desired.owner.name));
}
