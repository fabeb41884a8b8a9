//! What providers share: HTTP, TLS, login sessions, layers, remote clusters, requests to AWS and Google Cloud.
//!
//! | module | what it gives |
//! | --- | --- |
//! | [`aws`] | requests to AWS: signed, their answers understood; keys, tokens of ServiceAccounts and roles |
//! | [`google`] | tokens and signatures of Google Cloud, for ServiceAccounts of a GKE cluster |
//! | [`go_json`] | JSON printed as Go prints it |
//! | [`http`] | the one HTTP client: capped bodies, refused redirects, time limits, own roots |
//! | [`status`] | what an HTTP status means, as an [`ErrorKind`](strongroom_provider_api::ErrorKind) |
//! | [`pem`] | certificate bundles as settings carry them |
//! | [`reach`] | which addresses may be connected to |
//! | [`remote_cluster`] | another cluster's API server: settings, logins, requests |
//! | [`session`] | one renewable login for many parallel calls |
//! | [`layers`] | time limit and retry around any [`StoreClient`](strongroom_provider_api::StoreClient) |
//! | [`jitter`] | randomness for waiting times |

#![deny(missing_docs)]

pub mod aws;
pub mod go_json;
pub mod google;
pub mod http;
pub mod jitter;
pub mod layers;
pub mod pem;
pub mod reach;
pub mod remote_cluster;
pub mod session;
pub mod status;
