//! Reads the oracle's random cases from standard input and reports how many end with our engine as they do in Go. An
//! argument says how many differences are shown.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a development tool")]

#[path = "../tests/outcomes/mod.rs"]
#[expect(dead_code, reason = "the test of Handlebars needs the rest")]
mod outcomes;

use std::collections::BTreeMap;
use std::io::{self, BufRead as _};
use std::panic;
use std::process::ExitCode;

use outcomes::{Reader, Verdict};

/// Share of the cases, in tenths of a percent, that must end as in Go.
const LEAST_AGREEMENT: usize = 995;
/// How many differences are shown unless an argument says more.
const SHOWN: usize = 40;

fn main() -> ExitCode {
    // A panic is a verdict here, not a message.
    panic::set_hook(Box::new(|_| ()));
    let most_shown = std::env::args().nth(1).map_or(SHOWN, |number| number.parse().expect("a number"));
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut reader = Reader::default();
    let (mut cases, mut shown) = (0_usize, 0);
    for line in io::stdin().lock().lines() {
        let Some(case) = reader.case(&line.expect("readable input")) else { continue };
        let ours = case.ours();
        let verdict = case.verdict(&ours);
        cases += 1;
        *verdicts.entry(verdict).or_default() += 1;
        if verdict != Verdict::Same && shown < most_shown {
            shown += 1;
            println!("{verdict:?}: {:?}\n  Go: {:?}\n  we: {ours:?}", case.template, case.expected);
        }
    }
    let count = |verdict| verdicts.get(&verdict).copied().unwrap_or_default();
    let same = count(Verdict::Same);
    println!(
        "{same} of {cases} templates end as in Go ({} of 10000); {verdicts:?}",
        same * 10_000 / cases.max(1)
    );
    let is_good = cases > 0
        && same * 1_000 >= cases * LEAST_AGREEMENT
        && count(Verdict::Panicked) + count(Verdict::OverLimits) == 0;
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
