//! What is asked of Google Cloud as a ServiceAccount of a GKE cluster: tokens of others, and signatures (spec
//! eso-providers B.2, D).

mod api;
mod cluster;
mod fault;
mod identity;

pub use api::Api;
pub use cluster::{GivenCluster, is_label, is_project};
pub use identity::Identity;
