//! A server that pretends to be Vault and behaves badly, and a trap that no request may reach.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures::stream;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// Text in every bad answer; it must never be seen outside.
pub const CANARY: &str = "canary-7c1f9d";

/// How much [`BadAnswer::Endless`] sends, in KiB, before it gives up: more than any reader should take.
const ENDLESS_KIB: usize = 256 * 1024;

/// A way to answer badly. The remote key a story asks for chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// A redirect to the trap.
    Redirect,
    /// A JSON text of a quarter of a GiB.
    Endless,
    /// A success that is not JSON.
    Garbage,
    /// 500 with a body.
    ServerError,
    /// 403 with a body.
    Refused,
}

/// What the fake's answers need.
#[derive(Clone, Debug)]
struct Means {
    trap: String,
    sent_kib: Arc<AtomicUsize>,
}

/// A running fake: logins work, reads of `secret/` go wrong.
#[derive(Debug)]
pub struct FakeVault {
    /// Base URL.
    pub address: String,
    trapped: Arc<AtomicUsize>,
    sent_kib: Arc<AtomicUsize>,
    servers: [JoinHandle<()>; 2],
}

impl BadAnswer {
    /// The remote key that gives this answer.
    pub fn key(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Endless => "endless",
            Self::Garbage => "garbage",
            Self::ServerError => "server-error",
            Self::Refused => "refused",
        }
    }

    fn response(self, means: &Means) -> Response {
        let canary_body = json!({ "errors": [CANARY], "data": { "data": { "password": CANARY } } });
        match self {
            Self::Redirect => {
                let location = format!("{}/v1/secret/data/trap", means.trap);
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)], json_body(&canary_body))
                    .into_response()
            }
            Self::Endless => {
                let start = format!(r#"{{"data":{{"data":{{"password":"{CANARY}"#);
                let kib = "x".repeat(1024);
                let chunks = std::iter::once(start).chain(std::iter::repeat_n(kib, ENDLESS_KIB));
                let sent_kib = Arc::clone(&means.sent_kib);
                let chunks = chunks.inspect(move |_| {
                    sent_kib.fetch_add(1, Ordering::SeqCst);
                });
                let chunks = stream::iter(chunks.map(Ok::<_, std::io::Error>));
                ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
            }
            Self::Garbage => format!("<html>{CANARY}</html>").into_response(),
            Self::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, json_body(&canary_body)).into_response(),
            Self::Refused => (StatusCode::FORBIDDEN, json_body(&canary_body)).into_response(),
        }
    }
}

impl FakeVault {
    /// Starts it, in the runtime of the calling story.
    pub async fn start() -> Result<Self> {
        let trapped = Arc::new(AtomicUsize::new(0));
        let sent_kib = Arc::new(AtomicUsize::new(0));
        let trap_counter = Arc::clone(&trapped);
        let trap = Router::new().fallback(any(move || {
            trap_counter.fetch_add(1, Ordering::SeqCst);
            async { json_body(&json!({ "data": { "data": { "password": CANARY } } })) }
        }));
        let (trap_address, trap_server) = serve(trap).await?;
        let vault = Router::new()
            .route("/v1/auth/token/lookup-self", get(own_token))
            .route("/v1/secret/data/{*key}", get(bad_read))
            .with_state(Means { trap: trap_address, sent_kib: Arc::clone(&sent_kib) });
        let (address, server) = serve(vault).await?;
        Ok(Self { address, trapped, sent_kib, servers: [trap_server, server] })
    }

    /// How much of endless answers was taken from the fake, in KiB.
    pub fn sent_kib(&self) -> usize {
        self.sent_kib.load(Ordering::SeqCst)
    }

    /// How many requests followed the redirect.
    pub fn trapped(&self) -> usize {
        self.trapped.load(Ordering::SeqCst)
    }
}

impl Drop for FakeVault {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

async fn serve(router: Router) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    Ok((address, server))
}

async fn own_token() -> Response {
    json_body(&json!({ "data": {
        "type": "service", "ttl": 0, "expire_time": null, "renewable": false, "policies": ["root"],
    } }))
    .into_response()
}

fn json_body(value: &serde_json::Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string())
}

async fn bad_read(State(means): State<Means>, Path(key): Path<String>) -> Response {
    use BadAnswer::{Endless, Garbage, Redirect, Refused, ServerError};
    let answer =
        [Redirect, Endless, Garbage, ServerError, Refused].into_iter().find(|answer| answer.key() == key);
    answer.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |answer| answer.response(&means))
}
