//! `Provider`: the static side of a provider.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Capabilities, Dialect, Resolver, Result, StoreClient, Toolbox};

/// The kind of object that holds the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// `SecretStore`: lives in a namespace and reaches only that.
    Namespaced,
    /// `ClusterSecretStore`: a cluster admin's.
    Cluster,
}

impl StoreKind {
    /// The API's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Namespaced => "SecretStore",
            Self::Cluster => "ClusterSecretStore",
        }
    }
}

/// How far a provider has come; shown in the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// May change.
    Alpha,
    /// Complete, less used.
    Beta,
    /// Relied upon.
    Stable,
}

/// Whether a provider is looked after (upstream's maintenance flag, spec eso-providers 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Looked after.
    Maintained,
    /// Works, but nobody looks after it: a store that uses it gets a warning event.
    Unmaintained,
}

/// One fault in a store's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path below `spec.provider.<name>`, for example `auth.appRole.secretRef`.
    pub field: String,
    /// What is wrong, for the person who wrote it.
    pub message: String,
}

impl Violation {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// One kind of external secret service: a zero-sized type.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The key under `spec.provider`; also the folder, the Cargo feature and the label.
    const NAME: &'static str;
    /// How far it has come.
    const STABILITY: Stability;
    /// Whether it is looked after.
    const UPKEEP: Upkeep = Upkeep::Maintained;
    /// Whether upstream reads `spec.retrySettings` for it, so that an interval which is no duration is a fault (spec
    /// eso-providers B.1).
    const RETRY_SETTINGS: bool = false;
    /// The login methods that its settings can choose, by the names of the fields; none where it never logs in.
    const LOGIN_METHODS: &'static [&'static str] = &[];
    /// What is under `spec.provider.<NAME>`. Unknown fields are ignored (the API server has pruned them).
    type Config: DeserializeOwned + JsonSchema + Send + Sync;

    /// Faults that can be seen without asking anybody. Pure: no files, network, clock or waiting.
    fn validate(config: &Self::Config, kind: StoreKind) -> Vec<Violation>;

    /// What a store with these settings can do.
    fn capabilities(config: &Self::Config) -> Capabilities;

    /// By which rules its payloads are read.
    fn dialect(config: &Self::Config) -> Dialect;

    /// Which of [`LOGIN_METHODS`](Self::LOGIN_METHODS) these settings choose.
    fn login_method(config: &Self::Config) -> Option<&'static str> {
        let _ = config;
        None
    }

    /// A live handle. Resolves every reference that the settings hold, normally by logging in: the kernel
    /// tells from it whether the client belongs to one caller or to all. Must not read secrets. Called only
    /// with settings that [`validate`](Self::validate) accepts. The resolver may be kept for later logins.
    async fn connect(
        config: Self::Config,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>>;
}
