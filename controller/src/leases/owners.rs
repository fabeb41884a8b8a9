//! `Owners`: owns the index of leases by the uid of the object in whose target their values are.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::kube_io::ObjectKey;

/// The keys of SecretLeases by the uid of their owner, which never changes. A key may be here a moment longer than its
/// record, and is never missing: it is put here where the record is put into the mirror.
#[derive(Debug, Default)]
pub struct Owners(Mutex<HashMap<String, BTreeSet<ObjectKey>>>);

impl Owners {
    /// The record `key` is of the owner `uid`.
    pub(super) fn note(&self, uid: &str, key: &ObjectKey) {
        let mut owners = self.lock();
        match owners.get_mut(uid) {
            Some(keys) => drop(keys.insert(key.clone())),
            None => drop(owners.insert(uid.to_owned(), BTreeSet::from([key.clone()]))),
        }
    }

    /// The record `key` of the owner `uid` is gone.
    pub(super) fn forget(&self, uid: &str, key: &ObjectKey) {
        let mut owners = self.lock();
        if let Some(keys) = owners.get_mut(uid) {
            keys.remove(key);
            if keys.is_empty() {
                owners.remove(uid);
            }
        }
    }

    /// The records of the owner `uid`, in the order of their names.
    pub(super) fn of(&self, uid: &str) -> Vec<ObjectKey> {
        self.lock().get(uid).into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeSet<ObjectKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_by_their_owner_until_they_go() {
        let owners = Owners::default();
        let [a, b] = ["a", "b"].map(|name| ObjectKey::new("ns", name));
        owners.note("1", &b);
        owners.note("1", &a);
        owners.note("1", &a);
        owners.note("2", &a);
        assert_eq!(owners.of("1"), [a.clone(), b.clone()]);
        owners.forget("1", &a);
        owners.forget("1", &b);
        owners.forget("3", &b);
        assert!(owners.of("1").is_empty() && owners.lock().len() == 1, "nothing is left behind");
        assert_eq!(owners.of("2"), [a]);
    }
}
