//! Names of entries in a store: what to read, where to look, what was found.

use std::collections::BTreeMap;

/// Which side of an entry is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The value (`metadataPolicy: None`).
    #[default]
    Value,
    /// Tags, labels, timestamps: whatever the service keeps beside the value (`metadataPolicy: Fetch`).
    Metadata,
}

/// The name of one entry in a store, as a user writes it in `remoteRef`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoteKey {
    /// `remoteRef.key`, verbatim.
    pub key: String,
    /// `remoteRef.version`, verbatim; `None` is the newest.
    pub version: Option<String>,
    /// Value or metadata.
    pub aspect: Aspect,
    /// `remoteRef.property`, verbatim. Given only to a provider that selects by itself
    /// ([`PropertyOrder::ByProvider`](crate::PropertyOrder::ByProvider)) or decides who may ask for which
    /// ([`PropertyOrder::RawPath`](crate::PropertyOrder::RawPath)); for all others the kernel selects.
    pub property: Option<String>,
}

impl RemoteKey {
    /// The newest value under `key`.
    pub fn latest(key: impl Into<String>) -> Self {
        Self { key: key.into(), version: None, aspect: Aspect::Value, property: None }
    }

    /// The same key at `version`.
    #[must_use]
    pub fn at_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}

/// Where to look for entries (`dataFrom.find`). The name filter is not part of it: the kernel applies it to
/// [`Listed::name`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// `find.path`, verbatim.
    pub path: Option<String>,
    /// Tags that an entry must carry, all of them; empty means no filter. The provider applies it, because
    /// many services can do so themselves.
    pub tags: BTreeMap<String, String>,
}

/// One entry found by [`StoreClient::list`](crate::StoreClient::list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name that users see: the regular expression is matched against it and it becomes the key of the
    /// result.
    pub name: String,
    /// What to [`read`](crate::StoreClient::read) to get its value.
    pub key: RemoteKey,
}
