//! `strongroom describe`: what the documentation's generated pages are made of.

use clap::CommandFactory as _;
use serde_json::{Value, json};
use strongroom_provider_catalog as catalog;

use super::args::Args;
use super::crds;
use crate::telemetry::Metrics;

/// Prints one JSON object: `flags` (name, default, values, meaning), `metrics` (a scrape with one sample of each),
/// `definitions` (all CustomResourceDefinitions) and `generators` (the kinds that are built in).
pub(super) fn print() -> anyhow::Result<()> {
    let described = json!({
        "flags": flags(),
        "metrics": Metrics::described(),
        "definitions": crds::definitions()?,
        "generators": catalog::generators().map(|it| it.kind).collect::<Vec<_>>(),
    });
    crds::printed(&format!("{described}\n"))
}

/// The flags of `strongroom controller`, in the order in which they are declared.
fn flags() -> Vec<Value> {
    let command = Args::command();
    let controller = command.find_subcommand("controller");
    let arguments = controller.into_iter().flat_map(clap::Command::get_arguments);
    let flags = arguments.filter_map(|argument| {
        let text = |values: &[clap::builder::OsStr]| {
            values.iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
        };
        Some(json!({
            "name": argument.get_long()?,
            "default": text(argument.get_default_values()),
            "values": argument.get_possible_values().iter().map(clap::builder::PossibleValue::get_name).collect::<Vec<_>>(),
            "meaning": argument.get_help().map(ToString::to_string),
        }))
    });
    flags.collect()
}
