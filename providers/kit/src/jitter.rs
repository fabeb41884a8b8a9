//! Randomness for waiting times, so that many clients do not act in step.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A random duration from zero up to, and not including, `most`; zero where `most` is zero. Good enough to
/// spread load, never for secrets.
pub fn up_to(most: Duration) -> Duration {
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    if most == 0 {
        return Duration::ZERO;
    }
    // The standard library keys each `RandomState` differently, from the operating system's entropy.
    Duration::from_nanos(RandomState::new().build_hasher().finish() % most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jitter_stays_below_its_bound_and_varies() {
        let most = Duration::from_secs(1);
        let drawn: Vec<_> = (0..32).map(|_| up_to(most)).collect();
        assert!(drawn.iter().all(|wait| *wait < most));
        assert!(drawn.iter().any(|wait| *wait != drawn[0]));
        assert_eq!(up_to(Duration::ZERO), Duration::ZERO);
    }
}
