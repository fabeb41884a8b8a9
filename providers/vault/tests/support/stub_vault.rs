//! A stub of Vault: one KV engine at `secret/`, logins by AppRole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};
use strongroom_provider_conformance::{CANARY, Entry, RequestClass, StubRequest, StubResponse, StubService};

/// The secret ID of the one role; like the tokens, it must not show anywhere.
pub(crate) const SECRET_ID: &str = "canary-5f0c1e7a-secret-id";

/// The stub.
pub(crate) struct StubVault {
    versioned: bool,
    entries: BTreeMap<String, Vec<Entry>>,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    given: usize,
    good: BTreeSet<String>,
}

impl StubVault {
    pub(crate) fn new(version: &str, entries: &[Entry]) -> Self {
        let mut by_key: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            by_key.entry(entry.key.clone()).or_default().push(entry.clone());
        }
        Self { versioned: version == "v2", entries: by_key, tokens: Mutex::default() }
    }
}

impl StubService for StubVault {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match below(request).as_str() {
            "auth/approle/login" => RequestClass::Login,
            "auth/token/renew-self" => RequestClass::Renew,
            "auth/token/revoke-self" => RequestClass::Revoke,
            path if path.starts_with("secret") && request.query == "list=true" => RequestClass::List,
            path if path.starts_with("secret/") => RequestClass::Read,
            _ => RequestClass::Other,
        }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let path = below(request);
        if path == "auth/approle/login" {
            return self.log_in(request);
        }
        let token = request.headers.get("x-vault-token").map(|token| token.to_str().unwrap().to_owned());
        let mut tokens = self.tokens.lock().unwrap();
        let Some(token) = token.filter(|token| tokens.good.contains(token)) else {
            return answer(403, &json!({"errors": ["permission denied"]}));
        };
        if path == "auth/token/revoke-self" {
            tokens.good.remove(&token);
            return answer(204, &Value::Null);
        }
        if path == "auth/token/lookup-self" {
            return answer(200, &json!({"data": {"id": token}}));
        }
        drop(tokens);
        if path.starts_with("sys/internal/ui/mounts/secret") {
            let version = if self.versioned { "2" } else { "1" };
            let engine = json!({"path": "secret/", "type": "kv", "options": {"version": version}});
            return answer(200, &json!({ "data": engine }));
        }
        let found =
            match (path.strip_prefix("secret").map(|rest| rest.trim_start_matches('/')), self.versioned) {
                (Some(folder), false) if request.query == "list=true" => self.folder(folder),
                (Some(key), false) => self.newest(key).map(|entry| json!({"data": value(entry)})),
                (Some(rest), true) => self.versioned(rest, &request.query),
                (None, _) => None,
            };
        match found {
            Some(body) => answer(200, &body),
            None => answer(404, &json!({"errors": []})),
        }
    }
}

impl StubVault {
    fn log_in(&self, request: &StubRequest) -> StubResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if body != json!({"role_id": "role", "secret_id": SECRET_ID}) {
            return answer(400, &json!({"errors": ["invalid role or secret ID"]}));
        }
        let mut tokens = self.tokens.lock().unwrap();
        tokens.given += 1;
        let token = format!("hvs.{CANARY}-{}", tokens.given);
        tokens.good.insert(token.clone());
        let auth = json!({"client_token": token, "lease_duration": 3600, "renewable": true});
        answer(200, &json!({ "auth": auth }))
    }

    fn versioned(&self, rest: &str, query: &str) -> Option<Value> {
        if let Some(key) = rest.strip_prefix("data/") {
            let entry = match query.strip_prefix("version=") {
                None => self.newest(key)?,
                Some(number) => self.entries.get(key)?.get(number.parse::<usize>().ok()?.checked_sub(1)?)?,
            };
            let metadata = json!({"version": entry.version.unwrap_or(1)});
            return Some(json!({"data": {"data": value(entry), "metadata": metadata}}));
        }
        let key = rest.strip_prefix("metadata")?.trim_start_matches('/');
        if query == "list=true" {
            return self.folder(key);
        }
        let entry = self.newest(key)?;
        Some(json!({"data": {"current_version": entry.version.unwrap_or(1), "custom_metadata": entry.tags}}))
    }

    fn newest(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)?.last()
    }

    fn folder(&self, folder: &str) -> Option<Value> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = self.entries.keys().filter_map(|key| key.strip_prefix(&prefix));
        let keys: BTreeSet<String> = below
            .map(|rest| match rest.split_once('/') {
                Some((child, _)) => format!("{child}/"),
                None => rest.to_owned(),
            })
            .collect();
        (!keys.is_empty()).then(|| json!({"data": {"keys": keys}}))
    }
}

fn value(entry: &Entry) -> Value {
    serde_json::from_slice(&entry.value).unwrap()
}

fn answer(status: u16, body: &Value) -> StubResponse {
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
    StubResponse { status, body }
}

/// The decoded path below `/v1/`.
fn below(request: &StubRequest) -> String {
    let path = request.path.strip_prefix("/v1/").unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let decoded = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap()
}
