//! The `crd` provider: any resource of a cluster's API server as a store (spec eso-providers A).
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod allowed;
mod api;
mod client;
mod config;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, JsonMap, MissingProperty,
    PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox, Violation,
};

pub use config::{CrdConfig, CrdResource, CrdWhitelist, CrdWhitelistRule};

/// What this crate adds to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Crd>()];

/// The `crd` provider.
#[derive(Clone, Copy, Debug)]
pub struct Crd;

#[async_trait]
impl Provider for Crd {
    const NAME: &'static str = "crd";
    const STABILITY: Stability = Stability::Alpha;
    type Config = CrdConfig;

    fn validate(config: &CrdConfig, _kind: StoreKind) -> Vec<Violation> {
        config.violations()
    }

    fn capabilities(_config: &CrdConfig) -> Capabilities {
        Capabilities {
            access: Access::ReadOnly,
            list: true,
            list_tags: true,
            versions: false,
            // As upstream: `metadataPolicy` is ignored, the object is given.
            metadata: true,
            write: false,
        }
    }

    fn dialect(_config: &CrdConfig) -> Dialect {
        Dialect {
            property: PropertyOrder::RawPath,
            map: JsonMap::RawText,
            missing_property: MissingProperty::InvalidPayload,
            empty_search: EmptySearch::NoData,
            find: FindRule::Free,
            find_converts_keys: true,
        }
    }

    async fn connect(
        config: CrdConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        Ok(Arc::new(client::CrdClient::connect(config, resolver, &toolbox).await?))
    }
}
