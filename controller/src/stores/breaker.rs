//! `Breakers`: owns, for every store that has failed lately, whether its objects may ask it now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind};
use tokio::time::Instant;

use super::{StoreId, StoreView};
use crate::kube_io::ObjectKey;
use crate::schedule::Backoff;

/// So many failed attempts in a row, each of another object than the one before, open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open before a trial: longer with each failed trial.
const OPEN: Backoff = Backoff { first: Duration::from_secs(2), cap: Duration::from_secs(15) };
/// Closed for so long, the store is trusted as before.
const TRUSTED: Duration = Duration::from_mins(5);
/// A service that wants to be left alone for longer is asked again nevertheless.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Whether the objects of a store may ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// They may.
    Closed,
    /// They wait.
    Open,
    /// One of them is trying it out, or may.
    HalfOpen,
}

impl BreakerState {
    /// Every state, with the metric's label value.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Closed, "closed"), (Self::Open, "open"), (Self::HalfOpen, "half_open")];
}

/// The breakers of all stores.
///
/// # Guarantees
/// - The failures of one store never hold up the objects of another.
/// - Where only reads of one remote key fail, only the objects that read it are held up.
/// - While a breaker is not closed, one object at a time asks the store. A success closes it; a failure lets the
///   others wait longer, a quarter of a minute at most, or as long as the service itself asks for.
/// - A store whose spec has changed begins anew.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<HashMap<StoreId, Breaker>>);

#[derive(Debug)]
struct Breaker {
    /// uid and generation of the store that failed.
    of: (String, i64),
    state: State,
    /// Failed attempts in a row.
    failures: u32,
    /// What they have in common.
    trouble: Trouble,
    last: Arc<Error>,
    last_object: ObjectKey,
    /// How often it was opened since the store was last trusted.
    opened: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { since: Instant },
    Open { until: Instant },
    Trial,
}

/// What the failures of a row have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// All were reads of this remote key.
    Key(String),
    /// Only the store.
    Store,
}

/// Why an object may not ask its store now.
#[derive(Clone, Debug)]
pub struct Held {
    /// For the message; it does not change while the object is held up.
    pub error: Arc<Error>,
    /// How long to wait before asking again.
    pub wait: Duration,
}

/// The right of one object to ask one store during one attempt. To be settled by
/// [`answered`](Self::answered) or [`failed`](Self::failed); dropped, it says nothing about the store.
#[derive(Debug)]
pub struct Admission {
    breakers: Arc<Breakers>,
    store: StoreId,
    of: (String, i64),
    object: ObjectKey,
    trial: bool,
}

impl Breakers {
    /// Whether `object`, which reads `keys` of `store`, may ask it now.
    ///
    /// # Errors
    /// [`Held`] while it may not.
    pub fn admit<'a>(
        self: &Arc<Self>,
        store: &StoreView,
        object: &ObjectKey,
        mut keys: impl Iterator<Item = &'a str>,
    ) -> Result<Admission, Held> {
        let now = Instant::now();
        let of = (store.uid().to_owned(), store.meta.generation.unwrap_or_default());
        let mut breakers = self.lock();
        let breaker = match breakers.get_mut(&store.id) {
            Some(breaker) if breaker.of == of => Some(breaker),
            Some(_) => {
                breakers.remove(&store.id);
                None
            }
            None => None,
        };
        let mut trial = false;
        if let Some(breaker) = breaker
            && breaker.concerns(&mut keys)
        {
            match breaker.state {
                State::Closed { .. } => {}
                State::Open { until } if now >= until => {
                    breaker.state = State::Trial;
                    trial = true;
                }
                State::Open { until } => return Err(breaker.held(until - now)),
                State::Trial => return Err(breaker.held(OPEN.wait(breaker.opened, 0))),
            }
        }
        drop(breakers);
        let (breakers, store, object) = (Arc::clone(self), store.id.clone(), object.clone());
        Ok(Admission { breakers, store, of, object, trial })
    }

    /// There is reason to believe that `store` works again: the next object that asks tries it out.
    pub fn try_now(&self, store: &StoreId) {
        if let Some(breaker) = self.lock().get_mut(store)
            && let State::Open { until } = &mut breaker.state
        {
            *until = Instant::now();
        }
    }

    /// The state of every store that has failed lately.
    pub fn states(&self) -> Vec<(StoreId, BreakerState)> {
        let now = Instant::now();
        let state = |breaker: &Breaker| match breaker.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open,
            State::Open { .. } | State::Trial => BreakerState::HalfOpen,
        };
        self.lock().iter().map(|(store, breaker)| (store.clone(), state(breaker))).collect()
    }

    /// Forgets the stores that do not exist any more.
    pub fn retain(&self, exists: impl Fn(&StoreId) -> bool) {
        self.lock().retain(|store, _| exists(store));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StoreId, Breaker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The store answered, be it with a refusal. True if that closed the breaker: whoever waits may come back.
    pub fn answered(mut self) -> bool {
        let trial = std::mem::take(&mut self.trial);
        let mut breakers = self.breakers.lock();
        let Some(breaker) = breakers.get_mut(&self.store).filter(|breaker| breaker.of == self.of) else {
            return false;
        };
        breaker.answered(trial)
    }

    /// The store failed. Only `Unavailable` and `Throttled` say so; any other error says nothing here. If the
    /// breaker is open now, the time for which it is.
    pub fn failed(mut self, error: &Arc<Error>) -> Option<Duration> {
        if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Throttled) {
            return None;
        }
        let trial = std::mem::take(&mut self.trial);
        let mut breakers = self.breakers.lock();
        let breaker = breakers
            .entry(self.store.clone())
            .or_insert_with(|| Breaker::new(self.of.clone(), self.object.clone(), error));
        if breaker.of != self.of {
            // The store has changed meanwhile.
            return None;
        }
        breaker.failed(&self.object, error, trial);
        match breaker.state {
            State::Closed { .. } => None,
            State::Open { until } => Some(until.saturating_duration_since(Instant::now())),
            State::Trial => Some(OPEN.wait(breaker.opened, 0)),
        }
    }
}

/// A trial that ended without a verdict leaves room for the next.
impl Drop for Admission {
    fn drop(&mut self) {
        if self.trial
            && let Some(breaker) = self.breakers.lock().get_mut(&self.store)
            && breaker.of == self.of
            && breaker.state == State::Trial
        {
            breaker.state = State::Open { until: Instant::now() };
        }
    }
}

// === impl Breaker ===

impl Breaker {
    fn new(of: (String, i64), object: ObjectKey, error: &Arc<Error>) -> Self {
        Self {
            of,
            state: State::Closed { since: Instant::now() },
            failures: 0,
            trouble: trouble(error),
            last: Arc::clone(error),
            last_object: object,
            opened: 0,
        }
    }

    /// Whether it holds up an object that reads `keys`.
    fn concerns<'a>(&self, keys: &mut impl Iterator<Item = &'a str>) -> bool {
        match &self.trouble {
            Trouble::Store => true,
            Trouble::Key(key) => keys.any(|read| read == key),
        }
    }

    fn answered(&mut self, trial: bool) -> bool {
        match (self.state, &self.trouble) {
            (State::Closed { .. }, _) => {
                self.failures = 0;
                false
            }
            // That other keys can be read was known.
            (State::Open { .. } | State::Trial, Trouble::Key(_)) if !trial => false,
            (State::Open { .. } | State::Trial, _) => {
                self.failures = 0;
                self.state = State::Closed { since: Instant::now() };
                true
            }
        }
    }

    fn failed(&mut self, object: &ObjectKey, error: &Arc<Error>, trial: bool) {
        let now = Instant::now();
        // One failed request may be the answer to many objects, and one object may fail again and again.
        let counts = !Arc::ptr_eq(&self.last, error) && self.last_object != *object;
        let other_key = self.failures > 0 && self.trouble != trouble(error);
        if self.failures == 0 {
            self.trouble = trouble(error);
        } else if other_key {
            self.trouble = Trouble::Store;
        }
        self.last = Arc::clone(error);
        self.last_object = object.clone();
        if self.failures == 0 || counts {
            self.failures += 1;
        }
        match self.state {
            State::Trial if trial => self.open(now),
            State::Closed { .. } => self.open_if_due(now),
            // It was admitted earlier.
            State::Open { .. } | State::Trial => {}
        }
    }

    fn open_if_due(&mut self, now: Instant) {
        let asked_to_wait = self.last.kind() == ErrorKind::Throttled && self.last.retry_after().is_some();
        if asked_to_wait {
            // It is the service as a whole that wants to be left alone.
            self.trouble = Trouble::Store;
        }
        if asked_to_wait || self.failures >= FAILURES {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        if matches!(self.state, State::Closed { since } if now - since >= TRUSTED) {
            self.opened = 0;
        }
        self.opened = self.opened.saturating_add(1);
        let hint = self.last.retry_after().unwrap_or_default().min(LONGEST_PAUSE);
        self.state = State::Open { until: now + OPEN.wait(self.opened, 0).max(hint) };
    }

    fn held(&self, wait: Duration) -> Held {
        let message = format!(
            "its breaker is open ({}); one object at a time tries it out, and the others wait",
            self.last.message()
        );
        let kind = self.last.kind();
        Held { error: Arc::new(Error::new(kind, "ask the store", message)), wait }
    }
}

fn trouble(error: &Error) -> Trouble {
    error.key().map_or(Trouble::Store, |key| Trouble::Key(key.to_owned()))
}

#[cfg(test)]
mod tests;
