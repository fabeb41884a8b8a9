//! What a trace tells of an attempt: names of objects and stores, places in the spec, outcomes and the ids of requests; never
//! a value, and never the key of an entry in a store.

mod export;
mod post;

use std::fmt;

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::kube_io::ObjectKey;
use crate::stores::{Answer, StoreView};

pub(super) use export::layer;
pub use export::{Flush, TraceSettings, Tracer, Traces};

/// The target of all spans. It must not begin as our crates' names do: the log would heed it.
const TARGET: &str = "attempt";
/// Attempts that found nothing to do; they are not sent.
const IDLE: [&str; 3] = ["in step", "not ours", "paused"];
/// The field that says how something ended.
const OUTCOME: &str = "strongroom.outcome";

macro_rules! span {
    ($name:literal, $kind:literal, $($fields:tt)*) => {
        info_span!(
            target: TARGET, $name, otel.kind = $kind, "strongroom.outcome" = Empty, "error.type" = Empty,
            otel.status_code = Empty, otel.status_description = Empty, $($fields)*
        )
    };
}

macro_rules! span_of_store {
    ($name:literal, $store:expr, $($fields:tt)*) => {
        span!(
            $name, "client", "strongroom.provider" = provider($store),
            "strongroom.store.kind" = $store.id.kind().as_str(),
            "strongroom.store.namespace" = $store.id.key.namespace,
            "strongroom.store.name" = $store.id.key.name,
            $($fields)*
        )
    };
}

/// The attempt on one ExternalSecret: the root of its trace.
pub fn attempt(object: &ObjectKey, uid: &str) -> Span {
    span!(
        "sync",
        "internal",
        "k8s.namespace.name" = object.namespace,
        "strongroom.external_secret.name" = object.name,
        "strongroom.external_secret.uid" = uid,
    )
}

/// Waiting for a client of `store`, and for its login.
pub fn connect(store: &StoreView) -> Span {
    span_of_store!("connect", store,)
}

/// A read for the field `entry` of the spec, with the wait for its turn and with retries; it may be shared with others.
pub fn read(store: &StoreView, entry: &impl fmt::Display) -> Span {
    span_of_store!(
        "read",
        store,
        "strongroom.entry" = %entry,
        "strongroom.version" = Empty,
        "strongroom.request_id" = Empty,
    )
}

/// A search for the field `entry` of the spec.
pub fn list(store: &StoreView, entry: &impl fmt::Display) -> Span {
    span_of_store!("list", store, "strongroom.entry" = %entry,)
}

/// Generating by the generator `name` of this kind.
pub fn generate(kind: &str, name: &str) -> Span {
    span!("generate", "client", "strongroom.generator.kind" = kind, "strongroom.generator.name" = name,)
}

/// What the template makes of the data.
pub fn render() -> Span {
    span!("render", "internal",)
}

/// Everything that is done to bring the target of this kind and name in step.
pub fn write(kind: &str, name: &str) -> Span {
    span!("write", "client", "strongroom.target.kind" = kind, "strongroom.target.name" = name,)
}

/// Writing the status.
pub fn status() -> Span {
    span!("status", "client",)
}

/// Notes how the work of `span` ended: a word, or the reason of its failure.
pub fn ended(span: &Span, outcome: Result<&'static str, &'static str>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Ok(word) => span.record(OUTCOME, word),
        Err(reason) => span
            .record(OUTCOME, "failed")
            .record("error.type", reason)
            .record("otel.status_code", "ERROR")
            .record("otel.status_description", reason),
    };
}

/// Notes what a read of `span` gave.
pub fn answered(span: &Span, answer: &Answer) {
    if span.is_disabled() {
        return;
    }
    ended(span, answer.as_ref().map(|_| "found").map_err(|error| error.kind().reason()));
    let Ok(payload) = answer else { return };
    if let Some(version) = &payload.version {
        span.record("strongroom.version", version);
    }
    if let Some(request) = &payload.request {
        span.record("strongroom.request_id", request);
    }
}

/// As metrics name it; empty where the store's settings name none that is built in.
fn provider(store: &StoreView) -> &'static str {
    store.provider().map_or("", |(descriptor, _)| descriptor.name)
}
