//! The process: command line, wiring, admin endpoints.

mod admin;
mod args;
mod crds;
mod describe;
mod log_level;
mod scrape;
mod trace_args;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Runs the subcommand that the command line names; the exit code is 1 after an error, which is told on
/// standard error.
pub fn run() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Controller(args) => wire::controller(*args),
        Command::Crds => crds::print(),
        Command::Describe => describe::print(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "strongroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

pub use crds::documents;
#[cfg(test)]
pub(crate) use wire::tests::context_over;
