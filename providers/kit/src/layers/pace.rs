//! `Pace`: how many calls of one store may be under way, and since when; a service that asks to slow down gets
//! fewer for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

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
/// no call is made until then.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    allowed: usize,
    /// When `allowed` was last changed.
    since: Instant,
    halved: Option<Instant>,
    under_way: usize,
    not_before: Option<Instant>,
}

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pace: &'a Pace,
    begun: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        let state =
            State { allowed: MOST, since: Instant::now(), halved: None, under_way: 0, not_before: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }
}

impl Pace {
    /// How many calls may be under way at once now.
    pub fn allowed(&self) -> usize {
        let mut state = self.lock();
        state.regain(Instant::now());
        state.allowed
    }

    /// Waits until one more call may be made.
    ///
    /// # Errors
    /// `Throttled` where the service wants to be left alone for longer than `patience`; with the time that is
    /// left.
    pub(super) async fn place(&self, operation: &'static str, patience: Duration) -> Result<Place<'_>> {
        loop {
            let freed = self.freed.notified();
            let now = Instant::now();
            let pause = {
                let mut state = self.lock();
                state.regain(now);
                let pause = state.not_before.filter(|until| *until > now);
                if pause.is_none() && state.under_way < state.allowed {
                    state.under_way += 1;
                    if state.under_way < state.allowed {
                        // Where more than one place has become free, those who wait wake each other.
                        self.freed.notify_one();
                    }
                    return Ok(Place { pace: self, begun: now });
                }
                pause
            };
            match pause {
                Some(until) if until - now > patience => {
                    let message = "the service has asked for no calls for a while";
                    return Err(
                        Error::new(ErrorKind::Throttled, operation, message).with_retry_after(until - now)
                    );
                }
                Some(until) => sleep_until(until).await,
                None => freed.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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
        self.pace.freed.notify_one();
    }
}
