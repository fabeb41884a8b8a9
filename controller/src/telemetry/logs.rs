//! The log: JSON or text on standard error, one line for each thing that happened.

use std::fmt;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as lines, reload};

use super::traces::{self, Tracer};

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The levels that can be chosen.
pub const LOG_LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// Changes the level while the process runs.
pub struct LogLevel(Box<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogLevel")
    }
}

impl LogLevel {
    /// Logs at `level`, one of [`LOG_LEVELS`], from now on; false where the log is not ours to change.
    pub fn set(&self, level: &str) -> bool {
        (self.0)(filter(level))
    }
}

/// Starts logging at `level`, one of [`LOG_LEVELS`]; what is given back changes that later. The spans of `tracer`, if there
/// is one, go its way, and are not in the log.
pub fn start_logs(level: &str, format: LogFormat, tracer: Option<Tracer>) -> LogLevel {
    if let Some(tracer) = tracer {
        let lines = lines::layer().with_writer(std::io::stderr).with_target(false);
        return match format {
            LogFormat::Json => start_both(lines.json().flatten_event(true), level, tracer),
            LogFormat::Text => start_both(lines.with_ansi(false), level, tracer),
        };
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second start (in tests) keeps the first.
    match format {
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.finish().try_init();
            LogLevel(Box::new(move |filter| handle.reload(filter).is_ok()))
        }
        LogFormat::Text => {
            let builder = builder.with_ansi(false).with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.finish().try_init();
            LogLevel(Box::new(move |filter| handle.reload(filter).is_ok()))
        }
    }
}

/// Each with a filter of its own: without traces one for all is cheaper.
fn start_both(lines: impl Layer<Registry> + Send + Sync, level: &str, tracer: Tracer) -> LogLevel {
    let (filter, handle) = reload::Layer::new(filter(level));
    let both = tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces::layer(tracer));
    // A second start (in tests) keeps the first.
    let _ = both.try_init();
    LogLevel(Box::new(move |filter| handle.reload(filter).is_ok()))
}

/// The level is that of our own code, whose crates all begin with `strongroom`. The libraries below are held to warnings,
/// and those that see secrets in requests (vaultrs, rustify) or print answers of servers (kube's trace layer, hyper) are
/// silent, whatever the level.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::new(format!(
        "warn,strongroom={level},vaultrs=off,rustify=off,hyper=off,hyper_util=off,reqwest=off,h2=off,rustls=off,\
         tower=off,kube_client=off,kube_runtime=error"
    ))
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;
    use strongroom_crds::SecretStoreStatus;

    use super::*;
    use crate::kube_io::ObjectKey;
    use crate::stores::{StoreId, StoreView};

    /// Fails where its text is made.
    struct Unread;

    impl fmt::Display for Unread {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a text was made for a span that nobody wants")
        }
    }

    #[test]
    fn without_a_tracer_no_span_is_made_at_any_level_of_the_log() {
        let id = StoreId::namespaced(ObjectKey::new("shop", "vault"));
        let (meta, spec) = (ObjectMeta::default(), Err(String::new()));
        let store = StoreView { id, meta, spec, status: SecretStoreStatus::default() };
        for level in LOG_LEVELS {
            let log = tracing_subscriber::fmt().with_env_filter(filter(level)).with_writer(std::io::sink);
            let spans = tracing::subscriber::with_default(log.finish(), || {
                let seen = level == "error" || tracing::enabled!(target: "strongroom", tracing::Level::WARN);
                assert!(seen, "the log at {level} is on");
                [
                    traces::attempt(&ObjectKey::new("shop", "database"), "uid"),
                    traces::connect(&store),
                    traces::read(&store, &Unread),
                    traces::list(&store, &Unread),
                    traces::generate("Password", "one"),
                    traces::render(),
                    traces::write("Secret", "database"),
                    traces::status(),
                ]
            });
            assert!(spans.iter().all(tracing::Span::is_disabled), "{level}: {spans:?}");
        }
    }
}
