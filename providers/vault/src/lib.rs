//! The vault provider: HashiCorp Vault and OpenBao, KV version 1 and 2 (spec eso-providers B).
//!
//! See `docs.md` for the settings and for what differs from upstream.

#![deny(missing_docs)]

mod api;
mod certificate;
mod config;
mod connect;
mod dead_end;
mod dynamic;
mod engine;
mod folder;
mod identity;
mod kv;
mod login;
mod mount;
mod path;
mod replication;
mod request;
mod socket;
mod static_role;
mod transport;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, GeneratorDescriptor, JsonMap,
    MissingProperty, PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox,
    Violation,
};

pub use certificate::{Algorithm, CertificateSpec, Format, KeyFormat, Method, PrivateKey, VaultCertificate};
pub use config::{OpenBaoAuth, OpenBaoConfig, VaultConfig};
pub use dynamic::{DynamicRetry, DynamicSpec, VaultDynamicSecret};
pub use engine::ResultType;
pub use folder::{FolderPath, FolderSpec, VaultFolder};
pub use request::{RequestMethod, RequestSpec, VaultRequest};
pub use static_role::{StaticRoleSpec, VaultStaticRole};

/// What this crate offers to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Vault>(), Descriptor::of::<OpenBao>()];

/// The generators that this crate offers to the catalog.
pub const GENERATORS: &[GeneratorDescriptor] = &[
    GeneratorDescriptor::of::<VaultDynamicSecret>(),
    GeneratorDescriptor::of::<VaultStaticRole>(),
    GeneratorDescriptor::of::<VaultCertificate>(),
    GeneratorDescriptor::of::<VaultFolder>(),
    GeneratorDescriptor::of::<VaultRequest>(),
];

/// The `vault` provider.
#[derive(Clone, Copy, Debug)]
pub struct Vault;

#[async_trait]
impl Provider for Vault {
    const NAME: &'static str = "vault";
    const STABILITY: Stability = Stability::Stable;
    const RETRY_SETTINGS: bool = true;
    const LOGIN_METHODS: &'static [&'static str] = config::LOGIN_METHODS;
    type Config = VaultConfig;

    fn validate(config: &VaultConfig, kind: StoreKind) -> Vec<Violation> {
        config::store_violations(config, kind)
    }

    fn capabilities(config: &VaultConfig) -> Capabilities {
        capabilities(config.version)
    }

    fn dialect(config: &VaultConfig) -> Dialect {
        dialect(config.version)
    }

    fn login_method(config: &VaultConfig) -> Option<&'static str> {
        config::login_method(config.auth.as_ref())
    }

    async fn connect(
        config: VaultConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        connect::store(Self::NAME, config, resolver, toolbox).await
    }
}

/// The `openBao` provider: the same engine behind upstream's smaller schema.
#[derive(Clone, Copy, Debug)]
pub struct OpenBao;

#[async_trait]
impl Provider for OpenBao {
    const NAME: &'static str = "openBao";
    const STABILITY: Stability = Stability::Alpha;
    const LOGIN_METHODS: &'static [&'static str] = &["none", "tokenSecretRef", "appRole", "userPass"];
    type Config = OpenBaoConfig;

    fn validate(config: &OpenBaoConfig, kind: StoreKind) -> Vec<Violation> {
        config.violations(kind)
    }

    fn capabilities(config: &OpenBaoConfig) -> Capabilities {
        capabilities(config.version)
    }

    fn dialect(config: &OpenBaoConfig) -> Dialect {
        dialect(config.version)
    }

    fn login_method(config: &OpenBaoConfig) -> Option<&'static str> {
        config::login_method(config.as_vault().auth.as_ref())
    }

    async fn connect(
        config: OpenBaoConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        connect::store(Self::NAME, config.as_vault(), resolver, toolbox).await
    }
}

fn dialect(version: config::KvVersion) -> Dialect {
    Dialect {
        property: PropertyOrder::LiteralThenPath,
        map: JsonMap::Reserialised,
        missing_property: MissingProperty::InvalidPayload,
        empty_search: EmptySearch::NotFound,
        find: match version {
            config::KvVersion::V1 => FindRule::NoTags,
            config::KvVersion::V2 => FindRule::Free,
        },
        find_converts_keys: false,
    }
}

fn capabilities(version: config::KvVersion) -> Capabilities {
    let versioned = version == config::KvVersion::V2;
    Capabilities {
        access: Access::ReadWrite,
        list: true,
        list_tags: versioned,
        versions: versioned,
        metadata: versioned,
        write: true,
    }
}
