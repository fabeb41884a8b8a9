//! `Backoff`: how long a failed object waits.

use std::time::Duration;

/// An exponential wait: `first` after the first failure, doubled with each further one, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Backoff {
    /// Upstream's: one second, doubled up to seven minutes (spec eso-core 2.6).
    pub const UPSTREAM: Self = Self { first: Duration::from_secs(1), cap: Duration::from_mins(7) };

    /// Where a store does not answer: it may come back at any moment, and its breaker keeps the objects from
    /// asking all at once.
    pub const OUTAGE: Self = Self { cap: Duration::from_mins(1), ..Self::UPSTREAM };

    /// The wait after `failures` failures in a row (one or more). `jitter` in 0..=255 takes away up to a
    /// quarter of it, so that objects that failed together do not come back together.
    pub fn wait(self, failures: u32, jitter: u8) -> Duration {
        let doubled = self.first.saturating_mul(1_u32 << failures.saturating_sub(1).min(20));
        let full = doubled.min(self.cap);
        full.saturating_sub(full / 4 * u32::from(jitter) / 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap() {
        let waits: Vec<_> = (1..=11).map(|failures| Backoff::UPSTREAM.wait(failures, 0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 420, 420]);
        assert_eq!(Backoff::UPSTREAM.wait(u32::MAX, 0).as_secs(), 420);
    }

    #[test]
    fn jitter_takes_away_at_most_a_quarter() {
        assert_eq!(Backoff::UPSTREAM.wait(3, 255), Duration::from_secs(3));
    }
}
