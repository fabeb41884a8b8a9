//! How a case ends, and what a test makes of it.

use std::future::Future;
use std::pin::Pin;

use crate::Fixture;
use crate::cases::ALL;
use crate::record::{Record, Recorded};

/// A case that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider does it right.
    Passed,
    /// The case does not apply, for the reason given.
    NotApplicable(&'static str),
}

/// How a case ends: an error says what was expected and what came.
pub type Verdict = Result<Outcome, String>;

/// A running case.
pub type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// Runs `case`, called `name`, and fails the test that calls it if the case fails.
///
/// # Panics
/// If the case fails and is no declared deviation, or if a declared deviation passes.
pub async fn run<F: Fixture>(name: &str, fixture: &F, case: for<'a> fn(&'a dyn Fixture) -> Running<'a>) {
    ended(name, case(fixture).await, fixture.deviations());
}

/// [`run`], and the outcome is the one that is in `record`.
///
/// # Panics
/// As [`run`], and if the record says something else.
pub async fn run_recorded<F: Fixture>(
    name: &str,
    fixture: &F,
    case: for<'a> fn(&'a dyn Fixture) -> Running<'a>,
    record: &Record,
) {
    record.check(name, &ended(name, case(fixture).await, fixture.deviations()));
}

/// What the case `name` came to.
///
/// # Panics
/// As [`run`].
#[expect(clippy::panic, clippy::print_stdout, reason = "this is how a test fails and speaks")]
pub(crate) fn ended(name: &str, verdict: Verdict, deviations: &[(&'static str, &'static str)]) -> Recorded {
    let deviation = deviations.iter().find(|(case, _)| *case == name);
    match (verdict, deviation) {
        (Ok(Outcome::Passed), None) => Recorded::Passed,
        (Ok(Outcome::NotApplicable(reason)), None) => {
            println!("not applicable: {reason}");
            Recorded::NotApplicable(reason.to_owned())
        }
        (Err(message), None) => panic!("{name}: {message}"),
        (Err(message), Some((_, reason))) => {
            println!("deviation ({reason}): {message}");
            Recorded::Deviation((*reason).to_owned())
        }
        (Ok(_), Some((_, reason))) => {
            panic!("{name} is declared as a deviation ({reason}), but there is none: take it out")
        }
    }
}

/// Fails the test that calls it if a declared deviation names no case.
///
/// # Panics
/// With the name.
pub fn check_deviations(fixture: &impl Fixture) {
    for (name, reason) in fixture.deviations() {
        let known = ALL.iter().any(|case| case.name == *name);
        assert!(known, "{name} is declared as a deviation ({reason}), but there is no such case");
    }
}

/// Fails the case with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

pub(crate) use ensure;
