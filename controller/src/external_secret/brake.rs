//! `Brake`: owns how many targets were deleted or emptied of late, and stops when that is too many.
//!
//! One absent entry is an everyday thing. When most of a cluster's Secrets lose their data at once, it is far likelier
//! that a mount was moved or a path renamed than that everybody meant it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::kube_io::ObjectKey;

/// How much may be taken away, and in which time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrakeLimits {
    /// Of all managed Secrets, from 0 to 1.
    pub share: f64,
    /// So many may always go, however few there are.
    pub least: usize,
    /// Over how long a time they are counted.
    pub window: Duration,
}

/// Counts what is taken away.
///
/// The count slides: what went longer than a window ago counts no more, so at most the share goes in any window.
/// The state is in memory alone; whoever means it restarts the controller with a larger share.
#[derive(Debug)]
pub struct Brake {
    limits: BrakeLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When something was taken away, or is just being.
    taken: VecDeque<Instant>,
    /// What waits, and when it last asked.
    held: HashMap<ObjectKey, Instant>,
}

/// Leave to take one thing away. Dropped without [`used`](Permit::used), it counts for nothing.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    brake: &'a Brake,
    at: Instant,
    used: bool,
}

/// The brake is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    taken: usize,
    managed: usize,
    limit: usize,
    window: Duration,
    /// The next time something may go.
    pub wait: Duration,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken, managed, limit, window, wait } = self;
        write!(
            f,
            "the deletion brake is on: in {window:?} {taken} of {managed} managed Secrets lost all their data in the \
             stores, and no more than {limit} may; nothing is deleted or emptied for another {} s. Check the stores; if \
             this is meant, start the controller with a larger --deletion-brake-share",
            wait.as_secs()
        )
    }
}

impl Brake {
    /// A brake that has seen nothing yet.
    pub fn new(limits: BrakeLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Leave to delete or empty the target of `key`, where `managed` Secrets are left.
    pub(super) fn permit(&self, key: &ObjectKey, managed: usize) -> Result<Permit<'_>, Held> {
        let now = Instant::now();
        let BrakeLimits { window, .. } = self.limits;
        let mut state = self.lock();
        state.taken.retain(|taken| now.duration_since(*taken) < window);
        let taken = state.taken.len();
        let managed = managed + taken;
        let limit = self.limit(managed);
        if taken < limit {
            if state.held.remove(key).is_some() && state.held.is_empty() {
                tracing::info!("the deletion brake is off");
            }
            state.taken.push_back(now);
            return Ok(Permit { brake: self, at: now, used: false });
        }
        let wait = state.taken.front().map_or(window, |oldest| window.saturating_sub(now - *oldest));
        let held = Held { taken, managed, limit, window, wait: wait.max(Duration::from_secs(1)) };
        if state.held.is_empty() {
            tracing::error!(reason = "DeletionsHeld", "{held}");
        }
        state.held.insert(key.clone(), now);
        Err(held)
    }

    /// `key` has its data again, or is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.lock().held.remove(key);
    }

    /// How many targets wait.
    pub fn held(&self) -> usize {
        self.lock().held.len()
    }

    fn limit(&self, managed: usize) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count of objects"
        )]
        let share = (managed as f64 * self.limits.share) as usize;
        share.max(self.limits.least)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// It was taken away.
    pub(super) fn used(mut self) {
        self.used = true;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.used {
            let mut state = self.brake.lock();
            if let Some(index) = state.taken.iter().position(|at| *at == self.at) {
                state.taken.remove(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BrakeLimits = BrakeLimits { share: 0.1, least: 2, window: Duration::from_hours(1) };

    fn key(number: usize) -> ObjectKey {
        ObjectKey::new("ns", format!("es-{number}"))
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_share_waits_until_the_window_has_passed() {
        let brake = Brake::new(LIMITS);
        for number in 0..10 {
            brake.permit(&key(number), 100 - number).unwrap().used();
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        let held = brake.permit(&key(10), 90).unwrap_err();
        assert_eq!((held.taken, held.managed, held.limit), (10, 100, 10));
        assert_eq!(held.wait, Duration::from_mins(50));
        assert_eq!(brake.held(), 1);
        assert!(held.to_string().contains("10 of 100 managed Secrets"), "{held}");
        tokio::time::advance(held.wait).await;
        brake.permit(&key(10), 91).unwrap().used();
        assert_eq!(brake.held(), 0);
        brake.permit(&key(11), 89).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_may_always_go_and_a_failed_deletion_counts_for_nothing() {
        let brake = Brake::new(LIMITS);
        brake.permit(&key(0), 3).unwrap().used();
        for _ in 0..5 {
            drop(brake.permit(&key(1), 2).unwrap());
        }
        brake.permit(&key(1), 2).unwrap().used();
        brake.permit(&key(2), 1).unwrap_err();
        brake.forget(&key(2));
        assert_eq!(brake.held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_one_never_holds() {
        let brake = Brake::new(BrakeLimits { share: 1.0, ..LIMITS });
        for number in 0..50 {
            brake.permit(&key(number), 50 - number).unwrap().used();
        }
    }
}
