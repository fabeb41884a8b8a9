//! `VaultClient`: reads, lists and writes the entries of a KV engine (spec eso-providers B.4 to B.6).

mod changes;
mod events;
mod folder;
mod members;
mod metadata;
mod write;

use std::borrow::Cow;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use strongroom_provider_api::{
    Aspect, Changes, Deleted, Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope,
    StoreClient, WriteRequest, Written,
};

use crate::api::Query;
use crate::config::KvVersion;
use crate::identity::Caller;
use crate::path::{Layout, Location};

/// A live handle for one KV engine and one identity.
#[derive(Debug)]
pub(crate) struct VaultClient {
    pub(crate) caller: Caller,
    pub(crate) layout: Layout,
}

/// What every answer is wrapped in. Values stay text, so that numbers keep all their digits.
#[derive(Deserialize)]
struct Envelope<'a> {
    /// What Vault's audit log calls the request.
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn named(&self, payload: Payload) -> Payload {
        match &self.request_id {
            Some(id) => payload.with_request(id),
            None => payload,
        }
    }
}

/// The data of a version 2 answer.
#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    metadata: Option<VersionMetadata>,
}

#[derive(Deserialize)]
struct VersionMetadata {
    version: Option<u64>,
}

#[async_trait]
impl StoreClient for VaultClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let outcome = match key.aspect {
            Aspect::Value => self.value(key).await,
            Aspect::Metadata => self.metadata(key).await,
        };
        outcome.map_err(|error| error.with_key(&key.key))
    }

    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        if self.layout.version == KvVersion::V1 && !scope.tags.is_empty() {
            let message = "cannot perform find by tag operations with kv version v1";
            let error = Error::new(ErrorKind::Unsupported, "list", message);
            return Box::pin(stream::once(async { Err(error) }));
        }
        self.entries(scope)
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        self.written(key, &request.edit).await.map_err(|error| error.with_key(&key.key))
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        self.deleted(key, property).await.map_err(|error| error.with_key(&key.key))
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        self.holds(key, property).await.map_err(|error| error.with_key(&key.key))
    }

    async fn probe(&self) -> Result<Health> {
        self.caller.probe().await
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(self)
    }

    async fn close(&self) {
        self.caller.close().await;
    }
}

impl VaultClient {
    /// The whole value: the text of a JSON object.
    async fn value(&self, key: &RemoteKey) -> Result<Payload> {
        let at = self.location(key)?;
        let kv = self.layout.version;
        let version = match kv {
            // Version 1 has none, and Vault ignores the number.
            KvVersion::V1 => None,
            KvVersion::V2 => number(key.version.as_deref())?,
        };
        let answer = self.caller.fetch(&Query::Value { at: at.clone(), kv, version }).await?;
        if answer.status == 404 {
            self.caller.confirm_absence(&answer.body, &at, kv, "read").await?;
            return Err(absent());
        }
        match kv {
            KvVersion::V1 => unversioned(&answer.body),
            KvVersion::V2 => versioned(&answer.body),
        }
    }

    fn location(&self, key: &RemoteKey) -> Result<Location> {
        self.layout.entry(&key.key).map_err(|fault| Error::new(ErrorKind::InvalidPayload, "read", fault))
    }
}

fn unversioned(body: &[u8]) -> Result<Payload> {
    let envelope: Envelope<'_> = parsed(body)?;
    let data = envelope.data.ok_or_else(|| invalid("failed to find data field"))?;
    Ok(envelope.named(object(data)?.map(Payload::bytes).ok_or_else(absent)?))
}

fn versioned(body: &[u8]) -> Result<Payload> {
    let envelope: Envelope<'_> = parsed(body)?;
    let outer = envelope.data.ok_or_else(|| invalid("failed to find data field"))?;
    let inner: Versioned<'_> = parsed(outer.get().as_bytes())?;
    let data = inner.data.ok_or_else(|| invalid("failed to find data field"))?;
    let payload = envelope.named(object(data)?.map(Payload::bytes).ok_or_else(absent)?);
    Ok(match inner.metadata.and_then(|metadata| metadata.version) {
        Some(version) => payload.with_version(version.to_string()),
        None => payload,
    })
}

/// The text of a JSON object; `None` for `null`, which stands for a deleted version.
fn object(data: &RawValue) -> Result<Option<&str>> {
    match data.get() {
        "null" => Ok(None),
        text if text.starts_with('{') => Ok(Some(text)),
        _ => Err(invalid("failed to unmarshall JSON: the data is not an object")),
    }
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    // The parser's own words may quote what it read.
    serde_json::from_slice(body).map_err(|_| invalid("Vault's answer is not the JSON that was expected"))
}

/// The number in a remote key's version as Vault reads it: with the prefix of another base if there is one, and no
/// version at all where it is not positive.
fn number(version: Option<&str>) -> Result<Option<u64>> {
    let text = version.unwrap_or_default();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let number = match digits.to_ascii_lowercase().split_at_checked(2) {
        Some(("0x", digits)) => u64::from_str_radix(digits, 16),
        Some(("0o", digits)) => u64::from_str_radix(digits, 8),
        Some(("0b", digits)) => u64::from_str_radix(digits, 2),
        _ if text.is_empty() => Ok(0),
        _ if digits.starts_with('0') => u64::from_str_radix(digits, 8),
        _ => digits.parse(),
    };
    // What follows the sign or prefix must not have a sign again.
    let number = number.ok().filter(|_| !digits.contains(['-', '+']));
    let number = number.ok_or_else(|| invalid(&format!("version {text:?} is not a number")))?;
    Ok(Some(number).filter(|number| !negative && *number > 0))
}

fn absent() -> Error {
    Error::new(ErrorKind::NotFound, "read", "Secret does not exist")
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidPayload, "read", message)
}

/// Tells an absent member from `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::Content;

    use super::*;

    fn text(payload: Payload) -> String {
        let Content::Bytes(bytes) = payload.content else { panic!("fields") };
        bytes.expose_str().unwrap().to_owned()
    }

    #[test]
    fn a_value_is_the_text_of_the_data_with_every_digit() {
        let data = r#"{"b": 12345678901234567890, "a":1.0, "c": "\u003c<", "a.b": {"x":[1e3]}}"#;
        let v1 = unversioned(format!(r#"{{"auth":null,"data":{data}}}"#).as_bytes()).unwrap();
        assert_eq!(text(v1), data);
        let body = format!(r#"{{"data":{{"data":{data},"metadata":{{"version":7}}}}}}"#);
        let v2 = versioned(body.as_bytes()).unwrap();
        assert_eq!(v2.version.as_deref(), Some("7"));
        assert_eq!(text(v2), data);
    }

    #[test]
    fn null_is_absent_and_everything_else_is_invalid() {
        let table = [
            (r#"{"data":{"data":null,"metadata":{}}}"#, ErrorKind::NotFound),
            (r#"{"data":{"metadata":{}}}"#, ErrorKind::InvalidPayload),
            (r#"{"data":{"data":"canary"}}"#, ErrorKind::InvalidPayload),
            (r#"{"data":"canary"}"#, ErrorKind::InvalidPayload),
            (r"{}", ErrorKind::InvalidPayload),
            ("canary", ErrorKind::InvalidPayload),
        ];
        for (body, kind) in table {
            let error = versioned(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_version_is_a_number() {
        assert_eq!(number(None).unwrap(), None);
        assert_eq!(number(Some("")).unwrap(), None);
        for (text, expected) in [
            ("12", Some(12)),
            ("+3", Some(3)),
            ("0x1F", Some(31)),
            ("010", Some(8)),
            ("-1", None),
            ("0", None),
        ] {
            assert_eq!(number(Some(text)).unwrap(), expected, "{text}");
        }
        for bad in ["latest", "1.5", "-", "--1", "0x", "0x-1", "09"] {
            let error = number(Some(bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload);
            assert!(error.message().contains(bad));
        }
    }
}
