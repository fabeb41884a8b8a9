//! A proxy before Vault that puts a canary into every answer, answers badly on demand, and remembers what is secret.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::vault::http_client;

/// Text in every answer; it may be seen in Secrets only.
pub const CANARY: &str = "canary-0dd5a7b3";

/// In a path: the rest, up to the next `/`, says how the answer is bad. A number is an HTTP status.
const FAULT: &str = "fault-";
/// Shorter texts are found everywhere.
const SHORTEST_SECRET: usize = 8;
const LARGEST_BODY: usize = 4 << 20;

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct CanaryVault {
    /// Base URL.
    pub address: String,
    secrets: Secrets,
    server: JoinHandle<()>,
}

type Secrets = Arc<Mutex<BTreeSet<String>>>;

#[derive(Clone, Debug)]
struct Means {
    vault: String,
    http: reqwest::Client,
    secrets: Secrets,
}

impl CanaryVault {
    /// Starts a proxy before the server at the base URL `vault`, in the runtime of the calling story.
    pub async fn start(vault: &str) -> Result<Self> {
        let secrets = Secrets::default();
        let means = Means { vault: vault.to_owned(), http: http_client(), secrets: Arc::clone(&secrets) };
        let router = Router::new().fallback(answer).with_state(means);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, secrets, server })
    }

    /// The tokens, credentials and values that answers held, and the canary.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        secrets.insert(CANARY.to_owned());
        secrets
    }
}

impl Drop for CanaryVault {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(means): State<Means>, request: Request) -> Response {
    if let Some((_, fault)) = request.uri().path().split_once(FAULT) {
        return bad(fault.split('/').next().unwrap_or_default());
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match means.ask(&parts.method, &parts.uri, parts.headers, body).await {
        Ok((status, answer)) => means.spoilt(parts.uri.path(), status, &answer),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The canary stands wherever a client might quote from.
fn bad(fault: &str) -> Response {
    let body = json!({
        "errors": [CANARY], "warnings": [CANARY],
        "data": { "data": { "password": CANARY }, "password": CANARY },
        "auth": { "client_token": CANARY },
    });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::RETRY_AFTER, "1")];
    match fault {
        "garbage" => format!("<html>{CANARY}</html>").into_response(),
        "shape" => (headers, json!([CANARY, { "data": CANARY }]).to_string()).into_response(),
        "cut" => {
            let start = Ok(format!(r#"{{"data":{{"data":{{"password":"{CANARY}"#));
            let end = Err(std::io::Error::other(CANARY));
            (headers, Body::from_stream(stream::iter([start, end]))).into_response()
        }
        status => {
            let status = status.parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, headers, body.to_string()).into_response()
        }
    }
}

impl Means {
    async fn ask(
        &self,
        method: &Method,
        uri: &Uri,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        headers.remove(header::HOST);
        let url = format!("{}{uri}", self.vault);
        let answer = self.http.request(method.clone(), url).headers(headers).body(body).send().await?;
        Ok((answer.status(), answer.bytes().await?))
    }

    /// What Vault answered to a request of `path`, with the canary.
    fn spoilt(&self, path: &str, status: StatusCode, answer: &[u8]) -> Response {
        let Ok(mut answer) = serde_json::from_slice::<Value>(answer) else { return status.into_response() };
        self.note(path, &answer);
        answer["canary"] = CANARY.into();
        answer["warnings"] = json!([CANARY]);
        if status.is_success() {
            for place in ["data", "auth", "data/data"] {
                if let Some(Value::Object(fields)) = answer.pointer_mut(&format!("/{place}")) {
                    fields.insert("canary".to_owned(), CANARY.into());
                }
            }
        } else {
            answer["errors"] = json!([CANARY]);
        }
        let headers = [("content-type", "application/json"), ("x-canary", CANARY)];
        (status, headers, answer.to_string()).into_response()
    }

    /// Tokens are secret, and what secrets engines hold; what is told about either is not.
    fn note(&self, path: &str, answer: &Value) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let is_about = ["/v1/auth/", "/v1/sys/"].iter().any(|start| path.starts_with(start));
        let held = Some(&answer["data"]).filter(|data| !is_about && data["keys"].is_null());
        let held = held.map(|data| if data["data"].is_object() { &data["data"] } else { data });
        let token = Some(&answer["auth"]["client_token"]);
        for text in [held, token].into_iter().flatten().flat_map(texts) {
            if text.len() >= SHORTEST_SECRET {
                secrets.insert(text.to_owned());
            }
        }
    }
}

/// All texts in a value, at any depth.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
