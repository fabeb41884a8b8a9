//! From what happens to SecretLeases and to their owners to keys in the schedules.

use kube::Resource as _;
use strongroom_crds::{LeaseState, SecretLease};

use crate::context::Context;
use crate::kube_io::{ObjectKey, Watched};
use crate::schedule::{Group, Lane};

/// A SecretLease appeared, changed or went.
pub fn watch(
    context: &Context,
    key: &ObjectKey,
    old: Option<&Watched<SecretLease>>,
    new: Option<&Watched<SecretLease>>,
) {
    let readable =
        |record: &'_ Watched<SecretLease>| record.0.as_ref().ok().map(|it| it.spec.owner.uid.clone());
    request(context, key);
    match new {
        Some(new) => {
            if let Some(uid) = readable(new) {
                context.lease_owners.note(&uid, key);
            }
        }
        None => gone(context, key, old.and_then(readable).as_deref()),
    }
    let record = new.and_then(|record| record.0.as_ref().ok());
    if let Some(record) = record.filter(|record| record.state() == LeaseState::Ending) {
        context.request(&ObjectKey::new(&key.namespace, &record.spec.owner.name), Lane::Changed);
    }
}

/// An ExternalSecret is gone: its leases are to be revoked, whether or not somebody collects their records.
pub fn owner_gone(context: &Context, uid: &str) {
    context.lease_events.forget(uid);
    for key in context.lease_owners.of(uid) {
        request(context, &key);
    }
}

/// What is said about the leases of the ExternalSecret `key` may have changed: they are looked at.
pub fn request_of(context: &Context, key: &ObjectKey) {
    let Some(object) = context.external_secrets.get(key) else { return };
    for key in context.lease_owners.of(object.meta().uid.as_deref().unwrap_or_default()) {
        request(context, &key);
    }
}

/// The record `key` of the owner `uid` is gone.
pub(super) fn gone(context: &Context, key: &ObjectKey, uid: Option<&str>) {
    context.lease_clients.forget(key);
    if let Some(uid) = uid {
        context.lease_owners.forget(uid, key);
    }
}

fn request(context: &Context, key: &ObjectKey) {
    context.lease_schedule.request(key, &Group::from(key.namespace.as_str()), Lane::Changed);
}
