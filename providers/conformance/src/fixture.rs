//! `Fixture`: how the suite sees one provider's service.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use strongroom_provider_api::{Capabilities, Descriptor, Payload, Resolver, Result, StoreClient, Toolbox};

use crate::{StubResolver, StubServer};

/// One entry that the service is to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its remote key.
    pub key: String,
    /// Its value, as [`Fixture::seal`] made it.
    pub value: Vec<u8>,
    /// The version that holds this value, from 1; several entries of one key are its versions, in order.
    pub version: Option<u32>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Entry {
    /// An entry with one version and no tags.
    pub fn new(key: impl Into<String>, value: Vec<u8>) -> Self {
        Self { key: key.into(), value, ..Self::default() }
    }
}

/// A store to test against. Whatever serves it lives as long as this value.
#[derive(Debug)]
pub struct Store {
    /// What stands under `spec.provider.<name>`.
    pub config: Value,
    /// What the settings refer to.
    pub resolver: Arc<StubResolver>,
    /// The stub in front, if the service is one.
    pub stub: Option<StubServer>,
    /// Keeps what else is needed alive.
    pub guard: Option<Box<dyn Any + Send + Sync>>,
}

/// One provider's service, as the suite needs it.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The provider.
    fn descriptor(&self) -> Descriptor;

    /// A store that holds exactly `entries`. Credentials that the resolver serves and tokens that a stub gives
    /// out should hold [`CANARY`](crate::CANARY).
    async fn store(&self, entries: &[Entry]) -> Store;

    /// `text` as a value that this service can hold.
    fn seal(&self, text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    /// The text that [`seal`](Self::seal) put into a value; `None` if it is not there.
    fn open(&self, payload: &Payload) -> Option<String>;

    /// Whether the service can hold any bytes, or only text.
    fn holds_any_bytes(&self) -> bool {
        false
    }

    /// Whether any text can be a key; where it cannot, keys are lower-case letters, digits and dashes, and there are
    /// no folders.
    fn holds_any_key(&self) -> bool {
        true
    }

    /// The name under which a version, counted from 1, is asked for.
    fn version_name(&self, version: u32) -> String {
        version.to_string()
    }

    /// Deletes the entry `key` of a running `store`, as a user of the service would; false where the fixture
    /// cannot.
    async fn delete(&self, _store: &Store, _key: &str) -> bool {
        false
    }

    /// Deletes the version `version`, counted from 1, of the entry `key` of a running `store`, and no other; false where
    /// the service has no such deletion, or the fixture cannot.
    async fn delete_version(&self, _store: &Store, _key: &str, _version: u32) -> bool {
        false
    }

    /// Makes somebody else faster at the next write to `store`; false where the fixture cannot.
    async fn lose_the_race(&self, _store: &Store) -> bool {
        false
    }

    /// Settings with one fault each, beside the field at fault as a [`Violation`] names it.
    ///
    /// [`Violation`]: strongroom_provider_api::Violation
    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        Vec::new()
    }

    /// Cases that this provider answers otherwise, each with the reason.
    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[]
    }
}

impl Store {
    /// Connects to the store.
    ///
    /// # Errors
    /// Whatever the provider gives.
    pub async fn connect(&self, descriptor: &Descriptor) -> Result<Arc<dyn StoreClient>> {
        let resolver = Arc::clone(&self.resolver) as Arc<dyn Resolver>;
        descriptor.connect(self.config.clone(), resolver, Toolbox::default()).await
    }

    pub(crate) fn capabilities(&self, descriptor: &Descriptor) -> std::result::Result<Capabilities, String> {
        descriptor.capabilities(&self.config).map_err(|error| format!("capabilities: {error}"))
    }
}
