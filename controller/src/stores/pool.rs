//! `Pool`: owns the live store clients, one for each store and identity.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use strongroom_provider_api::{
    Capabilities, Dialect, Error, ErrorKind, Resolver, Result, StoreClient, Toolbox,
};
use strongroom_provider_kit::layers::{self, Pace};
use tokio::time::Instant;

use super::StoreView;
use super::measured::{self, measured};
use super::names::Names;
use super::rate::rate;
use super::reads::{Pass, Reads};
use crate::kube_io::{Cluster, ClusterResolver, References};
use crate::logins::Logins;
use crate::schedule::Backoff;

/// After a failed connect the same answer is given for a while, so that a thousand objects of a broken store
/// do not make a thousand logins.
const COOL_DOWN: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(1) };
/// After a second refused login in a row: Vault locks an identity out after five within a quarter of an hour. A
/// change of the credential is noticed and ends the wait.
const REFUSED: Backoff = Backoff { first: Duration::from_mins(3), cap: Duration::from_mins(12) };
/// Revoking a login at the end may take this long.
const CLOSING: Duration = Duration::from_secs(5);

/// A live client and what is known of it. The login is revoked when the last user lets go.
pub struct Handle {
    /// The client, with time limit and retries around it.
    pub client: Arc<dyn StoreClient>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How its payloads are read.
    pub dialect: Dialect,
    resolver: Arc<ClusterResolver>,
    reads: Reads,
    names: Names,
    closed: AtomicBool,
}

/// Clients by store.
///
/// # The key
/// A client belongs to one store (uid) in one generation, and to one identity. A client that was made without
/// the caller's namespace serves every caller; if a reference needed it, each caller namespace has a client of
/// its own, and values never cross. Which of the two holds is found out by trying without a caller first: it
/// follows from what was resolved, not from what a provider declares.
#[derive(Debug)]
pub struct Pool {
    cluster: Cluster,
    references: Arc<References>,
    toolbox: Toolbox,
    logins: Arc<Logins>,
    /// Calls a second that a store is asked for, where it does not say so itself.
    rate: Option<NonZeroU32>,
    stores: Mutex<HashMap<String, StoreSlots>>,
}

#[derive(Debug)]
struct StoreSlots {
    generation: i64,
    per_caller: bool,
    pace: Arc<Pace>,
    slots: HashMap<Option<String>, Arc<Slot>>,
}

/// One place for a client. The lock makes connecting single-flight.
type Slot = tokio::sync::Mutex<Place>;

#[derive(Debug, Default)]
struct Place {
    handle: Option<Arc<Handle>>,
    /// What the client was made of has changed: another is made, and until then this one serves.
    outdated: bool,
    failure: Option<Failure>,
    failures: u32,
}

#[derive(Clone, Debug)]
struct Failure {
    error: Arc<Error>,
    until: Instant,
    /// Keeps what was referred to noted: a change of it is worth an attempt.
    resolver: Arc<ClusterResolver>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

impl Handle {
    /// The reads of one object, shared with others where they began at `since` or later.
    pub fn pass(&self, since: Instant) -> Pass {
        self.reads.pass(since)
    }

    /// The keys of some entries below `folder`, for a message; none if the store does not tell. Bounded in number, time
    /// and lists a minute.
    pub async fn names_below(&self, folder: Option<&str>) -> Arc<[String]> {
        self.names.below(&*self.client, folder).await
    }

    async fn close(&self) {
        if !self.closed.swap(true, Ordering::Relaxed) {
            let _ = tokio::time::timeout(CLOSING, self.client.close()).await;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let client = Arc::clone(&self.client);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tokio::time::timeout(CLOSING, client.close()).await });
        }
    }
}

impl Pool {
    /// A pool whose clients reach the cluster through `cluster` and get `toolbox`; what they refer to is noted in
    /// `references`, and their logins in `logins`.
    pub fn new(cluster: Cluster, references: Arc<References>, toolbox: Toolbox, logins: Arc<Logins>) -> Self {
        Self { cluster, references, toolbox, logins, rate: None, stores: Mutex::default() }
    }

    /// The same, with at most `rate` calls a second to each store that does not say otherwise.
    #[must_use]
    pub fn with_rate(self, rate: Option<NonZeroU32>) -> Self {
        Self { rate, ..self }
    }

    /// The client of `store` on behalf of `caller` (a namespace; `None` for the store's own check).
    ///
    /// # Errors
    /// Whatever connecting gives. The same error is given again until a cool-down is over.
    pub async fn handle(&self, store: &StoreView, caller: Option<&str>) -> Result<Arc<Handle>, Arc<Error>> {
        let (rate, _) = rate(&store.meta, self.rate);
        // Not with the client: an annotation changes no generation.
        self.with(store, |slots| slots.pace.set_rate(rate));
        let caller = caller.filter(|_| store.id.cluster);
        if caller.is_none() || !self.is_per_caller(store) {
            match self.open(store, None).await {
                Ok(handle) if caller.is_none() || !handle.resolver.caller_needed() => return Ok(handle),
                Err(failure) if caller.is_none() || !failure.resolver.caller_needed() => {
                    return Err(failure.error);
                }
                Ok(_) | Err(_) => self.with(store, |slots| slots.per_caller = true),
            }
        }
        self.open(store, caller).await.map_err(|failure| failure.error)
    }

    /// True if clients of `store` differ from caller to caller, as far as is known.
    fn is_per_caller(&self, store: &StoreView) -> bool {
        self.with(store, |slots| slots.per_caller)
    }

    /// True if the last attempt to connect without a caller met a reference that only a caller's namespace can
    /// complete: the store cannot be checked by itself then.
    pub async fn needs_caller(&self, store: &StoreView) -> bool {
        let Some(slot) = self.with(store, |slots| slots.slots.get(&None).cloned()) else { return false };
        let place = slot.lock().await;
        place.failure.as_ref().is_some_and(|failure| failure.resolver.caller_needed())
            || place.handle.as_ref().is_some_and(|handle| handle.resolver.caller_needed())
    }

    /// Whether each caller of `store` has a client of their own, as far as is known.
    pub async fn differs_by_caller(&self, store: &StoreView) -> bool {
        self.is_per_caller(store) || (store.id.cluster && self.needs_caller(store).await)
    }

    /// The client of `store` on behalf of `caller`, if there is one already.
    pub async fn current(&self, store: &StoreView, caller: Option<&str>) -> Option<Arc<Handle>> {
        let caller = caller.filter(|_| store.id.cluster).map(ToOwned::to_owned);
        let slot = self.with(store, |slots| slots.slots.get(&caller).cloned())?;
        let place = slot.lock().await;
        place.handle.clone().filter(|_| !place.outdated)
    }

    /// Any client of `store`: for what does not depend on the identity.
    pub async fn any(&self, store: &StoreView) -> Option<Arc<Handle>> {
        for slot in self.slots(store) {
            if let Some(handle) = &slot.lock().await.handle {
                return Some(Arc::clone(handle));
            }
        }
        None
    }

    /// Puts `handle` out of use because its login does not work any more; the next one is made after a
    /// cool-down, with the credentials as they are then.
    pub async fn discard(&self, store: &StoreView, handle: &Arc<Handle>, error: Arc<Error>) {
        for slot in self.slots(store) {
            let mut place = slot.lock().await;
            if place.handle.as_ref().is_some_and(|current| Arc::ptr_eq(current, handle)) {
                place.fail(Arc::clone(&error), Arc::clone(&handle.resolver));
            }
        }
    }

    /// Marks the clients whose credentials, tokens or CAs have changed in the cluster, so that others are made in
    /// their place, and forgets failures, so that what was mended is tried. Gives true if anything has changed.
    pub async fn refresh(&self, store: &StoreView) -> bool {
        let mut changed = false;
        for slot in self.slots(store) {
            let mut place = slot.lock().await;
            if let Some(handle) = &place.handle {
                let outdated = handle.resolver.is_outdated().await;
                place.outdated |= outdated;
                changed |= outdated;
            }
            if let Some(failure) = place.failure.take() {
                changed |= failure.resolver.is_outdated().await;
            }
        }
        changed
    }

    /// Lets go of every client of a store that is gone.
    pub fn forget(&self, uid: &str) {
        let forgotten = self.lock().remove(uid);
        drop(forgotten);
    }

    /// How many clients there are; each holds one login at most. One that is being made counts.
    pub fn len(&self) -> usize {
        let stores = self.lock();
        let slots = stores.values().flat_map(|store| store.slots.values());
        slots.filter(|slot| slot.try_lock().map_or(true, |place| place.handle.is_some())).count()
    }

    /// True if there are no clients.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Revokes every login. For the end of the process, when nothing runs any more.
    pub async fn close(&self) {
        let stores: Vec<_> = self.lock().drain().flat_map(|(_, store)| store.slots.into_values()).collect();
        join_all(stores.iter().map(|slot| async {
            if let Some(handle) = slot.lock().await.handle.take() {
                handle.close().await;
            }
        }))
        .await;
    }

    async fn open(&self, store: &StoreView, caller: Option<&str>) -> Result<Arc<Handle>, Failure> {
        let caller_key = caller.map(ToOwned::to_owned);
        let slot = self.with(store, |slots| Arc::clone(slots.slots.entry(caller_key).or_default()));
        let mut place = slot.lock().await;
        if let Some(handle) = &place.handle
            && !place.outdated
        {
            return Ok(Arc::clone(handle));
        }
        if let Some(failure) = &place.failure
            && Instant::now() < failure.until
        {
            return place.handle.clone().ok_or_else(|| failure.clone());
        }
        let (connected, resolver) = self.connect(store, caller).await;
        match connected {
            Ok(handle) => {
                *place = Place { handle: Some(Arc::clone(&handle)), ..Place::default() };
                Ok(handle)
            }
            Err(error) => {
                // While nobody can say whether the new credentials are right, the old client serves.
                let old = place.handle.take().filter(|_| is_passing(&error));
                let failure = place.fail(Arc::new(error), resolver);
                place.handle.clone_from(&old);
                old.ok_or(failure)
            }
        }
    }

    async fn connect(
        &self,
        store: &StoreView,
        caller: Option<&str>,
    ) -> (Result<Arc<Handle>>, Arc<ClusterResolver>) {
        let resolver = ClusterResolver::new(self.cluster.clone(), &self.references, &store.id, caller);
        let resolver = Arc::new(resolver);
        let connected = async {
            let (descriptor, config) = store.provider()?;
            let capabilities = descriptor.capabilities(config)?;
            let dialect = descriptor.dialect(config)?;
            let (meter, begun) = (&self.toolbox.meter, Instant::now());
            let journal = self.logins.of_store(store.uid(), caller, descriptor.name, config);
            let toolbox = Toolbox { journal, ..self.toolbox.clone() };
            let client =
                descriptor.connect(config.clone(), Arc::clone(&resolver) as Arc<dyn Resolver>, toolbox).await;
            measured::connected(&**meter, descriptor.name, begun, client.as_ref().err());
            let pace = self.with(store, |slots| Arc::clone(&slots.pace));
            let client = layers::wrap_at(pace, client?, store.limits());
            let client = measured(client, descriptor.name, Arc::clone(meter));
            let reads = Reads::new(Arc::clone(&client)).counted(Arc::clone(meter), descriptor.name);
            let (resolver, closed) = (Arc::clone(&resolver), AtomicBool::new(false));
            let names = Names::default();
            Ok(Arc::new(Handle { client, capabilities, dialect, resolver, reads, names, closed }))
        }
        .await;
        (connected, resolver)
    }

    fn slots(&self, store: &StoreView) -> Vec<Arc<Slot>> {
        self.with(store, |slots| slots.slots.values().cloned().collect())
    }

    /// Works on the slots of `store` in its present generation; clients of an older one are let go.
    fn with<R>(&self, store: &StoreView, work: impl FnOnce(&mut StoreSlots) -> R) -> R {
        let generation = store.meta.generation.unwrap_or_default();
        let fresh =
            || StoreSlots { generation, per_caller: false, pace: Arc::default(), slots: HashMap::new() };
        let mut stores = self.lock();
        let slots = stores.entry(store.uid().to_owned()).or_insert_with(fresh);
        // A view that is older than the newest seen must not replace the newer clients.
        if slots.generation < generation {
            *slots = fresh();
        }
        work(slots)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, StoreSlots>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Lets go of the client and answers with `error` until a cool-down is over.
    fn fail(&mut self, error: Arc<Error>, resolver: Arc<ClusterResolver>) -> Failure {
        self.failures = self.failures.saturating_add(1);
        let cool_down = match error.kind() {
            ErrorKind::Unauthenticated if self.failures > 1 => REFUSED.wait(self.failures - 1, 0),
            _ => COOL_DOWN.wait(self.failures, 0),
        };
        let wait = cool_down.max(error.retry_after().unwrap_or_default());
        let failure = Failure { error, until: Instant::now() + wait, resolver };
        self.handle = None;
        self.failure = Some(failure.clone());
        failure
    }
}

/// True if the same settings may work a moment later.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Throttled)
}

#[cfg(test)]
impl Pool {
    /// Takes `client` for the one of `store`, as if it had been connected.
    pub(crate) async fn adopt(&self, store: &StoreView, client: Arc<dyn StoreClient>, dialect: Dialect) {
        let resolver = ClusterResolver::new(self.cluster.clone(), &self.references, &store.id, None);
        let access = strongroom_provider_api::Access::ReadOnly;
        let capabilities = Capabilities {
            access,
            list: true,
            list_tags: true,
            versions: true,
            metadata: true,
            write: false,
        };
        let (resolver, closed) = (Arc::new(resolver), AtomicBool::new(false));
        let reads = Reads::new(Arc::clone(&client));
        let names = Names::default();
        let handle = Handle { client, capabilities, dialect, resolver, reads, names, closed };
        let slot = self.with(store, |slots| Arc::clone(slots.slots.entry(None).or_default()));
        slot.lock().await.handle = Some(Arc::new(handle));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;
    use crate::app::context_over;
    use crate::context::Context;
    use crate::kube_io::Watched;

    /// What the API server answers about the store's credential.
    #[derive(Clone, Copy, Debug)]
    enum Credential {
        Version(u32),
        Absent,
        Unreachable,
    }

    fn store() -> StoreView {
        let login = json!({ "tokenSecretRef": { "name": "token", "key": "token" } });
        let vault = json!({ "server": "http://127.0.0.1:1", "auth": login });
        let store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": { "name": "store", "namespace": "ns", "uid": "1", "generation": 1 },
            "spec": { "provider": { "vault": vault } },
        });
        StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())))
    }

    /// A context whose credential is as the returned cell says.
    fn context() -> (Context, Arc<Mutex<Credential>>) {
        let credential = Arc::new(Mutex::new(Credential::Version(1)));
        let now = Arc::clone(&credential);
        let failure = |code: u16| (code, json!({ "kind": "Status", "apiVersion": "v1", "code": code }));
        let context = context_over(&[], move |_, _, _| -> (u16, Value) {
            match *now.lock().unwrap() {
                Credential::Absent => failure(404),
                Credential::Unreachable => failure(503),
                Credential::Version(version) => (
                    200,
                    json!({
                        "apiVersion": "v1", "kind": "Secret",
                        "metadata": { "name": "token", "namespace": "ns", "resourceVersion": version.to_string() },
                        "data": { "token": "eA==" },
                    }),
                ),
            }
        });
        (context, credential)
    }

    #[tokio::test]
    async fn a_client_is_replaced_when_its_credential_changes_and_not_before() {
        let (context, credential) = context();
        let (pool, store) = (&context.pool, store());
        let first = pool.handle(&store, None).await.unwrap();
        assert!(!pool.refresh(&store).await);
        assert!(Arc::ptr_eq(&first, &pool.handle(&store, None).await.unwrap()));
        *credential.lock().unwrap() = Credential::Unreachable;
        assert!(!pool.refresh(&store).await, "nobody says that it has changed");
        *credential.lock().unwrap() = Credential::Version(2);
        assert!(pool.refresh(&store).await);
        let second = pool.handle(&store, None).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(!pool.refresh(&store).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_client_serves_while_nobody_answers_and_goes_when_the_credential_is_gone() {
        let (context, credential) = context();
        let (pool, store) = (&context.pool, store());
        let first = pool.handle(&store, None).await.unwrap();
        *credential.lock().unwrap() = Credential::Version(2);
        assert!(pool.refresh(&store).await);
        *credential.lock().unwrap() = Credential::Unreachable;
        for _ in 0..2 {
            assert!(Arc::ptr_eq(&first, &pool.handle(&store, None).await.unwrap()));
        }
        *credential.lock().unwrap() = Credential::Absent;
        tokio::time::advance(Duration::from_mins(2)).await;
        let error = pool.handle(&store, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(context.references.len(), 1, "a failure, too, waits for a change");
        *credential.lock().unwrap() = Credential::Version(3);
        assert!(pool.refresh(&store).await);
        pool.handle(&store, None).await.unwrap();
        drop(first);
        pool.forget(store.uid());
        assert!(context.references.is_empty(), "{:?}", context.references);
    }
}
