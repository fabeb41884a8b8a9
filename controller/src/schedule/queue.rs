//! `Schedule`: owns the one next attempt of every object.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::LaneQueue;
use super::{Backoff, Group, Lane};

/// The longest wait of any object. An object without a timer of its own (`refreshInterval: 0`) is looked at
/// this often, which costs nothing when it is in step: the caches answer.
pub const RESYNC: Duration = Duration::from_hours(1);

/// How many objects may run at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// Of one group.
    pub per_group: usize,
}

/// One attempt to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job<K> {
    /// The object.
    pub key: K,
    /// Failed attempts in a row so far.
    pub failures: u32,
    /// When it was asked for: the newest request that this attempt answers, or the due time.
    pub asked: Instant,
}

/// What becomes of an object after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is in step (or waits for an event); look again after this long.
    After(Duration),
    /// The attempt failed; wait by this backoff, but at least as long as the store asked.
    Retry {
        /// How the wait grows.
        backoff: Backoff,
        /// The store's own hint.
        at_least: Duration,
    },
    /// It waits for something that many wait for, and is no worse than before.
    Held {
        /// How long at least, unless [`release`](Schedule::release) ends the wait.
        wait: Duration,
        /// What it waits for.
        waits_for: Group,
    },
    /// It is gone.
    Forget,
}

impl Next {
    /// The longest wait that this can mean after `failures` failed attempts before; none if it waits for a
    /// change.
    pub fn at_latest(&self, failures: u32) -> Option<Duration> {
        match self {
            Self::After(wait) => Some(*wait).filter(|wait| *wait < RESYNC),
            Self::Retry { backoff, at_least } => {
                Some(backoff.wait(failures.saturating_add(1), 0).max(*at_least).min(RESYNC))
            }
            Self::Held { wait, .. } => Some(*wait),
            Self::Forget => None,
        }
    }
}

/// For logs.
impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(wait) => write!(f, "in {wait:?} or when something changes"),
            Self::Retry { backoff, at_least } => {
                write!(f, "with backoff up to {:?}, at least {at_least:?}", backoff.cap)
            }
            Self::Held { wait, .. } => write!(f, "in {wait:?} or when its store works again"),
            Self::Forget => f.write_str("never"),
        }
    }
}

/// The queue. All state is behind one lock that is held for moments only.
#[derive(Debug)]
pub struct Schedule<K> {
    pub(super) limits: Limits,
    state: Mutex<State<K>>,
    pub(super) wake: Notify,
}

#[derive(Debug)]
pub(super) struct State<K> {
    pub(super) objects: HashMap<K, Object>,
    pub(super) waiting: BTreeSet<(Instant, K)>,
    pub(super) changed: LaneQueue<K>,
    pub(super) refresh: LaneQueue<K>,
    pub(super) running: HashMap<Group, usize>,
    pub(super) running_total: usize,
    turns: u8,
    /// Cheap deterministic jitter: it only has to differ between neighbours.
    jitter: u8,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) group: Group,
    failures: u32,
    pub(super) phase: Phase,
    /// Why it is waiting, if it is [held](Next::Held).
    pub(super) waits_for: Option<Group>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting { due: Instant },
    Ready { lane: Lane, since: Instant, asked: Instant },
    Running { since: Instant, again: Option<Lane> },
}

impl<K: Clone + Eq + Ord + Hash + Debug> Schedule<K> {
    /// An empty schedule.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                objects: HashMap::new(),
                waiting: BTreeSet::new(),
                changed: LaneQueue::by_turns(),
                refresh: LaneQueue::default(),
                running: HashMap::new(),
                running_total: 0,
                turns: 0,
                jitter: 0,
            }),
            wake: Notify::new(),
        }
    }

    /// How many objects may run at once.
    pub fn places(&self) -> usize {
        self.limits.total
    }

    /// Asks for an attempt now. A waiting object becomes ready, a ready one may be moved to the faster lane, a
    /// running one runs once more afterwards.
    pub fn request(&self, key: &K, group: &Group, lane: Lane) {
        let now = Instant::now();
        let mut state = self.lock();
        let phase = match state.objects.get(key).map(|object| object.phase) {
            Some(Phase::Running { since, again }) => Phase::Running { since, again: again.max(Some(lane)) },
            Some(Phase::Ready { lane: current, since, .. }) => {
                Phase::Ready { lane: current.max(lane), since, asked: now }
            }
            Some(Phase::Waiting { due }) => {
                state.waiting.remove(&(due, key.clone()));
                Phase::Ready { lane, since: now, asked: now }
            }
            None => Phase::Ready { lane, since: now, asked: now },
        };
        let before = state.objects.get(key).map(|object| object.phase);
        let failures = state.objects.get(key).map_or(0, |object| object.failures);
        let running_in = match phase {
            // A running object keeps its group: the places are counted by it.
            Phase::Running { .. } => state.objects.get(key).map(|object| Group::clone(&object.group)),
            _ => None,
        };
        let group = running_in.unwrap_or_else(|| Group::clone(group));
        if let Phase::Ready { lane, .. } = phase
            && !matches!(before, Some(Phase::Ready { lane: old, .. }) if old == lane)
        {
            state.lane(lane).push(&group, key.clone());
        }
        state.objects.insert(key.clone(), Object { group, failures, phase, waits_for: None });
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for the next attempt to make and marks it as running. Every job must be given back with
    /// [`finish`](Self::finish). For one caller only.
    pub async fn next(&self) -> Job<K> {
        loop {
            let due = {
                let mut state = self.lock();
                let now = Instant::now();
                state.make_ready(now);
                if let Some(job) = state.pop(self.limits, now) {
                    return job;
                }
                state.waiting.first().map(|(due, _)| *due)
            };
            match due {
                Some(due) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Gives a job back and says what comes next.
    pub fn finish(&self, key: &K, next: Next) {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(Phase::Running { again, .. }) = state.objects.get(key).map(|object| object.phase) else {
            return;
        };
        let Some(Object { group, failures, .. }) = state.objects.remove(key) else { return };
        state.leave(&group);
        let failures = match next {
            Next::Retry { .. } => failures.saturating_add(1),
            Next::Held { .. } => failures,
            Next::After(_) | Next::Forget => 0,
        };
        let mut waiting_for = None;
        let phase = match (again, next) {
            (Some(lane), _) => {
                state.lane(lane).push(&group, key.clone());
                Some(Phase::Ready { lane, since: now, asked: now })
            }
            (None, Next::Forget) => None,
            (None, Next::After(wait)) => Some(state.wait(key, now + wait.min(RESYNC))),
            (None, Next::Retry { backoff, at_least }) => {
                state.jitter = state.jitter.wrapping_add(101);
                let wait = backoff.wait(failures, state.jitter).max(at_least).min(RESYNC);
                Some(state.wait(key, now + wait))
            }
            (None, Next::Held { wait, waits_for }) => {
                state.jitter = state.jitter.wrapping_add(101);
                waiting_for = Some(waits_for);
                let later = wait / 2 * u32::from(state.jitter) / 255;
                Some(state.wait(key, now + (wait + later).min(RESYNC)))
            }
        };
        if let Some(phase) = phase {
            state.objects.insert(key.clone(), Object { group, failures, phase, waits_for: waiting_for });
        }
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl<K: Clone + Eq + Ord + Hash> State<K> {
    pub(super) fn lane(&mut self, lane: Lane) -> &mut LaneQueue<K> {
        match lane {
            Lane::Refresh => &mut self.refresh,
            Lane::Changed => &mut self.changed,
        }
    }

    pub(super) fn wait(&mut self, key: &K, due: Instant) -> Phase {
        self.waiting.insert((due, key.clone()));
        Phase::Waiting { due }
    }

    pub(super) fn leave(&mut self, group: &Group) {
        self.running_total = self.running_total.saturating_sub(1);
        if let Some(count) = self.running.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(group);
            }
        }
    }

    fn make_ready(&mut self, now: Instant) {
        while self.waiting.first().is_some_and(|(due, _)| *due <= now) {
            let Some((since, key)) = self.waiting.pop_first() else { return };
            if let Some(object) = self.objects.get_mut(&key) {
                object.phase = Phase::Ready { lane: Lane::Refresh, since, asked: since };
                self.refresh.push(&object.group, key);
            }
        }
    }

    fn pop(&mut self, limits: Limits, now: Instant) -> Option<Job<K>> {
        if self.running_total >= limits.total {
            return None;
        }
        self.turns = (self.turns + 1) % 4;
        let order =
            if self.turns == 0 { [Lane::Refresh, Lane::Changed] } else { [Lane::Changed, Lane::Refresh] };
        let key = order.into_iter().find_map(|lane| self.pop_from(lane, limits))?;
        let object = self.objects.get_mut(&key)?;
        let Phase::Ready { asked, .. } = object.phase else { return None };
        object.phase = Phase::Running { since: now, again: None };
        *self.running.entry(Group::clone(&object.group)).or_default() += 1;
        self.running_total += 1;
        Some(Job { key, failures: object.failures, asked })
    }

    fn pop_from(&mut self, lane: Lane, limits: Limits) -> Option<K> {
        let Self { objects, changed, refresh, running, .. } = self;
        let queue = match lane {
            Lane::Refresh => refresh,
            Lane::Changed => changed,
        };
        queue.pop(
            |group| running.get(group).is_none_or(|count| *count < limits.per_group),
            |key| {
                objects.get(key).is_some_and(
                    |object| matches!(object.phase, Phase::Ready { lane: ready, .. } if ready == lane),
                )
            },
        )
    }
}

#[cfg(test)]
mod tests;
