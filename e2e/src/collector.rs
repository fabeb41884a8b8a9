//! A collector of traces, which keeps what it gets.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::status::StatusCode as Verdict,
};
use prost::Message as _;
use tokio::sync::oneshot;

/// A running collector of OTLP over HTTP, on a thread of its own: it answers also while a story waits for a controller's
/// end. Dropping it ends it.
#[derive(Debug)]
pub struct Collector {
    /// What `--otlp-endpoint` is to say.
    pub address: String,
    bodies: Bodies,
    _alive: oneshot::Sender<()>,
}

type Bodies = Arc<Mutex<Vec<Bytes>>>;

/// A span that a controller has sent.
#[derive(Clone, Debug)]
pub struct Span {
    /// Which trace it is of.
    pub trace: Vec<u8>,
    /// Its id.
    pub id: Vec<u8>,
    /// The span that it is part of; empty for the root.
    pub parent: Vec<u8>,
    /// What was done.
    pub name: String,
    /// Its attributes that are texts.
    pub attributes: BTreeMap<String, String>,
    /// Whether its status says that it failed.
    pub failed: bool,
    /// When it began and ended, in nanoseconds.
    pub times: (u64, u64),
    /// What the process calls itself.
    pub service: String,
}

impl Span {
    /// An attribute; empty if there is none.
    pub fn text(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

impl Collector {
    /// Starts one.
    pub fn start() -> Result<Self> {
        let bodies = Bodies::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&bodies));
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = format!("http://{}", listener.local_addr()?);
        let (alive, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let serving = axum::serve(tokio::net::TcpListener::from_std(listener)?, router);
                tokio::select! {
                    _ = ended => Ok(()),
                    result = serving => result,
                }
            })
        });
        Ok(Self { address, bodies, _alive: alive })
    }

    /// What was sent, byte by byte.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All spans that were sent.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let request = ExportTraceServiceRequest::decode(body).context("not what OTLP says")?;
            for resource in request.resource_spans {
                let service = texts(&resource.resource.unwrap_or_default().attributes);
                let service = service.get("service.name").cloned().unwrap_or_default();
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| {
                    Span {
                        attributes: texts(&span.attributes),
                        trace: span.trace_id,
                        id: span.span_id,
                        parent: span.parent_span_id,
                        name: span.name,
                        failed: span.status.is_some_and(|status| status.code == Verdict::Error as i32),
                        times: (span.start_time_unix_nano, span.end_time_unix_nano),
                        service: service.clone(),
                    }
                }));
            }
        }
        Ok(spans)
    }

    /// The traces of the attempts on the ExternalSecret `name` that ended so, each with its root first, then in the order
    /// of their beginning.
    pub fn traces(&self, name: &str, outcome: &str) -> Result<Vec<Vec<Span>>> {
        let spans = self.spans()?;
        let roots = spans.iter().filter(|span| {
            span.parent.is_empty()
                && span.text("strongroom.external_secret.name") == name
                && span.text("strongroom.outcome") == outcome
        });
        let trace = |root: &Span| {
            let mut trace: Vec<_> = spans.iter().filter(|span| span.trace == root.trace).cloned().collect();
            trace.sort_by_key(|span| (!span.parent.is_empty(), span.times.0));
            trace
        };
        Ok(roots.map(trace).collect())
    }

    /// Fails if one of these texts is in what was sent.
    pub fn ensure_free_of(&self, texts: &[impl AsRef<str>]) -> Result<()> {
        for body in self.bodies() {
            let body = String::from_utf8_lossy(&body);
            let shown = texts.iter().map(AsRef::as_ref).find(|text| body.contains(text));
            ensure!(shown.is_none(), "a trace shows {shown:?}: {body}");
        }
        Ok(())
    }
}

async fn take(State(bodies): State<Bodies>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    StatusCode::OK
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some((attribute.key.clone(), text.clone())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}
