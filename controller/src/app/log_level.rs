//! The log level at run time: a file names it, and is read every few seconds and at SIGHUP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::telemetry::{LOG_LEVELS, LogLevel};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// This level.
    Level(String),
    /// Nothing: there is no file, or it is empty.
    Nothing,
    /// Something that is no level.
    Nonsense,
}

/// Follows the file at `path` until it is dropped; while it says nothing, the level is `usual`.
pub(super) async fn follow(path: PathBuf, level: LogLevel, usual: String) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let (mut current, mut last) = (usual.clone(), Said::Nothing);
    loop {
        let said = said(tokio::fs::read_to_string(&path).await.ok().as_deref());
        if said == Said::Nonsense && last != said {
            tracing::warn!(file = %path.display(), levels = ?LOG_LEVELS, "the file names no log level; it is not heeded");
        }
        let wanted = match &said {
            Said::Level(level) => level.clone(),
            Said::Nothing => usual.clone(),
            Said::Nonsense => current.clone(),
        };
        if wanted != current {
            change(&level, &path, &wanted);
            current = wanted;
        }
        last = said;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = hangup.recv() => {}
        }
    }
}

/// A warning, so that it is seen at most levels.
fn change(level: &LogLevel, path: &Path, wanted: &str) {
    if level.set(wanted) {
        tracing::warn!(level = wanted, file = %path.display(), "the log level has changed");
    }
}

fn said(text: Option<&str>) -> Said {
    match text.map(str::trim).unwrap_or_default() {
        "" => Said::Nothing,
        level if LOG_LEVELS.contains(&level) => Said::Level(level.to_owned()),
        _ => Said::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_a_level_nothing_or_nonsense() {
        assert_eq!(said(Some("debug\n")), Said::Level("debug".to_owned()));
        assert_eq!(said(Some(" \n")), Said::Nothing);
        assert_eq!(said(None), Said::Nothing);
        assert_eq!(said(Some("off")), Said::Nonsense);
        assert_eq!(said(Some("info,vaultrs=trace")), Said::Nonsense, "libraries stay silent");
    }
}
