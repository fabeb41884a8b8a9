//! From what happens to SecretLeases and to their owners to keys in the schedules.

use strongroom_crds::{LeaseState, SecretLease};

use crate::context::Context;
use crate::kube_io::{ObjectKey, Watched};
use crate::schedule::{Group, Lane};

/// A SecretLease appeared, changed or went.
pub fn watch(
    context: &Context,
    key: &ObjectKey,
    _old: Option<&Watched<SecretLease>>,
    new: Option<&Watched<SecretLease>>,
) {
    request(context, key);
    if new.is_none() {
        context.lease_clients.forget(key);
    }
    let record = new.and_then(|record| record.0.as_ref().ok());
    if let Some(record) = record.filter(|record| record.state() == LeaseState::Ending) {
        context.request(&ObjectKey::new(&key.namespace, &record.spec.owner.name), Lane::Changed);
    }
}

/// An ExternalSecret is gone: its leases are to be revoked, whether or not somebody collects their records.
pub fn owner_gone(context: &Context, namespace: &str, uid: &str) {
    let of_it = |key: &ObjectKey, record: &Watched<SecretLease>| {
        key.namespace == namespace && record.0.as_ref().is_ok_and(|record| record.spec.owner.uid == uid)
    };
    for key in context.leases.keys_where(of_it) {
        request(context, &key);
    }
}

fn request(context: &Context, key: &ObjectKey) {
    context.lease_schedule.request(key, &Group::from(key.namespace.as_str()), Lane::Changed);
}
