//! The `fake` provider: values that are written in the store's own spec.
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod client;
mod config;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, JsonMap, MissingProperty,
    PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox, Upkeep, Violation,
};

pub use config::{Entry, FakeConfig, ValidationResult};

/// What this crate adds to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Fake>()];

/// The `fake` provider.
#[derive(Clone, Copy, Debug)]
pub struct Fake;

#[async_trait]
impl Provider for Fake {
    const NAME: &'static str = "fake";
    const STABILITY: Stability = Stability::Alpha;
    // As upstream: whoever uses it in earnest gets a warning.
    const UPKEEP: Upkeep = Upkeep::Unmaintained;
    type Config = FakeConfig;

    fn validate(_config: &FakeConfig, _kind: StoreKind) -> Vec<Violation> {
        // Only upstream's webhook minds an entry without a key or a value.
        Vec::new()
    }

    fn capabilities(_config: &FakeConfig) -> Capabilities {
        Capabilities {
            access: Access::ReadWrite,
            list: true,
            list_tags: false,
            versions: true,
            // As upstream: `metadataPolicy` is ignored, the value is given.
            metadata: true,
            write: true,
        }
    }

    fn dialect(_config: &FakeConfig) -> Dialect {
        Dialect {
            property: PropertyOrder::PathOnly,
            map: JsonMap::RawText,
            missing_property: MissingProperty::NotFound,
            empty_search: EmptySearch::NoData,
            find: FindRule::NameNeeded,
            find_converts_keys: true,
        }
    }

    async fn connect(
        config: FakeConfig,
        _resolver: Arc<dyn Resolver>,
        _toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        Ok(Arc::new(client::FakeClient::new(config)))
    }
}
