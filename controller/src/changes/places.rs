//! Which entries of a store are in use, and by which objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use strongroom_crds::ExternalSecret;
use strongroom_provider_api::Changes;

use crate::context::Context;
use crate::external_secret::{Use, users};
use crate::kube_io::ObjectKey;
use crate::stores::{Gate, StoreView, access};

/// An entry in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InUse {
    /// One of the keys that mean it.
    pub key: String,
    /// Who draws from it, and when each was last refreshed.
    pub users: Vec<(ObjectKey, Option<Timestamp>)>,
}

/// The namespaces that use `store` and may.
pub(super) fn namespaces(context: &Context, store: &StoreView) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut may = permitted(context, store);
    users(context, &store.id, |key, _, _| {
        if !found.contains(&key.namespace) && may(&key.namespace) {
            found.insert(key.namespace.clone());
        }
        false
    });
    found
}

/// The entries of `store` that are in use by name, by their places; those of one `caller` only, where one is given.
pub(super) fn in_use(
    context: &Context,
    store: &StoreView,
    caller: Option<&str>,
    changes: &dyn Changes,
) -> BTreeMap<String, InUse> {
    let mut found: BTreeMap<String, InUse> = BTreeMap::new();
    let mut may = permitted(context, store);
    users(context, &store.id, |owner, object, used| {
        let Use::Key(key) = used else { return false };
        if caller.is_some_and(|caller| caller != owner.namespace) || !may(&owner.namespace) {
            return false;
        }
        if let Some(place) = changes.place(key) {
            let entry =
                found.entry(place).or_insert_with(|| InUse { key: key.to_owned(), users: Vec::new() });
            // An object's entries come one after the other.
            if entry.users.last().is_none_or(|(last, _)| last != owner) {
                entry.users.push((owner.clone(), refreshed(context, owner, object)));
            }
        }
        false
    });
    found
}

/// Who draws from any of `places`, by name or by a search; those of one place follow each other. And a key for each of the
/// places that is in use by name.
pub(super) fn drawing(
    context: &Context,
    store: &StoreView,
    caller: Option<&str>,
    changes: &dyn Changes,
    places: &BTreeSet<String>,
) -> (Vec<ObjectKey>, BTreeMap<String, String>) {
    let mut found: Vec<(String, ObjectKey)> = Vec::new();
    let mut keys = BTreeMap::new();
    users(context, &store.id, |owner, _, used| {
        if caller.is_some_and(|caller| caller != owner.namespace) {
            return false;
        }
        let place = match used {
            Use::Key(key) => changes.place(key).filter(|place| places.contains(place)),
            Use::Below(path) => changes
                .folder(path)
                .and_then(|folder| places.iter().find(|place| place.starts_with(&folder)).cloned()),
        };
        let hit = place.is_some();
        if let (Use::Key(key), Some(place)) = (used, &place) {
            keys.entry(place.clone()).or_insert_with(|| key.to_owned());
        }
        found.extend(place.map(|place| (place, owner.clone())));
        hit
    });
    found.sort();
    (found.into_iter().map(|(_, owner)| owner).collect(), keys)
}

/// Who draws from `store` by a search; with `all`, whoever draws from it.
pub(super) fn searching(
    context: &Context,
    store: &StoreView,
    caller: Option<&str>,
    all: bool,
) -> Vec<ObjectKey> {
    users(context, &store.id, |owner, _, used| {
        caller.is_none_or(|caller| caller == owner.namespace) && (all || matches!(used, Use::Below(_)))
    })
}

/// When `object` was last refreshed, as far as is known.
fn refreshed(context: &Context, key: &ObjectKey, object: &ExternalSecret) -> Option<Timestamp> {
    let told = object.status.as_ref().and_then(|status| status.refresh_time.as_ref()).map(|time| time.0);
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    context.refreshed.get(key, uid).max(told)
}

/// Whether a namespace may use `store`: asked once for each.
fn permitted<'a>(context: &'a Context, store: &'a StoreView) -> impl FnMut(&str) -> bool + 'a {
    let mut known: HashMap<String, bool> = HashMap::new();
    let now = context.clock.now();
    move |namespace| {
        if let Some(may) = known.get(namespace) {
            return *may;
        }
        let view = context.namespaces.get(&ObjectKey::cluster(namespace)).unwrap_or_default();
        let gate = Gate {
            namespace,
            view: &view,
            class: &context.settings.controller_class,
            flood_gate: context.settings.flood_gate,
            now,
            started: context.started,
        };
        let may = access(&store.id, Some(store), gate).is_ok();
        known.insert(namespace.to_owned(), may);
        may
    }
}
