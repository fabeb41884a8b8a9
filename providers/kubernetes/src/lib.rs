//! The `kubernetes` provider: Secrets of another namespace or cluster (spec eso-providers D).
//!
#![doc = include_str!("../docs.md")]
#![deny(missing_docs)]

mod api;
mod client;
mod config;
mod push;

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, EmptySearch, FindRule, JsonMap, MissingProperty,
    PropertyOrder, Provider, Resolver, Result, Stability, StoreClient, StoreKind, Toolbox, Violation,
};
use strongroom_provider_kit::remote_cluster::RemoteCluster;

pub use config::KubernetesConfig;

/// What this crate adds to the catalog.
pub const STORES: &[Descriptor] = &[Descriptor::of::<Kubernetes>()];

/// The `kubernetes` provider.
#[derive(Clone, Copy, Debug)]
pub struct Kubernetes;

#[async_trait]
impl Provider for Kubernetes {
    const NAME: &'static str = "kubernetes";
    const STABILITY: Stability = Stability::Beta;
    type Config = KubernetesConfig;

    fn validate(config: &KubernetesConfig, _kind: StoreKind) -> Vec<Violation> {
        config.violations()
    }

    fn capabilities(_config: &KubernetesConfig) -> Capabilities {
        Capabilities {
            access: Access::ReadWrite,
            list: true,
            list_tags: true,
            versions: false,
            metadata: true,
            write: true,
        }
    }

    fn dialect(_config: &KubernetesConfig) -> Dialect {
        Dialect {
            property: PropertyOrder::PathOnly,
            // As upstream: texts of a map keep their quotes (spec eso-providers F, row 35).
            map: JsonMap::Quoted,
            missing_property: MissingProperty::InvalidPayload,
            empty_search: EmptySearch::NoData,
            find: FindRule::Free,
            find_converts_keys: true,
        }
    }

    async fn connect(
        config: KubernetesConfig,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        let cluster = RemoteCluster::connect(config.access(), &resolver, &toolbox).await?;
        let namespace = config.remote_namespace;
        Ok(Arc::new(client::KubernetesClient { api: api::Secrets { cluster, namespace } }))
    }
}
