//! `Clock`: the one place where time comes from.

use std::fmt;

use jiff::Timestamp;

/// Where wall-clock time comes from, so that tests can turn it. Waiting is done with tokio's timers.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else must use")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
