//! Answers from the entries in the store's spec, and from what was pushed to it.

mod pushed;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use strongroom_provider_api::{
    Deleted, Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope, SecretBytes, StoreClient,
    WriteRequest, Written,
};

use crate::config::{Entry, FakeConfig, ValidationResult};
use pushed::Pushed;

/// The entries of the spec by key and version joined to one text, as upstream has them; what was pushed has no version.
pub(crate) struct FakeClient {
    entries: BTreeMap<String, Entry>,
    pushed: Pushed,
    validation_result: ValidationResult,
}

impl FakeClient {
    pub(crate) fn new(config: FakeConfig) -> Self {
        // Of two with the same text the later one stays.
        let entries = config.data.into_iter().map(|entry| (joined(&entry.key, &entry.version), entry));
        let entries = entries.collect();
        let validation_result = config.validation_result.unwrap_or_default();
        Self { entries, pushed: Pushed::default(), validation_result }
    }

    fn found(&self, key: &RemoteKey) -> Option<SecretBytes> {
        let version = key.version.as_deref().unwrap_or_default();
        match self.entries.get(&joined(&key.key, version)) {
            Some(entry) => (entry.version == version).then(|| entry.value.clone()),
            None => self.pushed.get(&key.key).filter(|_| version.is_empty()),
        }
    }

    /// Of each key of the spec the entry with the highest version, compared as text.
    fn newest(&self) -> BTreeMap<&str, &Entry> {
        let mut newest: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entry in self.entries.values() {
            let known = newest.entry(entry.key.as_str()).or_insert(entry);
            if known.version < entry.version {
                *known = entry;
            }
        }
        newest
    }
}

fn joined(key: &str, version: &str) -> String {
    format!("{key}{version}")
}

#[async_trait]
impl StoreClient for FakeClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        // As upstream's, it takes no notice of the aspect: there is nothing but the value.
        let absent = || Error::new(ErrorKind::NotFound, "read", "Secret does not exist").with_key(&key.key);
        self.found(key).map(Payload::bytes).ok_or_else(absent)
    }

    /// Of several versions of a key the highest, as text, is found. A path is ignored, as by upstream's.
    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        if !scope.tags.is_empty() {
            let error = Error::new(ErrorKind::Unsupported, "list", "the fake provider keeps no tags");
            return stream::once(async { Err(error) }).boxed();
        }
        let newest = self.newest();
        let mut pushed = self.pushed.names();
        pushed.retain(|name| !newest.contains_key(name.as_str()));
        let pushed = pushed.into_iter().map(|name| Ok(Listed { key: RemoteKey::latest(&name), name }));
        let listed = newest.into_iter().map(|(name, entry)| {
            let key = RemoteKey::latest(name);
            let key = if entry.version.is_empty() { key } else { key.at_version(&entry.version) };
            Ok(Listed { name: name.to_owned(), key })
        });
        stream::iter(listed).chain(stream::iter(pushed)).boxed()
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        if self.entries.contains_key(&key.key) {
            let message = "key already exists: it stands in the store's spec";
            return Err(Error::new(ErrorKind::Conflict, "write", message).with_key(&key.key));
        }
        self.pushed.write(&key.key, &request.edit).map_err(|error| error.with_key(&key.key))
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        if self.entries.contains_key(&key.key) {
            return Ok(Deleted::Foreign);
        }
        self.pushed.delete(&key.key, property).map_err(|error| error.with_key(&key.key))
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let Some(value) = self.found(&RemoteKey::latest(&key.key)) else { return Ok(false) };
        Ok(property
            .is_none_or(|property| pushed::members(&value).is_ok_and(|all| all.contains_key(property))))
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
    use futures::TryStreamExt as _;
    use serde_json::{Value, json};
    use strongroom_provider_api::{Content, StoreKind};

    use super::*;

    fn client(config: Value) -> FakeClient {
        FakeClient::new(serde_json::from_value(config).unwrap())
    }

    async fn text(client: &FakeClient, key: &RemoteKey) -> Result<String> {
        match client.read(key).await?.content {
            Content::Bytes(bytes) => Ok(bytes.expose_str().unwrap().to_owned()),
            Content::Fields(_) => panic!("the fake provider holds bytes"),
        }
    }

    #[tokio::test]
    async fn key_and_version_must_both_match() {
        let data = json!([{ "key": "a", "value": "1", "version": "v1" }, { "key": "b", "value": "2" }]);
        let client = client(json!({ "data": data }));
        assert_eq!(text(&client, &RemoteKey::latest("a").at_version("v1")).await.unwrap(), "1");
        assert_eq!(text(&client, &RemoteKey::latest("b")).await.unwrap(), "2");
        for absent in [
            RemoteKey::latest("a"),
            RemoteKey::latest("a").at_version("v2"),
            RemoteKey::latest("b").at_version("v1"),
            // Upstream joins key and version to one name.
            RemoteKey::latest("av1"),
        ] {
            assert_eq!(text(&client, &absent).await.unwrap_err().kind(), ErrorKind::NotFound, "{absent:?}");
        }
    }

    #[tokio::test]
    async fn of_two_equal_entries_the_later_one_counts() {
        let data = json!([{ "key": "a", "value": "first" }, { "key": "a", "value": "second" }]);
        let client = client(json!({ "data": data }));
        assert_eq!(text(&client, &RemoteKey::latest("a")).await.unwrap(), "second");
    }

    #[tokio::test]
    async fn an_entry_without_a_key_harms_nobody_and_can_be_read() {
        let data =
            json!([{ "key": "", "value": "x" }, { "key": "b", "value": "" }, { "key": "a", "value": "y" }]);
        let config = json!({ "data": data });
        assert_eq!(crate::STORES[0].validate(&config, StoreKind::Namespaced).unwrap(), []);
        let client = client(config);
        for (key, value) in [("", "x"), ("b", ""), ("a", "y")] {
            assert_eq!(text(&client, &RemoteKey::latest(key)).await.unwrap(), value, "{key:?}");
        }
    }

    #[tokio::test]
    async fn of_entries_whose_key_and_version_join_to_one_text_the_later_one_is_there() {
        let versioned = json!({ "key": "a", "version": "1", "value": "x" });
        let plain = json!({ "key": "a1", "value": "y" });
        let (at_one, a1) = (RemoteKey::latest("a").at_version("1"), RemoteKey::latest("a1"));
        for (data, there, value, gone) in
            [([&versioned, &plain], &a1, "y", &at_one), ([&plain, &versioned], &at_one, "x", &a1)]
        {
            let client = client(json!({ "data": data }));
            assert_eq!(text(&client, there).await.unwrap(), value, "{there:?}");
            assert_eq!(text(&client, gone).await.unwrap_err().kind(), ErrorKind::NotFound, "{gone:?}");
            let scope = Scope::default();
            let listed: Vec<_> = client.list(&scope).map_ok(|listed| listed.key).try_collect().await.unwrap();
            assert_eq!(listed, std::slice::from_ref(there));
            let write = client.write(&a1, &WriteRequest::property("p", "z")).await;
            assert_eq!(write.unwrap_err().kind(), ErrorKind::Conflict);
        }
    }

    #[tokio::test]
    async fn a_key_of_which_the_spec_has_versions_only_can_be_pushed_and_is_listed_once() {
        let client = client(json!({ "data": [{ "key": "a", "version": "1", "value": "x" }] }));
        let key = RemoteKey::latest("a");
        let write = WriteRequest::property("p", "z");
        assert_eq!(client.write(&key, &write).await.unwrap(), Written::Created);
        assert_eq!(text(&client, &key).await.unwrap(), r#"{"p":"z"}"#);
        let scope = Scope::default();
        let listed: Vec<_> = client.list(&scope).map_ok(|listed| listed.key).try_collect().await.unwrap();
        assert_eq!(listed, [key.at_version("1")]);
    }

    #[tokio::test]
    async fn the_highest_version_as_text_is_listed_wherever_the_search_begins() {
        let [plain, nine, ten] =
            ["", "v9", "v10"].map(|version| json!({ "key": "dir/a", "value": "x", "version": version }));
        let client = client(json!({ "data": [plain, nine, ten, { "key": "b", "value": "x" }] }));
        for path in [None, Some("dir".to_owned())] {
            let scope = Scope { path, tags: BTreeMap::new() };
            let listed: Vec<_> = client.list(&scope).try_collect().await.unwrap();
            let mut keys: Vec<_> = listed.into_iter().map(|listed| listed.key).collect();
            keys.sort_by(|a, b| a.key.cmp(&b.key));
            assert_eq!(keys, [RemoteKey::latest("b"), RemoteKey::latest("dir/a").at_version("v9")]);
        }
    }

    #[tokio::test]
    async fn tags_are_not_supported() {
        let scope = Scope { path: None, tags: BTreeMap::from([("team".to_owned(), "a".to_owned())]) };
        let client = client(json!({ "data": [{ "key": "a", "value": "x" }] }));
        let listed: Result<Vec<_>> = client.list(&scope).try_collect().await;
        assert_eq!(listed.unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[tokio::test]
    async fn a_probe_gives_what_the_settings_say() {
        assert_eq!(client(json!({ "data": [] })).probe().await.unwrap(), Health::Ready);
        assert_eq!(
            client(json!({ "data": [], "validationResult": 0 })).probe().await.unwrap(),
            Health::Ready
        );
        let unknown = client(json!({ "data": [], "validationResult": 1 })).probe().await.unwrap();
        assert!(matches!(unknown, Health::Unknown(_)), "{unknown:?}");
        let error = client(json!({ "data": [], "validationResult": 2 })).probe().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }
    #[tokio::test]
    async fn what_is_pushed_can_be_read_found_and_taken_away_and_the_spec_stays() {
        let client = client(json!({ "data": [{ "key": "spec", "value": "1" }] }));
        let pushed = RemoteKey::latest("pushed");
        let write = WriteRequest::property("a", "x");
        assert_eq!(client.write(&pushed, &write).await.unwrap(), Written::Created);
        assert_eq!(client.write(&pushed, &WriteRequest::property("b", "y")).await.unwrap(), Written::Updated);
        assert_eq!(client.write(&pushed, &write).await.unwrap(), Written::Unchanged);
        assert_eq!(text(&client, &pushed).await.unwrap(), r#"{"a":"x","b":"y"}"#);
        let scope = Scope::default();
        let listed: Vec<_> = client.list(&scope).map_ok(|listed| listed.name).try_collect().await.unwrap();
        assert_eq!(listed, ["spec", "pushed"]);
        let spec = RemoteKey::latest("spec");
        assert_eq!(client.write(&spec, &write).await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(client.delete(&spec, None).await.unwrap(), Deleted::Foreign);
        assert_eq!(client.delete(&pushed, None).await.unwrap(), Deleted::Removed);
        assert!(!client.exists(&pushed, None).await.unwrap() && client.exists(&spec, None).await.unwrap());
    }
}
