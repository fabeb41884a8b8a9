//! SecretStores and ClusterSecretStores as the pipeline sees them: who may use which, and live clients.

mod access;
mod breaker;
#[cfg(test)]
mod isolation;
mod measured;
mod names;
mod pool;
mod rate;
mod reads;
mod selectors;
mod templates;
#[cfg(test)]
mod tenancy;
mod view;

pub use access::{AccessError, Gate, access};
pub use breaker::{Admission, BreakerState, Breakers, Held};
pub use pool::{Handle, Pool};
pub use reads::{Answer, Pass};
pub use templates::StoreTemplates;
pub use view::{Readiness, StoreId, StoreView, Stores};
