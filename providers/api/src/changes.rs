//! `Changes`: how a store tells that entries have changed, without showing what they hold.

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;

use crate::Result;

/// The state of an entry, told without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Opaque; where it differs from what was told before, the entry may hold something else.
    pub mark: String,
    /// Since when it is so, by the service's clock, if the service tells.
    pub since: Option<Timestamp>,
}

/// What a service tells of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// From now on changes are told. Those of before may have been missed.
    Listening,
    /// The entry at this [place](Changes::place) may hold something else.
    Changed(String),
}

/// How a store tells of changes. What it says is a hint: it decides when an entry is read, never what is in it.
///
/// # Contract
/// - Neither method reads a value.
/// - Calls may run in parallel, beside those of the [`StoreClient`](crate::StoreClient), with the same login.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Where the entry under `key` is: one text for all keys that mean the same entry. `None` for a key that means none.
    fn place(&self, key: &str) -> Option<String>;

    /// What the places of all entries that a search below `path` can find begin with.
    fn folder(&self, path: Option<&str>) -> Option<String>;

    /// The state of the entry under `key`; `None` where nothing is there, as far as can be told.
    ///
    /// # Errors
    /// `Unsupported` where the store has no such thing; `PermissionDenied` where the login may not see it.
    async fn version(&self, key: &str) -> Result<Option<Version>>;

    /// What the service tells of its own accord, from now on. Ends after an error: `Unsupported` where the service
    /// tells nothing, `PermissionDenied` where the login may not listen; after others, listening again is worth it.
    fn notices(&self) -> BoxStream<'_, Result<Notice>>;
}
