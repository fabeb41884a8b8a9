//! Nothing is forgotten: random runs on a turned clock, with failures, panics, deletions, restarts, changes of the
//! leader and stores that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use strongroom_provider_api::{Error, ErrorKind};
use tokio::time::{Instant, advance, sleep, timeout, timeout_at};

use super::queue::Phase;
use super::*;
use crate::kube_io::{ObjectKey, Watched};
use crate::stores::{Breakers, StoreView};

/// A linear congruential generator: the same seeds give the same runs on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

// === The schedule alone ===

const KEYS: [&str; 6] = ["a1", "a2", "a3", "b1", "b2", "c1"];
const LIMITS: Limits = Limits { total: 4, per_group: 2 };

fn group(key: &str) -> Group {
    Group::from(&key[..1])
}

/// A schedule, and until when each of its objects must have run if there is a place for it.
struct Run {
    schedule: Schedule<&'static str>,
    running: Vec<&'static str>,
    expected: BTreeMap<&'static str, Instant>,
}

impl Run {
    /// What a process does first: it asks for every object that exists.
    fn begin(existing: impl Iterator<Item = &'static str>, dice: &mut Dice) -> Self {
        let mut run =
            Self { schedule: Schedule::new(LIMITS), running: Vec::new(), expected: BTreeMap::new() };
        for key in existing {
            run.request(key, dice);
        }
        run
    }

    fn request(&mut self, key: &'static str, dice: &mut Dice) {
        let lane = dice.pick(&[Lane::Refresh, Lane::Changed]);
        self.schedule.request(&key, &group(key), lane);
        self.expected.insert(key, Instant::now());
    }

    async fn take(&mut self) {
        let job = timeout(Duration::from_millis(1), self.schedule.next()).await;
        self.running.extend(job.map(|job| job.key).ok());
        for name in ["a", "b", "c"] {
            let of_group = self.running.iter().filter(|key| key.starts_with(name)).count();
            assert!(of_group <= LIMITS.per_group, "{:?}", self.running);
        }
        assert!(self.running.len() <= LIMITS.total, "{:?}", self.running);
    }

    fn finish(&mut self, dice: &mut Dice) {
        if self.running.is_empty() {
            return;
        }
        let index = usize::try_from(dice.roll(self.running.len() as u64)).unwrap();
        let key = self.running.remove(index);
        let phase = self.schedule.lock().objects.get(key).map(|object| object.phase);
        let again = !matches!(phase, Some(Phase::Running { again: None, .. }));
        let wait = Duration::from_secs(dice.roll(100_000));
        let (next, at_most) = match dice.roll(4) {
            0 => (Next::After(wait), Some(wait)),
            1 => {
                let backoff = Backoff::UPSTREAM;
                (Next::Retry { backoff, at_least: Duration::from_secs(dice.roll(600)) }, Some(RESYNC))
            }
            2 => (Next::Held { wait, waits_for: group(key) }, Some(wait * 2)),
            _ => (Next::Forget, None),
        };
        self.schedule.finish(&key, next);
        match at_most {
            _ if again => self.expected.insert(key, Instant::now()),
            Some(wait) => self.expected.insert(key, Instant::now() + wait.min(RESYNC)),
            None => self.expected.remove(key),
        };
    }

    fn release(&mut self, dice: &mut Dice) {
        let which = group(dice.pick(&KEYS));
        let held: Vec<_> = {
            let state = self.schedule.lock();
            let held = state.objects.iter().filter(|(_, object)| object.waits_for.as_ref() == Some(&which));
            held.filter(|(_, object)| matches!(object.phase, Phase::Waiting { .. }))
                .map(|(key, _)| *key)
                .collect()
        };
        self.schedule.release(&which);
        for key in held {
            let by = Instant::now() + held::WITHIN;
            let expected = self.expected.entry(key).or_insert(by);
            *expected = by.min(*expected);
        }
    }

    /// Everything that is there runs once, in time.
    async fn drain(mut self, seed: u64) {
        for key in std::mem::take(&mut self.running) {
            self.schedule.finish(&key, Next::After(RESYNC));
            self.expected.insert(key, Instant::now() + RESYNC);
        }
        let began = Instant::now();
        let deadline = began + RESYNC + Duration::from_secs(1);
        let mut met = BTreeSet::new();
        while let Ok(job) = timeout_at(deadline, self.schedule.next()).await {
            let by = self.expected.get(job.key).unwrap_or_else(|| panic!("seed {seed}: {} is gone", job.key));
            let late = Instant::now().saturating_duration_since((*by).max(began));
            assert!(late < Duration::from_secs(1), "seed {seed}: {} is {late:?} late", job.key);
            met.insert(job.key);
            self.schedule.finish(&job.key, Next::Forget);
        }
        assert_eq!(met, self.expected.keys().copied().collect(), "seed {seed}");
        assert_eq!(self.schedule.load(), Load::default(), "seed {seed}");
        assert!(self.schedule.lock().running.is_empty(), "seed {seed}: every place is free");
    }
}

#[tokio::test(start_paused = true)]
async fn no_object_is_ever_forgotten() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut run = Run::begin([].into_iter(), &mut dice);
        for _ in 0..150 {
            match dice.roll(16) {
                0..=4 => {
                    let key = dice.pick(&KEYS);
                    run.request(key, &mut dice);
                }
                5..=6 => advance(Duration::from_secs(dice.roll(600))).await,
                7..=9 => run.finish(&mut dice),
                10 => run.release(&mut dice),
                11 if dice.roll(4) == 0 => {
                    // A restart, or another leader: what was running is running no more.
                    let existing: Vec<_> = run.expected.keys().copied().collect();
                    run = Run::begin(existing.into_iter(), &mut dice);
                }
                _ => run.take().await,
            }
        }
        run.drain(seed).await;
    }
}

// === The whole: dispatcher, breaker, restarts, leaders ===

const OBJECTS: u32 = 24;
const STORES: u32 = 3;

/// What is left when a process dies: the objects and their statuses; and what the stores do.
#[derive(Default)]
struct World {
    /// When each object was synced last, if it ever was.
    synced: BTreeMap<u32, Option<Instant>>,
    down: BTreeSet<u32>,
    dice: Option<Dice>,
    panics: bool,
}

type Shared = Arc<Mutex<World>>;

fn interval(object: u32) -> Duration {
    Duration::from_secs(60 + u64::from(object) * 97 % 3000)
}

fn store(number: u32) -> StoreView {
    let name = format!("store-{number}");
    let store = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": 1 },
        "spec": { "provider": { "fake": {} } },
    });
    StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())))
}

impl World {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice.as_mut().unwrap().roll(sides)
    }
}

/// One attempt, as the hops make it: is it due, may its store be asked, does it answer.
async fn attempt(
    world: Shared,
    breakers: Arc<Breakers>,
    schedule: Arc<Schedule<u32>>,
    job: Job<u32>,
) -> Next {
    let object = job.key;
    let (last, panics, took) = {
        let mut world = world.lock().unwrap();
        let panics = world.panics && world.roll(20) == 0;
        (world.synced.get(&object).copied(), panics, Duration::from_millis(world.roll(3000)))
    };
    let Some(last) = last else { return Next::Forget };
    let remaining = last.map_or(Duration::ZERO, |last| interval(object).saturating_sub(last.elapsed()));
    if !remaining.is_zero() {
        return Next::After(remaining);
    }
    let store = store(object % STORES);
    let waits_for = store.id.group();
    let name = ObjectKey::new("ns", object.to_string());
    let key = format!("key-{object}");
    let admission = match breakers.admit(&store, &name, std::iter::once(key.as_str())) {
        Ok(admission) => admission,
        Err(held) => return Next::Held { wait: held.wait, waits_for },
    };
    sleep(took).await;
    if panics {
        // Without the hook, which would print each of them.
        std::panic::resume_unwind(Box::new("boom"));
    }
    if world.lock().unwrap().down.contains(&(object % STORES)) {
        let error = Arc::new(Error::new(ErrorKind::Unavailable, "read", "down").with_key(key));
        return match admission.failed(&error) {
            Some(wait) => Next::Held { wait, waits_for },
            None => Next::Retry { backoff: Backoff::OUTAGE, at_least: Duration::ZERO },
        };
    }
    if admission.answered() {
        schedule.release(&waits_for);
    }
    // The status is written.
    world.lock().unwrap().synced.insert(object, Some(Instant::now()));
    Next::After(interval(object))
}

/// A process: it asks for everything that exists and works until it is stopped, or killed where the grace is none.
async fn lead(world: &Shared, stop: Duration, grace: Duration) -> Arc<Schedule<u32>> {
    let schedule = Arc::new(Schedule::new(Limits { total: 8, per_group: 3 }));
    let breakers = Arc::<Breakers>::default();
    let existing: Vec<_> = world.lock().unwrap().synced.keys().copied().collect();
    for object in existing {
        schedule.request(&object, &store(object % STORES).id.group(), Lane::Refresh);
    }
    let mischief = async {
        loop {
            sleep(Duration::from_secs(20)).await;
            let mut world = world.lock().unwrap();
            if !world.panics {
                continue;
            }
            let (object, number) = (world.roll(u64::from(OBJECTS)), world.roll(u64::from(STORES)));
            let (object, number) = (u32::try_from(object).unwrap(), u32::try_from(number).unwrap());
            match world.roll(4) {
                0 => {
                    world.synced.remove(&object);
                }
                1 => {
                    world.synced.entry(object).or_default();
                }
                2 => {
                    world.down.insert(number);
                }
                _ => {
                    world.down.remove(&number);
                }
            }
            drop(world);
            schedule.request(&object, &store(object % STORES).id.group(), Lane::Changed);
        }
    };
    let work = dispatch(Arc::clone(&schedule), sleep(stop), grace, |job| {
        attempt(Arc::clone(world), Arc::clone(&breakers), Arc::clone(&schedule), job)
    });
    tokio::select! {
        () = work => {}
        () = mischief => {}
    }
    schedule
}

#[tokio::test(start_paused = true)]
async fn after_any_history_every_object_is_in_step_again_within_its_interval() {
    for seed in 0..15 {
        let world = World { dice: Some(Dice(seed)), panics: true, ..World::default() };
        let world = Arc::new(Mutex::new(world));
        for object in 0..OBJECTS {
            world.lock().unwrap().synced.insert(object, None);
        }
        for _ in 0..4 {
            let (stop, grace) = {
                let mut world = world.lock().unwrap();
                (Duration::from_secs(world.roll(3000)), Duration::from_secs(world.roll(3)))
            };
            lead(&world, stop, grace).await;
        }
        let last = {
            let world = Arc::clone(&world);
            async move {
                sleep(Duration::from_mins(20)).await;
                // From now on nothing panics, but no store answers for a while.
                {
                    let mut world = world.lock().unwrap();
                    world.panics = false;
                    world.down.extend(0..STORES);
                }
                sleep(Duration::from_mins(40)).await;
                world.lock().unwrap().down.clear();
                let well = Instant::now();
                // A trial, the release, and a moment for the places.
                let recovered = Duration::from_mins(2);
                sleep(recovered).await;
                let behind: Vec<_> = behind(&world, well + recovered);
                assert!(behind.is_empty(), "seed {seed}: {behind:?} are not in step after the outage");
            }
        };
        let work = lead(&world, Duration::from_hours(3), Duration::ZERO);
        let (schedule, ()) = tokio::join!(work, last);
        let behind = behind(&world, Instant::now());
        assert!(behind.is_empty(), "seed {seed}: {behind:?} are not in step at the end");
        assert!(schedule.rescue().is_empty(), "seed {seed}");
        assert_eq!(schedule.load().known, world.lock().unwrap().synced.len(), "seed {seed}");
    }
}

/// The objects whose interval had passed at `now`, with a moment of grace.
fn behind(world: &Shared, now: Instant) -> Vec<u32> {
    let grace = Duration::from_secs(30);
    let world = world.lock().unwrap();
    let late = |synced: &Option<Instant>, object: u32| {
        synced.is_none_or(|synced| synced + interval(object) + grace < now)
    };
    world.synced.iter().filter(|(object, synced)| late(synced, **object)).map(|(object, _)| *object).collect()
}
