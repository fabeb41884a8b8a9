//! A server that pretends to be Vault, can be down, and counts what it is asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(20);
/// Two values of this length are more than a Secret holds.
const LARGE: usize = 700 * 1024;

#[derive(Debug, Default)]
struct Desk {
    value: Mutex<String>,
    down: AtomicBool,
    /// Seconds after which it wants to be asked again; 0 while it does not mind.
    throttling: AtomicUsize,
    requests: AtomicUsize,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
    arrivals: Mutex<Vec<Instant>>,
}

/// A running stub: every login works, and every entry of `secret/` holds the same value under `v`; the entry `large`
/// holds too much.
#[derive(Debug)]
pub(crate) struct StubVault {
    /// Base URL.
    pub(crate) address: String,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl StubVault {
    /// Starts it, in the runtime of the calling story.
    pub(crate) async fn start(value: &str) -> Result<Self> {
        let desk = Arc::new(Desk { value: Mutex::new(value.to_owned()), ..Desk::default() });
        let router = Router::new()
            .route("/v1/auth/token/lookup-self", get(own_token))
            .route("/v1/secret/data/{*key}", get(read))
            .with_state(Arc::clone(&desk));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, desk, server })
    }

    /// Whether it answers 503 from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.desk.down.store(down, Ordering::SeqCst);
    }

    /// From now on it answers everything with 429 and asks to be left alone for so many seconds; with 0 it answers.
    pub(crate) fn set_throttling(&self, seconds: usize) {
        self.desk.throttling.store(seconds, Ordering::SeqCst);
    }

    /// What every entry holds from now on.
    pub(crate) fn set_value(&self, value: &str) {
        if let Ok(mut held) = self.desk.value.lock() {
            value.clone_into(&mut held);
        }
    }

    /// Counts from zero again.
    pub(crate) fn forget(&self) {
        self.desk.requests.store(0, Ordering::SeqCst);
        self.desk.most_at_once.store(0, Ordering::SeqCst);
        if let Ok(mut arrivals) = self.desk.arrivals.lock() {
            arrivals.clear();
        }
    }

    /// When each read came, in order.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.desk.arrivals.lock().map(|arrivals| arrivals.clone()).unwrap_or_default()
    }

    /// How many reads there were.
    pub(crate) fn requests(&self) -> usize {
        self.desk.requests.load(Ordering::SeqCst)
    }

    /// How many reads were under way at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.desk.most_at_once.load(Ordering::SeqCst)
    }
}

impl Drop for StubVault {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn own_token() -> Response {
    let token =
        json!({ "type": "service", "ttl": 0, "expire_time": null, "renewable": false, "policies": ["root"] });
    ([(header::CONTENT_TYPE, "application/json")], json!({ "data": token }).to_string()).into_response()
}

async fn read(State(desk): State<Arc<Desk>>, Path(key): Path<String>) -> Response {
    desk.requests.fetch_add(1, Ordering::SeqCst);
    if let Ok(mut arrivals) = desk.arrivals.lock() {
        arrivals.push(Instant::now());
    }
    let under_way = desk.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    desk.most_at_once.fetch_max(under_way, Ordering::SeqCst);
    tokio::time::sleep(LATENCY).await;
    desk.under_way.fetch_sub(1, Ordering::SeqCst);
    if desk.down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let seconds = desk.throttling.load(Ordering::SeqCst);
    if seconds > 0 {
        let hint = [(header::RETRY_AFTER, seconds.to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, hint).into_response();
    }
    let value = if key == "large" {
        "x".repeat(LARGE)
    } else {
        desk.value.lock().map(|value| value.clone()).unwrap_or_default()
    };
    let entry = json!({ "data": { "data": { "v": value }, "metadata": { "version": 1 } } });
    ([(header::CONTENT_TYPE, "application/json")], entry.to_string()).into_response()
}
