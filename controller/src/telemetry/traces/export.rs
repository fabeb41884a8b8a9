//! Sends spans to a collector: a bounded queue, batches, and a few words where nobody takes them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use http::Uri;
use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use strongroom_provider_api::Reach;
use strongroom_provider_kit::http::{HttpClient, HttpSettings, Roots};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

use super::post::Post;
use super::{IDLE, OUTCOME, TARGET};
use crate::telemetry::Metrics;

/// Spans that wait; those that come when so many do are dropped.
const QUEUE: usize = 2048;
/// Spans that travel together, at most.
const BATCH: usize = 512;
/// The first span of a batch waits so long for others.
const GATHERED: Duration = Duration::from_secs(5);
/// A collector may take so long to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Not more often than this it is said that spans are lost.
const COMPLAINTS: Duration = Duration::from_mins(5);

/// Where traces go, and how many.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector's exact address. What headers are sent with it, the exporter finds in the environment.
    pub address: String,
    /// The PEM bundle of the authorities that its certificate may be from; the machine's if none.
    pub roots: Option<Vec<u8>>,
    /// Which share of the attempts is traced, from 0 to 1.
    pub share: f64,
    /// What the traces say that they are of.
    pub service: String,
}

/// What makes spans.
#[derive(Clone, Debug)]
pub struct Tracer(SdkTracer);

/// The way to the collector, not begun. `Debug` shows no headers: they may hold a login.
pub struct Traces {
    exporter: SpanExporter,
    post: Post,
    address: Uri,
    spans: mpsc::Receiver<SpanData>,
    dropped: Arc<AtomicU64>,
}

/// The way to the collector, in use.
#[derive(Debug)]
pub struct Flush {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Where spans wait for their batch.
#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

/// What has not been told of lost spans.
#[derive(Debug, Default)]
struct Complaint {
    lost: u64,
    told: Option<Instant>,
}

/// Sends the spans of `tracer`; nothing else that the process logs reaches it.
pub(in crate::telemetry) fn layer<S>(tracer: Tracer) -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let ours = FilterFn::new(|metadata| metadata.is_span() && metadata.target() == TARGET);
    tracing_opentelemetry::layer()
        .with_tracer(tracer.0)
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
}

impl Traces {
    /// Prepares the way that `settings` name. Nothing is sent yet.
    ///
    /// # Errors
    /// An address that is none, unusable roots, or settings in the environment that the exporter does not know.
    pub fn open(settings: &TraceSettings) -> anyhow::Result<(Tracer, Self)> {
        let address: Uri = settings.address.parse().context("not an address")?;
        let roots = match (address.scheme_str(), &settings.roots) {
            (Some("http"), _) => Roots::Unused,
            (Some("https"), None) => Roots::System,
            (Some("https"), Some(bundle)) => Roots::Only(bundle.clone()),
            _ => anyhow::bail!("the address begins neither with http:// nor with https://"),
        };
        // Not a store's address but the operator's own: all may be reached.
        let http = HttpSettings { roots, timeout: ANSWER, reach: Reach::Any, ..HttpSettings::default() };
        let post = Post::over(HttpClient::new(http)?);
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(post.clone())
            .with_endpoint(settings.address.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(ANSWER)
            // Its pauses would be the whole runtime's.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let resource = Resource::builder()
            .with_service_name(settings.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        exporter.set_resource(&resource);
        let (sender, spans) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::default());
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.share))))
            .with_resource(resource)
            .with_span_processor(Queue { sender, dropped: Arc::clone(&dropped) })
            .build();
        let tracer = Tracer(provider.tracer("strongroom"));
        Ok((tracer, Self { exporter, post, address, spans, dropped }))
    }

    /// Sends what comes, until [`Flush::flushed`].
    pub fn start(self, metrics: Arc<Metrics>) -> Flush {
        let (stop, stopped) = oneshot::channel();
        Flush { stop, task: tokio::spawn(self.run(metrics, stopped)) }
    }

    async fn run(mut self, metrics: Arc<Metrics>, mut stopped: oneshot::Receiver<()>) {
        let mut complaint = Complaint::default();
        let mut closed = false;
        // A rate needs what it was before the first.
        for outcome in ["exported", "failed", "dropped"] {
            metrics.traced(outcome, 0);
        }
        loop {
            let batch = self.gathered(&mut stopped, &mut closed).await;
            if batch.is_empty() {
                return;
            }
            let count = batch.len() as u64;
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            let sent = self.exporter.export(batch).await;
            let (outcome, failed) = if sent.is_ok() { ("exported", 0) } else { ("failed", count) };
            metrics.traced(outcome, count);
            metrics.traced("dropped", dropped);
            if let Some(lost) = complaint.due(failed + dropped) {
                let error = sent.err().map(|error| self.post.failure().unwrap_or_else(|| error.to_string()));
                let error = error.unwrap_or_else(|| "more came than could be sent".to_owned());
                let collector = strongroom_provider_kit::http::origin(&self.address);
                tracing::warn!(collector, lost, error, "spans of traces are lost");
            }
        }
    }

    /// The next batch; empty at the end. Where `stopped` comes, `closed` is set: what waits then is the rest.
    async fn gathered(&mut self, stopped: &mut oneshot::Receiver<()>, closed: &mut bool) -> Vec<SpanData> {
        let mut batch = Vec::new();
        let mut until: Option<Instant> = None;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            let over = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = self.spans.recv_many(&mut batch, room) => {
                    if read == 0 {
                        break;
                    }
                    until.get_or_insert_with(|| Instant::now() + GATHERED);
                }
                () = over => break,
                _ = &mut *stopped, if !*closed => {
                    *closed = true;
                    self.spans.close();
                }
            }
        }
        batch
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

impl Flush {
    /// Sends what waits; false if that took longer than `limit`, and then it is lost.
    pub async fn flushed(self, limit: Duration) -> bool {
        let Self { stop, mut task } = self;
        let _ = stop.send(());
        if timeout(limit, &mut task).await.is_ok() {
            return true;
        }
        task.abort();
        false
    }
}

impl Complaint {
    /// Adds what was lost; how much there is to tell, if it is time to.
    fn due(&mut self, lost: u64) -> Option<u64> {
        self.lost += lost;
        let silent = self.told.is_some_and(|told| told.elapsed() < COMPLAINTS);
        if self.lost == 0 || silent {
            return None;
        }
        self.told = Some(Instant::now());
        Some(std::mem::take(&mut self.lost))
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() || is_idle(&span) {
            return;
        }
        if self.sender.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A root that found nothing to do: it has no children either.
fn is_idle(span: &SpanData) -> bool {
    let outcome = || span.attributes.iter().find(|attribute| attribute.key.as_str() == OUTCOME);
    span.parent_span_id == SpanId::INVALID
        && outcome().is_some_and(|outcome| IDLE.contains(&&*outcome.value.as_str()))
}

#[cfg(test)]
mod tests;
