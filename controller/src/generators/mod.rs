//! Generators as the pipeline sees them: found by reference, connected, and what they made remembered and undone.

mod clients;
mod collect;
mod error;
mod registry;
mod resolve;
mod states;
#[cfg(test)]
mod tests;
mod watch;

pub use clients::{Clients, GeneratorHandle};
pub use collect::reconcile;
pub use error::GeneratorError;
pub use registry::Registry;
pub use resolve::{Resolved, resolve};
pub use states::{Record, expire, outdated, record};
pub use watch::watch;
