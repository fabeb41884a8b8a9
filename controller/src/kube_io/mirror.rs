//! `Mirror`: what the API server holds of one kind, reduced to what is needed, kept by a watch and by our own
//! writes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::time::Instant;

use super::ObjectKey;
use super::scope::Part;

/// A map from key to the newest seen value.
///
/// # Guarantees
/// - A value is never replaced by an older one: our own write is seen by the next reader although the watch
///   event comes later, and an event that was overtaken by it is dropped. (Resource versions of one kind can
///   be compared as numbers, Kubernetes 1.35 API conventions.)
/// - During a relist readers see the old content; what the list did not show is removed at its end.
/// - Several watches may fill one mirror, each with a part of the cluster: a relist of one takes nothing from another.
#[derive(Debug)]
pub struct Mirror<T> {
    state: RwLock<State<T>>,
    synced: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<T> {
    objects: HashMap<ObjectKey, Entry<T>>,
    /// How many relists have begun.
    epoch: u64,
    /// How many parts there are.
    parts: usize,
    /// Those of which there was a complete list.
    listed: HashSet<Part>,
}

#[derive(Debug)]
struct Entry<T> {
    version: u64,
    epoch: u64,
    seen: Instant,
    value: Arc<T>,
}

impl<T> Default for Mirror<T> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State { objects: HashMap::new(), epoch: 0, parts: 1, listed: HashSet::new() }),
            synced: watch::Sender::new(false),
        }
    }
}

impl<T> Mirror<T> {
    /// The newest known value of `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.objects.get(key).map(|entry| Arc::clone(&entry.value))
    }

    /// The newest known value of `key`, and when it was first seen here.
    pub fn get_seen(&self, key: &ObjectKey) -> Option<(Arc<T>, Instant)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.objects.get(key).map(|entry| (Arc::clone(&entry.value), entry.seen))
    }

    /// The keys whose value is `wanted`.
    pub fn keys_where(&self, wanted: impl Fn(&ObjectKey, &T) -> bool) -> Vec<ObjectKey> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state
            .objects
            .iter()
            .filter(|(key, entry)| wanted(key, &entry.value))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Shows every object to `see`.
    pub fn for_each(&self, mut see: impl FnMut(&ObjectKey, &T)) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.objects.iter().for_each(|(key, entry)| see(key, &entry.value));
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.state.read().unwrap_or_else(PoisonError::into_inner).objects.len()
    }

    /// True if there are no objects.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores `value` unless a newer one is known. Gives the value before, or `Err` if `value` is not newer.
    pub fn put(&self, key: ObjectKey, version: Option<&str>, value: T) -> Result<Option<Arc<T>>, NotNewer> {
        let version = number(version);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let epoch = state.epoch;
        if let Some(entry) = state.objects.get_mut(&key)
            && entry.version >= version
        {
            entry.epoch = epoch;
            return Err(NotNewer);
        }
        let entry = Entry { version, epoch, seen: Instant::now(), value: Arc::new(value) };
        Ok(state.objects.insert(key, entry).map(|old| old.value))
    }

    /// True if `version` of `key` is newer than what is known. If not, this counts as having seen the object.
    pub fn wants(&self, key: &ObjectKey, version: Option<&str>) -> bool {
        let version = number(version);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let epoch = state.epoch;
        match state.objects.get_mut(key) {
            Some(entry) if entry.version >= version => {
                entry.epoch = epoch;
                false
            }
            Some(_) | None => true,
        }
    }

    /// Removes `key` unless a newer value than the deleted one is known. Gives what was removed.
    pub fn remove(&self, key: &ObjectKey, version: Option<&str>) -> Option<Arc<T>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.objects.get(key)?.version > number(version) {
            return None;
        }
        state.objects.remove(key).map(|entry| entry.value)
    }

    /// So many watches fill it, each with a part of its own; one unless this is said before they begin.
    pub(super) fn filled_by(&self, parts: usize) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).parts = parts;
    }

    /// A relist of one part begins; gives its epoch.
    pub(super) fn begin_relist(&self) -> u64 {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.epoch += 1;
        state.epoch
    }

    /// The relist of `part` that began with `epoch` has ended: removes and gives what was neither listed nor written
    /// since.
    pub(super) fn end_relist(&self, part: &Part, epoch: u64) -> Vec<(ObjectKey, Arc<T>)> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let gone = state
            .objects
            .extract_if(|key, entry| entry.epoch < epoch && part.holds(&key.namespace))
            .map(|(key, entry)| (key, entry.value))
            .collect();
        state.listed.insert(part.clone());
        let complete = state.listed.len() >= state.parts;
        drop(state);
        if complete {
            self.synced.send_replace(true);
        }
        gone
    }

    /// Nothing will ever be watched here: counts as complete.
    pub fn stay_empty(&self) {
        self.synced.send_replace(true);
    }

    /// Waits until the first list of every part is complete.
    pub async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    /// True once the first list of every part is complete.
    pub fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }
}

/// The value offered to [`Mirror::put`] is not newer than the known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNewer;

/// An unreadable version counts as the newest, so that nothing is ever lost by it.
pub(super) fn number(version: Option<&str>) -> u64 {
    version.and_then(|version| version.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube_io::Scope;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("ns", name)
    }

    #[test]
    fn an_event_that_our_own_write_overtook_is_dropped() {
        let mirror = Mirror::default();
        mirror.put(key("a"), Some("5"), "ours").unwrap();
        assert_eq!(mirror.put(key("a"), Some("4"), "older"), Err(NotNewer));
        assert_eq!(mirror.put(key("a"), Some("5"), "echo"), Err(NotNewer));
        assert_eq!(mirror.remove(&key("a"), Some("4")), None);
        assert_eq!(*mirror.get(&key("a")).unwrap(), "ours");
        assert_eq!(mirror.remove(&key("a"), Some("6")).as_deref(), Some(&"ours"));
    }

    #[test]
    fn a_relist_removes_what_it_did_not_show_except_what_was_written_meanwhile() {
        let mirror = Mirror::default();
        mirror.put(key("gone"), Some("1"), 1).unwrap();
        mirror.put(key("kept"), Some("2"), 2).unwrap();
        let began = mirror.begin_relist();
        assert!(!mirror.wants(&key("kept"), Some("2")), "it is known, and seen by this");
        assert!(mirror.wants(&key("kept"), Some("3")) && mirror.wants(&key("written"), Some("9")));
        mirror.put(key("written"), Some("9"), 3).unwrap();
        assert!(!mirror.is_synced());
        assert_eq!(mirror.end_relist(&Part::default(), began), [(key("gone"), Arc::new(1))]);
        assert!(mirror.is_synced());
        assert_eq!(mirror.len(), 2);
    }

    #[test]
    fn a_relist_of_one_namespace_takes_nothing_from_another() {
        let scope = Scope::of(&["a".to_owned(), "b".to_owned()], false);
        let [a, b] = scope.parts() else { panic!() };
        let mirror = Mirror::default();
        mirror.filled_by(2);
        for namespace in ["a", "b"] {
            for name in ["kept", "gone"] {
                mirror.put(ObjectKey::new(namespace, name), Some("1"), namespace).unwrap();
            }
        }
        let of_a = mirror.begin_relist();
        mirror.wants(&ObjectKey::new("a", "kept"), Some("1"));
        // The other begins before this one ends.
        let of_b = mirror.begin_relist();
        mirror.wants(&ObjectKey::new("b", "kept"), Some("1"));
        assert_eq!(mirror.end_relist(a, of_a), [(ObjectKey::new("a", "gone"), Arc::new("a"))]);
        assert!(!mirror.is_synced(), "there is no list of the other yet");
        mirror.end_relist(a, mirror.begin_relist());
        assert!(!mirror.is_synced(), "two lists of one do not make up for it");
        assert_eq!(mirror.end_relist(b, of_b), [(ObjectKey::new("b", "gone"), Arc::new("b"))]);
        assert!(mirror.is_synced());
    }
}
