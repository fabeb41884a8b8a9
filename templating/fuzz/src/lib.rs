//! Owns the list of fuzz targets: each takes any bytes and panics if a promise of the templating crate is broken.
//!
//! A crash, a hang or a panic is a finding of its own. Besides, targets assert what callers rely on: outputs stay
//! within their limits, an error never holds a value, what is written can be read again.

#![deny(missing_docs)]
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken promise ends the run"
)]

mod engines;
mod formats;
mod mutate;
mod seeds;
mod trial;

pub use mutate::Mutations;
pub use seeds::{dictionary, seeds};

/// Something that can be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Takes one input; panics on a finding.
    pub run: fn(&[u8]),
    /// Inputs of the short run.
    pub short_runs: u32,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "go_template", run: engines::go_template, short_runs: 4_000 },
    Target { name: "handlebars", run: engines::handlebars, short_runs: 1_500 },
    Target { name: "gjson", run: formats::gjson, short_runs: 20_000 },
    Target { name: "yaml", run: formats::yaml, short_runs: 4_000 },
    Target { name: "pem", run: formats::pem, short_runs: 300 },
    Target { name: "pkcs12", run: formats::pkcs12, short_runs: 2_000 },
    Target { name: "jwk", run: formats::jwk, short_runs: 2_000 },
];

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
