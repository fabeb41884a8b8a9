//! The client against moto, which answers as AWS does: the shared suite, and what a stub of ours would not know. Runs
//! where `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/moto.rs"]
mod moto;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{FutureExt as _, TryStreamExt as _};
use moto::Account;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Content, Deleted, Descriptor, ErrorKind, Payload, RemoteKey, Scope, StoreClient, StoreKind, WriteRequest,
    Written,
};
use strongroom_provider_conformance::{CANARY, Entry, Fixture, Store, StubResolver};

fn resolver() -> StubResolver {
    StubResolver::new(StoreKind::Namespaced)
        .with_secret("keys", "id", "AKIDTEST")
        .with_secret("keys", "secret", CANARY)
}

fn text(payload: &Payload) -> Option<String> {
    let Content::Bytes(bytes) = &payload.content else { return None };
    bytes.expose_str().map(ToOwned::to_owned)
}

fn tags(entry: &Entry) -> Value {
    entry.tags.iter().map(|(name, value)| json!({ "Key": name, "Value": value })).collect()
}

fn version_id(version: u32) -> String {
    format!("00000000-0000-0000-0000-{version:012}")
}

fn store(account: Account, service: &str) -> Store {
    let mut config = account.settings(service);
    config["secretsManager"] = json!({ "forceDeleteWithoutRecovery": true });
    Store { config, resolver: Arc::new(resolver()), stub: None, guard: Some(Box::new(account)) }
}

fn account(store: &Store) -> &Account {
    store.guard.as_ref().unwrap().downcast_ref().unwrap()
}

struct Secrets;

#[async_trait::async_trait]
impl Fixture for Secrets {
    fn descriptor(&self) -> Descriptor {
        elsewhere::DESCRIPTOR
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let account = Account::open().await.unwrap();
        for entry in entries {
            let version = version_id(entry.version.unwrap_or(1));
            let mut body = json!({ "ClientRequestToken": version });
            match std::str::from_utf8(&entry.value) {
                Ok(text) => body["SecretString"] = text.into(),
                Err(_) => body["SecretBinary"] = STANDARD.encode(&entry.value).into(),
            }
            if entry.version.unwrap_or(1) > 1 {
                body["SecretId"] = entry.key.as_str().into();
                account.secrets("PutSecretValue", &body).await;
            } else {
                body["Name"] = entry.key.as_str().into();
                body["Tags"] = tags(entry);
                account.secrets("CreateSecret", &body).await;
            }
        }
        store(account, "SecretsManager")
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        text(payload)
    }

    fn holds_any_bytes(&self) -> bool {
        true
    }

    fn version_name(&self, version: u32) -> String {
        format!("uuid/{}", version_id(version))
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        account(store).secrets("DeleteSecret", &json!({ "SecretId": key })).await;
        true
    }
}

struct Parameters;

#[async_trait::async_trait]
impl Fixture for Parameters {
    fn descriptor(&self) -> Descriptor {
        elsewhere::DESCRIPTOR
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let account = Account::open().await.unwrap();
        for entry in entries {
            let value = std::str::from_utf8(&entry.value).unwrap();
            let mut body = json!({ "Name": entry.key, "Value": value, "Type": "SecureString" });
            if entry.version.unwrap_or(1) > 1 {
                body["Overwrite"] = true.into();
            } else {
                body["Tags"] = tags(entry);
            }
            account.parameters("PutParameter", &body).await;
        }
        store(account, "ParameterStore")
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        text(payload)
    }

    fn holds_any_key(&self) -> bool {
        false
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        account(store).parameters("DeleteParameter", &json!({ "Name": key })).await;
        true
    }
}

/// AWS takes no empty values.
const NO_EMPTY_VALUES: &str = "empty_value_is_a_value";

/// The cases of the suite that need no stub, all against one moto; all that fail are told.
async fn suite<F: Fixture>(fixture: &F) {
    if std::env::var_os("STRONGROOM_TESTBED").is_none() {
        return;
    }
    let mut failed = Vec::new();
    for case in strongroom_provider_conformance::cases::ALL {
        if case.name == NO_EMPTY_VALUES {
            continue;
        }
        let run = strongroom_provider_conformance::run(case.name, fixture, case.run);
        if AssertUnwindSafe(run).catch_unwind().await.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
async fn secrets_manager_keeps_the_contract() {
    suite(&Secrets).await;
}

#[tokio::test]
async fn the_parameter_store_keeps_the_contract() {
    suite(&Parameters).await;
}

async fn connected(account: &Account, service: &str, extra: &Value) -> Arc<dyn StoreClient> {
    let mut config = account.settings(service);
    for (name, value) in extra.as_object().unwrap() {
        config[name] = value.clone();
    }
    let toolbox = elsewhere::toolbox(&account.address);
    elsewhere::DESCRIPTOR.connect(config, Arc::new(resolver()), toolbox).await.unwrap()
}

async fn names(client: &dyn StoreClient, path: Option<&str>, tags: &[(&str, &str)]) -> Vec<String> {
    let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let scope = Scope { path: path.map(ToOwned::to_owned), tags };
    let mut names: Vec<_> = client.list(&scope).map_ok(|listed| listed.name).try_collect().await.unwrap();
    names.sort();
    names
}

#[tokio::test]
async fn arns_stages_and_binary_values_are_read() {
    let Some(account) = Account::open().await else { return };
    let made = account.secrets("CreateSecret", &json!({ "Name": "app/db", "SecretString": "first" })).await;
    account.secrets("PutSecretValue", &json!({ "SecretId": "app/db", "SecretBinary": "/wA=" })).await;
    let client = connected(&account, "SecretsManager", &json!({ "prefix": "app/" })).await;
    let arn = made["ARN"].as_str().unwrap();
    let partial = arn.rsplit_once('-').unwrap().0;
    for key in ["db", arn, partial] {
        let read = client.read(&RemoteKey::latest(key)).await.unwrap();
        assert_eq!(read.content, Content::Bytes(vec![0xff, 0].into()), "{key}");
    }
    let previous = client.read(&RemoteKey::latest("db").at_version("AWSPREVIOUS")).await.unwrap();
    assert_eq!(text(&previous).as_deref(), Some("first"));
    let unknown = client.read(&RemoteKey::latest("db").at_version("NOSUCHSTAGE")).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_search_goes_through_all_pages_and_all_tags_count() {
    let Some(account) = Account::open().await else { return };
    for number in 0..120 {
        let tags =
            json!([{ "Key": "team", "Value": (number % 2).to_string() }, { "Key": "tier", "Value": "1" }]);
        let body = json!({ "Name": format!("all/{number:03}"), "SecretString": "x", "Tags": tags });
        account.secrets("CreateSecret", &body).await;
    }
    let client = connected(&account, "SecretsManager", &json!({})).await;
    assert_eq!(names(client.as_ref(), Some("all/"), &[]).await.len(), 120);
    let odd = names(client.as_ref(), None, &[("team", "1"), ("tier", "1")]).await;
    assert!(odd.len() == 60 && odd[0] == "all/001", "{odd:?}");
    // The key of one tag with the value of the other.
    assert_eq!(names(client.as_ref(), None, &[("tier", "0")]).await, Vec::<String>::new());
    for number in 0..12 {
        let tags = json!([{ "Key": "team", "Value": (number % 2).to_string() }]);
        let body =
            json!({ "Name": format!("/all/{number:02}"), "Value": "x", "Type": "String", "Tags": tags });
        account.parameters("PutParameter", &body).await;
    }
    let client = connected(&account, "ParameterStore", &json!({})).await;
    assert_eq!(names(client.as_ref(), Some("/all"), &[]).await.len(), 12);
    assert_eq!(names(client.as_ref(), Some("/other"), &[]).await.len(), 0);
    assert_eq!(names(client.as_ref(), Some("/all"), &[("team", "1")]).await.len(), 6);
}

#[tokio::test]
async fn a_deleted_secret_is_absent_and_is_restored_by_a_push() {
    let Some(account) = Account::open().await else { return };
    let window = json!({ "secretsManager": { "recoveryWindowInDays": 7 } });
    let client = connected(&account, "SecretsManager", &window).await;
    let key = RemoteKey::latest("app");
    assert_eq!(client.write(&key, &WriteRequest::property("a", "1")).await.unwrap(), Written::Created);
    assert_eq!(client.delete(&key, None).await.unwrap(), Deleted::Removed);
    let described = account.secrets("DescribeSecret", &json!({ "SecretId": "app" })).await;
    assert!(!described["DeletedDate"].is_null(), "it is gone for good: {described}");
    let error = client.read(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("marked for deletion"), "{error}");
    assert_eq!(client.write(&key, &WriteRequest::property("b", "2")).await.unwrap(), Written::Created);
    assert_eq!(text(&client.read(&key).await.unwrap()).as_deref(), Some(r#"{"b":"2"}"#));
}

#[tokio::test]
async fn a_push_leaves_tags_of_others_and_their_secrets_alone() {
    let Some(account) = Account::open().await else { return };
    let client = connected(&account, "SecretsManager", &json!({})).await;
    let key = RemoteKey::latest("mine");
    assert_eq!(client.write(&key, &WriteRequest::property("a", "1")).await.unwrap(), Written::Created);
    let tag = json!({ "SecretId": "mine", "Tags": [{ "Key": "owner", "Value": "ops" }] });
    account.secrets("TagResource", &tag).await;
    assert_eq!(client.write(&key, &WriteRequest::property("a", "2")).await.unwrap(), Written::Updated);
    let described = account.secrets("DescribeSecret", &json!({ "SecretId": "mine" })).await;
    let tags: BTreeMap<_, _> = described["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["Key"].as_str().unwrap(), tag["Value"].as_str().unwrap()))
        .collect();
    assert_eq!(tags, BTreeMap::from([("managed-by", "external-secrets"), ("owner", "ops")]));
    account.parameters("PutParameter", &json!({ "Name": "/theirs", "Value": "x", "Type": "String" })).await;
    let client = connected(&account, "ParameterStore", &json!({})).await;
    let theirs = client.write(&RemoteKey::latest("/theirs"), &WriteRequest::property("a", "1")).await;
    assert!(theirs.unwrap_err().message().contains("not managed by external-secrets"));
}
