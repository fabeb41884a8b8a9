//! The store client: one of AWS's services, as one identity.

use async_trait::async_trait;
use futures::stream::BoxStream;
use strongroom_provider_api::{
    Deleted, Error, Health, Listed, Payload, RemoteKey, Result, Scope, StoreClient, WriteRequest, Written,
};

use crate::identity::Caller;
use crate::parameter_store::ParameterStore;
use crate::secrets_manager::SecretsManager;

/// A live handle.
#[derive(Debug)]
pub(crate) enum AwsClient {
    Secrets(SecretsManager),
    Parameters(ParameterStore),
}

impl AwsClient {
    fn caller(&self) -> &Caller {
        match self {
            Self::Secrets(store) => &store.caller,
            Self::Parameters(store) => &store.caller,
        }
    }
}

#[async_trait]
impl StoreClient for AwsClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let outcome = match self {
            Self::Secrets(store) => store.read(key).await,
            Self::Parameters(store) => store.read(key).await,
        };
        outcome.map_err(named(key))
    }

    fn batch_size(&self, key: &RemoteKey) -> usize {
        match self {
            Self::Secrets(_) => SecretsManager::batch_size(key),
            Self::Parameters(_) => ParameterStore::batch_size(key),
        }
    }

    async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        let outcomes = match self {
            Self::Secrets(store) => store.read_many(keys).await?,
            Self::Parameters(store) => store.read_many(keys).await?,
        };
        let named = keys.iter().zip(outcomes).map(|(key, outcome)| Some(outcome?.map_err(named(key))));
        Ok(named.collect())
    }

    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        match self {
            Self::Secrets(store) => store.entries(scope),
            Self::Parameters(store) => store.entries(scope),
        }
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let outcome = match self {
            Self::Secrets(store) => store.written(key, request).await,
            Self::Parameters(store) => store.written(key, request).await,
        };
        outcome.map_err(named(key))
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let outcome = match self {
            Self::Secrets(store) => store.deleted(key, property).await,
            Self::Parameters(store) => store.deleted(key, property).await,
        };
        outcome.map_err(named(key))
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let outcome = match self {
            Self::Secrets(store) => store.holds(key, property).await,
            Self::Parameters(store) => store.holds(key, property).await,
        };
        outcome.map_err(named(key))
    }

    /// A login, as upstream: no right is needed for it that reading does not need.
    async fn probe(&self) -> Result<Health> {
        self.caller().log_in().await.map(|()| Health::Ready)
    }

    async fn close(&self) {
        self.caller().close().await;
    }
}

fn named(key: &RemoteKey) -> impl Fn(Error) -> Error {
    move |error| error.with_key(&key.key)
}
