//! SecretStores and ClusterSecretStores as the pipeline sees them: who may use which, and live clients.

mod access;
mod pool;
#[cfg(test)]
mod tenancy;
mod view;

pub use access::{AccessError, Gate, access};
pub use pool::{Handle, Pool};
pub use view::{Readiness, StoreId, StoreView, Stores};
