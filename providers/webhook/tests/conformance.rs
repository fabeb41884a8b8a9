//! The webhook provider under the shared suite, against a stub of a service.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, Payload, StoreKind};
use strongroom_provider_conformance::{
    CANARY, Entry, Fixture, RequestClass, Store, StubRequest, StubResolver, StubResponse, StubServer,
    StubService, conformance_suite,
};
use strongroom_provider_webhook::Webhook;

/// Values by key and version; the newest under no version.
type Held = Arc<Mutex<BTreeMap<(String, String), String>>>;

/// `GET /entries?key=…&version=…` with a token gives `{"value": …}`.
struct Entries(Held);

impl StubService for Entries {
    fn class(&self, _request: &StubRequest) -> RequestClass {
        RequestClass::Read
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
        if token != Some(&format!("Bearer {CANARY}")) {
            return StubResponse { status: 401, body: Vec::new() };
        }
        let asked: BTreeMap<_, _> =
            url::form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
        let held = self.0.lock().unwrap();
        let value = held.get(&(asked.get("key").cloned().unwrap(), asked.get("version").cloned().unwrap()));
        match value {
            Some(value) => {
                StubResponse { status: 200, body: json!({ "value": value }).to_string().into_bytes() }
            }
            None => StubResponse { status: 404, body: CANARY.as_bytes().to_vec() },
        }
    }
}

struct WebhookFixture;

#[async_trait]
impl Fixture for WebhookFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Webhook>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let mut values = BTreeMap::new();
        for entry in entries {
            let value = String::from_utf8_lossy(&entry.value).into_owned();
            if let Some(version) = entry.version {
                values.insert((entry.key.clone(), version.to_string()), value.clone());
            }
            values.insert((entry.key.clone(), String::new()), value);
        }
        let held = Arc::new(Mutex::new(values));
        let stub = StubServer::start(Entries(Arc::clone(&held))).await;
        let url = "entries?key={{ .remoteRef.key }}&version={{ .remoteRef.version }}";
        Store {
            config: json!({
                "url": format!("{}/{url}", stub.url()),
                "headers": { "Authorization": "Bearer {{ .login.token }}" },
                "result": { "jsonPath": "$.value" },
                "secrets": [{ "name": "login", "secretRef": { "name": "login", "namespace": "ns" } }],
            }),
            resolver: Arc::new(
                StubResolver::new(StoreKind::Namespaced).with_secret("login", "token", CANARY),
            ),
            stub: Some(stub),
            guard: Some(Box::new(held)),
        }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        bytes.expose_str().map(ToOwned::to_owned)
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        let held = store.guard.as_ref().unwrap().downcast_ref::<Held>().unwrap();
        held.lock().unwrap().remove(&(key.to_owned(), String::new())).is_some()
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        let secret = |name: &str, reference: Value| json!([{ "name": name, "secretRef": reference }]);
        let with = |name: &str, value: Value| json!({ "url": "https://a", name: value });
        vec![
            (json!({ "url": "ftp://a" }), "url"),
            (with("method", json!("GET IT")), "method"),
            (with("timeout", json!("soon")), "timeout"),
            (with("result", json!({ "jsonPath": "value" })), "result.jsonPath"),
            (with("caBundle", json!("eA==")), "caBundle"),
            (with("auth", json!({ "ntlm": {} })), "auth.ntlm"),
            (with("headers", json!({ "a b": "c" })), "headers[\"a b\"]"),
            (with("secrets", secret("", json!({ "name": "s" }))), "secrets[0].name"),
            (with("secrets", secret("a", json!({}))), "secrets[0].secretRef.name"),
        ]
    }
}

conformance_suite!(WebhookFixture);
