//! From what happens in the cluster to SyncPolicies in the schedule.

use kube::Resource as _;
use strongroom_crds::{ExternalSecret, SyncPolicy};

use super::attach::is_selected;
use crate::context::Context;
use crate::kube_io::{ObjectKey, Watched};
use crate::leases;
use crate::schedule::{Group, Lane};

/// A SyncPolicy appeared, changed or went. The others of its namespace may hold where it did not let them, and the other
/// way round. Changes of the status alone are our own.
pub fn watch(
    context: &Context,
    key: &ObjectKey,
    old: Option<&Watched<SyncPolicy>>,
    new: Option<&Watched<SyncPolicy>>,
) {
    let generation = |policy: Option<&Watched<SyncPolicy>>| {
        policy.map(|policy| (policy.meta().generation, policy.meta().deletion_timestamp.is_some()))
    };
    if generation(old) != generation(new) {
        request_where(context, |other, _| other.namespace == key.namespace);
        request(context, key);
        pipelines(context, key, old, new);
    }
}

/// What policies say to their pipelines may have changed: those look.
fn pipelines(
    context: &Context,
    key: &ObjectKey,
    old: Option<&Watched<SyncPolicy>>,
    new: Option<&Watched<SyncPolicy>>,
) {
    let policies: Vec<_> = old.into_iter().chain(new).filter_map(|policy| policy.0.as_ref().ok()).collect();
    let any = |says: fn(&SyncPolicy) -> bool| policies.iter().any(|policy| says(policy));
    let of_leases = any(|policy| policy.spec.lease.is_some());
    let of_pipelines = any(|policy| policy.spec.pause.is_some() || policy.spec.max_staleness.is_some());
    if !of_leases && !of_pipelines {
        return;
    }
    let concerned = context.external_secrets.keys_where(|name, object| {
        name.namespace == key.namespace
            && policies.iter().any(|policy| is_selected(&policy.spec, &name.name, object))
    });
    for concerned in concerned {
        if of_leases {
            leases::request_of(context, &concerned);
        }
        if of_pipelines {
            context.request(&concerned, Lane::Changed);
        }
    }
}

/// An ExternalSecret appeared, changed or went: the policies that are or were attached to it look.
pub fn external_secret(
    context: &Context,
    key: &ObjectKey,
    old: Option<&Watched<ExternalSecret>>,
    new: Option<&Watched<ExternalSecret>>,
) {
    if context.policies.mirror.is_empty() {
        return;
    }
    let matters = match (old, new) {
        (Some(old), Some(new)) => {
            old.meta().labels != new.meta().labels || old.meta().generation != new.meta().generation
        }
        _ => true,
    };
    if matters {
        leases::request_of(context, key);
        request_where(context, |policy, seen| {
            policy.namespace == key.namespace
                && seen.0.as_ref().is_ok_and(|seen| {
                    old.into_iter().chain(new).any(|object| is_selected(&seen.spec, &key.name, object))
                })
        });
    }
}

/// The content of the managed Secret under `key` may have changed: the policies of its namespace that restart something
/// compare it.
pub fn secret(context: &Context, key: &ObjectKey) {
    if context.policies.mirror.is_empty() {
        return;
    }
    request_where(context, |policy, seen| {
        policy.namespace == key.namespace && seen.0.as_ref().is_ok_and(|seen| seen.spec.restart.is_some())
    });
}

fn request_where(context: &Context, wanted: impl Fn(&ObjectKey, &Watched<SyncPolicy>) -> bool) {
    for key in context.policies.mirror.keys_where(wanted) {
        request(context, &key);
    }
}

fn request(context: &Context, key: &ObjectKey) {
    context.policies.schedule.request(key, &Group::from(key.namespace.as_str()), Lane::Changed);
}
