//! `cargo xtask bench`: measures a controller on servers of its own, beside the bare API server in the same run.

mod api;
mod audit;
mod bare_writer;
mod clock;
mod cold;
mod controller;
mod crowd;
mod idle;
mod interactive;
mod objects;
mod outage;
mod peaks;
mod probes;
mod report;
mod restart;
mod scale;
mod scene;
mod soak;
mod statistics;
mod steady;
mod synced;
mod targets;
mod trend;
mod usage;
mod window;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::bench::report::Report;
use crate::bench::scene::Scene;
use crate::{progress, workspace};

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure.
    scenario: Scenario,
    /// Measure this shell command instead of our release build. It finds the cluster by KUBECONFIG, and {kubeconfig},
    /// {metrics} and {live} in it become the kubeconfig's path and the ports to serve metrics and health on.
    #[arg(long, value_name = "COMMAND")]
    controller: Option<String>,
    /// ExternalSecrets of three keys each [default: 600 for steady and soak, 10000 for scale, 1000 for the others].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    objects: Option<u16>,
    /// Length of soak, and of each measured stretch of steady and interactive [default: 60 for soak, else 2].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    minutes: Option<u16>,
    /// Refresh interval in scale.
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    interval: u16,
    /// Secrets that nobody synced [default: 5000 of 10 KiB in idle, 50000 of 1 KiB in scale].
    #[arg(long, value_name = "N")]
    foreign: Option<u32>,
    /// How long Vault is sealed in scale. If that is less than two intervals, every object is made due meanwhile.
    #[arg(long, value_name = "MINUTES", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    outage: u16,
    /// Requests that the bare writer has open at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    writers: u16,
    /// In steady, create all objects at once instead of evenly over one interval, so that they fall due together.
    #[arg(long)]
    burst: bool,
    /// Write the result to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A controller starts, and finds a store and objects that have no Secrets yet.
    Cold,
    /// Objects are refreshed every 30 seconds; in a second stretch new and forced ones come in between.
    Steady,
    /// New and forced objects among many that are in step.
    Interactive,
    /// Memory and CPU time while nothing happens: empty, with objects, with foreign Secrets.
    Idle,
    /// A controller is killed and started again, and finds every object fresh.
    Restart,
    /// Many objects and many more foreign Secrets: memory, latency, a restart, and an outage of Vault.
    Scale,
    /// For an hour objects are refreshed and leases end: memory, descriptors, threads and tokens stay as they are.
    Soak,
}

/// Measures, prints the table; the exit code says whether every target was reached.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        return Err(run_optimised());
    }
    let scene = Scene::set(options.controller.as_deref())?;
    let logs = scene.logs();
    let mut report = Report::new(options.title());
    let measured = match options.scenario {
        Scenario::Cold => cold::run(options, &scene, &mut report),
        Scenario::Steady => steady::run(options, &scene, &mut report),
        Scenario::Interactive => interactive::run(options, &scene, &mut report),
        Scenario::Idle => idle::run(options, &scene, &mut report),
        Scenario::Restart => restart::run(options, &scene, &mut report),
        Scenario::Scale => scale::run(options, &scene, &mut report),
        Scenario::Soak => soak::run(options, &scene, &mut report),
    };
    measured.with_context(|| format!("the servers' logs are in {}", logs.display()))?;
    report.note(format!("controller: {}", scene.launcher.command()));
    let folder = scene.stop();
    if report.is_good() {
        folder.remove()?;
    } else {
        report.note(format!("the servers' logs stay in {} until the next run", logs.display()));
    }
    report.print();
    if let Some(path) = &options.json {
        report.write_json(path)?;
        progress::line(&format!("written to {}", path.display()));
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Becomes the same command, built with optimisation: a debug build's bare writer uses three times the CPU time, and the
/// ceiling would be too low. Gives what kept it from that.
fn run_optimised() -> anyhow::Error {
    match workspace::built_release_of_this() {
        Ok(program) => anyhow::Error::new(Command::new(program).args(std::env::args_os().skip(1)).exec())
            .context("cannot start the optimised build"),
        Err(error) => error,
    }
}

impl Options {
    fn objects(&self) -> usize {
        let usual = match self.scenario {
            Scenario::Steady | Scenario::Soak => 600,
            Scenario::Scale => 10_000,
            Scenario::Cold | Scenario::Interactive | Scenario::Idle | Scenario::Restart => 1000,
        };
        usize::from(self.objects.unwrap_or(usual))
    }

    fn stretch(&self) -> Duration {
        let usual = if self.scenario == Scenario::Soak { 60 } else { 2 };
        minutes(self.minutes.unwrap_or(usual))
    }

    /// How many foreign Secrets there are where the scenario's own number is `usual`.
    fn foreign(&self, usual: u32) -> Result<usize> {
        Ok(usize::try_from(self.foreign.unwrap_or(usual))?)
    }

    fn title(&self) -> String {
        let name = self.scenario.to_possible_value().map(|value| value.get_name().to_owned());
        let burst = if self.burst { ", burst" } else { "" };
        format!("{}, {} objects{burst}", name.unwrap_or_default(), self.objects())
    }
}

fn minutes(count: u16) -> Duration {
    Duration::from_mins(count.into())
}
