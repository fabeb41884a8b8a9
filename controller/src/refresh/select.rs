//! Which ExternalSecrets a wish means: by what they say, and in the spelling of keys that their store understands.

use std::collections::{BTreeMap, BTreeSet};

use kube::Resource as _;
use kube::core::SelectorExt as _;
use strongroom_provider_api::Changes;
use tokio::time::Instant;

use super::wish::Wish;
use crate::context::Context;
use crate::external_secret::{Ask, Asker, Use, users, watch};
use crate::kube_io::ObjectKey;
use crate::stores::StoreId;

/// Makes all that `wish` means due at once; gives how many objects that are. What is never refreshed is not counted.
pub(super) async fn ask(context: &Context, wish: &Wish) -> usize {
    // Before anything is looked up: whoever reads later reads what the caller knows of.
    let ask = Ask { asker: Asker::User, since: Instant::now() };
    let found = match &wish.store {
        Some(store) => {
            let view = context.stores.get(store);
            let handle = match &view {
                Some(view) => context.pool.any(view).await,
                None => None,
            };
            drawing(context, wish, store, handle.as_ref().and_then(|handle| handle.client.changes()))
        }
        None => labelled(context, wish),
    };
    watch::ask(context, &found, ask)
}

/// Those that draw from the store, those of one key after the other.
fn drawing(context: &Context, wish: &Wish, store: &StoreId, changes: Option<&dyn Changes>) -> Vec<ObjectKey> {
    // A store that is in use knows that `/a/b` and `MOUNT/data/a/b` are one entry; otherwise the text counts.
    let place = |key: &str| {
        changes.and_then(|changes| changes.place(key)).unwrap_or_else(|| key.trim_matches('/').to_owned())
    };
    let folder = |path: Option<&str>| {
        changes.and_then(|changes| changes.folder(path)).unwrap_or_else(|| text_folder(path))
    };
    let keys: BTreeSet<String> = wish.keys.iter().map(|key| place(key)).collect();
    let mut order: BTreeMap<ObjectKey, String> = BTreeMap::new();
    let mut found = users(context, store, |key, object, used| {
        if !matches(wish, key, object.meta().labels.as_ref()) {
            return false;
        }
        let place = match used {
            Use::Key(name) => place(name),
            Use::Below(path) => folder(path),
        };
        let wanted = keys.is_empty()
            || match used {
                Use::Key(_) => keys.contains(&place),
                Use::Below(_) => keys.iter().any(|name| name.starts_with(&place)),
            };
        if wanted {
            order.entry(key.clone()).or_insert(place);
        }
        wanted
    });
    found.sort_by(|a, b| (order.get(a), a).cmp(&(order.get(b), b)));
    found
}

fn labelled(context: &Context, wish: &Wish) -> Vec<ObjectKey> {
    context.external_secrets.keys_where(|key, object| matches(wish, key, object.meta().labels.as_ref()))
}

fn matches(wish: &Wish, key: &ObjectKey, labels: Option<&BTreeMap<String, String>>) -> bool {
    let nothing = BTreeMap::new();
    wish.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(&key.namespace))
        && wish.selector.as_ref().is_none_or(|selector| selector.matches(labels.unwrap_or(&nothing)))
}

/// What the keys below `path` begin with, as text.
fn text_folder(path: Option<&str>) -> String {
    match path.map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}/"),
        None => String::new(),
    }
}
