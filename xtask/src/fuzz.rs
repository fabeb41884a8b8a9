//! `cargo xtask fuzz`: runs the fuzz targets of the templating crate with libFuzzer, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::{process, progress, workspace};

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this target; all of them otherwise.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// The targets; `templating/fuzz/src/lib.rs` says what they are.
const TARGETS: [&str; 7] = ["go_template", "handlebars", "gjson", "yaml", "pem", "pkcs12", "jwk"];

/// Slowest input, in seconds, and most memory, in MiB, that are no findings.
const SLOWEST: u32 = 20;
const MOST_MEMORY: u32 = 2048;

/// Coverage as libFuzzer reads it, from a stable compiler; and every check that a debug build has.
const FLAGS: [&str; 11] = [
    "--cfg=fuzzing",
    "--cap-lints=warn",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Copt-level=3",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];

/// Where a run keeps what it needs and finds.
struct Folder(PathBuf);

/// Builds the targets and runs them.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let targets: Vec<&str> = match &options.target {
        None => TARGETS.to_vec(),
        Some(name) => match TARGETS.iter().find(|target| *target == name) {
            Some(target) => vec![target],
            None => bail!("there is no target {name:?}; there are {}", TARGETS.join(", ")),
        },
    };
    let folder = Folder(workspace::target()?.join("fuzz"));
    let program = folder.built()?;
    for target in targets {
        folder.seeded(target)?;
        if !folder.ran(&program, target, options.seconds)? {
            progress::line(&format!(
                "{target}: a finding; the input is in {}",
                folder.findings(target).display()
            ));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The triple of this machine. Named to cargo, so that build scripts and macros are built without the flags.
fn host() -> Result<String> {
    let output = Command::new("rustc").current_dir(workspace::root()).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc does not name its host"),
    }
}

impl Folder {
    fn corpus(&self, target: &str) -> PathBuf {
        self.0.join("corpus").join(target)
    }

    fn findings(&self, target: &str) -> PathBuf {
        self.0.join("findings").join(target)
    }

    fn dictionary(&self, target: &str) -> PathBuf {
        self.0.join(format!("{target}.dict"))
    }

    /// The fuzzing program. libFuzzer itself is C++.
    fn built(&self) -> Result<PathBuf> {
        let host = host()?;
        let mut build = workspace::cargo();
        build.args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "strongroom-templating-fuzz",
            "--bin",
            "fuzz",
        ]);
        build.args(["--target", &host, "--target-dir"]).arg(&self.0).env("RUSTFLAGS", FLAGS.join(" "));
        let mut step = progress::Step::start("Building the fuzz targets (needs a C++ compiler)");
        if !process::run_to_end(&mut build, || step.tick())?.success() {
            bail!("the fuzz targets do not build");
        }
        step.done();
        Ok(self.0.join(host).join("release/fuzz"))
    }

    /// Writes the target's seeds and dictionary. What earlier runs found new stays beside them.
    fn seeded(&self, target: &str) -> Result<()> {
        fs::create_dir_all(self.findings(target))?;
        let mut seeds = workspace::cargo();
        seeds.args([
            "run",
            "--quiet",
            "--package",
            "strongroom-templating-fuzz",
            "--bin",
            "seeds",
            "--",
            target,
        ]);
        seeds.arg(self.corpus(target)).arg(self.dictionary(target));
        if !process::run_to_end(&mut seeds, || ())?.success() {
            bail!("the seeds of {target} cannot be written");
        }
        Ok(())
    }

    /// Runs one target; false if it found something.
    fn ran(&self, program: &Path, target: &str, seconds: u64) -> Result<bool> {
        let log = self.0.join(format!("{target}.log"));
        let mut run = Command::new(program);
        process::send_output_to(&mut run, &log)?;
        run.env("STRONGROOM_FUZZ_TARGET", target).arg(self.corpus(target));
        run.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={SLOWEST}"));
        run.arg(format!("-rss_limit_mb={MOST_MEMORY}")).args(["-max_len=8192", "-print_final_stats=1"]);
        run.arg(format!("-dict={}", self.dictionary(target).display()));
        run.arg(format!("-artifact_prefix={}/", self.findings(target).display()));
        let limit = Duration::from_secs(seconds);
        let mut step = progress::Step::start(format!("Fuzzing {target} for {}", progress::seconds(limit)));
        let is_good = process::run_to_end(&mut run, || step.tick())?.success();
        if is_good {
            step.done();
        }
        progress::line(&process::tail(&log));
        Ok(is_good)
    }
}
