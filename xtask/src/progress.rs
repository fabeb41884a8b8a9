//! What the tasks print: plain lines, and one line for each long step that shows it is alive.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often a step that is still running says so when the output is not a terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);
/// The same on a terminal, where the line is rewritten in place.
const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);

/// One long step: says what runs and for how long, at least every 15 seconds.
#[derive(Debug)]
pub(crate) struct Step {
    label: String,
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Step {
    /// Announces the step.
    pub(crate) fn start(label: impl Into<String>) -> Self {
        let now = Instant::now();
        let step =
            Self { label: label.into(), started: now, shown: now, terminal: io::stdout().is_terminal() };
        if step.terminal {
            step.rewrite("");
        } else {
            line(&format!("{} ...", step.label));
        }
        step
    }

    /// Shows the elapsed time if it is due; cheap enough for every turn of a waiting loop.
    pub(crate) fn tick(&mut self) {
        let interval = if self.terminal { TERMINAL_INTERVAL } else { PLAIN_INTERVAL };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let elapsed = seconds(self.started.elapsed());
        if self.terminal {
            self.rewrite(&format!("{elapsed} ..."));
        } else {
            line(&format!("{} ... {elapsed}", self.label));
        }
    }

    /// Ends the step with its time.
    pub(crate) fn done(self) -> Duration {
        let elapsed = self.started.elapsed();
        let text = format!("{}: {}", self.label, seconds(elapsed));
        if self.terminal {
            write(&format!("\r\x1b[K{text}\n"));
        } else {
            line(&text);
        }
        elapsed
    }

    fn rewrite(&self, tail: &str) {
        write(&format!("\r\x1b[K{} {tail}", self.label));
    }
}

/// Prints one line.
pub(crate) fn line(text: &str) {
    write(&format!("{text}\n"));
}

/// A duration as people read it: `0.42 s`, `4.2 s`, `3 min 20 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0 => format!("{:.2} s", time.as_secs_f64()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// A closed output (`| head`) is no reason to leave servers behind, hence no error.
fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_with_as_much_detail_as_people_read() {
        let shown = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(shown(420), "0.42 s");
        assert_eq!(shown(4_240), "4.2 s");
        assert_eq!(shown(200_900), "3 min 20 s");
    }
}
