//! From what happens to stores to keys in the store schedule.

use crate::context::Context;
use crate::external_secret;
use crate::schedule::Lane;
use crate::stores::{StoreId, StoreView};

/// A store appeared, changed or went. Changes of the status alone ask for nothing.
pub(crate) fn watch(context: &Context, id: &StoreId, old: Option<&StoreView>, new: Option<&StoreView>) {
    let group = id.group();
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
    context.store_schedule.request(id, &id.group(), lane);
}

fn matters(old: &StoreView, new: &StoreView) -> bool {
    old.meta.generation != new.meta.generation
        || old.meta.uid != new.meta.uid
        || old.meta.annotations != new.meta.annotations
        || old.meta.labels != new.meta.labels
        || old.meta.deletion_timestamp != new.meta.deletion_timestamp
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::app::context_over;
    use crate::kube_io::{ObjectKey, Watched};

    #[tokio::test(start_paused = true)]
    async fn stores_of_one_name_in_two_namespaces_do_not_wait_for_each_other() {
        let context = context_over(&[], |_, _, body| (200, body.clone()));
        for namespace in ["one", "two"] {
            let store = json!({
                "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                "metadata": { "name": "vault", "namespace": namespace, "uid": namespace, "generation": 1 },
                "spec": { "provider": { "fake": { "data": [] } } },
            });
            let view = StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())));
            watch(&context, &StoreId::namespaced(ObjectKey::new(namespace, "vault")), None, Some(&view));
        }
        for _ in 0..2 {
            // Neither is ever finished.
            let next = tokio::time::timeout(Duration::from_secs(1), context.store_schedule.next());
            next.await.expect("both are checked at once");
        }
    }
}
