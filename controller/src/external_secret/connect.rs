//! Hop 4, second half: every source gets the live client of its store, if the namespace may use it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strongroom_provider_api::Error;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::gather::Observed;
use super::near::Near;
use super::sources::{Source, Sources};
use crate::context::Context;
use crate::error::SyncError;
use crate::stores::{Admission, Gate, Handle, Held, Pass, StoreId, StoreView, access};
use crate::telemetry::traces;

/// A store that the sources draw from, connected.
#[derive(Debug)]
pub(super) struct Connected {
    /// The store as it was when it was connected.
    pub store: Arc<StoreView>,
    /// Its client for this namespace.
    pub handle: Arc<Handle>,
    /// What it reads through.
    pub pass: Pass,
    /// Until it is known whether the store answers.
    pub admission: Option<Admission>,
}

/// The connected stores of `sources`, each once, for reads that began at `since` or later.
///
/// # Errors
/// The first source, in their order, whose store may not be used, may not be asked now or cannot be connected.
pub(super) async fn connect(
    context: &Context,
    observed: &Observed,
    sources: &[Source],
    since: Instant,
) -> Result<BTreeMap<StoreId, Connected>, SyncError> {
    let mut connected = BTreeMap::new();
    for source in sources {
        if connected.contains_key(&source.store) {
            continue;
        }
        let store = permitted(context, observed, source)?;
        let same_store = sources.iter().filter(|other| other.store == source.store);
        let keys = same_store.filter_map(|source| source.ask.key());
        let held = |Held { error, wait }| failed(source, error, Some(wait));
        let admission = context.breakers.admit(&store, &observed.key, keys).map_err(held)?;
        let span = traces::connect(&store);
        let handle =
            context.pool.handle(&store, Some(&observed.key.namespace)).instrument(span.clone()).await;
        traces::ended(&span, handle.as_ref().map(|_| "connected").map_err(|error| error.kind().reason()));
        drop(span);
        match handle {
            Ok(handle) => {
                let (pass, admission) = (handle.pass(since), Some(admission));
                connected.insert(source.store.clone(), Connected { store, handle, pass, admission });
            }
            Err(error) => {
                let wait = admission.failed(&error);
                return Err(failed(source, error, wait));
            }
        }
    }
    Ok(connected)
}

/// The failure of a source; `wait` is for how long the breaker of its store is open, if it is.
pub(super) fn failed(source: &Source, error: Arc<Error>, wait: Option<Duration>) -> SyncError {
    let (entry, store) = (source.entry.to_string(), source.store.clone());
    match wait {
        Some(wait) => SyncError::Held { entry, store, error, wait },
        None => SyncError::Store { entry, store, error, near: Near::default() },
    }
}

/// True if one of the stores exists and belongs to another controller class: then the whole object is none of
/// our business (spec eso-core 2.2, step 5).
pub(super) fn is_foreign(context: &Context, sources: &Sources) -> bool {
    let mut stores = sources.stores.iter().map(|source| &source.store).chain(&sources.unread);
    stores.any(|store| {
        let store = context.stores.get(store);
        store.is_some_and(|store| !store.is_of_class(&context.settings.controller_class))
    })
}

fn permitted(context: &Context, observed: &Observed, source: &Source) -> Result<Arc<StoreView>, SyncError> {
    let store = context.stores.get(&source.store);
    let gate = Gate {
        namespace: &observed.key.namespace,
        view: &observed.namespace,
        class: &context.settings.controller_class,
        flood_gate: context.settings.flood_gate,
        now: observed.now,
        started: context.started,
    };
    let denied = |error| SyncError::Access { entry: source.entry.to_string(), error };
    access(&source.store, store.as_deref(), gate).map_err(denied)?;
    store.ok_or_else(|| denied(crate::stores::AccessError::Absent(source.store.clone())))
}
