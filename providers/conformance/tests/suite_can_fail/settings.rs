//! Providers whose settings are broken on purpose.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Access, Capabilities, Descriptor, Dialect, Error, ErrorKind, Payload, Provider, RemoteKey, Resolver,
    Result, Stability, StoreClient, StoreKind, Toolbox, Violation,
};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver};

use crate::local::dialect;

/// How the settings are broken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SettingsFixture {
    /// Unknown fields are refused.
    Strict,
    /// Anything goes, and nothing is described.
    Anything,
}

pub(crate) const ALL: [SettingsFixture; 2] = [SettingsFixture::Strict, SettingsFixture::Anything];

impl SettingsFixture {
    pub(crate) fn found_by(self) -> &'static [&'static str] {
        match self {
            Self::Strict => &["unknown_field_is_ignored"],
            Self::Anything => &[
                "wrong_type_is_invalid_config",
                "violations_name_fields",
                "schema_describes_the_example",
                "schema_is_structural",
            ],
        }
    }
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct StrictConfig {
    #[expect(dead_code, reason = "only whether it parses is looked at")]
    server: String,
}

struct Strict;
struct Anything;

macro_rules! provider {
    ($provider:ident, $config:ty) => {
        #[async_trait]
        impl Provider for $provider {
            const NAME: &'static str = "settings";
            const STABILITY: Stability = Stability::Alpha;
            type Config = $config;

            fn validate(_config: &$config, _kind: StoreKind) -> Vec<Violation> {
                Vec::new()
            }

            fn capabilities(_config: &$config) -> Capabilities {
                Capabilities {
                    access: Access::ReadOnly,
                    list: false,
                    list_tags: false,
                    versions: false,
                    metadata: false,
                    write: false,
                }
            }

            fn dialect(_config: &$config) -> Dialect {
                dialect()
            }

            async fn connect(
                _config: $config,
                _resolver: Arc<dyn Resolver>,
                _toolbox: Toolbox,
            ) -> Result<Arc<dyn StoreClient>> {
                Ok(Arc::new(Empty))
            }
        }
    };
}

provider!(Strict, StrictConfig);
provider!(Anything, Value);

struct Empty;

#[async_trait]
impl StoreClient for Empty {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        Err(Error::new(ErrorKind::NotFound, "read", "nothing there").with_key(&key.key))
    }
}

#[async_trait]
impl Fixture for SettingsFixture {
    fn descriptor(&self) -> Descriptor {
        match self {
            Self::Strict => Descriptor::of::<Strict>(),
            Self::Anything => Descriptor::of::<Anything>(),
        }
    }

    async fn store(&self, _entries: &[Entry]) -> Store {
        Store {
            config: json!({ "server": "here" }),
            resolver: Arc::new(StubResolver::new(StoreKind::Namespaced)),
            stub: None,
            guard: None,
        }
    }

    fn open(&self, _payload: &Payload) -> Option<String> {
        None
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        vec![(json!({ "server": "" }), "server")]
    }
}
