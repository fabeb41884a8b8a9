//! Wall-clock times, as the servers' audit logs have them.

use jiff::Timestamp;

/// This moment.
#[expect(clippy::disallowed_methods, reason = "compared with the times that servers write to their logs")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Seconds from `earlier` to `later`.
pub(super) fn between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64()
}
