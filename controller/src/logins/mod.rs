//! Logins: which ones live is written down in one Secret, so that the process after one that was killed ends what it left.
//!
//! Only a process that leads writes it or acts on it: who leads may take whatever another process wrote there for
//! abandoned. Without an election nothing is kept.

mod entries;
mod store;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_crds::SecretLease;
use strongroom_provider_api::{Clock, LoginJournal};
use tokio::sync::Notify;

use crate::hash;
use crate::kube_io::{Mirror, Watched};
use crate::leases;
use entries::Entries;
pub use store::Store;

/// How much of a connection's hash is kept: enough that no two meet.
const HASH: usize = 32;

/// The logins of this process, and those that processes before it left.
#[derive(Debug)]
pub struct Logins {
    entries: Mutex<Entries>,
    /// Whether anything is kept.
    kept: AtomicBool,
    changed: Notify,
    leases: Arc<Mirror<Watched<SecretLease>>>,
    clock: Arc<dyn Clock>,
}

/// The journal of one connection.
#[derive(Debug)]
struct Connection {
    logins: Arc<Logins>,
    /// Tells server and identity.
    hash: String,
    /// Whether leases may hang from its logins.
    leasing: bool,
}

impl Logins {
    /// Nothing is kept yet. `leases` are the records that may name a login.
    pub fn new(leases: Arc<Mirror<Watched<SecretLease>>>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (entries, kept) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { entries, kept, changed: Notify::new(), leases, clock })
    }

    /// The journal of a client of the store `uid`, under these settings, on behalf of `caller`. Whatever is changed in the
    /// settings makes it another one: a login is ended only by who is known to be the same at the same place.
    pub fn of_store(
        self: &Arc<Self>,
        uid: &str,
        caller: Option<&str>,
        provider: &str,
        settings: &Value,
    ) -> Arc<dyn LoginJournal> {
        self.of(&json!(["store", uid, caller, provider, settings]), false)
    }

    /// The journal of a client of generators of `kind` in `namespace` that share `connection`.
    pub fn of_generator(
        self: &Arc<Self>,
        namespace: &str,
        kind: &str,
        connection: &Value,
    ) -> Arc<dyn LoginJournal> {
        self.of(&json!(["generator", namespace, kind, connection]), true)
    }

    fn of(self: &Arc<Self>, identity: &Value, leasing: bool) -> Arc<dyn LoginJournal> {
        let mut hash = hash::text(&identity.to_string());
        hash.truncate(HASH);
        Arc::new(Connection { logins: Arc::clone(self), hash, leasing })
    }

    /// Whether anything is kept.
    fn set_kept(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
        if !kept {
            self.entries().clear();
        }
    }

    fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Waits until something has changed, or all that others left has come to its end.
    async fn changed(&self) {
        let over = self.entries().all_over().map(|over| over.duration_since(self.clock.now()));
        let wait = async {
            match over {
                // A little later, and not at once if the clock stands still.
                Some(over) => {
                    tokio::time::sleep(Duration::try_from(over).unwrap_or_default() + Duration::from_secs(1))
                        .await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.changed.notified() => {}
            () = wait => {}
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoginJournal for Connection {
    fn opened(&self, name: &str, life: Option<Duration>) {
        let now = self.logins.clock.now();
        if self.logins.is_kept() && self.logins.entries().open(&self.hash, name, life, now) {
            self.logins.changed.notify_one();
        }
    }

    fn ended(&self, name: &str) {
        if self.logins.entries().end(name) {
            self.logins.changed.notify_one();
        }
    }

    fn abandoned(&self) -> Vec<String> {
        let left = self.logins.entries().left_of(&self.hash, self.logins.clock.now());
        // What keeps leases alive is ended by `leases`, and that from which they hang by nobody.
        if self.leasing { leases::unrecorded(&self.logins.leases, left) } else { left }
    }
}
