//! A stub of an API server: the objects of one kind, pages of two names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use strongroom_provider_conformance::{CANARY, Entry, RequestClass, StubRequest, StubResponse, StubService};

const ROOT: &str = "/apis/example.io/v1";
const ENTRIES: &str = "/apis/example.io/v1/namespaces/caller/entries";

/// The stub's objects by name, shared with whoever changes them.
pub(crate) type Held = Arc<Mutex<BTreeMap<String, Value>>>;

pub(crate) struct StubCluster(pub(crate) Held);

pub(crate) fn held(entries: &[Entry]) -> Held {
    let object = |entry: &Entry| {
        let metadata =
            json!({ "name": entry.key, "namespace": "caller", "labels": entry.tags, "resourceVersion": "7" });
        let spec: Value = serde_json::from_slice(&entry.value).unwrap();
        json!({ "apiVersion": "example.io/v1", "kind": "Entry", "metadata": metadata, "spec": spec })
    };
    Arc::new(Mutex::new(entries.iter().map(|entry| (entry.key.clone(), object(entry))).collect()))
}

impl StubService for StubCluster {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match request.path.strip_prefix(ENTRIES) {
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
        let objects = self.0.lock().unwrap();
        match request.path.strip_prefix(ENTRIES) {
            Some("") => answer(200, &page(&objects, &request.query)),
            Some(name) => objects.get(name.trim_start_matches('/')).map_or_else(
                || {
                    let details = json!({ "name": name.trim_start_matches('/'), "kind": "entries" });
                    answer(404, &json!({ "kind": "Status", "reason": "NotFound", "details": details }))
                },
                |object| answer(200, object),
            ),
            None if request.path == ROOT => {
                let part = json!({ "name": "entries/status", "kind": "Entry", "namespaced": true });
                let entry = json!({ "name": "entries", "kind": "Entry", "namespaced": true });
                answer(200, &json!({ "kind": "APIResourceList", "resources": [part, entry] }))
            }
            None => answer(404, &json!({ "kind": "Status", "reason": "NotFound", "details": {} })),
        }
    }
}

fn page(objects: &BTreeMap<String, Value>, query: &str) -> Value {
    let parameters: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let selector = parameters.get("labelSelector").copied().unwrap_or_default();
    let selector = selector.replace("%3D", "=").replace("%2C", ",");
    let matches = |object: &Value| {
        let mut wanted = selector.split(',').filter_map(|pair| pair.split_once('='));
        wanted.all(|(name, value)| object["metadata"]["labels"][name] == value)
    };
    let start: usize = parameters.get("continue").map_or(0, |start| start.parse().unwrap());
    let found: Vec<_> = objects.values().filter(|object| matches(object)).collect();
    let items: Vec<_> =
        found.iter().skip(start).take(2).map(|object| json!({ "metadata": object["metadata"] })).collect();
    let end = start + items.len();
    let next = if end < found.len() { end.to_string() } else { String::new() };
    // As the real one does it.
    let items = if items.is_empty() { Value::Null } else { items.into() };
    json!({ "kind": "PartialObjectMetadataList", "metadata": { "continue": next }, "items": items })
}

fn answer(status: u16, body: &Value) -> StubResponse {
    StubResponse { status, body: serde_json::to_vec(body).unwrap() }
}
