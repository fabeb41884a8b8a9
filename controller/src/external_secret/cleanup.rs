//! Deletion, and the finalizer that makes it wait for us: set only where something must be cleaned up.

use std::sync::Arc;

use strongroom_crds::{DeletionPolicy, ExternalSecret, names};

use super::account;
use super::gather::Observed;
use super::report::Outcome;
use super::status::remember;
use crate::context::Context;
use crate::error::SyncError;
use crate::kube_io::{ApiFailure, SecretDigest};

/// What a deletion leaves to do.
#[derive(Clone, Debug)]
enum Plan {
    /// Delete the target, then let go.
    DeleteTarget(Arc<SecretDigest>),
    /// Nothing to delete: let go.
    LetGo,
    /// We hold nothing.
    Nothing,
}

/// Carries a deletion out: with `deletionPolicy: Delete` the target goes if it is ours; with the others the
/// garbage collector sees to it (spec eso-core 2.2, step 2). A finalizer that upstream left is removed.
///
/// # Errors
/// A request that failed; the finalizer then stays.
pub(super) async fn cleanup(context: &Context, observed: &Observed) -> Result<Outcome, SyncError> {
    match plan(observed) {
        Plan::Nothing => return Ok(Outcome::Gone),
        Plan::LetGo => {}
        Plan::DeleteTarget(target) => {
            let key = observed.target_key();
            // Another controller may have been faster: deletions are carried out before classes are looked at.
            if context.cluster.delete_secret(&key, &target.uid).await.map_err(SyncError::Write)? {
                account::deleted(context, observed, "Secret", key);
            }
        }
    }
    let kept: Vec<_> = finalizers(observed)
        .iter()
        .filter(|name| *name != names::FINALIZER_EXTERNAL_SECRET)
        .cloned()
        .collect();
    write_finalizers(context, observed, &kept).await?;
    Ok(Outcome::Gone)
}

/// Makes deletion wait for us where something will have to be cleaned up. Gives true if the finalizer was
/// added by this call.
///
/// # Errors
/// A request that failed.
pub(super) async fn hold(context: &Context, observed: &Observed) -> Result<bool, SyncError> {
    let needed = observed.spec().is_ok_and(|spec| spec.target.deletion_policy == DeletionPolicy::Delete);
    if !needed || holds(observed) {
        return Ok(false);
    }
    let mut wanted = finalizers(observed).to_vec();
    wanted.push(names::FINALIZER_EXTERNAL_SECRET.to_owned());
    write_finalizers(context, observed, &wanted).await?;
    Ok(true)
}

fn plan(observed: &Observed) -> Plan {
    if !holds(observed) {
        return Plan::Nothing;
    }
    let wanted = observed.spec().is_ok_and(|spec| spec.target.deletion_policy == DeletionPolicy::Delete);
    let target = observed.target.as_ref().filter(|_| wanted);
    match target {
        Some(target) if target.controller.as_ref().is_some_and(|owner| owner.uid == observed.uid()) => {
            Plan::DeleteTarget(Arc::clone(target))
        }
        _ => Plan::LetGo,
    }
}

fn finalizers(observed: &Observed) -> &[String] {
    observed.meta().finalizers.as_deref().unwrap_or_default()
}

fn holds(observed: &Observed) -> bool {
    finalizers(observed).iter().any(|name| name == names::FINALIZER_EXTERNAL_SECRET)
}

async fn write_finalizers(
    context: &Context,
    observed: &Observed,
    wanted: &[String],
) -> Result<(), SyncError> {
    let version = observed.meta().resource_version.as_deref();
    match context.cluster.set_finalizers::<ExternalSecret>(&observed.key, wanted, version).await {
        Ok(object) => {
            // Removing the last finalizer of a deleted object ends it: there is nothing left to remember.
            if !observed.is_deleting() {
                remember(context, object);
            }
            Ok(())
        }
        Err(error) if error.failure() == ApiFailure::NotFound => Ok(()),
        Err(error) => Err(SyncError::Write(error)),
    }
}
