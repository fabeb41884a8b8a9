//! The log: JSON or text on standard error, one line for each thing that happened.

use std::fmt;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

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

/// Starts logging at `level`, one of [`LOG_LEVELS`]; what is given back changes that later.
pub fn start_logs(level: &str, format: LogFormat) -> LogLevel {
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

/// The level is that of our own code, whose crates all begin with `strongroom`. The libraries below are held to warnings,
/// and those that see secrets in requests (vaultrs, rustify) or print answers of servers (kube's trace layer, hyper) are
/// silent, whatever the level.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::new(format!(
        "warn,strongroom={level},vaultrs=off,rustify=off,hyper=off,hyper_util=off,reqwest=off,h2=off,rustls=off,\
         tower=off,kube_client=off,kube_runtime=error"
    ))
}
