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
    unsteady: Vec<String>,
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

    /// The names of the tests that failed.
    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Those that failed have passed by themselves afterwards: they are unsteady, no failures.
    pub(crate) fn passed_after_all(&mut self) {
        self.passed += self.failed;
        self.failed = 0;
        self.unsteady.append(&mut self.failures);
    }

    /// Takes everything of `other` into account.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.suites += other.suites;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures.append(&mut other.failures);
        self.unsteady.append(&mut other.unsteady);
        self.skipped.append(&mut other.skipped);
    }
}

impl Display for Tally {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for name in &self.failures {
            writeln!(out, "failed: {name}")?;
        }
        for name in &self.unsteady {
            writeln!(out, "unsteady: {name} failed among the others and passed by itself")?;
        }
        for what in &self.skipped {
            writeln!(out, "skipped: {what}")?;
        }
        let verdict = if self.failed == 0 && self.passed > 0 { "ok" } else { "FAILED" };
        write!(
            out,
            "cargo test: {verdict}. {} passed; {} failed; {} unsteady; {} ignored; {} skipped in part; {} suites",
            self.passed,
            self.failed,
            self.unsteady.len(),
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
             cargo test: FAILED. 7 passed; 1 failed; 0 unsteady; 1 ignored; 1 skipped in part; 2 suites"
        );
    }

    #[test]
    fn what_passed_by_itself_is_named_and_counted_apart() {
        let mut tally = Tally::default();
        tally.read("test a::one ... ok");
        let mut stories = Tally::default();
        for line in [
            "test b::two ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.00s",
        ] {
            stories.read(line);
        }
        assert_eq!(stories.failures(), ["b::two"]);
        stories.passed_after_all();
        tally.add(stories);
        assert_eq!(
            tally.to_string(),
            "unsteady: b::two failed among the others and passed by itself\n\
             cargo test: ok. 3 passed; 0 failed; 1 unsteady; 0 ignored; 0 skipped in part; 1 suites"
        );
    }

    #[test]
    fn no_test_at_all_is_no_success() {
        assert!(Tally::default().to_string().starts_with("cargo test: FAILED."));
    }
}
