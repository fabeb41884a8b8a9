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
}

/// What becomes of an object after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Self::Forget => f.write_str("never"),
        }
    }
}

/// How much there is to do; read when metrics are scraped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Objects known.
    pub known: usize,
    /// Objects running.
    pub running: usize,
    /// Objects due and not yet running.
    pub ready: usize,
    /// Objects whose due time passed more than a minute ago and which still do not run.
    pub overdue: usize,
}

/// The queue. All state is behind one lock that is held for moments only.
#[derive(Debug)]
pub struct Schedule<K> {
    limits: Limits,
    state: Mutex<State<K>>,
    wake: Notify,
}

#[derive(Debug)]
struct State<K> {
    objects: HashMap<K, Object>,
    waiting: BTreeSet<(Instant, K)>,
    changed: LaneQueue<K>,
    refresh: LaneQueue<K>,
    running: HashMap<Group, usize>,
    running_total: usize,
    turns: u8,
    /// Cheap deterministic jitter: it only has to differ between neighbours.
    jitter: u8,
}

#[derive(Debug)]
struct Object {
    group: Group,
    failures: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting { due: Instant },
    Ready { lane: Lane, since: Instant },
    Running { again: Option<Lane> },
}

const OVERDUE: Duration = Duration::from_mins(1);

impl<K: Clone + Eq + Ord + Hash + Debug> Schedule<K> {
    /// An empty schedule.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                objects: HashMap::new(),
                waiting: BTreeSet::new(),
                changed: LaneQueue::default(),
                refresh: LaneQueue::default(),
                running: HashMap::new(),
                running_total: 0,
                turns: 0,
                jitter: 0,
            }),
            wake: Notify::new(),
        }
    }

    /// Asks for an attempt now. A waiting object becomes ready, a ready one may be moved to the faster lane, a
    /// running one runs once more afterwards.
    pub fn request(&self, key: &K, group: &Group, lane: Lane) {
        let now = Instant::now();
        let mut state = self.lock();
        let phase = match state.objects.get(key).map(|object| object.phase) {
            Some(Phase::Running { again }) => Phase::Running { again: again.max(Some(lane)) },
            Some(Phase::Ready { lane: current, since }) => Phase::Ready { lane: current.max(lane), since },
            Some(Phase::Waiting { due }) => {
                state.waiting.remove(&(due, key.clone()));
                Phase::Ready { lane, since: now }
            }
            None => Phase::Ready { lane, since: now },
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
        state.objects.insert(key.clone(), Object { group, failures, phase });
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for the next attempt to make and marks it as running. Every job must be given back with
    /// [`finish`](Self::finish). For one caller only.
    pub async fn next(&self) -> Job<K> {
        loop {
            let due = {
                let mut state = self.lock();
                state.make_ready(Instant::now());
                if let Some(job) = state.pop(self.limits) {
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
        let Some(Object { group, failures, phase: Phase::Running { again } }) = state.objects.remove(key)
        else {
            return;
        };
        state.leave(&group);
        let failures = if matches!(next, Next::Retry { .. }) { failures.saturating_add(1) } else { 0 };
        let phase = match (again, next) {
            (Some(lane), _) => {
                state.lane(lane).push(&group, key.clone());
                Some(Phase::Ready { lane, since: now })
            }
            (None, Next::Forget) => None,
            (None, Next::After(wait)) => Some(state.wait(key, now + wait.min(RESYNC))),
            (None, Next::Retry { backoff, at_least }) => {
                state.jitter = state.jitter.wrapping_add(101);
                let wait = backoff.wait(failures, state.jitter).max(at_least).min(RESYNC);
                Some(state.wait(key, now + wait))
            }
        };
        if let Some(phase) = phase {
            state.objects.insert(key.clone(), Object { group, failures, phase });
        }
        drop(state);
        self.wake.notify_one();
    }

    /// How much there is to do now.
    pub fn load(&self) -> Load {
        let now = Instant::now();
        let state = self.lock();
        let mut load = Load { known: state.objects.len(), running: state.running_total, ..Load::default() };
        for object in state.objects.values() {
            match object.phase {
                Phase::Ready { since, .. } => {
                    load.ready += 1;
                    load.overdue += usize::from(now.duration_since(since) > OVERDUE);
                }
                Phase::Waiting { due } => load.overdue += usize::from(now > due + OVERDUE),
                Phase::Running { .. } => {}
            }
        }
        load
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl<K: Clone + Eq + Ord + Hash> State<K> {
    fn lane(&mut self, lane: Lane) -> &mut LaneQueue<K> {
        match lane {
            Lane::Refresh => &mut self.refresh,
            Lane::Changed => &mut self.changed,
        }
    }

    fn wait(&mut self, key: &K, due: Instant) -> Phase {
        self.waiting.insert((due, key.clone()));
        Phase::Waiting { due }
    }

    fn leave(&mut self, group: &Group) {
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
                object.phase = Phase::Ready { lane: Lane::Refresh, since };
                self.refresh.push(&object.group, key);
            }
        }
    }

    fn pop(&mut self, limits: Limits) -> Option<Job<K>> {
        if self.running_total >= limits.total {
            return None;
        }
        self.turns = (self.turns + 1) % 4;
        let order =
            if self.turns == 0 { [Lane::Refresh, Lane::Changed] } else { [Lane::Changed, Lane::Refresh] };
        let key = order.into_iter().find_map(|lane| self.pop_from(lane, limits))?;
        let object = self.objects.get_mut(&key)?;
        object.phase = Phase::Running { again: None };
        *self.running.entry(Group::clone(&object.group)).or_default() += 1;
        self.running_total += 1;
        Some(Job { key, failures: object.failures })
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
mod tests {
    use std::sync::Arc;

    use super::*;

    const LIMITS: Limits = Limits { total: 8, per_group: 2 };

    fn group(name: &str) -> Group {
        Arc::from(name)
    }

    async fn take(schedule: &Schedule<&'static str>) -> &'static str {
        tokio::time::timeout(Duration::from_secs(1), schedule.next()).await.expect("nothing is ready").key
    }

    async fn none_ready(schedule: &Schedule<&'static str>) -> bool {
        tokio::time::timeout(Duration::from_millis(1), schedule.next()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn the_changed_lane_goes_first() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"refresh", &group("a"), Lane::Refresh);
        schedule.request(&"changed", &group("b"), Lane::Changed);
        assert_eq!(take(&schedule).await, "changed");
        assert_eq!(take(&schedule).await, "refresh");
    }

    #[tokio::test(start_paused = true)]
    async fn the_refresh_lane_is_not_starved() {
        let schedule = Schedule::new(Limits { total: 100, per_group: 100 });
        for key in ["a", "b", "c", "d", "e"] {
            schedule.request(&key, &group("g"), Lane::Changed);
        }
        schedule.request(&"refresh", &group("g"), Lane::Refresh);
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(take(&schedule).await);
        }
        assert!(taken.contains(&"refresh"), "{taken:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_never_takes_more_than_its_share() {
        let schedule = Schedule::new(LIMITS);
        for key in ["a1", "a2", "a3"] {
            schedule.request(&key, &group("a"), Lane::Changed);
        }
        schedule.request(&"b1", &group("b"), Lane::Refresh);
        let mut taken = [take(&schedule).await, take(&schedule).await, take(&schedule).await];
        taken.sort_unstable();
        assert_eq!(taken, ["a1", "a2", "b1"]);
        assert!(none_ready(&schedule).await);
        schedule.finish(&"a1", Next::Forget);
        assert_eq!(take(&schedule).await, "a3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_during_a_run_makes_it_run_again() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"x", &group("a"), Lane::Changed);
        take(&schedule).await;
        schedule.request(&"x", &group("a"), Lane::Refresh);
        assert!(none_ready(&schedule).await, "one object runs at most once at a time");
        schedule.finish(&"x", Next::After(RESYNC));
        assert_eq!(take(&schedule).await, "x");
    }

    #[tokio::test(start_paused = true)]
    async fn duplicates_are_merged_and_a_promotion_counts_once() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"x", &group("a"), Lane::Refresh);
        schedule.request(&"x", &group("a"), Lane::Refresh);
        schedule.request(&"x", &group("a"), Lane::Changed);
        take(&schedule).await;
        schedule.finish(&"x", Next::After(RESYNC));
        assert!(none_ready(&schedule).await);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_back_off_and_success_resets() {
        let schedule = Schedule::new(LIMITS);
        let retry = Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO };
        schedule.request(&"x", &group("a"), Lane::Changed);
        let mut waits = Vec::new();
        for failures in 0..3 {
            let start = Instant::now();
            let job = schedule.next().await;
            assert_eq!(job.failures, failures);
            waits.push(start.elapsed().as_millis());
            schedule.finish(&"x", retry);
        }
        assert!(
            waits[0] == 0 && (750..=1000).contains(&waits[1]) && (1500..=2000).contains(&waits[2]),
            "{waits:?}"
        );
        assert_eq!(schedule.next().await.failures, 3);
        schedule.finish(&"x", Next::After(Duration::from_secs(5)));
        assert_eq!(schedule.next().await.failures, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_of_the_store_is_honoured() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"x", &group("a"), Lane::Changed);
        take(&schedule).await;
        schedule.finish(&"x", Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::from_secs(90) });
        let start = Instant::now();
        schedule.next().await;
        assert_eq!(start.elapsed().as_secs(), 90);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_is_longer_than_a_resync_and_late_objects_are_overdue() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"x", &group("a"), Lane::Changed);
        take(&schedule).await;
        schedule.finish(&"x", Next::After(Duration::MAX));
        assert_eq!(schedule.load(), Load { known: 1, ..Load::default() });
        tokio::time::advance(RESYNC + OVERDUE + Duration::from_secs(1)).await;
        assert_eq!(schedule.load().overdue, 1);
        assert_eq!(take(&schedule).await, "x");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_forgotten_unless_it_came_back_meanwhile() {
        let schedule = Schedule::new(LIMITS);
        schedule.request(&"x", &group("a"), Lane::Changed);
        take(&schedule).await;
        schedule.request(&"x", &group("a"), Lane::Changed);
        schedule.finish(&"x", Next::Forget);
        assert_eq!(take(&schedule).await, "x");
        schedule.finish(&"x", Next::Forget);
        assert_eq!(schedule.load(), Load::default());
    }

    /// A linear congruential generator: the same seeds give the same runs on every machine.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
    }

    /// Whatever is requested, fails, panics or is late: every object that was not forgotten runs again within a
    /// resync, and never more of a group than may.
    #[tokio::test(start_paused = true)]
    async fn no_object_is_ever_forgotten() {
        const KEYS: [&str; 6] = ["a1", "a2", "a3", "b1", "b2", "c1"];
        for seed in 0..200 {
            let mut dice = Dice(seed);
            let schedule = Schedule::new(Limits { total: 4, per_group: 2 });
            let mut running: Vec<&'static str> = Vec::new();
            let mut known = std::collections::BTreeSet::new();
            for _ in 0..120 {
                let key = KEYS[usize::try_from(dice.roll(6)).unwrap()];
                match dice.roll(5) {
                    0 | 1 => {
                        let lane = if dice.roll(2) == 0 { Lane::Refresh } else { Lane::Changed };
                        schedule.request(&key, &group(&key[..1]), lane);
                        known.insert(key);
                    }
                    2 => tokio::time::advance(Duration::from_secs(dice.roll(600))).await,
                    3 if !running.is_empty() => {
                        let key = running.remove(usize::try_from(dice.roll(running.len() as u64)).unwrap());
                        let again = schedule.lock().objects.get(key).map(|object| object.phase);
                        let wanted = again != Some(Phase::Running { again: None });
                        match dice.roll(3) {
                            0 => schedule.finish(&key, Next::After(Duration::from_secs(dice.roll(100_000)))),
                            1 => schedule.finish(
                                &key,
                                Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO },
                            ),
                            _ => {
                                schedule.finish(&key, Next::Forget);
                                if !wanted {
                                    known.remove(key);
                                }
                            }
                        }
                    }
                    _ => {
                        let job = tokio::time::timeout(Duration::from_millis(1), schedule.next()).await;
                        running.extend(job.map(|job| job.key).ok());
                    }
                }
                for name in ["a", "b", "c"] {
                    let of_group = running.iter().filter(|key| key.starts_with(name)).count();
                    assert!(of_group <= 2, "seed {seed}: {running:?}");
                }
            }
            for key in running {
                schedule.finish(&key, Next::After(RESYNC));
            }
            let deadline = Instant::now() + RESYNC + Duration::from_secs(1);
            let mut seen = std::collections::BTreeSet::new();
            while let Ok(job) = tokio::time::timeout_at(deadline, schedule.next()).await {
                seen.insert(job.key);
                schedule.finish(&job.key, Next::Forget);
            }
            assert_eq!(seen, known, "seed {seed}");
            assert_eq!(schedule.load(), Load::default(), "seed {seed}");
        }
    }
}
