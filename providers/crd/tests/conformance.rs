//! The crd provider under the shared suite, against a stub of an API server.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

#[path = "support/stub_cluster.rs"]
mod stub_cluster;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, ErrorKind, Payload, RemoteKey, StoreKind};
use strongroom_provider_conformance::{
    CANARY, Entry, Fixture, RequestClass, Store, StubResolver, StubServer, conformance_suite,
};
use strongroom_provider_crd::Crd;
use stub_cluster::{Held, StubCluster, held};

struct CrdFixture;

fn resource() -> Value {
    json!({ "group": "example.io", "version": "v1", "kind": "Entry" })
}

#[async_trait]
impl Fixture for CrdFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Crd>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let held = held(entries);
        let stub = StubServer::start(StubCluster(Arc::clone(&held))).await;
        let resolver = StubResolver::new(StoreKind::Namespaced).with_service_account_token(CANARY);
        Store {
            config: json!({
                "server": { "url": stub.url() },
                "auth": { "serviceAccount": { "name": "reader", "audiences": ["remote"] } },
                "resource": resource(),
            }),
            resolver: Arc::new(resolver),
            stub: Some(stub),
            guard: Some(Box::new(held)),
        }
    }

    fn seal(&self, text: &str) -> Vec<u8> {
        json!({ "value": text }).to_string().into_bytes()
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        let object: Value = serde_json::from_slice(bytes.expose()).ok()?;
        object["spec"]["value"].as_str().map(ToOwned::to_owned)
    }

    fn holds_any_key(&self) -> bool {
        false
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        let held: &Held = store.guard.as_ref().unwrap().downcast_ref().unwrap();
        held.lock().unwrap().remove(key).is_some()
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        let auth = json!({ "serviceAccount": { "name": "reader" } });
        let with = |resource: Value, whitelist: Value| json!({ "auth": auth, "resource": resource, "whitelist": { "rules": whitelist } });
        let kind = |group, version, kind| json!({ "group": group, "version": version, "kind": kind });
        vec![
            (json!({ "server": { "url": "ftp://a" }, "auth": auth, "resource": resource() }), "server.url"),
            (json!({ "resource": resource() }), "auth"),
            (
                json!({ "auth": auth, "authRef": { "name": "k", "key": "k" }, "resource": resource() }),
                "authRef",
            ),
            (with(kind("example.io", "", "Entry"), json!([])), "resource.version"),
            (with(kind("example.io", "v1", ""), json!([])), "resource.kind"),
            (with(kind("../x", "v1", "Entry"), json!([])), "resource.group"),
            (with(kind("", "v1", "Secret"), json!([])), "resource.kind"),
            (with(resource(), json!([{}])), "whitelist.rules[0]"),
            (with(resource(), json!([{ "name": "a" }, { "name": "(" }])), "whitelist.rules[1].name"),
            (with(resource(), json!([{ "properties": ["("] }])), "whitelist.rules[0].properties[0]"),
        ]
    }
}

conformance_suite!(CrdFixture);

#[tokio::test]
async fn what_the_whitelist_does_not_let_through_is_not_even_asked_for() {
    let fixture = CrdFixture;
    let entries = ["app-a", "app-b", "other"].map(|key| Entry::new(key, fixture.seal("x")));
    let mut store = fixture.store(&entries).await;
    store.config["whitelist"] = json!({ "rules": [
        { "name": "^app-a$" }, { "name": "^app-", "properties": [r"^spec\.value$"] },
    ] });
    let client = store.connect(&fixture.descriptor()).await.unwrap();
    let asks = |key: &str, property: Option<&str>| RemoteKey {
        property: property.map(ToOwned::to_owned),
        ..RemoteKey::latest(key)
    };
    for (key, property) in [("app-a", None), ("app-a", Some("metadata.uid")), ("app-b", Some("spec.value"))] {
        client.read(&asks(key, property)).await.unwrap();
    }
    let stub = store.stub.as_ref().unwrap();
    let reads = stub.count(RequestClass::Read);
    for (key, property) in
        [("app-b", None), ("app-b", Some("spec")), ("other", Some("spec.value")), ("none", None)]
    {
        let error = client.read(&asks(key, property)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{key} {property:?}");
    }
    assert_eq!(stub.count(RequestClass::Read), reads);
    let scope = strongroom_provider_api::Scope::default();
    let found: Vec<_> = futures::TryStreamExt::try_collect(client.list(&scope)).await.unwrap();
    let found: Vec<strongroom_provider_api::Listed> = found;
    assert_eq!(found.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), ["app-a"]);
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_the_stores_fault_and_is_looked_for_again() {
    let fixture = CrdFixture;
    let mut store = fixture.store(&[Entry::new("a", fixture.seal("x"))]).await;
    for (group, kind) in [("example.io", "Widget"), ("other.io", "Entry")] {
        store.config["resource"] = json!({ "group": group, "version": "v1", "kind": kind });
        let client = store.connect(&fixture.descriptor()).await.unwrap();
        let error = client.read(&RemoteKey::latest("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert!(error.message().contains(kind) && error.message().contains(group), "{error}");
    }
}
