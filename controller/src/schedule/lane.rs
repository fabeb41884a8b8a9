//! `LaneQueue`: the objects of one lane that are due, taken in turn from each group.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::Group;

/// First in, first out within a group, or the oldest and the newest by turns; the groups take turns.
#[derive(Debug)]
pub(super) struct LaneQueue<K> {
    queues: HashMap<Group, VecDeque<K>>,
    turn: VecDeque<Group>,
    by_turns: bool,
    newest: bool,
}

impl<K> Default for LaneQueue<K> {
    fn default() -> Self {
        Self { queues: HashMap::new(), turn: VecDeque::new(), by_turns: false, newest: true }
    }
}

impl<K: Clone + Eq + Hash> LaneQueue<K> {
    /// Every other key that is taken is the newest of its group: a newcomer does not wait for a backlog, and the
    /// backlog is not held up by newcomers.
    pub(super) fn by_turns() -> Self {
        Self { by_turns: true, ..Self::default() }
    }

    /// Puts `key` at the end of its group.
    pub(super) fn push(&mut self, group: &Group, key: K) {
        let queue = self.queues.entry(Group::clone(group)).or_default();
        if queue.is_empty() {
            self.turn.push_back(Group::clone(group));
        }
        queue.push_back(key);
    }

    /// Takes the next key whose group `may_run`, dropping those that are no longer `wanted`.
    pub(super) fn pop(&mut self, may_run: impl Fn(&Group) -> bool, wanted: impl Fn(&K) -> bool) -> Option<K> {
        for _ in 0..self.turn.len() {
            let group = self.turn.pop_front()?;
            let found = if may_run(&group) { self.pop_wanted(&group, &wanted) } else { None };
            if self.queues.get(&group).is_some_and(|queue| !queue.is_empty()) {
                self.turn.push_back(group);
            } else {
                self.queues.remove(&group);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn pop_wanted(&mut self, group: &Group, wanted: impl Fn(&K) -> bool) -> Option<K> {
        let queue = self.queues.get_mut(group)?;
        let newest = self.by_turns && self.newest;
        while let Some(key) = if newest { queue.pop_back() } else { queue.pop_front() } {
            if wanted(&key) {
                self.newest = !self.newest;
                return Some(key);
            }
        }
        None
    }
}
