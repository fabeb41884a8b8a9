//! `DeadEnd`: the client of a store whose settings allow no call.

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use strongroom_provider_api::{
    Deleted, Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope, StoreClient, WriteRequest,
    Written,
};

/// Answers every call with what is wrong, and asks nobody.
#[derive(Debug)]
pub(crate) struct DeadEnd {
    fault: String,
}

impl DeadEnd {
    /// A client that says `fault`.
    pub(crate) fn new(fault: String) -> Self {
        Self { fault }
    }

    fn error(&self) -> Error {
        Error::new(ErrorKind::InvalidConfig, "use the settings", &*self.fault)
    }
}

#[async_trait]
impl StoreClient for DeadEnd {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        Err(self.error().with_key(&key.key))
    }

    fn list<'a>(&'a self, _scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        Box::pin(stream::once(async { Err(self.error()) }))
    }

    async fn write(&self, key: &RemoteKey, _request: &WriteRequest) -> Result<Written> {
        Err(self.error().with_key(&key.key))
    }

    async fn delete(&self, key: &RemoteKey, _property: Option<&str>) -> Result<Deleted> {
        Err(self.error().with_key(&key.key))
    }

    async fn exists(&self, key: &RemoteKey, _property: Option<&str>) -> Result<bool> {
        Err(self.error().with_key(&key.key))
    }

    async fn probe(&self) -> Result<Health> {
        Err(self.error())
    }
}
