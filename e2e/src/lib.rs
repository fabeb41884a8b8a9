//! What user-visible stories are told with: the test bed, a cluster as a user sees it, Vault, and controllers to start.
//!
//! The stories themselves are in `tests/stories`; `tests/cases` plays recorded cases with the same means. Nothing here
//! knows the controller's code: what a story expects is worked out again from the specification ([`expected`]) and looked
//! at from outside ([`observed`], [`audit`]).

#![deny(missing_docs)]
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON gives null for what is absent; slices are not indexed"
)]

pub mod audit;
pub mod canary_vault;
pub mod chart;
pub mod cluster;
pub mod collector;
pub mod controller;
pub mod expected;
pub mod fake_vault;
pub mod manifests;
pub mod observed;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod schemas;
pub mod second_cluster;
pub mod story;
pub mod telling_vault;
pub mod testbed;
mod turn;
pub mod vault;
pub mod vault_server;
pub mod wait;
