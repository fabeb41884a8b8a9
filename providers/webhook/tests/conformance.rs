//! The webhook provider under the shared suite, against a stub of a service.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, ErrorKind, Payload, RemoteKey, StoreKind, WriteRequest};
use strongroom_provider_conformance::{
    CANARY, Entry, Fixture, RequestClass, Store, StubRequest, StubResolver, StubResponse, StubServer,
    StubService, conformance_suite,
};
use strongroom_provider_webhook::Webhook;

/// Values by key and version; the newest under no version.
type Held = Arc<Mutex<BTreeMap<(String, String), String>>>;

/// `GET /entries?key=…&version=…` with a token gives `{"value": …}`; what is posted there is kept, and what is deleted goes.
struct Entries(Held);

impl StubService for Entries {
    fn class(&self, request: &StubRequest) -> RequestClass {
        if request.method == "GET" { RequestClass::Read } else { RequestClass::Write }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
        if token != Some(&format!("Bearer {CANARY}")) {
            return StubResponse { status: 401, body: Vec::new() };
        }
        let asked: BTreeMap<_, _> =
            url::form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
        let mut held = self.0.lock().unwrap();
        let place = (asked.get("key").cloned().unwrap(), asked.get("version").cloned().unwrap());
        match request.method.as_str() {
            "POST" => {
                let value = String::from_utf8(request.body.to_vec()).unwrap();
                let status = if held.insert(place, value).is_some() { 200 } else { 201 };
                return StubResponse { status, body: Vec::new() };
            }
            "DELETE" if held.remove(&place).is_some() => {
                return StubResponse { status: 204, body: Vec::new() };
            }
            _ => {}
        }
        match held.get(&place) {
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

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[
            ("same_again_is_unchanged", "as upstream: what the service holds is not looked at"),
            (
                "fields_become_properties",
                "as upstream: there is an entry or there is none, a property is for the templates",
            ),
            (
                "property_is_set_beside_the_others",
                "as upstream: each property is a push of its own, and the service decides",
            ),
            ("foreign_entry_is_left_alone", "as upstream: a service of unknown kind can keep no mark"),
            (
                "property_is_deleted_and_the_last_one_takes_the_entry",
                "as upstream: the service is told to delete, and a property is for the templates",
            ),
        ]
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

/// What a service was asked.
struct Recorder(Arc<Mutex<Vec<(String, String, String)>>>);

impl StubService for Recorder {
    fn class(&self, _request: &StubRequest) -> RequestClass {
        RequestClass::Write
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        let asked = format!("{}?{}", request.path, request.query);
        self.0.lock().unwrap().push((request.method.to_string(), asked, body));
        let status = if request.path.ends_with("/closed") { 404 } else { 200 };
        StubResponse { status, body: CANARY.as_bytes().to_vec() }
    }
}

#[tokio::test]
async fn a_push_has_upstreams_fields_method_and_body() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let stub = StubServer::start(Recorder(Arc::clone(&asked))).await;
    let store = |extra: Value| {
        let mut config = json!({ "url": format!("{}/{{{{ .remoteRef.remoteKey }}}}?from={{{{ .remoteRef.secretKey }}}}", stub.url()) });
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let resolver = Arc::new(StubResolver::new(StoreKind::Namespaced));
        async move {
            let toolbox = strongroom_provider_api::Toolbox::default();
            Descriptor::of::<Webhook>().connect(config, resolver, toolbox).await.unwrap()
        }
    };
    let whole =
        |content| WriteRequest { secret_key: Some("pass".to_owned()), ..WriteRequest::whole(content) };
    let value = whole(Content::Bytes("s3cret".into()));
    let plain = store(json!({})).await;
    plain.write(&RemoteKey::latest("team/db"), &value).await.unwrap();
    let fields = ["b", "a"].map(|name| (name.to_owned(), "x".into()));
    plain
        .write(&RemoteKey::latest("all"), &WriteRequest::whole(Content::Fields(fields.to_vec())))
        .await
        .unwrap();
    plain.delete(&RemoteKey::latest("team/db"), Some("p")).await.unwrap();
    let shaped =
        store(json!({ "method": "PUT", "body": "{{ .remoteRef.db }} for {{ .remoteRef.remoteKey }}" })).await;
    shaped.write(&RemoteKey::latest("db"), &value).await.unwrap();
    let expected = [
        ("POST", "/team%2Fdb?from=pass", "s3cret"),
        ("POST", "/all?from=%3Cno%20value%3E", r#"{"a":"x","b":"x"}"#),
        ("DELETE", "/team%2Fdb?from=%3Cno%20value%3E", ""),
        ("PUT", "/db?from=pass", "s3cret for db"),
    ];
    let asked = asked.lock().unwrap().clone();
    let told: Vec<_> =
        asked.iter().map(|(method, path, body)| (method.as_str(), path.as_str(), body.as_str())).collect();
    assert_eq!(told, expected);
    // Absence would be the wrong word for a service that takes nothing.
    let error = plain.write(&RemoteKey::latest("closed"), &value).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(!error.to_string().contains(CANARY) && !error.to_string().contains("s3cret"), "{error}");
}
