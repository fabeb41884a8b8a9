//! From what happens to stores to keys in the store schedule.

use crate::context::Context;
use crate::external_secret;
use crate::schedule::{Group, Lane};
use crate::stores::{StoreId, StoreView};

/// A store appeared, changed or went. Changes of the status alone ask for nothing.
pub(crate) fn watch(context: &Context, id: &StoreId, old: Option<&StoreView>, new: Option<&StoreView>) {
    let group = Group::from(id.to_string());
    match (old, new) {
        (Some(old), Some(new)) if !matters(old, new) => {
            if new.readiness() != old.readiness() {
                external_secret::watch::store(context, id);
            }
        }
        (old, Some(new)) => {
            if let Some(old) = old.filter(|old| old.uid() != new.uid()) {
                context.pool.forget(old.uid());
            }
            context.store_schedule.request(id, &group, Lane::Changed);
            external_secret::watch::store(context, id);
        }
        (Some(old), None) => {
            context.pool.forget(old.uid());
            context.metrics.forget_store(id);
            context.store_schedule.request(id, &group, Lane::Refresh);
        }
        (None, None) => {}
    }
}

/// Something that the store `id` refers to has changed, or may have: its check compares.
pub(crate) fn reference(context: &Context, id: &StoreId, known: bool) {
    let lane = if known { Lane::Changed } else { Lane::Refresh };
    context.store_schedule.request(id, &Group::from(id.to_string()), lane);
}

fn matters(old: &StoreView, new: &StoreView) -> bool {
    old.meta.generation != new.meta.generation
        || old.meta.uid != new.meta.uid
        || old.meta.annotations != new.meta.annotations
        || old.meta.deletion_timestamp != new.meta.deletion_timestamp
}
