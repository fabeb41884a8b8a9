//! What changes in a store is noticed before the next refresh: by looks at the metadata of the entries in use, and by
//! what the service tells of its own accord.
//!
//! | file | what it decides or does |
//! | --- | --- |
//! | [`terms`] | whether a store is watched, and how: flags and the store's annotations |
//! | [`places`] | which entries are in use, by whom; pure but for the mirrors |
//! | [`known`] | which of them have changed since they were last looked at; pure |
//! | [`watcher`] | one store as one identity: looks, listens, and makes objects due |
//!
//! A watcher uses the client, and so the login and the pace, of the objects. What it learns decides when an object is
//! read and nothing else: an error here never shows in an object, and without any of this the interval still counts.

mod known;
mod places;
mod terms;
mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::context::Context;
use crate::stores::{Readiness, StoreId, StoreView};

pub use terms::Defaults;

use terms::{Terms, terms};

/// Time between two looks at which stores there are.
const LOOK: Duration = Duration::from_secs(2);

/// One store as one identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Watched {
    store: StoreId,
    /// Whose identity, where callers differ.
    caller: Option<String>,
}

/// How it is to be watched; a change of it begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Manner {
    uid: String,
    generation: Option<i64>,
    terms: Terms,
}

/// Keeps a watcher for every store that wants one. Ends never; dropping it ends all of them.
pub async fn run(context: Arc<Context>) -> anyhow::Result<()> {
    let mut running: BTreeMap<Watched, (Manner, tokio::task::AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut told = BTreeSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let wanted = wanted(&context, &mut told).await;
        running.retain(|watched, (manner, task)| {
            let stays = wanted.get(watched) == Some(manner) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        for (watched, manner) in wanted {
            running.entry(watched).or_insert_with_key(|watched| {
                let (context, terms) = (Arc::clone(&context), manner.terms);
                let (store, caller) = (watched.store.clone(), watched.caller.clone());
                let task = tasks.spawn(watcher::watch(context, store, caller, terms));
                (manner, task)
            });
        }
        sleep(LOOK).await;
    }
}

/// Every store that is to be watched now, as every identity that it is used with.
async fn wanted(context: &Context, told: &mut BTreeSet<(String, String)>) -> BTreeMap<Watched, Manner> {
    let mut wanted = BTreeMap::new();
    for id in context.stores.all() {
        let Some(store) = context.stores.get(&id) else { continue };
        if !is_used(context, &store) {
            continue;
        }
        let (terms, fault) = terms(&store.meta, &context.settings.changes);
        if let Some(fault) = fault
            && told.insert((store.uid().to_owned(), fault.clone()))
        {
            tracing::warn!(store = %id, fault, "an annotation is passed over");
        }
        if !terms.watches() {
            continue;
        }
        let (uid, generation) = (store.uid().to_owned(), store.meta.generation);
        let manner = Manner { uid, generation, terms };
        let callers = if context.pool.differs_by_caller(&store).await {
            places::namespaces(context, &store).into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        wanted.extend(
            callers.into_iter().map(|caller| (Watched { store: id.clone(), caller }, manner.clone())),
        );
    }
    wanted
}

fn is_used(context: &Context, store: &StoreView) -> bool {
    let settings = &context.settings;
    store.is_of_class(&settings.controller_class)
        && store.meta.deletion_timestamp.is_none()
        && (settings.cluster_stores || !store.id.cluster)
        && (store.readiness() == Readiness::Ready || !settings.flood_gate)
}

#[cfg(test)]
mod tests;
