//! `Clients`: owns the live clients of generators, one for each namespace and connection.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use strongroom_provider_api::{Error, GeneratorClient, Resolver, Result, Toolbox};
use tokio::time::Instant;

use super::Resolved;
use crate::kube_io::{Cluster, ClusterResolver, ObjectKey, References};
use crate::logins::Logins;
use crate::stores::StoreId;

/// A client that nobody has asked for so long is let go.
const UNUSED: Duration = Duration::from_mins(30);
/// Ending a login may take this long.
const CLOSING: Duration = Duration::from_secs(5);

/// Clients by namespace, group, kind and connection: equal connections share one login. A client of a namespace reaches
/// references of that namespace only, so no other namespace may share it.
#[derive(Debug)]
pub struct Clients {
    cluster: Cluster,
    references: Arc<References>,
    toolbox: Toolbox,
    logins: Arc<Logins>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    namespace: String,
    group: &'static str,
    kind: &'static str,
    /// JSON text.
    connection: String,
}

/// The lock makes connecting single-flight.
type Slot = tokio::sync::Mutex<Option<Place>>;

#[derive(Debug)]
struct Place {
    handle: Arc<GeneratorHandle>,
    used: Instant,
}

/// A live client. Its login ends when the last user lets go.
pub struct GeneratorHandle {
    /// The client.
    pub client: Arc<dyn GeneratorClient<Value>>,
    resolver: Arc<ClusterResolver>,
    closed: AtomicBool,
}

impl fmt::Debug for GeneratorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratorHandle").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

impl GeneratorHandle {
    async fn close(&self) {
        if !self.closed.swap(true, Ordering::Relaxed) {
            let _ = tokio::time::timeout(CLOSING, self.client.close()).await;
        }
    }
}

impl Drop for GeneratorHandle {
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

impl Clients {
    /// Clients that reach the cluster through `cluster` and get `toolbox`; what they refer to is noted in
    /// `references`, and their logins in `logins`.
    pub fn new(cluster: Cluster, references: Arc<References>, toolbox: Toolbox, logins: Arc<Logins>) -> Self {
        Self { cluster, references, toolbox, logins, slots: Mutex::default() }
    }

    /// The client for `generator`: a shared one where it talks with somebody, made anew when what it refers to has
    /// changed.
    ///
    /// # Errors
    /// Whatever connecting gives.
    pub async fn handle(&self, generator: &Resolved) -> Result<Arc<GeneratorHandle>, Arc<Error>> {
        let connection = generator.descriptor.connection(&generator.spec).map_err(Arc::new)?;
        if connection.is_null() {
            return self.connect(generator, &connection).await.map_err(Arc::new);
        }
        let slot = {
            let mut slots = self.lock();
            forget_unused(&mut slots);
            Arc::clone(slots.entry(Key::of(generator, &connection)).or_default())
        };
        let mut place = slot.lock().await;
        if let Some(Place { handle, used }) = place.as_mut()
            && !handle.resolver.is_outdated().await
        {
            *used = Instant::now();
            return Ok(Arc::clone(handle));
        }
        // The old client, if there is one, ends with its last user.
        *place = None;
        let handle = self.connect(generator, &connection).await.map_err(Arc::new)?;
        *place = Some(Place { handle: Arc::clone(&handle), used: Instant::now() });
        Ok(handle)
    }

    /// Puts `handle` out of use, because its login does not work any more.
    pub async fn discard(&self, generator: &Resolved, handle: &Arc<GeneratorHandle>) {
        let Ok(connection) = generator.descriptor.connection(&generator.spec) else { return };
        let slot = self.lock().get(&Key::of(generator, &connection)).cloned();
        if let Some(slot) = slot {
            let mut place = slot.lock().await;
            if place.as_ref().is_some_and(|place| Arc::ptr_eq(&place.handle, handle)) {
                *place = None;
            }
        }
    }

    /// Ends every login. For the end of the process, when nothing runs any more.
    pub async fn close(&self) {
        let slots: Vec<_> = self.lock().drain().map(|(_, slot)| slot).collect();
        join_all(slots.iter().map(|slot| async {
            if let Some(place) = slot.lock().await.take() {
                place.handle.close().await;
            }
        }))
        .await;
    }

    async fn connect(&self, generator: &Resolved, connection: &Value) -> Result<Arc<GeneratorHandle>> {
        // Like a SecretStore of that namespace: whatever namespace a selector names, this one is meant.
        let bound = StoreId::namespaced(ObjectKey::new(&generator.namespace, &generator.name));
        let resolver = Arc::new(ClusterResolver::new(self.cluster.clone(), &self.references, &bound, None));
        let (spec, shared) = (generator.spec.clone(), Arc::clone(&resolver) as Arc<dyn Resolver>);
        let journal = self.logins.of_generator(&generator.namespace, generator.descriptor.kind, connection);
        let toolbox = Toolbox { journal, ..self.toolbox.clone() };
        let client = generator.descriptor.connect(spec, shared, toolbox).await?;
        Ok(Arc::new(GeneratorHandle { client, resolver, closed: AtomicBool::new(false) }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn of(generator: &Resolved, connection: &Value) -> Self {
        Self {
            namespace: generator.namespace.clone(),
            group: generator.descriptor.group,
            kind: generator.descriptor.kind,
            connection: connection.to_string(),
        }
    }
}

/// A slot that is locked is in use.
fn forget_unused(slots: &mut HashMap<Key, Arc<Slot>>) {
    slots.retain(|_, slot| match slot.try_lock() {
        // Leases hold theirs: other logins may not be allowed to keep alive what hangs from this one.
        Ok(place) => place
            .as_ref()
            .is_some_and(|place| place.used.elapsed() < UNUSED || Arc::strong_count(&place.handle) > 1),
        Err(_) => true,
    });
}
