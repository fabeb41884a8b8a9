//! `Bucket`: how many calls a second may be begun. Pure: it is told what time it is.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A second's worth of calls, which comes back evenly.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: NonZeroU32,
    /// When nothing of what was spent is missing any more.
    full: Instant,
}

impl Bucket {
    /// One that is full at `full`.
    pub(super) fn new(rate: NonZeroU32, full: Instant) -> Self {
        Self { rate, full }
    }

    /// Calls a second.
    pub(super) fn rate(&self) -> NonZeroU32 {
        self.rate
    }

    /// When it is full.
    pub(super) fn full(&self) -> Instant {
        self.full
    }

    /// When the next call may be made, if not now.
    pub(super) fn empty_until(&self, now: Instant) -> Option<Instant> {
        // Before that, a call's worth is missing.
        let free = self.full.checked_sub(SECOND.saturating_sub(self.every()))?;
        (free > now).then_some(free)
    }

    /// A call is made, whether or not it may.
    pub(super) fn spend(&mut self, now: Instant) {
        self.full = self.full.max(now) + self.every();
    }

    fn every(&self) -> Duration {
        SECOND / self.rate.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When `calls` calls are made that are always wanted, in milliseconds after the beginning, if it is full then.
    fn made(rate: u32, calls: usize) -> Vec<u128> {
        let begin = Instant::now();
        let mut bucket = Bucket::new(NonZeroU32::new(rate).unwrap(), begin);
        let mut now = begin;
        let call = |_| {
            now = bucket.empty_until(now).unwrap_or(now);
            bucket.spend(now);
            (now - begin).as_millis()
        };
        (0..calls).map(call).collect()
    }

    #[test]
    fn a_seconds_worth_goes_at_once_and_the_rest_evenly() {
        assert_eq!(made(4, 8), [0, 0, 0, 0, 250, 500, 750, 1_000]);
        assert_eq!(made(1, 3), [0, 1_000, 2_000]);
    }

    #[test]
    fn a_long_rest_saves_up_no_more_than_a_second() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(NonZeroU32::new(2).unwrap(), begin);
        let later = begin + Duration::from_hours(1);
        bucket.spend(later);
        assert_eq!(bucket.empty_until(later), None);
        bucket.spend(later);
        assert_eq!(bucket.empty_until(later), Some(later + Duration::from_millis(500)));
    }
}
