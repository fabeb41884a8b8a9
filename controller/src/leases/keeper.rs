//! The login that keeps leases of earlier logins alive: its name is recorded, and who comes after a crash ends it.

use std::collections::BTreeSet;

use strongroom_crds::{SecretLease, SecretLeaseStatus};

use super::record::{status, write_status};
use super::renew::timed;
use crate::context::Context;
use crate::generators::{GeneratorHandle, Resolved};
use crate::kube_io::{Mirror, ObjectKey, Watched};

/// The name of the login that is about to renew `record`, if that is not the one from which it hangs. A login that is used
/// for the first time is named in the record before it renews anything: a process that crashes leaves none that nobody
/// knows. Logins that kept leases of this generator's kind, namespace and connection before were left by processes that
/// have ended: they are ended then, unless leases hang from them.
pub(super) async fn before_renewal(
    context: &Context,
    (generator, handle): (&Resolved, &GeneratorHandle),
    key: &ObjectKey,
    record: &SecretLease,
) -> Option<String> {
    let Ok(own) = timed("name the login", handle.client.login()).await else {
        return record.status.as_ref().and_then(|status| status.keeper.clone());
    };
    let own = own?;
    let hangs = record.lease().parent.as_ref().is_some_and(|parent| parent.accessor == own);
    let keeper = (!hangs).then(|| own.clone());
    if context.lease_clients.is_new_login(&own) {
        let left = left(context, generator);
        if keeper.is_some() {
            // Others may have taken its place while the login was made: that is not undone.
            let seen = context.leases.get(key);
            let newest = seen.as_ref().and_then(|seen| seen.0.as_ref().ok()).unwrap_or(record);
            let named = SecretLeaseStatus { keeper: keeper.clone(), ..status(newest) };
            if let Err(error) = write_status(context, key, &named).await {
                tracing::info!(lease = %key, %error, "a login is named by the next renewal only");
            }
        }
        for left in left {
            end(context, handle, &left).await;
        }
    }
    keeper
}

/// The logins that kept leases of this connection alive, and are not this process's.
fn left(context: &Context, generator: &Resolved) -> BTreeSet<String> {
    let connection = |generator: &Resolved| generator.descriptor.connection(&generator.spec).ok();
    let wanted = connection(generator);
    let keeper = |record: &SecretLease| record.status.as_ref().and_then(|status| status.keeper.clone());
    let kept = context.leases.keys_where(|key, record| {
        key.namespace == generator.namespace && record.0.as_ref().is_ok_and(|record| keeper(record).is_some())
    });
    let mut found = BTreeSet::new();
    for key in kept {
        let Some(seen) = context.leases.get(&key) else { continue };
        let Ok(record) = &seen.0 else { continue };
        let Some(name) = keeper(record).filter(|name| !found.contains(name)) else { continue };
        let snapshot = &record.spec.generator.snapshot;
        let same = Resolved::of_snapshot(&context.generators, &key.namespace, snapshot).is_ok_and(|other| {
            other.descriptor.kind == generator.descriptor.kind && connection(&other) == wanted
        });
        if same && !context.lease_clients.is_own_login(&name) {
            found.insert(name);
        }
    }
    found
}

/// Ends the login `left`. What fails is left to the login's own end.
async fn end(context: &Context, handle: &GeneratorHandle, left: &str) {
    if is_parent(context, left) {
        return;
    }
    match timed("end a login that was left", handle.client.end_login(left)).await {
        Ok(()) => tracing::info!("a login that an earlier process left is ended"),
        Err(error) => tracing::info!(
            reason = error.kind().reason(),
            "a login that an earlier process left has ended, or ends by itself"
        ),
    }
}

/// Those of `names` that no record names, be it as the login from which its lease hangs or as the one that keeps it alive.
/// None where that cannot be told.
pub fn unrecorded(leases: &Mirror<Watched<SecretLease>>, names: Vec<String>) -> Vec<String> {
    if names.is_empty() || !leases.is_synced() {
        return Vec::new();
    }
    let (mut spared, mut unreadable) = (BTreeSet::new(), false);
    leases.for_each(|_, record| {
        let Ok(record) = &record.0 else { return unreadable = true };
        let keeper = record.status.as_ref().and_then(|status| status.keeper.as_deref());
        spared.extend(
            parents(record)
                .chain(keeper)
                .filter(|name| names.iter().any(|left| left == name))
                .map(String::from),
        );
    });
    names.into_iter().filter(|name| !unreadable && !spared.contains(name)).collect()
}

/// The logins from which the lease of `record` hangs.
fn parents(record: &SecretLease) -> impl Iterator<Item = &str> {
    let parents = [record.lease().parent.as_ref(), record.spec.lease.parent.as_ref()];
    parents.into_iter().flatten().map(|parent| parent.accessor.as_str())
}

/// True if a recorded lease hangs from the login of this name.
fn is_parent(context: &Context, name: &str) -> bool {
    let hangs = |record: &SecretLease| parents(record).any(|parent| parent == name);
    !context.leases.keys_where(|_, record| record.0.as_ref().is_ok_and(hangs)).is_empty()
}
