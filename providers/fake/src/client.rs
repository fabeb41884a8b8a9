//! Answers from the entries in the store's spec.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use strongroom_provider_api::{
    Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope, SecretBytes, StoreClient,
};

use crate::config::{FakeConfig, ValidationResult};

/// The entries by key, then by version; the empty version is the unversioned one.
pub(crate) struct FakeClient {
    entries: BTreeMap<String, BTreeMap<String, SecretBytes>>,
    validation_result: ValidationResult,
}

impl FakeClient {
    pub(crate) fn new(config: FakeConfig) -> Self {
        let mut entries: BTreeMap<String, BTreeMap<String, SecretBytes>> = BTreeMap::new();
        for entry in config.data {
            entries.entry(entry.key).or_default().insert(entry.version, SecretBytes::from(entry.value));
        }
        Self { entries, validation_result: config.validation_result.unwrap_or_default() }
    }
}

#[async_trait]
impl StoreClient for FakeClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let version = key.version.as_deref().unwrap_or_default();
        let found = self.entries.get(&key.key).and_then(|versions| versions.get(version));
        let absent = || Error::new(ErrorKind::NotFound, "read", "Secret does not exist").with_key(&key.key);
        Ok(Payload::bytes(found.ok_or_else(absent)?.clone()))
    }

    /// Of several versions of a key the highest, as text, is found.
    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        if !scope.tags.is_empty() {
            let error = Error::new(ErrorKind::Unsupported, "list", "the fake provider keeps no tags");
            return stream::once(async { Err(error) }).boxed();
        }
        let prefix = scope.path.as_deref().unwrap_or_default();
        let found = self.entries.iter().filter(move |(name, _)| name.starts_with(prefix));
        let listed = found.filter_map(|(name, versions)| {
            let (version, _) = versions.last_key_value()?;
            let key = RemoteKey::latest(name);
            let key = if version.is_empty() { key } else { key.at_version(version) };
            Some(Ok(Listed { name: name.clone(), key }))
        });
        stream::iter(listed).boxed()
    }

    async fn probe(&self) -> Result<Health> {
        match self.validation_result {
            0 => Ok(Health::Ready),
            1 => Ok(Health::Unknown("validationResult is 1".to_owned())),
            other => {
                let message = format!("validationResult is {other}");
                Err(Error::new(ErrorKind::InvalidConfig, "check the store", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::{Aspect, Content};

    use super::*;
    use crate::config::Entry;

    #[tokio::test]
    async fn a_wish_for_metadata_is_ignored_as_upstream_does() {
        let entry = Entry { key: "a".to_owned(), value: "v".to_owned(), version: String::new() };
        let client = FakeClient::new(FakeConfig { data: vec![entry], validation_result: None });
        let wish = RemoteKey { aspect: Aspect::Metadata, ..RemoteKey::latest("a") };
        let payload = client.read(&wish).await.unwrap();
        assert_eq!(payload.content, Content::Bytes(SecretBytes::from("v")));
    }
}
