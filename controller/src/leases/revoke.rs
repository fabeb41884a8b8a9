//! Ends a lease, and drops its record when that is done, or when the lease must have ended by itself.

use std::time::Duration;

use strongroom_crds::SecretLease;
use strongroom_crds::secret_lease::FINALIZER_SECRET_LEASE;
use strongroom_provider_api::ErrorKind;

use super::record::{lease, set_ready, status, write_status};
use super::renew::{discard_refused, handle, timed, unwritten};
use super::{events, watch};
use crate::context::Context;
use crate::kube_io::ObjectKey;
use crate::schedule::{Backoff, Next};

/// Revokes the lease, then drops the record. What fails is tried again, until the lease must have ended by itself: a
/// service that is gone for good does not hold up the end of a namespace.
pub(super) async fn revoke(context: &Context, key: &ObjectKey, record: &SecretLease) -> Next {
    let held = lease(record.lease());
    let revoked = match handle(context, key, record).await {
        Ok((generator, handle)) => {
            let revoked = timed("revoke the lease", handle.client.revoke(&held)).await;
            discard_refused(context, &generator, &handle, revoked.as_ref().err()).await;
            revoked
        }
        Err(error) => Err(error),
    };
    let Err(error) = revoked else {
        tracing::info!(lease = %key, owner = record.spec.owner.name, "revoked");
        return drop_record(context, key, record).await;
    };
    tracing::warn!(lease = %key, reason = error.kind().reason(), %error, "a lease was not revoked");
    let mut wanted = status(record);
    let right = if error.kind() == ErrorKind::PermissionDenied {
        ". In Vault, the right to `update` `sys/leases/revoke` is needed"
    } else {
        ""
    };
    let message = format!("{error}; the lease ends by itself if it cannot be revoked{right}");
    // News is told once, however often it is tried.
    if set_ready(&mut wanted, false, error.kind().reason(), &message, context.clock.now()) {
        events::not_revoked(context, key, record, &message).await;
        if let Err(error) = write_status(context, key, &wanted).await {
            return unwritten(key, &error);
        }
    }
    let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(1) };
    Next::Retry { backoff, at_least: error.retry_after().unwrap_or_default() }
}

/// Drops the record: nothing is left to be done for the lease.
pub(super) async fn drop_record(context: &Context, key: &ObjectKey, record: &SecretLease) -> Next {
    let uid = record.metadata.uid.as_deref().unwrap_or_default();
    let mut kept = record.metadata.finalizers.clone().unwrap_or_default();
    kept.retain(|name| name != FINALIZER_SECRET_LEASE);
    let dropped = match context.cluster.delete_lease(key, uid).await {
        Ok(()) => context.cluster.release_lease(key, &kept).await,
        failed => failed,
    };
    match dropped {
        Ok(()) => {
            // So that the echo of the deletion finds nothing to revoke.
            let _ = context.leases.remove(key, None);
            watch::gone(context, key, Some(&record.spec.owner.uid));
            context.lease_events.forget(uid);
            Next::Forget
        }
        Err(error) => unwritten(key, &error),
    }
}
