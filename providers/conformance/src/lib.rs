//! One suite of cases that every provider passes.
//!
//! A provider's `tests/conformance.rs` describes its service in a [`Fixture`] and calls
//! [`conformance_suite!`]; each case becomes a test of its own. Cases ask for capabilities, never for a
//! provider's name: one that does not apply says why and passes. What a provider cannot do as the others do, it
//! declares as a deviation with a reason; a deviation that has become untrue fails.
//!
//! Generators have a suite of their own, in [`generators`].

#![deny(missing_docs)]

pub mod cases;
mod fixture;
pub mod generators;
mod outcome;
mod record;
mod redaction;
mod resolver;
mod structural;
mod stub;

pub use fixture::{Entry, Fixture, Store};
pub use outcome::{Outcome, Running, Verdict, check_deviations, run, run_recorded};
pub use record::Record;
pub use redaction::{CANARY, captured_logs};
pub use resolver::StubResolver;
pub use structural::structural_faults;
pub use stub::{Fault, RequestClass, StubRequest, StubResponse, StubServer, StubService};

/// Expands to one `#[tokio::test]` for each case, run against `$fixture`, an expression that gives a
/// [`Fixture`], and one test that checks the declared deviations. The outcomes are those of `tests/outcomes`.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::each_case! { [$crate::conformance_suite] @tests $fixture; }

        #[test]
        fn every_deviation_names_a_case() {
            $crate::check_deviations(&$fixture);
        }
    };
    (@tests $fixture:expr; $($group:ident :: $case:ident,)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let cases = $crate::cases::ALL.iter().map(|case| case.name);
                let record = $crate::Record::of(env!("CARGO_MANIFEST_DIR"), module_path!(), cases);
                $crate::run_recorded(stringify!($case), &$fixture, $crate::cases::$group::$case, &record).await;
            }
        )+
    };
}
