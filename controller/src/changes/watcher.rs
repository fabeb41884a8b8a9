//! One store as one identity: looks at the entries in use, listens, and makes the objects of what has changed due.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use strongroom_provider_api::{Changes, Error, ErrorKind, Notice, Result, Version};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use super::known::Known;
use super::places::{self, InUse};
use super::terms::Terms;
use crate::context::Context;
use crate::external_secret::{Ask, Asker, watch as objects};
use crate::kube_io::ObjectKey;
use crate::schedule::Backoff;
use crate::stores::{Handle, StoreId, StoreView};

/// Time between two attempts to get a client, which the objects need as well.
const NO_CLIENT: Duration = Duration::from_secs(10);
/// What is told within so long is looked up together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Time between two attempts to listen.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(1) };
/// Where the service tells nothing, or not to this login, it is asked again after this long: it may be upgraded.
const NOT_TOLD: Duration = Duration::from_mins(30);
/// While the service tells of changes, all entries are looked at this much more seldom: it promises nothing.
const SELDOM: u32 = 10;
/// So many entries that were told of together are looked at; the next sweep looks at the others.
const MOST_LOOKS: usize = 16;
/// Looks that are under way at once.
const CONCURRENCY: usize = 4;
/// Time between two looks at whether the client is still the objects'.
const CURRENT: Duration = Duration::from_secs(2);

/// What the listener tells the sweeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Heard {
    listening: bool,
    /// How often listening has begun: each time what came before may have been missed.
    times: u64,
}

struct Watcher {
    context: Arc<Context>,
    id: StoreId,
    caller: Option<String>,
    terms: Terms,
    /// What was seen of the entries. Outlives clients: another login sees the same entries.
    known: Mutex<Known>,
    heard: watch::Sender<Heard>,
}

/// What a look at an entry has shown.
struct Looked {
    place: String,
    entry: InUse,
    state: Result<Option<Version>>,
    /// When the answer came: what is read later is not older.
    at: Instant,
}

async fn look(changes: &dyn Changes, place: String, entry: InUse) -> Looked {
    let state = changes.version(&entry.key).await;
    Looked { place, entry, state, at: Instant::now() }
}

/// Watches until it is aborted, or the store is gone or tells nothing at all.
pub(super) async fn watch(context: Arc<Context>, id: StoreId, caller: Option<String>, terms: Terms) {
    let heard = watch::Sender::new(Heard::default());
    let watcher = Watcher { context, id, caller, terms, known: Mutex::default(), heard };
    while let Some((store, handle)) = watcher.client().await {
        watcher.heard.send_modify(|heard| heard.listening = false);
        let Some(changes) = handle.client.changes() else {
            tracing::debug!(store = %watcher.id, "its provider tells nothing of changes");
            // The store may become another one: that begins a new watcher.
            std::future::pending::<()>().await;
            return;
        };
        // Before anybody listens: else the sweeper might not hear of it.
        let heard = watcher.heard.subscribe();
        let seen = heard.borrow().times;
        tokio::select! {
            () = watcher.sweeps(&store, changes, heard, seen) => {}
            () = watcher.listens(&store, changes), if terms.events => {}
            // Whoever keeps an old client keeps an old login.
            () = watcher.outlived(&store, &handle) => {}
        }
    }
}

impl Watcher {
    /// The client that the objects use; `None` once the store is gone.
    async fn client(&self) -> Option<(Arc<StoreView>, Arc<Handle>)> {
        loop {
            let store = self.context.stores.get(&self.id)?;
            if let Ok(handle) = self.context.pool.handle(&store, self.caller.as_deref()).await {
                return Some((store, handle));
            }
            sleep(NO_CLIENT).await;
        }
    }

    async fn outlived(&self, store: &StoreView, handle: &Arc<Handle>) {
        loop {
            sleep(CURRENT).await;
            let current = self.context.pool.current(store, self.caller.as_deref()).await;
            if current.is_none_or(|current| !Arc::ptr_eq(&current, handle)) {
                return;
            }
        }
    }

    /// Looks at all entries in use: at once, by the interval, and whenever something may have been missed.
    async fn sweeps(
        &self,
        store: &StoreView,
        changes: &dyn Changes,
        mut heard: watch::Receiver<Heard>,
        mut seen: u64,
    ) {
        let mut due = self.terms.sweep.is_some();
        let (mut failures, mut can_look) = (0, true);
        loop {
            if due && can_look {
                match self.sweep(store, changes).await {
                    Ok(()) => failures = 0,
                    Err(error) if error.kind() == ErrorKind::Unsupported => {
                        tracing::info!(store = %self.id, %error, "its entries cannot be looked at");
                        can_look = false;
                    }
                    Err(error) => {
                        tracing::warn!(store = %self.id, %error, "not all entries were looked at");
                        failures += 1;
                    }
                }
            }
            let listening = heard.borrow().listening;
            let regular = self.terms.sweep.map(|wait| if listening { wait * SELDOM } else { wait });
            let again = (failures > 0).then(|| AGAIN.wait(failures, 0));
            let passed = async {
                match again.into_iter().chain(regular).min() {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            due = tokio::select! {
                () = passed => true,
                _ = heard.changed() => {
                    let times = heard.borrow_and_update().times;
                    let begins = std::mem::replace(&mut seen, times) != times;
                    if begins && times > 1 {
                        self.missed(store, !can_look);
                    }
                    begins
                }
            };
        }
    }

    /// Nobody listened for a while: what no look at an entry can tell is read again.
    fn missed(&self, store: &StoreView, all: bool) {
        let found = places::searching(&self.context, store, self.caller.as_deref(), all);
        self.ask("event", &found, Instant::now());
    }

    /// One look at every entry in use, so many a second.
    async fn sweep(&self, store: &StoreView, changes: &dyn Changes) -> Result<()> {
        let in_use = places::in_use(&self.context, store, self.caller.as_deref(), changes);
        self.known().keep(&in_use);
        let mut pace = interval(Duration::from_secs(1) / self.terms.rate);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rest = in_use.into_iter().filter(|(place, _)| self.known().may_look(place));
        let mut next = rest.next();
        let mut looks = FuturesUnordered::new();
        let mut denied = 0;
        loop {
            let looked = tokio::select! {
                _ = pace.tick(), if next.is_some() && looks.len() < CONCURRENCY => {
                    looks.extend(next.take().map(|(place, entry)| look(changes, place, entry)));
                    next = rest.next();
                    continue;
                }
                Some(looked) = looks.next(), if !looks.is_empty() => looked,
                else => break,
            };
            match looked.state {
                Ok(state) => {
                    let outdated = self.known().outdated(&looked.place, state.as_ref(), &looked.entry.users);
                    self.ask("sweep", &outdated, looked.at);
                }
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    self.known().denied(&looked.place);
                    denied += 1;
                }
                // Of this key alone: the objects say what is wrong with it.
                Err(error) if error.kind() == ErrorKind::InvalidPayload => {}
                Err(error) => return Err(error),
            }
        }
        if denied > 0 {
            let message = "the login may not look at the metadata of some entries: their changes are noticed by the interval only";
            tracing::warn!(store = %self.id, entries = denied, message);
        }
        Ok(())
    }

    /// Listens, again and again. Ends never.
    async fn listens(&self, store: &StoreView, changes: &dyn Changes) {
        let mut failures = 0;
        loop {
            let error = self.listen(store, changes, &mut failures).await;
            self.heard.send_modify(|heard| heard.listening = false);
            let wait = match error.kind() {
                ErrorKind::Unsupported | ErrorKind::PermissionDenied => NOT_TOLD,
                ErrorKind::InvalidConfig
                | ErrorKind::Unauthenticated
                | ErrorKind::NotFound
                | ErrorKind::Throttled
                | ErrorKind::Unavailable
                | ErrorKind::Conflict
                | ErrorKind::InvalidPayload
                | ErrorKind::Internal => {
                    failures += 1;
                    AGAIN.wait(failures, 0).max(error.retry_after().unwrap_or_default())
                }
            };
            tracing::info!(store = %self.id, %error, again = ?wait, "changes are not told");
            sleep(wait).await;
        }
    }

    /// Listens until that fails.
    async fn listen(&self, store: &StoreView, changes: &dyn Changes, failures: &mut u32) -> Error {
        let mut notices = changes.notices();
        let mut told = BTreeSet::new();
        let mut until = Instant::now();
        loop {
            let next = if told.is_empty() {
                let next = Some(notices.next().await);
                until = Instant::now() + TOGETHER;
                next
            } else {
                timeout_at(until, notices.next()).await.ok()
            };
            match next {
                Some(Some(Ok(Notice::Listening))) => {
                    *failures = 0;
                    tracing::info!(store = %self.id, "changes are told");
                    self.heard.send_modify(|heard| {
                        *heard = Heard { listening: true, times: heard.times + 1 };
                    });
                }
                Some(Some(Ok(Notice::Changed(place)))) => {
                    told.insert(place);
                }
                // Time is up, or it ends: what was told so far is looked up.
                None | Some(None | Some(Err(_))) => {
                    self.told(store, changes, &told).await;
                    told.clear();
                    match next {
                        Some(Some(Err(error))) => return error,
                        Some(_) => {
                            return Error::new(ErrorKind::Unavailable, "listen", "the service has ended");
                        }
                        None => {}
                    }
                }
            }
        }
    }

    /// What was told has changed. A look comes before the reads: so what they read is not older than what the next look
    /// is compared with, and that one finds nothing new.
    async fn told(&self, store: &StoreView, changes: &dyn Changes, places: &BTreeSet<String>) {
        if places.is_empty() {
            return;
        }
        let (found, keys) = places::drawing(&self.context, store, self.caller.as_deref(), changes, places);
        let looks: FuturesUnordered<_> = keys
            .into_iter()
            .filter(|(place, _)| self.known().may_look(place))
            .take(MOST_LOOKS)
            .map(|(place, key)| look(changes, place, InUse { key, users: Vec::new() }))
            .collect();
        for Looked { place, state, .. } in looks.collect::<Vec<_>>().await {
            if let Ok(state) = state {
                self.known().note(&place, state.as_ref());
            }
        }
        self.ask("event", &found, Instant::now());
    }

    fn ask(&self, source: &'static str, keys: &[ObjectKey], since: Instant) {
        if keys.is_empty() {
            return;
        }
        let asked = objects::ask(&self.context, keys, Ask { asker: Asker::Store, since });
        self.context.metrics.due_early(source, asked);
        tracing::debug!(store = %self.id, source, asked, "entries have changed");
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
