//! The command line of `cargo xtask`: every task with its options.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::testbed::Definitions;
use crate::{bench, demo, features, fuzz, generate, monitoring, oracle, sbom, sizes, test, testbed};

/// Development tasks of Strongroom.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Start etcd, kube-apiserver, kube-controller-manager and Vault, and keep them until Ctrl-C.
    Testbed {
        /// With upstream's CustomResourceDefinitions instead of ours.
        #[arg(long)]
        upstreams_definitions: bool,
    },
    /// Show what Strongroom does, step by step, on a real control plane with a real Vault.
    Demo(demo::Options),
    /// Check the format, lint, build, and run every test against the test bed.
    Test(test::Options),
    /// Ask Go how templates end: write the corpus of the template engine's tests, or compare random templates.
    Oracle(oracle::Options),
    /// Give the template engines, and what reads keys and documents, hostile inputs (needs a C++ compiler).
    Fuzz(fuzz::Options),
    /// Test the alert rules; lint and draw the dashboards.
    Monitoring(monitoring::Options),
    /// Write the bill of materials of the controller, as CycloneDX.
    Sbom(sbom::Options),
    /// Measure what a controller costs and how fast it is, beside the bare API server in the same run.
    Bench(bench::Options),
    /// Check that the controller compiles with each provider alone, and with none.
    Features,
    /// Measure the released binary with no provider, each alone and all, and write docs/reference/sizes.md. Builds for some
    /// minutes each.
    Sizes,
    /// Write the generated files: the CRDs and dashboards under charts/strongroom/files, the pages under docs/reference,
    /// the manifests under deploy, the providers' pages and their lines in the summary.
    Generate {
        /// Write nothing; fail if a checked-in file is not what would be written.
        #[arg(long)]
        check: bool,
    },
}

impl Task {
    /// Runs the task to its end; the exit code is the task's own verdict.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Demo(options) => demo::run(&options),
            Self::Test(options) => test::run(&options),
            Self::Oracle(options) => oracle::run(&options),
            Self::Fuzz(options) => fuzz::run(&options),
            Self::Monitoring(options) => monitoring::run(&options),
            Self::Sbom(options) => sbom::run(&options).map(|()| ExitCode::SUCCESS),
            Self::Bench(options) => bench::run(&options),
            Self::Sizes => sizes::run(),
            Self::Features => features::check().map(|()| ExitCode::SUCCESS),
            Self::Testbed { upstreams_definitions: false } => {
                testbed::keep_until_interrupted(Definitions::Ours)
            }
            Self::Testbed { upstreams_definitions: true } => {
                testbed::keep_until_interrupted(Definitions::Upstreams)
            }
            Self::Generate { check } => {
                let result = if check { generate::check() } else { generate::write() };
                result.map(|()| ExitCode::SUCCESS)
            }
        }
    }
}
