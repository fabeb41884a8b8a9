//! The only module that talks to the API server: watches into mirrors, bounded requests, classified errors.

#![expect(clippy::disallowed_types, reason = "this is the module that the ban on kube::Api points to")]

mod election;
mod error;
mod events;
mod generators;
mod key;
mod leases;
mod manifest_mirrors;
mod manifests;
mod mirror;
mod outbox;
mod policies;
mod references;
mod registry;
mod requests;
mod reviews;
mod scope;
mod tail;
mod views;
mod watched;
pub mod watches;
mod workloads;

pub use error::{ApiError, ApiFailure};
pub use events::{EventKind, Events, Subject};
pub use key::ObjectKey;
pub use manifest_mirrors::ManifestMirrors;
pub use manifests::{ManifestKind, ManifestKinds, NoKind};
pub use mirror::Mirror;
pub use outbox::Outbox;
pub use references::ClusterResolver;
pub use registry::{Dependant, Freshness, Interest, Reference, ReferenceKind, References, Shown};
pub use requests::{Cluster, StatusOwner};
pub use reviews::{Right, User};
pub use scope::Scope;
pub use views::{NamespaceView, SecretDigest};
pub use watched::{Stored, Unreadable, Watched};
pub use workloads::Workload;
