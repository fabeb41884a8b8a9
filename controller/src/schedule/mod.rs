//! When each object is looked at: two lanes, due times, bounded concurrency per group, backoff.
//!
//! # Guarantees
//! - An object that was ever requested and not forgotten is running, ready, or waiting for a due time that
//!   lies at most [`RESYNC`] ahead. Nothing is lost by a failure, a panic or a request during a run.
//! - One object runs at most once at a time; a request during a run makes it run again.
//! - Objects of one group (one store) never take more than their share of the running places, so a store that
//!   hangs does not delay the objects of another.
//! - In the changed lane every other place goes to the newest object of its group, so that a newcomer does not
//!   wait for a backlog.
//! - The changed lane goes first, but every fourth place is offered to the refresh lane, so that neither
//!   starves.

mod backoff;
mod dispatch;
#[cfg(test)]
mod forgotten;
mod held;
mod lane;
mod overdue;
mod queue;

pub use backoff::Backoff;
pub use dispatch::dispatch;
pub use overdue::{Load, Lost, watchdog};
pub use queue::{Job, Limits, Next, RESYNC, Schedule};

/// Which queue an object waits in once it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Its interval has passed, or a retry is due.
    Refresh,
    /// It is new, or something about it changed.
    Changed,
}

/// Objects that share running places: those of one store.
pub type Group = std::sync::Arc<str>;
