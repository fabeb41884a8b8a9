//! `cargo xtask oracle`: builds the Go program that knows how templates end, and compares our engine with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{process, progress, toolchain, workspace};

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Compare with this many random templates, and leave the corpus alone.
    #[arg(long, value_name = "N", conflicts_with = "check")]
    random: Option<u32>,
    /// Which random templates: the same number gives the same ones.
    #[arg(long, default_value_t = 1, requires = "random")]
    seed: i64,
    /// Write nothing; fail if the checked-in corpus is not what the case files give.
    #[arg(long)]
    check: bool,
    /// Let Go's own implementations verify keys, certificates, archives and hashes that our functions make.
    #[arg(long, conflicts_with_all = ["check", "random"])]
    verify: bool,
}

/// What the short run compares: a second of Go's time.
const SHORT_COUNT: u32 = 500;
const SHORT_SEED: i64 = 20;

/// Writes or checks the corpus, or compares our engine with Go's on random templates.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let oracle = built_oracle()?;
    match options.random {
        Some(count) => compared(&oracle, count, options.seed),
        None if options.verify => verified(&oracle).map(|()| ExitCode::SUCCESS),
        None => corpus(&oracle, options.check).map(|()| ExitCode::SUCCESS),
    }
}

/// What every run of the tests asks the oracle: is the corpus in order, do a few random templates end as in Go, and do
/// our keys and archives open.
pub(crate) fn short() -> Result<()> {
    let oracle = built_oracle()?;
    corpus(&oracle, true)?;
    if compared(&oracle, SHORT_COUNT, SHORT_SEED)? != ExitCode::SUCCESS {
        bail!("random templates end otherwise than in Go; see above");
    }
    verified(&oracle)
}

fn folder() -> PathBuf {
    workspace::root().join("templating/oracle")
}

/// The Go program; the first build takes minutes, later ones a second.
fn built_oracle() -> Result<PathBuf> {
    toolchain::require_go()?;
    let binary = workspace::target()?.join("oracle/oracle");
    let mut go = Command::new("go");
    go.current_dir(folder()).env("GOTOOLCHAIN", "local");
    go.args(["build", "-mod=readonly", "-buildvcs=false", "-o"]).arg(&binary).arg(".");
    let mut step = progress::Step::start("Building the oracle");
    if !process::run_to_end(&mut go, || step.tick())?.success() {
        bail!("the oracle does not build");
    }
    step.done();
    Ok(binary)
}

fn corpus(oracle: &Path, is_check: bool) -> Result<()> {
    let mut command = Command::new(oracle);
    command.current_dir(folder()).arg("corpus").args(is_check.then_some("--check"));
    if !process::run_to_end(&mut command, || ())?.success() {
        bail!("the corpus in templating/tests/oracle is not in order; see above");
    }
    Ok(())
}

/// Lets our functions make keys, certificates, archives and hashes, and the oracle verify them.
fn verified(oracle: &Path) -> Result<()> {
    let values = oracle.with_file_name("made.jsonl");
    let mut made = example("made");
    made.stdout(fs::File::create(&values).with_context(|| format!("cannot create {}", values.display()))?);
    let mut step = progress::Step::start("Making keys, certificates, archives and hashes");
    if !process::run_to_end(&mut made, || step.tick())?.success() {
        bail!("the example `made` failed");
    }
    step.done();
    let mut verify = Command::new(oracle);
    verify.arg("verify").stdin(Stdio::from(fs::File::open(&values)?));
    if !process::run_to_end(&mut verify, || ())?.success() {
        bail!("what our functions made does not verify; see above");
    }
    Ok(())
}

/// An example of the templating crate. Not optimised: an overflow is a panic there.
fn example(name: &str) -> Command {
    let mut ours = workspace::cargo();
    ours.args(["run", "--quiet", "--package", "strongroom-templating", "--example", name]);
    ours
}

/// Lets the oracle write the cases, and our engine answer them. Its report goes to standard output.
fn compared(oracle: &Path, count: u32, seed: i64) -> Result<ExitCode> {
    let cases = oracle.with_file_name("random.jsonl");
    let mut random = Command::new(oracle);
    random.args(["random", "--count", &count.to_string(), "--seed", &seed.to_string()]);
    random.stdout(fs::File::create(&cases).with_context(|| format!("cannot create {}", cases.display()))?);
    let mut step = progress::Step::start("Asking Go");
    if !process::run_to_end(&mut random, || step.tick())?.success() {
        bail!("the oracle failed");
    }
    step.done();
    let mut ours = example("oracle");
    ours.stdin(Stdio::from(fs::File::open(&cases)?));
    let is_good = process::run_to_end(&mut ours, || ())?.success();
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
