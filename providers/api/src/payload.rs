//! `Payload`: what a remote key holds.

use crate::SecretBytes;

/// The value of one entry, as the service keeps it. Wiped on drop; `Debug` prints lengths only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The value.
    pub content: Content,
    /// The version that was read, if the service numbers them.
    pub version: Option<String>,
}

/// The two forms a value comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One run of bytes. Where a property is asked for they are read as JSON, by the rules of the
    /// provider's [`Dialect`](crate::Dialect).
    Bytes(SecretBytes),
    /// Named fields, in the order of the service. A property names a field; where no field bears its whole
    /// name, what stands before its first dot does, and the rest is a gjson path in the field's value.
    Fields(Vec<(String, SecretBytes)>),
}

impl Payload {
    /// A payload of bytes without a version.
    pub fn bytes(bytes: impl Into<SecretBytes>) -> Self {
        Self { content: Content::Bytes(bytes.into()), version: None }
    }

    /// A payload of named fields without a version.
    pub fn fields(fields: Vec<(String, SecretBytes)>) -> Self {
        Self { content: Content::Fields(fields), version: None }
    }

    /// The same payload with the version that was read.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}
