//! The log: JSON or text on standard error, one line for each thing that happened.

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

/// Starts logging at `level` (`trace`, `debug`, `info`, `warn`, `error`).
///
/// The level is that of our own code, whose crates all begin with `strongroom`. The libraries below are held to warnings, and those that see secrets in
/// requests (vaultrs, rustify) or print answers of servers (kube's trace layer, hyper) are silent.
pub fn start_logs(level: &str, format: LogFormat) {
    let filter = format!(
        "warn,strongroom={level},vaultrs=off,rustify=off,hyper=off,hyper_util=off,reqwest=off,h2=off,rustls=off,\
         tower=off,kube_client=off,kube_runtime=error"
    );
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second start (in tests) keeps the first.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text => builder.with_ansi(false).finish().try_init(),
    };
}
