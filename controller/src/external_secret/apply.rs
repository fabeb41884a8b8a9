//! Hop 7, second half: carries the change out, with at most one write.

use k8s_openapi::api::core::v1::Secret;

use super::build::Desired;
use super::change::{Change, Refusal, change};
use super::gather::Observed;
use crate::context::Context;
use crate::error::SyncError;
use crate::kube_io::{ApiError, ApiFailure, SecretDigest};

/// Other writers may be faster this often before the attempt is given up for now.
const ATTEMPTS: usize = 3;

/// What was done to the target; can only be made by [`apply`], so that nothing else can be reported as done.
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
}

impl Applied {
    /// The write that was made.
    pub(super) fn written(self) -> Written {
        self.0
    }
}

/// Brings the target in step with `desired`. `known` is what the mirror of managed Secrets holds of it.
///
/// A target that the mirror does not know is created outright: only the API server's refusal proves that it
/// exists without our label, and then it is read. A target that was found in step before, and has not changed
/// since, is not even read.
///
/// # Errors
/// A refused target, or a request that failed.
pub(super) async fn apply(
    context: &Context,
    desired: &Desired,
    known: Option<&SecretDigest>,
) -> Result<Applied, SyncError> {
    let fingerprint = desired.fingerprint();
    if let Some(known) = known
        && context.in_step.holds(&known.uid, &known.resource_version, &fingerprint)
    {
        return Ok(Applied(Written::Nothing));
    }
    let mut existing = match known {
        Some(_) => read(context, desired).await?,
        None => None,
    };
    let mut lost = None;
    for _ in 0..ATTEMPTS {
        let (written, answer) = match change(existing.as_ref(), desired).map_err(SyncError::Refused)? {
            Change::Keep => {
                note(context, existing.as_ref(), &fingerprint);
                return Ok(Applied(Written::Nothing));
            }
            Change::Create(secret) => {
                (Written::Created, context.cluster.create_secret(&secret, &desired.manager).await)
            }
            Change::Update(secret) => {
                (Written::Updated, context.cluster.replace_secret(&secret, &desired.manager).await)
            }
        };
        match answer {
            Ok(secret) => {
                note(context, Some(&secret), &fingerprint);
                return Ok(Applied(written));
            }
            Err(error) if was_overtaken(&error) => {
                existing = read(context, desired).await?;
                lost = Some(error);
            }
            Err(error) => return Err(failed(desired, error)),
        }
    }
    Err(lost.map_or_else(|| SyncError::Refused(Refusal::Immutable), SyncError::Write))
}

/// Deletes the target because the stores have nothing for it any more and `deletionPolicy: Delete` says so. Only
/// a target that this ExternalSecret controls goes. Gives false if there was none.
///
/// # Errors
/// Somebody else's target, or a request that failed.
pub(super) async fn delete(context: &Context, observed: &Observed) -> Result<bool, SyncError> {
    let Some(target) = &observed.target else { return Ok(false) };
    let Some(owner) = target.controller.as_ref().filter(|owner| owner.uid == observed.uid()) else {
        let owner = target.controller.as_ref().map_or("nobody", |owner| owner.name.as_str());
        return Err(SyncError::Refused(Refusal::OwnershipTaken(owner.to_owned())));
    };
    tracing::debug!(object = %observed.key, owner = owner.name, "deleting the target");
    context.cluster.delete_secret(&observed.target_key(), &target.uid).await.map_err(SyncError::Write)?;
    Ok(true)
}

/// The target changed between our reading and our writing.
fn was_overtaken(error: &ApiError) -> bool {
    matches!(error.failure(), ApiFailure::AlreadyExists | ApiFailure::Conflict | ApiFailure::NotFound)
}

fn failed(desired: &Desired, error: ApiError) -> SyncError {
    if error.failure() == ApiFailure::NamespaceTerminating {
        return SyncError::NamespaceTerminating(desired.key.namespace.clone());
    }
    SyncError::Write(error)
}

async fn read(context: &Context, desired: &Desired) -> Result<Option<Secret>, SyncError> {
    context.cluster.secret(&desired.key).await.map_err(SyncError::Write)
}

/// Remembers the target as we know it now, before its watch event comes.
fn note(context: &Context, secret: Option<&Secret>, fingerprint: &str) {
    let Some(secret) = secret else { return };
    let digest = SecretDigest::of(secret);
    context.in_step.note(&digest.uid, &digest.resource_version, fingerprint);
    let key = crate::kube_io::ObjectKey::of(&secret.metadata);
    let version = secret.metadata.resource_version.as_deref();
    // Not newer means that the watch was faster.
    let _ = context.secrets.put(key, version, digest);
}
