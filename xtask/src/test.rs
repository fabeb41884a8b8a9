//! `cargo xtask test`: every check of the repository, in stages, with an honest exit code and a summary.

mod tally;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::test::tally::Tally;
use crate::testbed::{Definitions, TestBed};
use crate::{generate, interrupt, monitoring, oracle, process, progress, sbom, workspace};

/// Options of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this stage (`test` builds first).
    #[arg(long)]
    stage: Option<Stage>,
    /// Arguments for `cargo test`, such as a test name.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The stages, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    Fmt,
    Clippy,
    Build,
    Generate,
    Oracle,
    Monitoring,
    Sbom,
    Test,
}

const STAGES: [Stage; 8] = [
    Stage::Fmt,
    Stage::Clippy,
    Stage::Build,
    Stage::Generate,
    Stage::Oracle,
    Stage::Monitoring,
    Stage::Sbom,
    Stage::Test,
];

/// What became of one stage.
#[derive(Debug)]
struct Outcome {
    stage: Stage,
    time: Duration,
    error: Option<String>,
}

/// Runs the stages; a stage that fails does not hide what the later ones find, unless they need it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut tally = Tally::default();
    for stage in STAGES {
        if !stage.is_wanted(options.stage) {
            continue;
        }
        let started = Instant::now();
        progress::line(&format!("\n== {} ==", stage.name()));
        let result = match stage {
            Stage::Fmt => cargo(&["fmt", "--all", "--check"]),
            Stage::Clippy => {
                cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
            }
            Stage::Build => cargo(&["build", "--workspace"]),
            Stage::Generate => generate::check(),
            Stage::Oracle => oracle::short(),
            Stage::Monitoring => monitoring::rules(),
            Stage::Sbom => sbom::check(),
            Stage::Test => tests(&options.arguments, &mut tally),
        };
        interrupt::check()?;
        let error = result.err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            progress::line(&format!("{} failed: {error}", stage.name()));
        }
        let stop = error.is_some() && stage == Stage::Build;
        outcomes.push(Outcome { stage, time: started.elapsed(), error });
        if stop {
            break;
        }
    }
    summary(&outcomes, &tally);
    let good = outcomes.iter().all(|outcome| outcome.error.is_none());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Build => "build",
            Self::Generate => "generate",
            Self::Oracle => "oracle",
            Self::Monitoring => "monitoring",
            Self::Sbom => "sbom",
            Self::Test => "test",
        }
    }

    fn is_wanted(self, only: Option<Self>) -> bool {
        match only {
            None => true,
            // The tests run the controller's binary, which cargo does not build for a test of another package.
            Some(Self::Test) => matches!(self, Self::Build | Self::Test),
            Some(only) => self == only,
        }
    }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    ended_well(process::run_to_end(workspace::cargo().args(arguments), || ())?)
}

fn ended_well(status: std::process::ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

/// All stories begin at once: how many go on at a time they settle among themselves (`e2e/src/story.rs`).
const STORIES_AT_ONCE: &str = "200";

/// More that fail than this have a reason in common.
const MOST_TOLD_AGAIN: usize = 3;

/// The stories that are told beside upstream's definitions, too.
const WITH_UPSTREAMS_DEFINITIONS: &[&str] =
    &["definitions::", "sync::", "drift::", "deletion::", "force_sync::"];

/// Unit and conformance tests, then stories and recorded cases beside a fresh test bed, then some stories beside one
/// that has upstream's definitions.
fn tests(arguments: &[String], tally: &mut Tally) -> Result<()> {
    let mut quick: Command = workspace::cargo();
    quick.args(["test", "--workspace", "--no-fail-fast"]).args(arguments);
    let quick = counted(&mut quick, tally);
    interrupt::check()?;
    let both = ["--test", "stories", "--test", "cases"].map(str::to_owned);
    let ours = beside(Definitions::Ours, &[&both[..], arguments].concat(), tally);
    interrupt::check()?;
    // A further test bed would take away the logs of one that failed.
    let upstreams = if arguments.is_empty() && ours.is_ok() {
        let some = ["--test", "stories", "--"].iter().chain(WITH_UPSTREAMS_DEFINITIONS);
        let some: Vec<String> = some.map(|&argument| argument.to_owned()).collect();
        beside(Definitions::Upstreams, &some, tally).context("with upstream's definitions")
    } else {
        Ok(())
    };
    quick.and(ours).and(upstreams)
}

fn beside(definitions: Definitions, arguments: &[String], tally: &mut Tally) -> Result<()> {
    let bed = TestBed::start(definitions)?;
    let logs = bed.folder.logs.clone();
    let told = told(&bed, arguments, tally);
    let folder = bed.stop();
    match told {
        Ok(()) => folder.remove(),
        Err(error) => Err(error.context(format!("the servers' logs are in {}", logs.display()))),
    }
}

/// Tells stories and cases, and the few that failed once more by themselves: two hundred at once on two cores make some
/// of them wait longer than they allow. Those that pass then are named in the summary as unsteady.
fn told(bed: &TestBed, arguments: &[String], tally: &mut Tally) -> Result<()> {
    let run = |arguments: &[String], tally: &mut Tally| {
        let mut told: Command = workspace::cargo();
        told.args(["test", "--workspace", "--no-fail-fast", "--features", "strongroom-e2e/testbed"])
            .args(arguments);
        told.env("STRONGROOM_TESTBED", &bed.description).env("RUST_TEST_THREADS", STORIES_AT_ONCE);
        counted(&mut told, tally)
    };
    let mut all = Tally::default();
    let mut result = run(arguments, &mut all);
    let failures = all.failures().len();
    if result.is_err() && (1..=MOST_TOLD_AGAIN).contains(&failures) && interrupt::check().is_ok() {
        progress::line(&format!("\nOnce more by themselves: {}", all.failures().join(", ")));
        let again = ["--test", "stories", "--test", "cases", "--", "--exact"].map(str::to_owned);
        if run(&[&again[..], all.failures()].concat(), &mut Tally::default()).is_ok() {
            all.passed_after_all();
            result = Ok(());
        }
    }
    tally.add(all);
    result
}

fn counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let status = process::run_with_lines(command, |line| {
        progress::line(line);
        tally.read(line);
    })?;
    ended_well(status)
}

fn summary(outcomes: &[Outcome], tally: &Tally) {
    progress::line("\n== summary ==");
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() { "FAILED" } else { "ok" };
        progress::line(&format!(
            "{:<10} {verdict:<7} {}",
            outcome.stage.name(),
            progress::seconds(outcome.time)
        ));
    }
    for outcome in outcomes {
        if let Some(error) = &outcome.error {
            progress::line(&format!("{} failed: {error}", outcome.stage.name()));
        }
    }
    if outcomes.iter().any(|outcome| outcome.stage == Stage::Test) {
        progress::line(&tally.to_string());
    }
}
