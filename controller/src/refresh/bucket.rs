//! `Bucket`: how many requests a second are looked at at all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many may come at once.
const BURST: u32 = 20;
/// One more after this long.
const REFILL: Duration = Duration::from_millis(100);

/// A bucket of tokens, for all callers together: what a request costs (two questions to the API server) is spent before
/// it is known who asks.
#[derive(Debug, Default)]
pub(super) struct Bucket(Mutex<Option<Instant>>);

impl Bucket {
    /// Takes one token. If there is none: how long until there is.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // When the bucket would be full again: each token moves that time on.
        let full = full_at.filter(|full| *full > now).unwrap_or(now) + REFILL;
        let wait = (full - now).saturating_sub(REFILL * BURST);
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = Some(full);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_so_many_a_second() {
        let bucket = Bucket::default();
        let taken =
            |bucket: &Bucket| std::iter::repeat_with(|| bucket.take()).take_while(Result::is_ok).count();
        assert_eq!(taken(&bucket), 20);
        let wait = bucket.take().unwrap_err();
        assert_eq!(wait, REFILL);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(&bucket), 10);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(taken(&bucket), 20);
    }
}
