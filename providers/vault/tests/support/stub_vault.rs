//! A stub of Vault: one KV engine at `secret/`, logins by AppRole.

#[path = "stub_engine.rs"]
mod stub_engine;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use strongroom_provider_conformance::{CANARY, Entry, RequestClass, StubRequest, StubResponse, StubService};
pub(crate) use stub_engine::Engine;

/// The secret ID of the one role; like the tokens, it must not show anywhere.
pub(crate) const SECRET_ID: &str = "canary-5f0c1e7a-secret-id";

/// The stub.
pub(crate) struct StubVault {
    versioned: bool,
    engine: Arc<Engine>,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    given: usize,
    good: BTreeSet<String>,
}

impl StubVault {
    pub(crate) fn new(version: &str, entries: &[Entry]) -> Self {
        let engine = Arc::new(Engine::of(entries));
        Self { versioned: version == "v2", engine, tokens: Mutex::default() }
    }

    /// What it holds, to interfere with.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }
}

impl StubService for StubVault {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match below(request).as_str() {
            "auth/approle/login" => RequestClass::Login,
            "auth/token/renew-self" => RequestClass::Renew,
            "auth/token/revoke-self" => RequestClass::Revoke,
            path if path.starts_with("secret") && request.query == "list=true" => RequestClass::List,
            path if path.starts_with("secret/") && request.method == Method::GET => RequestClass::Read,
            path if path.starts_with("secret/") => RequestClass::Write,
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
        let rest = path.strip_prefix("secret").map(|rest| rest.trim_start_matches('/'));
        let reply = match (rest, self.versioned) {
            (Some(rest), false) => self.engine.unversioned(rest, request),
            (Some(rest), true) => self.engine.versioned(rest, request),
            (None, _) => Err(404),
        };
        match reply {
            Ok(body) => answer(if body.is_null() { 204 } else { 200 }, &body),
            Err(404) => answer(404, &json!({"errors": []})),
            Err(status) => {
                let words = "check-and-set parameter did not match the current version";
                answer(status, &json!({"errors": [format!("{words} {CANARY}")]}))
            }
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
