//! `StubServer`: a service played by a closure, with faults in front of it and counters behind it.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use futures::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::CANARY;

/// Bodies over this are not for a stub.
const LARGEST_REQUEST: usize = 1 << 20;
/// More than any client should take.
const TOO_LARGE: usize = 8 << 20;

/// A request as the service sees it.
#[derive(Clone, Debug)]
pub struct StubRequest {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, without the question mark.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What the service answers.
#[derive(Clone, Debug)]
pub struct StubResponse {
    /// HTTP status.
    pub status: u16,
    /// JSON or whatever the service speaks.
    pub body: Vec<u8>,
}

/// What a request is for; faults and counters go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestClass {
    /// Makes a login.
    Login,
    /// Prolongs a login.
    Renew,
    /// Ends a login.
    Revoke,
    /// Reads a value.
    Read,
    /// Searches.
    List,
    /// Changes an entry.
    Write,
    /// Anything else.
    Other,
}

/// The service: its happy path.
pub trait StubService: Send + Sync + 'static {
    /// What `request` is for.
    fn class(&self, request: &StubRequest) -> RequestClass;
    /// The answer to `request`, by the service's own rules.
    fn respond(&self, request: &StubRequest) -> StubResponse;
}

/// What goes wrong instead of an answer. Bodies hold [`CANARY`], which must not show anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status.
    Status(u16),
    /// This status with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// No answer.
    Silence,
    /// The connection ends in the middle of the body.
    Cut,
    /// 200 with a body that is not what the service speaks.
    Garbage,
    /// A redirect to another host.
    Redirect,
    /// A body of 8 MiB.
    TooLarge,
}

/// A running stub. Stops when dropped.
pub struct StubServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    service: Box<dyn StubService>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: HashMap<RequestClass, (Fault, usize)>,
    counts: HashMap<RequestClass, usize>,
}

impl fmt::Debug for StubServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StubServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for StubServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StubServer {
    /// Starts `service` on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be had.
    #[expect(clippy::expect_used, reason = "a test without a port cannot go on")]
    pub async fn start(service: impl StubService) -> Self {
        let shared = Arc::new(Shared { service: Box::new(service), state: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port that was bound");
        let handler = Arc::clone(&shared);
        let router = Router::new().fallback(move |request| answer(Arc::clone(&handler), request));
        let task = tokio::spawn(async move {
            // Ends only with the listener.
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, task }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests of `class` meet `fault`.
    pub fn fail(&self, class: RequestClass, fault: Fault, times: usize) {
        self.shared.state().faults.insert(class, (fault, times));
    }

    /// No fault any more.
    pub fn mend(&self) {
        self.shared.state().faults.clear();
    }

    /// Requests of `class` so far, faulty ones among them.
    pub fn count(&self, class: RequestClass) -> usize {
        self.shared.state().counts.get(&class).copied().unwrap_or_default()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and gives the fault it meets.
    fn note(&self, class: RequestClass) -> Option<Fault> {
        let mut state = self.state();
        *state.counts.entry(class).or_default() += 1;
        let (fault, times) = state.faults.get_mut(&class)?;
        let fault = *fault;
        *times = times.checked_sub(1)?;
        Some(fault)
    }
}

async fn answer(shared: Arc<Shared>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let request = StubRequest {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: to_bytes(body, LARGEST_REQUEST).await.unwrap_or_default(),
    };
    match shared.note(shared.service.class(&request)) {
        None => {
            let answer = shared.service.respond(&request);
            response(answer.status, &[], Body::from(answer.body))
        }
        Some(fault) => faulty(fault).await,
    }
}

async fn faulty(fault: Fault) -> Response<Body> {
    let canary = || Body::from(format!("{{\"errors\":[\"{CANARY}\"]}}"));
    match fault {
        Fault::Status(status) => response(status, &[], canary()),
        Fault::RetryAfter(status, seconds) => {
            response(status, &[("retry-after", &seconds.to_string())], canary())
        }
        Fault::Silence => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            response(200, &[], canary())
        }
        Fault::Cut => {
            let parts: [Result<Bytes, std::io::Error>; 2] =
                [Ok(Bytes::from_static(b"{\"data\":")), Err(std::io::ErrorKind::ConnectionReset.into())];
            response(200, &[], Body::from_stream(stream::iter(parts)))
        }
        Fault::Garbage => response(200, &[], Body::from(format!("<html>{CANARY}</html>"))),
        Fault::Redirect => response(307, &[("location", "http://127.0.0.1:9/elsewhere")], canary()),
        Fault::TooLarge => response(200, &[], Body::from(vec![b' '; TOO_LARGE])),
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut builder = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap_or_else(|_| {
        let mut bad = Response::new(Body::empty());
        *bad.status_mut() = StatusCode::IM_A_TEAPOT;
        bad
    })
}
