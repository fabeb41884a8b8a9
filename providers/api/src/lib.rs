//! The contract between Strongroom and a provider.
//!
//! A *provider* is our code for one kind of external secret service. It answers one question: "what is
//! stored under this key?" Everything else (property selection, decoding, rewriting, find filters, merging
//! of reads, retries, limits, metrics, caching of clients) is done once, outside.
//!
//! | item | what it is |
//! | --- | --- |
//! | [`Provider`] | static side of a provider: its name, its settings, how to connect |
//! | [`StoreClient`] | a live handle for one store and one identity |
//! | [`Changes`] | how a store tells of changes, where it can |
//! | [`Payload`] | what a remote key holds |
//! | [`Error`] | what went wrong, classified, safe to show |
//! | [`Resolver`] | the only way to Secrets, ConfigMaps and ServiceAccounts, bound to one namespace |
//! | [`Toolbox`] | clock, randomness and meter handed to a provider |
//! | [`Descriptor`] | a provider with its types erased, as `catalog` lists it |
//!
//! A *generator* produces fresh values instead:
//!
//! | item | what it is |
//! | --- | --- |
//! | [`Generator`] | static side of a generator: its kind, its spec, how to connect |
//! | [`GeneratorClient`] | a live handle that generates for one identity, and renews and revokes leases |
//! | [`Generated`] | what one call gave: values, and what is recorded of them |
//! | [`Lease`] | for how long the values are good |
//! | [`GeneratorDescriptor`] | a generator with its types erased, as `catalog` lists it |

#![deny(missing_docs)]

mod capabilities;
mod changes;
mod client;
mod clock;
mod descriptor;
mod endpoints;
mod error;
mod generator;
mod generator_descriptor;
mod key;
mod lease;
mod login_journal;
mod logins;
mod own_identity;
mod payload;
mod provider;
mod random;
mod reference;
mod resolver;
mod secret;
mod template;
mod toolbox;
mod write;

pub use capabilities::{
    Access, Capabilities, Dialect, EmptySearch, FindRule, JsonMap, MissingProperty, PropertyOrder,
};
pub use changes::{Changes, Notice, Version};
pub use client::{Health, StoreClient};
pub use clock::{Clock, SystemClock};
pub use descriptor::Descriptor;
pub use endpoints::Endpoints;
pub use error::{Error, ErrorKind, Result};
pub use generator::{Generated, Generator, GeneratorClient, OWN_GENERATORS, UPSTREAM_GENERATORS};
pub use generator_descriptor::GeneratorDescriptor;
pub use key::{Aspect, Listed, RemoteKey, Scope};
pub use lease::{Lease, LeaseEnd, LeaseParent, LeaseStanding};
pub use login_journal::LoginJournal;
pub use logins::AllowedLogins;
pub use own_identity::{Lent, OwnIdentity};
pub use payload::{Content, Payload};
pub use provider::{Provider, Stability, StoreKind, Upkeep, Violation};
pub use random::{Random, SystemRandom};
pub use reference::{
    CaProvider, CaProviderType, SecretKeySelector, SecretReference, ServiceAccountSelector, is_dns_name,
};
pub use resolver::Resolver;
pub use secret::SecretBytes;
pub use template::{TemplateFields, TemplateRenderer};
pub use toolbox::{Call, CallOutcome, Meter, Operation, Reach, Toolbox};
pub use write::{Deleted, Edit, WriteRequest, Written};
