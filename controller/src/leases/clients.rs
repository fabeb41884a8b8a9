//! `LeaseClients`: owns a share in the client of every lease, so that the login from which a lease hangs stays at hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::generators::GeneratorHandle;
use crate::kube_io::ObjectKey;

/// The clients that made or last renewed the leases of this process.
#[derive(Debug, Default)]
pub struct LeaseClients(Mutex<HashMap<ObjectKey, Arc<GeneratorHandle>>>);

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

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<GeneratorHandle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
