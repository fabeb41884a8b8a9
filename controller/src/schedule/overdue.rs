//! What is late: counted for the metrics, and put back in line by a watchdog that should never have to.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Lane;
use super::queue::{Phase, Schedule, State};

/// Due for longer than this and still not running counts as overdue.
const OVERDUE: Duration = Duration::from_mins(1);
/// Due for longer than this although there is a place for it, it has been lost.
const LOST: Duration = Duration::from_mins(3);
/// An attempt that has not ended by then never will: the dispatcher ends each of them earlier.
const NEVER_ENDS: Duration = Duration::from_mins(10);
/// Time between two looks of the watchdog.
const LOOK: Duration = Duration::from_secs(30);

/// How much there is to do; read when metrics are scraped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Objects known.
    pub known: usize,
    /// Objects running.
    pub running: usize,
    /// Objects that are due because they are new or changed, and not yet running.
    pub changed: usize,
    /// Objects that are due for a refresh or another try, and not yet running.
    pub refresh: usize,
    /// Objects that wait for a store to work again.
    pub held: usize,
    /// Objects whose due time passed more than a minute ago and which still do not run.
    pub overdue: usize,
    /// For how long the object that has been due for the longest is.
    pub oldest: Duration,
}

/// Something that was lost and has been put back in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost<K> {
    /// The object.
    pub key: K,
    /// Since when it should have run, or has been running.
    pub since: Instant,
}

impl<K: Clone + Eq + Ord + Hash + Debug> Schedule<K> {
    /// How much there is to do now.
    pub fn load(&self) -> Load {
        let now = Instant::now();
        let state = self.lock();
        let mut load = Load { known: state.objects.len(), running: state.running_total, ..Load::default() };
        for object in state.objects.values() {
            match object.phase {
                Phase::Ready { lane: Lane::Changed, .. } => load.changed += 1,
                Phase::Ready { lane: Lane::Refresh, .. } => load.refresh += 1,
                Phase::Waiting { .. } if object.waits_for.is_some() => load.held += 1,
                Phase::Waiting { .. } | Phase::Running { .. } => {}
            }
            let late = object.phase.late(now);
            load.overdue += usize::from(late > OVERDUE);
            load.oldest = load.oldest.max(late);
        }
        load
    }

    /// Puts back in line what is due for minutes although there is a place for it, and what has been running for
    /// longer than anything may. Gives what it found: always nothing, unless there is a bug.
    pub fn rescue(&self) -> Vec<Lost<K>> {
        let now = Instant::now();
        let mut state = self.lock();
        let lost: Vec<_> = state.lost(self.limits.total, self.limits.per_group, now);
        for Lost { key, .. } in &lost {
            state.put_back(key, now);
        }
        drop(state);
        self.wake.notify_one();
        lost
    }
}

/// Looks after `schedule` for ever: what [`rescue`](Schedule::rescue) finds is logged as an error.
pub async fn watchdog<K: Clone + Eq + Ord + Hash + Debug>(schedule: Arc<Schedule<K>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        for Lost { key, since } in schedule.rescue() {
            let seconds = since.elapsed().as_secs();
            tracing::error!(object = ?key, seconds, reason = "InternalError",
                "an object was overdue although there was a place for it; it has been put back in line");
        }
    }
}

impl Phase {
    /// For how long it has been due without running.
    fn late(self, now: Instant) -> Duration {
        match self {
            Self::Ready { since, .. } => now.saturating_duration_since(since),
            Self::Waiting { due } => now.saturating_duration_since(due),
            Self::Running { .. } => Duration::ZERO,
        }
    }
}

impl<K: Clone + Eq + Ord + Hash> State<K> {
    fn lost(&self, total: usize, per_group: usize, now: Instant) -> Vec<Lost<K>> {
        let full = self.running_total >= total;
        let objects = self.objects.iter().filter_map(|(key, object)| {
            let group_full = self.running.get(&object.group).is_some_and(|running| *running >= per_group);
            let (since, lost) = match object.phase {
                Phase::Ready { since, .. } | Phase::Waiting { due: since } => {
                    (since, object.phase.late(now) > LOST && !full && !group_full)
                }
                Phase::Running { since, .. } => (since, now.duration_since(since) > NEVER_ENDS),
            };
            lost.then(|| Lost { key: key.clone(), since })
        });
        objects.collect()
    }

    fn put_back(&mut self, key: &K, now: Instant) {
        let Some(object) = self.objects.get_mut(key) else { return };
        let (group, before) = (super::Group::clone(&object.group), object.phase);
        object.phase = Phase::Ready { lane: Lane::Changed, since: now, asked: now };
        match before {
            Phase::Running { .. } => self.leave(&group),
            Phase::Waiting { due } => {
                self.waiting.remove(&(due, key.clone()));
            }
            Phase::Ready { .. } => {}
        }
        // Should it stand in line already, the second entry is passed over.
        self.changed.push(&group, key.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Group, Limits, Next, RESYNC};
    use super::*;

    const LIMITS: Limits = Limits { total: 3, per_group: 3 };

    fn schedule() -> (Schedule<&'static str>, Group) {
        (Schedule::new(LIMITS), Group::from("a"))
    }

    async fn next(schedule: &Schedule<&'static str>) -> Option<&'static str> {
        tokio::time::timeout(Duration::from_millis(1), schedule.next()).await.ok().map(|job| job.key)
    }

    fn rescued(schedule: &Schedule<&'static str>) -> Vec<&'static str> {
        schedule.rescue().into_iter().map(|lost| lost.key).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_load_is_told_by_lane_and_age() {
        let (schedule, group) = schedule();
        for (key, lane) in [("new", Lane::Changed), ("old", Lane::Refresh), ("run", Lane::Changed)] {
            schedule.request(&key, &group, lane);
        }
        schedule.request(&"held", &group, Lane::Changed);
        for _ in 0..2 {
            let key = next(&schedule).await.unwrap();
            let waits_for = Group::from("s");
            schedule.finish(&key, Next::Held { wait: Duration::from_mins(50), waits_for });
        }
        tokio::time::advance(OVERDUE + Duration::from_secs(1)).await;
        let load = schedule.load();
        assert_eq!((load.known, load.running, load.held), (4, 0, 2));
        assert_eq!(load.changed + load.refresh, 2);
        assert_eq!(load.overdue, 2);
        assert!(load.oldest > OVERDUE, "{load:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_got_lost_is_put_back_in_line() {
        let (schedule, group) = schedule();
        for key in ["ready", "waiting", "running"] {
            schedule.request(&key, &group, Lane::Changed);
            assert_eq!(next(&schedule).await, Some(key));
        }
        schedule.finish(&"ready", Next::After(Duration::from_secs(1)));
        schedule.finish(&"waiting", Next::After(Duration::from_secs(1)));
        schedule.request(&"ready", &group, Lane::Refresh);
        // The bug: lines and timers are gone, and the attempt that runs is never given back.
        schedule.lock().refresh = super::super::lane::LaneQueue::default();
        schedule.lock().waiting.clear();
        tokio::time::advance(LOST).await;
        assert!(rescued(&schedule).is_empty(), "that may still be somebody's turn");
        assert_eq!(next(&schedule).await, None);
        tokio::time::advance(Duration::from_secs(2)).await;
        let mut found = rescued(&schedule);
        found.sort_unstable();
        assert_eq!(found, ["ready", "waiting"]);
        let mut taken = [next(&schedule).await, None];
        schedule.finish(&taken[0].unwrap(), Next::After(RESYNC));
        taken[1] = next(&schedule).await;
        schedule.finish(&taken[1].unwrap(), Next::After(RESYNC));
        taken.sort_unstable();
        assert_eq!(taken, [Some("ready"), Some("waiting")]);
        tokio::time::advance(NEVER_ENDS).await;
        assert_eq!(rescued(&schedule), ["running"]);
        assert_eq!(next(&schedule).await, Some("running"));
        schedule.finish(&"running", Next::After(RESYNC));
        assert!(rescued(&schedule).is_empty());
        assert_eq!(schedule.load().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_place_is_late_but_not_lost() {
        let (schedule, group) = schedule();
        for key in ["a", "b", "c", "d"] {
            schedule.request(&key, &group, Lane::Changed);
        }
        for _ in 0..3 {
            next(&schedule).await.unwrap();
        }
        tokio::time::advance(LOST + Duration::from_secs(1)).await;
        assert!(rescued(&schedule).is_empty());
        assert_eq!(schedule.load().overdue, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_looks_by_itself() {
        let (schedule, group) = schedule();
        schedule.request(&"x", &group, Lane::Changed);
        schedule.lock().changed = super::super::lane::LaneQueue::default();
        let schedule = Arc::new(schedule);
        let watchdog = tokio::spawn(watchdog(Arc::clone(&schedule)));
        let job = tokio::time::timeout(LOST + LOOK * 2, schedule.next()).await;
        assert_eq!(job.unwrap().key, "x");
        watchdog.abort();
    }
}
