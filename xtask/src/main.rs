//! Entry point of `cargo xtask`: reads the command line, runs one task and turns its result into an exit code.

mod args;
mod bench;
mod cache;
mod control_plane;
mod demo;
mod features;
mod fuzz;
mod generate;
mod interrupt;
mod kubectl;
mod monitoring;
mod moto_server;
mod oracle;
mod pictures;
mod pki;
mod ports;
mod postgres_server;
mod process;
mod progress;
mod sbom;
mod servers;
mod sizes;
mod test;
mod testbed;
mod toolchain;
mod upstream;
mod vault_api;
mod vault_server;
mod vault_setup;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match interrupt::watch().and_then(|()| args::Args::parse().task.run()) {
        Ok(code) => code,
        Err(_) if interrupt::happened() => {
            progress::line("Stopped by a signal.");
            ExitCode::from(130)
        }
        Err(error) => {
            progress::line(&format!("\nerror: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
