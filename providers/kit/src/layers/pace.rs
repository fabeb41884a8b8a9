//! `Pace`: how many calls of one store may be under way, how many a second, and since when; a service that asks to slow
//! down gets fewer for a while.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::rate::Bucket;

/// Calls of one store that are under way at once.
pub const MOST: usize = 32;
/// After the service has asked to slow down, this often one call more is allowed.
const REGAIN: Duration = Duration::from_secs(2);
/// A service that wants to be left alone for longer is asked again nevertheless: it may have erred.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The pace of one store, shared by all its clients.
///
/// Each time the service says that it is asked too much, half as many calls may be under way; calls that had
/// begun before the last halving do not count again. Where the service says how long it wants to be left alone,
/// no call is made until then. Where somebody has said how many calls a second it stands, no more are made, but for
/// a second's worth at once after a rest.
///
/// Whoever came first is first: calls wait in one line, whatever they wait for.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    /// Held by whoever is first in line.
    first: tokio::sync::Mutex<()>,
    /// Something has changed for whoever is first in line.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    allowed: usize,
    /// When `allowed` was last changed.
    since: Instant,
    halved: Option<Instant>,
    under_way: usize,
    not_before: Option<Instant>,
    bucket: Option<Bucket>,
}

/// What whoever is first in line is told.
enum Turn {
    /// The place is taken.
    Now,
    /// All places are taken.
    Full,
    /// The service wants to be left alone until then.
    Alone(Instant),
    /// The next call of this second may be made then.
    At(Instant),
}

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pace: &'a Pace,
    begun: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        let state = State {
            allowed: MOST,
            since: Instant::now(),
            halved: None,
            under_way: 0,
            not_before: None,
            bucket: None,
        };
        Self { state: Mutex::new(state), first: tokio::sync::Mutex::default(), changed: Notify::new() }
    }
}

impl Pace {
    /// How many calls may be under way at once now.
    pub fn allowed(&self) -> usize {
        let mut state = self.lock();
        state.regain(Instant::now());
        state.allowed
    }

    /// From now on at most `rate` calls are begun a second, on the average, and twice as many in one second after a
    /// rest; without one, as many as there are. Those who wait heed it, too.
    pub fn set_rate(&self, rate: Option<NonZeroU32>) {
        let mut state = self.lock();
        if state.bucket.as_ref().map(Bucket::rate) != rate {
            let full = state.bucket.as_ref().map_or_else(Instant::now, Bucket::full);
            state.bucket = rate.map(|rate| Bucket::new(rate, full));
            self.changed.notify_one();
        }
    }

    /// Whether [`set_rate`](Self::set_rate) has set one.
    pub(super) fn has_rate(&self) -> bool {
        self.lock().bucket.is_some()
    }

    /// Counts a call that does not wait.
    pub(super) fn count(&self) {
        if let Some(bucket) = &mut self.lock().bucket {
            bucket.spend(Instant::now());
        }
    }

    /// Waits until one more call may be made.
    ///
    /// # Errors
    /// `Throttled` where the service wants to be left alone for longer than `patience`; with the time that is
    /// left.
    pub(super) async fn place(&self, operation: &'static str, patience: Duration) -> Result<Place<'_>> {
        let refused = |until: Instant, now: Instant| {
            let message = "the service has asked for no calls for a while";
            Error::new(ErrorKind::Throttled, operation, message).with_retry_after(until - now)
        };
        let now = Instant::now();
        let alone = self.lock().alone(now);
        // Not worth standing in line for.
        if let Some(until) = alone.filter(|until| *until - now > patience) {
            return Err(refused(until, now));
        }
        let _first = self.first.lock().await;
        loop {
            let changed = self.changed.notified();
            let now = Instant::now();
            let turn = self.lock().turn(now);
            match turn {
                Turn::Now => return Ok(Place { pace: self, begun: now }),
                Turn::Alone(until) if until - now > patience => return Err(refused(until, now)),
                Turn::Alone(until) | Turn::At(until) => {
                    let _ = timeout_at(until, changed).await;
                }
                Turn::Full => changed.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Until when the service wants to be left alone, if so.
    fn alone(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    /// Takes a place if there is one.
    fn turn(&mut self, now: Instant) -> Turn {
        self.regain(now);
        if let Some(until) = self.alone(now) {
            return Turn::Alone(until);
        }
        if self.under_way >= self.allowed {
            return Turn::Full;
        }
        if let Some(bucket) = &mut self.bucket {
            if let Some(at) = bucket.empty_until(now) {
                return Turn::At(at);
            }
            bucket.spend(now);
        }
        self.under_way += 1;
        Turn::Now
    }

    fn regain(&mut self, now: Instant) {
        while self.allowed < MOST && now.duration_since(self.since) >= REGAIN {
            self.allowed += 1;
            self.since += REGAIN;
        }
        if self.allowed == MOST {
            self.since = now;
        }
    }
}

impl Place<'_> {
    /// The call ended with `error`.
    pub(super) fn failed(&self, error: &Error) {
        if error.kind() != ErrorKind::Throttled {
            return;
        }
        let now = Instant::now();
        let mut state = self.pace.lock();
        state.regain(now);
        if state.halved.is_none_or(|halved| self.begun >= halved) {
            state.allowed = (state.allowed / 2).max(1);
            state.since = now;
            state.halved = Some(now);
        }
        if let Some(hint) = error.retry_after() {
            state.not_before = state.not_before.max(Some(now + hint.min(LONGEST_PAUSE)));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pace.lock().under_way -= 1;
        self.pace.changed.notify_one();
    }
}
