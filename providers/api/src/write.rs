//! What is written to a store, and what became of it (spec eso-providers B.6).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Content, SecretBytes};

/// One change of one entry: everything that is to be written under a remote key, in one go.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRequest {
    /// What the entry is to hold.
    pub edit: Edit,
    /// Settings of the provider for this entry (`metadata` of a PushSecret), verbatim.
    pub metadata: Option<Value>,
    /// The key of the Secret whose value this is, where it is one key's: for providers whose templates name it.
    pub secret_key: Option<String>,
}

/// What an entry is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This and nothing else. [`Content::Bytes`] is one key's value as it is; [`Content::Fields`] are all keys of a
    /// Secret, and become what the service has for that, normally a JSON object of strings.
    Whole(Content),
    /// These properties, each under a flat name; the entry's other properties stay as they are.
    Properties(BTreeMap<String, SecretBytes>),
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no entry.
    Created,
    /// There was another value.
    Updated,
    /// The value stood there already: nothing was written.
    Unchanged,
}

/// What a deletion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It took the entry, or the property, away.
    Removed,
    /// There was nothing to take away.
    Absent,
    /// The entry is not ours: it was left alone.
    Foreign,
}

impl WriteRequest {
    /// Writes `content` as the whole entry.
    pub fn whole(content: Content) -> Self {
        Self { edit: Edit::Whole(content), metadata: None, secret_key: None }
    }

    /// Writes one property.
    pub fn property(name: impl Into<String>, value: impl Into<SecretBytes>) -> Self {
        let properties = BTreeMap::from([(name.into(), value.into())]);
        Self { edit: Edit::Properties(properties), metadata: None, secret_key: None }
    }
}
