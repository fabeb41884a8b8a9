//! `POST /v1/refresh`: who changed something in a store says so, and what draws from it is refreshed at once.
//!
//! A request goes forward through four steps: [`admit`](bucket) by rate, [`wish`] (what is asked for, pure), [`admission`]
//! (who asks, and whether they may), [`select`] (which objects). Nothing is written: the objects are due at once, and
//! the schedule's lanes, the shared reads and the limits of each store hold as always.

mod admission;
mod bucket;
mod listener;
mod select;
mod server;
mod wish;

pub use listener::{Listener, TlsFiles};
pub use server::{Api, serve};

/// How a request ended: the label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The objects are due.
    Accepted,
    /// It cannot be read, or asks for nothing.
    Invalid,
    /// Nobody knows who asks.
    Unauthenticated,
    /// They may not.
    Denied,
    /// There were too many requests.
    Throttled,
    /// Another replica leads, or this one is not ready.
    NotLeading,
    /// The API server did not say who asks, or whether they may.
    Unavailable,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Denied,
        Self::Throttled,
        Self::NotLeading,
        Self::Unavailable,
    ];

    /// As the metric names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::NotLeading => "not_leading",
            Self::Unavailable => "unavailable",
        }
    }
}
