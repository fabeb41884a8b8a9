//! A stub of an API server: the Secrets of one namespace, pages of two names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use strongroom_provider_conformance::{CANARY, Entry, RequestClass, StubRequest, StubResponse, StubService};

const SECRETS: &str = "/api/v1/namespaces/remote/secrets";

/// The stub's Secrets by name, shared with whoever changes them.
pub(crate) type Held = Arc<Mutex<BTreeMap<String, Value>>>;

/// Somebody else, who is faster at the next write.
pub(crate) type Faster = Arc<AtomicBool>;

pub(crate) struct StubCluster {
    pub(crate) held: Held,
    pub(crate) faster: Faster,
}

/// The key that holds an entry's value.
pub(crate) const FIELD: &str = "value";

pub(crate) fn held(entries: &[Entry]) -> Held {
    let secret = |entry: &Entry| {
        let texts: BTreeMap<String, String> = serde_json::from_slice(&entry.value).unwrap();
        let data: BTreeMap<_, _> =
            texts.into_iter().map(|(key, text)| (key, STANDARD.encode(text))).collect();
        let metadata = json!({ "name": entry.key, "labels": entry.tags, "resourceVersion": "7" });
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data })
    };
    Arc::new(Mutex::new(entries.iter().map(|entry| (entry.key.clone(), secret(entry))).collect()))
}

impl StubService for StubCluster {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match request.path.strip_prefix(SECRETS) {
            Some(_) if request.method != Method::GET => RequestClass::Write,
            Some("") => RequestClass::List,
            Some(_) => RequestClass::Read,
            None => RequestClass::Other,
        }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
        if token != Some(&format!("Bearer {CANARY}")) {
            return answer(401, &json!({ "kind": "Status", "reason": "Unauthorized" }));
        }
        let mut secrets = self.held.lock().unwrap();
        let name = request.path.strip_prefix(SECRETS).unwrap_or_default().trim_start_matches('/');
        if request.method != Method::GET {
            return self.change(&mut secrets, request, name);
        }
        match request.path.strip_prefix(SECRETS) {
            Some("") => answer(200, &page(&secrets, &request.query)),
            Some(_) => secrets.get(name).map_or_else(
                || {
                    let details = json!({ "name": name, "kind": "secrets" });
                    answer(404, &json!({ "kind": "Status", "reason": "NotFound", "details": details }))
                },
                |secret| answer(200, secret),
            ),
            None => answer(404, &json!({ "kind": "Status", "reason": "NotFound", "details": {} })),
        }
    }
}

impl StubCluster {
    fn change(
        &self,
        secrets: &mut BTreeMap<String, Value>,
        request: &StubRequest,
        name: &str,
    ) -> StubResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let name = body["metadata"]["name"].as_str().unwrap_or(name).to_owned();
        if self.faster.swap(false, Ordering::SeqCst) {
            let theirs =
                json!({ "kind": "Secret", "metadata": { "name": name }, "data": { "theirs": "eA==" } });
            keep(secrets, &name, theirs);
        }
        let conflict = || answer(409, &json!({ "kind": "Status", "reason": "Conflict" }));
        let version = secrets.get(&name).map(|secret| secret["metadata"]["resourceVersion"].clone());
        match (request.method.as_str(), version) {
            ("POST", None) => answer(201, &keep(secrets, &name, body)),
            ("PUT", Some(version)) if body["metadata"]["resourceVersion"] == version => {
                answer(200, &keep(secrets, &name, body))
            }
            ("DELETE", Some(version)) if body["preconditions"]["resourceVersion"] == version => {
                secrets.remove(&name);
                answer(200, &json!({ "kind": "Status", "status": "Success" }))
            }
            _ => conflict(),
        }
    }
}

/// Keeps `secret` under a version that was not there before.
fn keep(secrets: &mut BTreeMap<String, Value>, name: &str, mut secret: Value) -> Value {
    let newest = secrets.values().filter_map(|secret| {
        secret["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse::<u64>().ok())
    });
    secret["metadata"]["resourceVersion"] = (newest.max().unwrap_or(7) + 1).to_string().into();
    secrets.insert(name.to_owned(), secret.clone());
    secret
}

fn page(secrets: &BTreeMap<String, Value>, query: &str) -> Value {
    let parameters: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let selector = parameters.get("labelSelector").copied().unwrap_or_default();
    let selector = selector.replace("%3D", "=").replace("%2C", ",");
    let matches = |secret: &Value| {
        let mut wanted = selector.split(',').filter_map(|pair| pair.split_once('='));
        wanted.all(|(name, value)| secret["metadata"]["labels"][name] == value)
    };
    let start: usize = parameters.get("continue").map_or(0, |start| start.parse().unwrap());
    let found: Vec<_> = secrets.values().filter(|secret| matches(secret)).collect();
    let items: Vec<_> =
        found.iter().skip(start).take(2).map(|secret| json!({ "metadata": secret["metadata"] })).collect();
    let end = start + items.len();
    let next = if end < found.len() { end.to_string() } else { String::new() };
    // As the real one does it.
    let items = if items.is_empty() { Value::Null } else { items.into() };
    json!({ "kind": "PartialObjectMetadataList", "metadata": { "continue": next }, "items": items })
}

fn answer(status: u16, body: &Value) -> StubResponse {
    StubResponse { status, body: serde_json::to_vec(body).unwrap() }
}
