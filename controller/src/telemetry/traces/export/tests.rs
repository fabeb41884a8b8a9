//! Spans on their way to a collector that listens, answers badly, or does neither.

use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as Sent, status::StatusCode as Status};
use prost::Message as _;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::*;
use crate::kube_io::ObjectKey;
use crate::telemetry::traces;

type Bodies = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector that answers with `status`; what it got.
async fn collector(status: StatusCode) -> (String, Bodies) {
    let bodies = Bodies::default();
    let got = Arc::clone(&bodies);
    let take = move |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        got.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
        status
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, bodies)
}

fn settings(address: &str, share: f64) -> TraceSettings {
    TraceSettings { address: address.to_owned(), roots: None, share, service: "vaultkeeper".to_owned() }
}

/// The way to `address`, with the spans of this thread on it.
fn traced(address: &str, share: f64) -> (DefaultGuard, Traces) {
    let (source, traces) = Traces::open(&settings(address, share)).unwrap();
    (tracing_subscriber::registry().with(layer(source)).set_default(), traces)
}

fn attempt(name: &str) -> tracing::Span {
    traces::attempt(&ObjectKey::new("shop", name), "uid-1")
}

fn spans(bodies: &Bodies) -> Vec<Sent> {
    let resources = |body: &ExportTraceServiceRequest| body.resource_spans.clone();
    let of = |resource: ResourceSpans| resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
    bodies.lock().unwrap().iter().flat_map(resources).flat_map(of).collect()
}

fn text<'s>(span: &'s Sent, key: &str) -> Option<&'s str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn an_attempt_is_one_trace_and_nothing_else_of_the_process_is_in_it() {
    let (address, bodies) = collector(StatusCode::OK).await;
    let (guard, traces) = traced(&address, 1.0);
    let flush = traces.start(Arc::default());
    let root = attempt("database");
    root.in_scope(|| {
        tracing::warn!(secret = "canary", "an event");
        let foreign = tracing::info_span!(target: "vaultrs", "request", secret = "canary");
        foreign.in_scope(|| {
            let write = traces::write("Secret", "target");
            traces::ended(&write, Err("WriteFailed"));
        });
    });
    traces::ended(&root, Ok("synced"));
    drop(root);
    assert!(flush.flushed(Duration::from_secs(5)).await);
    drop(guard);
    let spans = spans(&bodies);
    let [write, root] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((root.name.as_str(), write.name.as_str()), ("sync", "write"));
    assert_eq!((&write.trace_id, &write.parent_span_id), (&root.trace_id, &root.span_id));
    assert!(root.parent_span_id.is_empty());
    for (key, value) in [
        ("k8s.namespace.name", "shop"),
        ("strongroom.external_secret.name", "database"),
        ("strongroom.external_secret.uid", "uid-1"),
        ("strongroom.outcome", "synced"),
    ] {
        assert_eq!(text(root, key), Some(value), "{key}");
    }
    assert_eq!(root.status.as_ref().map_or(0, |status| status.code), Status::Unset as i32);
    assert_eq!(text(write, "strongroom.outcome"), Some("failed"));
    assert_eq!(text(write, "error.type"), Some("WriteFailed"));
    assert_eq!(write.status.as_ref().unwrap().code, Status::Error as i32);
    let bodies = bodies.lock().unwrap();
    let resource = bodies[0].resource_spans[0].resource.clone().unwrap();
    let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
    assert!(format!("{service:?}").contains("vaultkeeper"), "{service:?}");
    assert!(!format!("{bodies:?}").contains("canary"), "{bodies:?}");
}

#[tokio::test]
async fn attempts_that_found_nothing_to_do_are_not_sent_nor_those_beyond_the_share() {
    let (address, bodies) = collector(StatusCode::OK).await;
    let (guard, traces) = traced(&address, 1.0);
    let flush = traces.start(Arc::default());
    for outcome in ["in step", "not ours", "paused", "synced"] {
        traces::ended(&attempt(outcome), Ok(outcome));
    }
    assert!(flush.flushed(Duration::from_secs(5)).await);
    drop(guard);
    let sent: Vec<_> =
        spans(&bodies).iter().filter_map(|span| text(span, OUTCOME).map(str::to_owned)).collect();
    assert_eq!(sent, ["synced"]);

    let (guard, traces) = traced(&address, 0.0);
    let flush = traces.start(Arc::default());
    traces::ended(&attempt("none"), Ok("synced"));
    assert!(flush.flushed(Duration::from_secs(5)).await);
    drop(guard);
    assert_eq!(spans(&bodies).len(), 1);
}

#[tokio::test]
async fn what_nobody_takes_is_counted_and_the_queue_is_bounded() {
    let (refusing, bodies) = collector(StatusCode::SERVICE_UNAVAILABLE).await;
    let metrics = Arc::new(Metrics::default());
    let (guard, traces) = traced(&refusing, 1.0);
    for _ in 0..QUEUE + 100 {
        attempt("many");
    }
    let flush = traces.start(Arc::clone(&metrics));
    assert!(flush.flushed(Duration::from_secs(10)).await);
    drop(guard);
    assert_eq!(bodies.lock().unwrap().len(), QUEUE / BATCH, "nothing is sent twice");
    let text = metrics.text();
    for (outcome, count) in [("exported", 0), ("failed", QUEUE), ("dropped", 100)] {
        let line = format!(r#"strongroom_trace_spans_total{{outcome="{outcome}"}} {count}"#);
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_stop_waits_no_longer_for_a_silent_collector_than_it_may() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (guard, traces) = traced(&format!("http://{}/", silent.local_addr().unwrap()), 1.0);
    let flush = traces.start(Arc::default());
    drop(attempt("one"));
    let begun = Instant::now();
    assert!(!flush.flushed(Duration::from_millis(200)).await);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn losses_are_told_every_five_minutes_with_their_number() {
    let mut complaint = Complaint::default();
    assert_eq!(complaint.due(0), None);
    assert_eq!(complaint.due(3), Some(3));
    assert_eq!(complaint.due(4), None);
    tokio::time::advance(COMPLAINTS).await;
    assert_eq!(complaint.due(0), Some(4));
    assert_eq!(complaint.due(0), None);
}

#[test]
fn an_address_that_is_none_ends_the_start() {
    for (address, wanted) in
        [("collector:4318", "neither with http"), ("ftp://a/", "neither"), ("http://", "not an")]
    {
        let error = Traces::open(&settings(address, 1.0)).unwrap_err();
        assert!(format!("{error:#}").contains(wanted), "{address}: {error:#}");
    }
}
