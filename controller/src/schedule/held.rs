//! `release`: brings back the objects that waited for the same thing, not all at once.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::Group;
use super::queue::{Phase, Schedule};

/// Objects that are released come so far apart, or closer if that is needed for all of them to come within
/// [`WITHIN`].
const APART: Duration = Duration::from_millis(20);
/// By then all have come.
pub(super) const WITHIN: Duration = Duration::from_secs(5);

impl<K: Clone + Eq + Ord + Hash + Debug> Schedule<K> {
    /// What `waits_for` stands for has come: whoever is [held](super::Next::Held) by it comes back within a few seconds,
    /// those first that would have come first.
    pub fn release(&self, waits_for: &Group) {
        let now = Instant::now();
        let mut state = self.lock();
        let held = state.objects.iter().filter(|(_, object)| object.waits_for.as_ref() == Some(waits_for));
        let mut held: Vec<_> = held
            .filter_map(|(key, object)| match object.phase {
                Phase::Waiting { due } => Some((due, key.clone())),
                Phase::Ready { .. } | Phase::Running { .. } => None,
            })
            .collect();
        held.sort_unstable();
        let count = u32::try_from(held.len()).unwrap_or(u32::MAX).max(1);
        let apart = APART.min(WITHIN / count);
        let mut earlier = now;
        for (due, key) in held {
            if earlier < due {
                state.waiting.remove(&(due, key.clone()));
                let phase = state.wait(&key, earlier);
                if let Some(object) = state.objects.get_mut(&key) {
                    object.phase = phase;
                    object.waits_for = None;
                }
            }
            earlier += apart;
        }
        drop(state);
        self.wake.notify_one();
    }
}
