//! The aws provider: Secrets Manager and Parameter Store (spec eso-providers C).
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod client;
mod config;
mod document;
mod generators;
mod identity;
mod pages;
mod parameter_store;
mod push;
mod secrets_manager;
mod tags;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, GeneratorDescriptor, JsonMap,
    MissingProperty, PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox,
    Violation,
};
use strongroom_provider_kit::aws::Api;

pub use config::{
    AwsAuth, AwsConfig, AwsJwt, AwsSecretRef, AwsService, ControllerIdentity, SecretsManagerSettings,
    SessionTag, SessionTagsPolicy,
};
pub use generators::{EcrAuthorizationToken, EcrScope, EcrSpec, StsParameters, StsSessionToken, StsSpec};

use client::AwsClient;
use identity::{Caller, chain};
use parameter_store::ParameterStore;
use secrets_manager::SecretsManager;

/// What this crate adds to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Aws>()];

/// The generators that this crate adds to the catalog.
pub const GENERATORS: &[GeneratorDescriptor] =
    &[GeneratorDescriptor::of::<EcrAuthorizationToken>(), GeneratorDescriptor::of::<StsSessionToken>()];

/// The `aws` provider.
#[derive(Clone, Copy, Debug)]
pub struct Aws;

#[async_trait]
impl Provider for Aws {
    const NAME: &'static str = "aws";
    const STABILITY: Stability = Stability::Beta;
    const RETRY_SETTINGS: bool = true;
    const LOGIN_METHODS: &'static [&'static str] = config::LOGIN_METHODS;
    type Config = AwsConfig;

    fn validate(config: &AwsConfig, _kind: StoreKind) -> Vec<Violation> {
        config.violations()
    }

    fn capabilities(_config: &AwsConfig) -> Capabilities {
        Capabilities {
            access: Access::ReadWrite,
            list: true,
            list_tags: true,
            versions: true,
            metadata: true,
            write: true,
        }
    }

    fn dialect(_config: &AwsConfig) -> Dialect {
        Dialect {
            property: PropertyOrder::LiteralThenPath,
            map: JsonMap::RawText,
            missing_property: MissingProperty::InvalidPayload,
            empty_search: EmptySearch::NoData,
            find: FindRule::Free,
            find_converts_keys: false,
        }
    }

    fn login_method(config: &AwsConfig) -> Option<&'static str> {
        config::login_method(config.auth.as_ref())
    }

    async fn connect(
        config: AwsConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        let api = Api::new(&config.region, &toolbox)?;
        let caller = Caller::connect(api, config.auth.clone(), chain(&config), resolver, &toolbox).await?;
        Ok(Arc::new(match config.service {
            AwsService::ParameterStore => AwsClient::Parameters(ParameterStore::new(caller, &config)),
            // The settings are checked: there is no third one.
            AwsService::SecretsManager | AwsService::CertificateManager => {
                AwsClient::Secrets(SecretsManager::new(caller, &config, toolbox.random))
            }
        }))
    }
}
