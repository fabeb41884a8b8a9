//! Hop 1: from what happens in the cluster to keys in the schedule.

use kube::Resource as _;
use kube::api::ObjectMeta;
use strongroom_crds::conditions::{ConditionType, STATUS_TRUE};
use strongroom_crds::{ExternalSecret, names};

use super::asked::{Ask, Asker};
use super::due;
use super::gather::target_key;
use super::sources::sources;
use super::writers::writers;
use super::{Keeper, keeper};
use crate::context::Context;
use crate::kube_io::{NamespaceView, ObjectKey, Reference, ReferenceKind, SecretDigest, Watched};
use crate::leases;
use crate::policies;
use crate::schedule::Lane;
use crate::stores::StoreId;

/// An ExternalSecret appeared, changed or went. Changes of the status alone are our own and ask for nothing
/// (spec eso-core 2.1).
pub fn external_secret(
    context: &Context,
    key: &ObjectKey,
    old: Option<&Watched<ExternalSecret>>,
    new: Option<&Watched<ExternalSecret>>,
) {
    if old.map(|old| old.meta().generation) != new.map(|new| new.meta().generation) {
        context.references.set_templates(key, new.map(|new| templates(key, new)).unwrap_or_default());
    }
    let target = |object: &Watched<ExternalSecret>| target_key(key, object);
    context.writers.moved(key, old.map(target).as_ref(), new.map(target).as_ref());
    policies::external_secret(context, key, old, new);
    match (old, new) {
        (Some(old), Some(new)) if !matters(old.meta(), new.meta()) => {}
        (None, Some(new)) if was_synced(new) => context.request(key, Lane::Refresh),
        (_, Some(_)) => context.request(key, Lane::Changed),
        (Some(old), None) => {
            let uid = old.meta().uid.as_deref().unwrap_or_default();
            context.events.forget(uid);
            leases::owner_gone(context, uid);
            context.metrics.forget(key);
            context.retemplated.forget(key);
            context.asked.forget(key);
            context.refreshed.forget(key);
            context.brake.forget(key);
            context.request(key, Lane::Refresh);
        }
        (None, None) => {}
    }
}

/// A managed Secret appeared, changed or went: whoever writes it looks.
pub fn secret(context: &Context, key: &ObjectKey, old: Option<&SecretDigest>, new: Option<&SecretDigest>) {
    if new.is_none()
        && let Some(old) = old
    {
        context.in_step.forget(&old.uid);
    }
    if old.map(|old| &old.hash) != new.map(|new| &new.hash) {
        policies::secret(context, key);
    }
    if key.name.ends_with(names::PREVIOUS_SUFFIX)
        && let Some(secret) = new.or(old).filter(|secret| secret.previous_until.is_some())
    {
        // It is no target, but it has to go one day.
        if let Some(owner) = &secret.controller {
            context.request(&ObjectKey::new(&key.namespace, &owner.name), Lane::Refresh);
        }
        return;
    }
    for writer in writers(context, key) {
        context.request(&writer, Lane::Changed);
    }
}

/// A ConfigMap or Secret that the template of `key` is made from changed.
pub fn template(context: &Context, key: &ObjectKey) {
    context.retemplated.set(key);
    context.request(key, Lane::Changed);
}

/// Those of `keys` that are refreshed at the word of `ask`'s asker are due at once; gives how many that are.
///
/// They go into line one after the other, so those that read the same should follow each other. At the store's word it is
/// the line of refreshes, which keeps this order however many come after them.
pub fn ask(context: &Context, keys: &[ObjectKey], ask: Ask) -> usize {
    let heeds = |key: &&ObjectKey| {
        context.external_secrets.get(key).is_some_and(|object| {
            object.0.as_ref().is_ok_and(|object| {
                due::heeds(&object.spec, ask.asker)
                    && keeper(context, &key.namespace, object) != Keeper::Foreign
            })
        })
    };
    let lane = match ask.asker {
        Asker::User => Lane::Changed,
        Asker::Store => Lane::Refresh,
    };
    let mut asked = 0;
    for key in keys.iter().filter(heeds) {
        context.asked.set(key, ask);
        context.request(key, lane);
        asked += 1;
    }
    asked
}

/// The ConfigMaps and Secrets that the template is made from; they live in the object's own namespace.
fn templates(key: &ObjectKey, object: &Watched<ExternalSecret>) -> Vec<Reference> {
    let Ok(object) = &object.0 else { return Vec::new() };
    let from = object.spec.target.template.iter().flat_map(|template| &template.template_from);
    let named = from.flat_map(|from| {
        let config_map = from.config_map.iter().map(|named| (ReferenceKind::ConfigMap, &named.name));
        config_map.chain(from.secret.iter().map(|named| (ReferenceKind::Secret, &named.name)))
    });
    named.map(|(kind, name)| Reference { kind, key: ObjectKey::new(&key.namespace, name) }).collect()
}

/// The labels of a namespace changed: a store's conditions may let it in now.
pub fn namespace(
    context: &Context,
    key: &ObjectKey,
    old: Option<&NamespaceView>,
    new: Option<&NamespaceView>,
) {
    if old.is_none() || new.is_none() || old == new {
        return;
    }
    for waiting in context.external_secrets.keys_where(|owner, _| owner.namespace == key.name) {
        context.request(&waiting, Lane::Refresh);
    }
}

/// A store became ready, or its spec changed: whoever draws from it and is not in step tries again.
pub fn store(context: &Context, store: &StoreId) {
    context.breakers.try_now(store);
    let waits = |owner: &ObjectKey, object: &Watched<ExternalSecret>| {
        let Ok(object) = &object.0 else { return false };
        let ready = object.status.iter().flat_map(|status| &status.conditions);
        let in_step = ready.into_iter().any(|condition| {
            condition.type_ == ConditionType::Ready.as_str() && condition.status == STATUS_TRUE
        });
        !in_step
            && sources(&owner.namespace, &object.spec)
                .is_ok_and(|sources| sources.stores.iter().any(|source| source.store == *store))
    };
    for waiting in context.external_secrets.keys_where(waits) {
        context.request(&waiting, Lane::Changed);
    }
}

fn matters(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    old.generation != new.generation
        || old.labels != new.labels
        || old.annotations != new.annotations
        || old.finalizers != new.finalizers
        || old.deletion_timestamp != new.deletion_timestamp
        || old.uid != new.uid
}

/// After a restart most objects are in step: they must not stand before the ones that never were.
fn was_synced(object: &Watched<ExternalSecret>) -> bool {
    let status = object.0.as_ref().ok().and_then(|object| object.status.as_ref());
    status.is_some_and(|status| status.refresh_time.is_some())
}
