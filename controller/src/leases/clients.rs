//! `LeaseClients`: owns a share in the client of every lease, so that the login from which a lease hangs stays at hand.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::generators::GeneratorHandle;
use crate::kube_io::ObjectKey;

/// The clients that made or last renewed the leases of this process.
#[derive(Debug, Default)]
pub struct LeaseClients {
    clients: Mutex<HashMap<ObjectKey, Arc<GeneratorHandle>>>,
    /// Names of this process's logins that renewed something: one for each connection, and one more each time that had to
    /// be made anew.
    logins: Mutex<HashSet<String>>,
}

impl LeaseClients {
    /// The lease `key` hangs from the login of `client`, or is kept alive by it.
    pub(super) fn note(&self, key: &ObjectKey, client: &Arc<GeneratorHandle>) {
        let before = self.lock().insert(key.clone(), Arc::clone(client));
        // Its end takes requests, and is not waited for with the lock held.
        drop(before);
    }

    /// The lease is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        let before = self.lock().remove(key);
        drop(before);
    }

    /// Notes a login of this process; true if it was not known.
    pub(super) fn is_new_login(&self, name: &str) -> bool {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }

    /// True if a login of this name is or was this process's.
    pub(super) fn is_own_login(&self, name: &str) -> bool {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<GeneratorHandle>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
