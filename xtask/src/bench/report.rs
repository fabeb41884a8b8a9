//! The result of a scenario: rows of measured values beside their targets, as a table and as JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::progress;

/// What a measured value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

/// One measured value.
#[derive(Debug, Clone, Serialize)]
struct Row {
    what: String,
    /// `None` if there was nothing to measure.
    measured: Option<f64>,
    unit: &'static str,
    target: Option<Target>,
    /// Whether the target was reached; `None` without a target.
    ok: Option<bool>,
}

/// Everything that a scenario found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    scenario: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Target {
    fn is_reached(self, measured: Option<f64>) -> bool {
        measured.is_some_and(|measured| match self {
            Self::AtLeast(limit) => measured >= limit,
            Self::AtMost(limit) => measured <= limit,
            Self::Below(limit) => measured < limit,
        })
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(limit) => format!("≥ {limit}"),
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::Below(limit) => format!("< {limit}"),
        }
    }
}

impl Report {
    /// An empty report on the scenario with this title.
    pub(super) fn new(scenario: String) -> Self {
        Self { scenario, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a value that has a target.
    pub(super) fn judge(
        &mut self,
        what: &str,
        measured: impl Into<Option<f64>>,
        unit: &'static str,
        target: Target,
    ) {
        let measured = measured.into().filter(|measured| measured.is_finite());
        let ok = Some(target.is_reached(measured));
        self.rows.push(Row { what: what.to_owned(), measured, unit, target: Some(target), ok });
    }

    /// Adds a value for information.
    pub(super) fn tell(&mut self, what: &str, measured: impl Into<Option<f64>>, unit: &'static str) {
        let measured = measured.into().filter(|measured| measured.is_finite());
        self.rows.push(Row { what: what.to_owned(), measured, unit, target: None, ok: None });
    }

    /// Adds a line of text.
    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Whether every target was reached.
    pub(super) fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.ok != Some(false))
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        progress::line(&format!("\n{}", self.table()));
    }

    /// Writes everything to `path`.
    pub(super) fn write_json(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    fn table(&self) -> String {
        let mut lines = vec![[String::new(), "measured".to_owned(), "target".to_owned(), String::new()]];
        for row in &self.rows {
            let measured = row.measured.map_or("nothing".to_owned(), number);
            let verdict = match row.ok {
                Some(true) => "ok",
                Some(false) => "MISS",
                None => "",
            };
            let target = row.target.map(Target::text).unwrap_or_default();
            lines.push([row.what.clone(), format!("{measured} {}", row.unit), target, verdict.to_owned()]);
        }
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let (first, second, third) = (width(0), width(1), width(2));
        let mut text = format!("== {} ==\n", self.scenario);
        for [what, measured, target, verdict] in &lines {
            let line = format!("{what:<first$}  {measured:<second$}  {target:<third$}  {verdict}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(note);
            text.push('\n');
        }
        text
    }
}

/// Three digits that mean something: `0.0123`, `1.23`, `12.3`, `1234`.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        ..0.001 => 6,
        ..0.1 => 4,
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_was_missed() {
        let mut report = Report::new("cold".to_owned());
        report.judge("share of the ceiling", 0.625, "", Target::AtLeast(0.5));
        report.judge("API requests an object", 3.2, "", Target::AtMost(3.1));
        report.tell("ceiling", 361.4, "objects/s");
        report.note("a note".to_owned());
        assert!(!report.is_good());
        let table = report.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "share of the ceiling    0.625          ≥ 0.5   ok");
        assert_eq!(lines[3], "API requests an object  3.2            ≤ 3.1   MISS");
        assert_eq!(lines[4], "ceiling                 361 objects/s");
        assert_eq!(lines[5], "a note");
    }

    #[test]
    fn limits_are_exact() {
        assert!(Target::AtMost(3.1).is_reached(Some(3.1)));
        assert!(!Target::Below(0.3).is_reached(Some(0.3)));
        assert!(Target::AtLeast(0.5).is_reached(Some(0.5)));
    }

    #[test]
    fn what_could_not_be_measured_is_missed() {
        let mut report = Report::new("steady".to_owned());
        report.judge("lateness", None, "s", Target::Below(0.3));
        report.judge("ratio", f64::NAN, "", Target::AtMost(1.0));
        assert!(report.rows.iter().all(|row| row.ok == Some(false) && row.measured.is_none()));
        assert!(serde_json::to_string(&report).unwrap().contains(r#""target":{"below":0.3}"#));
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0, 0.01234, 0.625, 1.234, 12.34, 361.4, 0.000_123].map(number);
        assert_eq!(shown, ["0", "0.0123", "0.625", "1.23", "12.3", "361", "0.000123"]);
    }
}
