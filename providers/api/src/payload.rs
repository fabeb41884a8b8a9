//! `Payload`: what a remote key holds.

use crate::SecretBytes;

/// The value of one entry, as the service keeps it. Wiped on drop; `Debug` prints lengths only.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The value.
    pub content: Content,
    /// The version that was read, if the service numbers them.
    pub version: Option<String>,
    /// What the service calls the request that read it, if it says so: its own audit log knows the request by it. It says
    /// nothing about the value, and two payloads that differ in it alone are equal.
    pub request: Option<String>,
}

/// A name of a request is longer than this only if something is wrong.
const LONGEST_REQUEST: usize = 64;

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content && self.version == other.version
    }
}

impl Eq for Payload {}

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
        Self { content: Content::Bytes(bytes.into()), version: None, request: None }
    }

    /// A payload of named fields without a version.
    pub fn fields(fields: Vec<(String, SecretBytes)>) -> Self {
        Self { content: Content::Fields(fields), version: None, request: None }
    }

    /// The same payload with the version that was read.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same payload with the name of the request that read it. What is no plain name is left out: it comes from the
    /// service, and goes to an audit trail.
    #[must_use]
    pub fn with_request(mut self, request: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = !request.is_empty() && request.len() <= LONGEST_REQUEST && request.bytes().all(plain);
        self.request = is_name.then(|| request.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_request_is_kept_only_if_it_is_one() {
        let named = |name: &str| Payload::bytes("x").with_request(name).request;
        assert_eq!(
            named("3f2504e0-4f89-11d3-9a0c-0305e82c3301").as_deref(),
            Some("3f2504e0-4f89-11d3-9a0c-0305e82c3301")
        );
        for bad in ["", "a b", "a\nb", "{\"password\":1}", &"a".repeat(65)] {
            assert_eq!(named(bad), None, "{bad}");
        }
        assert_eq!(Payload::bytes("x").with_request("a"), Payload::bytes("x").with_request("b"));
    }
}
