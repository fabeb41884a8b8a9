//! The `webhook` provider: any HTTP service, asked with templates (spec eso-providers D).
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod access;
mod api;
mod client;
mod config;
mod generator;
mod json_path;
mod request;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, GeneratorDescriptor, JsonMap,
    MissingProperty, PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox,
    Violation,
};

pub use config::WebhookConfig;
pub use generator::{WebhookGenerator, WebhookSpec};

/// What this crate adds to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Webhook>()];

/// The generator that this crate adds to the catalog.
pub const GENERATORS: &[GeneratorDescriptor] = &[GeneratorDescriptor::of::<WebhookGenerator>()];

/// The `webhook` provider.
#[derive(Clone, Copy, Debug)]
pub struct Webhook;

#[async_trait]
impl Provider for Webhook {
    const NAME: &'static str = "webhook";
    const STABILITY: Stability = Stability::Alpha;
    type Config = WebhookConfig;

    fn validate(config: &WebhookConfig, kind: StoreKind) -> Vec<Violation> {
        config.violations(kind)
    }

    fn capabilities(_config: &WebhookConfig) -> Capabilities {
        Capabilities {
            access: Access::ReadWrite,
            list: false,
            list_tags: false,
            // Whether the service heeds it is between the templates and the service.
            versions: true,
            // As upstream: `metadataPolicy` is ignored, the value is given.
            metadata: true,
            write: true,
        }
    }

    fn dialect(_config: &WebhookConfig) -> Dialect {
        Dialect {
            // A property is for the templates.
            property: PropertyOrder::ByProvider,
            map: JsonMap::Reserialised,
            missing_property: MissingProperty::InvalidPayload,
            empty_search: EmptySearch::NoData,
            find: FindRule::Free,
            find_converts_keys: false,
        }
    }

    async fn connect(
        config: WebhookConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        Ok(Arc::new(client::WebhookClient::connect(config, resolver.as_ref(), toolbox).await?))
    }
}
