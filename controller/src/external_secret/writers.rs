//! `Writers`: which ExternalSecrets write a target. Several may: with merging policies, or until one gives it up.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::gather::target_key;
use crate::context::Context;
use crate::kube_io::ObjectKey;
use crate::schedule::Lane;

/// The names of the ExternalSecrets whose target does not bear their own name, by target. The others need no index.
#[derive(Debug, Default)]
pub struct Writers(Mutex<HashMap<ObjectKey, BTreeSet<String>>>);

impl Writers {
    /// The target of the ExternalSecret `key` was `old` and is `new`.
    pub(super) fn moved(&self, key: &ObjectKey, old: Option<&ObjectKey>, new: Option<&ObjectKey>) {
        if old == new {
            return;
        }
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = old.filter(|old| *old != key)
            && let Some(names) = named.get_mut(old)
        {
            names.remove(&key.name);
            if names.is_empty() {
                named.remove(old);
            }
        }
        if let Some(new) = new.filter(|new| *new != key) {
            named.entry(new.clone()).or_default().insert(key.name.clone());
        }
    }

    fn named(&self, target: &ObjectKey) -> Vec<String> {
        let named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        named.get(target).map(|names| names.iter().cloned().collect()).unwrap_or_default()
    }
}

/// The ExternalSecrets that write `target`.
pub(super) fn writers(context: &Context, target: &ObjectKey) -> Vec<ObjectKey> {
    let namesake =
        context.external_secrets.get(target).filter(|object| target_key(target, object) == *target);
    let named = context.writers.named(target).into_iter().map(|name| ObjectKey::new(&target.namespace, name));
    namesake.map(|_| target.clone()).into_iter().chain(named).collect()
}

/// `by` wrote `target`, and the mirror knows it before the watch tells: whoever else writes it looks.
pub(super) fn wake_others(context: &Context, target: &ObjectKey, by: &ObjectKey) {
    for other in writers(context, target).iter().filter(|other| *other != by) {
        context.request(other, Lane::Changed);
    }
}
