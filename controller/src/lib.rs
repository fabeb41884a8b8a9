//! The Strongroom controller: keeps Kubernetes Secrets in step with external secret stores.
//!
//! One ExternalSecret goes through eight hops, in one direction (`ARCHITECTURE.md`):
//!
//! 1. **Notice**: watches map what happened to object keys; [`schedule`] merges and orders them.
//! 2. **Gather**: what the mirrors in [`kube_io`] know.
//! 3. **Decide** whether a sync is due: pure.
//! 4. **Connect**: the spec becomes sources; [`stores`] says who may use what and hands out clients; [`generators`]
//!    are found.
//! 5. **Fetch** from the stores, identical reads once; then generate.
//! 6. **Build** the desired target: pure.
//! 7. **Apply** the one change. What is leased was recorded before: see [`leases`].
//! 8. **Report** status, event, log line, metrics and the next time.

pub mod app;
pub mod changes;
pub mod context;
pub mod election;
pub mod error;
pub mod external_secret;
pub mod generators;
pub mod hash;
pub mod kube_io;
pub mod leases;
pub mod logins;
pub mod policies;
pub mod random;
pub mod refresh;
pub mod rollout;
pub mod schedule;
pub mod secret_store;
pub mod stores;
pub mod telemetry;
