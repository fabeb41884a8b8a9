//! Remembers that the user asked to stop (Ctrl-C, SIGTERM, SIGHUP), so that every wait can end in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on the signals set a flag instead of ending the process with its servers still running.
pub(crate) fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&ASKED))?;
    }
    Ok(())
}

/// True once a signal has arrived.
pub(crate) fn happened() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// An error once a signal has arrived; called in every loop that waits.
pub(crate) fn check() -> Result<()> {
    if happened() {
        bail!("stopped by a signal");
    }
    Ok(())
}

/// Sleeps for `time`, or less if a signal arrives.
pub(crate) fn sleep(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}
