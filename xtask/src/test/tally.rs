//! Adds up the results that `cargo test` prints, one line per suite.

use std::fmt::{self, Display, Formatter};

/// Totals over all suites.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    suites: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    /// Takes one line of output into account.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.suites += 1;
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        } else if let Some(what) = line.strip_prefix("SKIPPED: ") {
            self.skipped.push(what.to_owned());
        }
    }
}

impl Display for Tally {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for name in &self.failures {
            writeln!(out, "failed: {name}")?;
        }
        for what in &self.skipped {
            writeln!(out, "skipped: {what}")?;
        }
        let verdict = if self.failed == 0 && self.passed > 0 { "ok" } else { "FAILED" };
        write!(
            out,
            "cargo test: {verdict}. {} passed; {} failed; {} ignored; {} skipped in part; {} suites",
            self.passed,
            self.failed,
            self.ignored,
            self.skipped.len(),
            self.suites
        )
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; ...`; 0 if there is none.
fn count(counts: &str, word: &str) -> u64 {
    let part = counts.split(['.', ';']).find_map(|part| part.trim().strip_suffix(word));
    part.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_add_up_and_failures_are_named() {
        let mut tally = Tally::default();
        for line in [
            "test a::one ... ok",
            "test b::two ... FAILED",
            "SKIPPED: a tool is not installed",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.12s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.00s",
        ] {
            tally.read(line);
        }
        let text = tally.to_string();
        assert_eq!(
            text,
            "failed: b::two\nskipped: a tool is not installed\n\
             cargo test: FAILED. 7 passed; 1 failed; 1 ignored; 1 skipped in part; 2 suites"
        );
    }

    #[test]
    fn no_test_at_all_is_no_success() {
        assert!(Tally::default().to_string().starts_with("cargo test: FAILED."));
    }
}
