//! `StoreClient`: a live handle for one store and one identity.

use async_trait::async_trait;
use futures::stream::{self, BoxStream};

use crate::{
    Changes, Deleted, Error, ErrorKind, Listed, Payload, RemoteKey, Result, Scope, WriteRequest, Written,
};

/// A live handle for one store and one identity: immutable, shareable, object-safe.
///
/// # Contract
/// - Calls may run in parallel and must not serialise each other, except that one login is shared.
/// - No call retries, caches or limits: layers outside do. The one exception: after `Unauthenticated` from the
///   service, a client logs in afresh **once** and repeats the call.
/// - Absence is [`ErrorKind::NotFound`] and is said only with authority.
/// - An optional method that [`Capabilities`](crate::Capabilities) does not offer is never called.
#[async_trait]
pub trait StoreClient: Send + Sync {
    /// What is stored under `key`.
    async fn read(&self, key: &RemoteKey) -> Result<Payload>;

    /// How many keys like this one [`read_many`](Self::read_many) takes at once; 1 where the service has no such call for it.
    fn batch_size(&self, key: &RemoteKey) -> usize {
        let _ = key;
        1
    }

    /// What is stored under each of `keys`, in one call to the service: at most as many keys as
    /// [`batch_size`](Self::batch_size) says for each of them. One outcome for each key, in their order; `None` where the
    /// answer does not tell, and the key has to be read alone. Never called with keys whose size is 1.
    ///
    /// # Errors
    /// The call failed as a whole: nothing is known of any key.
    async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        Ok(keys.iter().map(|_| None).collect())
    }

    /// The entries within `scope`, lazily; an empty stream where there are none. The order does not matter.
    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let _ = scope;
        let unsupported = Error::new(ErrorKind::Unsupported, "list", "this provider cannot search");
        Box::pin(stream::once(async { Err(unsupported) }))
    }

    /// Makes the entry under `key` hold what `request` says, and marks it as ours. Version and aspect of the key do not
    /// matter.
    ///
    /// # Guarantees
    /// - Equal content is not written again.
    /// - An entry that exists and does not carry our mark is left alone: [`ErrorKind::Conflict`].
    /// - Where the service can compare and set, somebody else's write in between is not overwritten:
    ///   [`ErrorKind::Conflict`], and trying again is worth it.
    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let _ = request;
        Err(unsupported("write", key))
    }

    /// Takes away the entry under `key`, or only its property `property`; an entry that loses its last property goes
    /// too. An entry that does not carry our mark is left alone.
    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let _ = property;
        Err(unsupported("delete", key))
    }

    /// Whether there is an entry under `key`, with the property `property` where one is named; whoever made it.
    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let _ = property;
        Err(unsupported("look for", key))
    }

    /// Whether the store would answer, without reading a secret.
    async fn probe(&self) -> Result<Health> {
        Ok(Health::Ready)
    }

    /// How the store tells of changes; `None` where it does not.
    fn changes(&self) -> Option<&dyn Changes> {
        None
    }

    /// Ends the handle: revokes the login, if it made one. Called once, when no call is under way; errors are
    /// of no use to anybody then.
    async fn close(&self) {}
}

fn unsupported(operation: &'static str, key: &RemoteKey) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "this provider cannot do that").with_key(&key.key)
}

/// What a probe found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// The store answers.
    Ready,
    /// It cannot be told from here, for the reason given (spec eso-core 3, `ValidationUnknown`).
    Unknown(String),
}
