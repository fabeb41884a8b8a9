//! Tools to find secrets where they must not be.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Stands in values, credentials and the bodies of faults; must never show in any output.
pub const CANARY: &str = "canary-5f0c1e7a";

/// Everything that was logged at any level, while the guard lives.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// The log so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Captures the log of this thread at TRACE. Libraries that are silenced in the controller, because they print
/// requests and answers, are silenced here too.
pub fn captured_logs() -> (Logs, DefaultGuard) {
    let logs = Logs::default();
    let filter =
        "trace,vaultrs=off,rustify=off,hyper=off,hyper_util=off,reqwest=off,h2=off,rustls=off,tower=off";
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(logs.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    (logs, guard)
}
