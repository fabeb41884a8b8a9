//! Where things are in this workspace, and how its own binary is built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{process, progress};

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The Helm chart.
pub(crate) fn chart() -> PathBuf {
    root().join("charts/strongroom")
}

/// Folder of the generated CRDs.
pub(crate) fn crds() -> PathBuf {
    chart().join("files/crds")
}

/// Folder of the generated dashboards.
pub(crate) fn dashboards() -> PathBuf {
    chart().join("files/dashboards")
}

/// Folder of the generated manifests.
pub(crate) fn manifests() -> PathBuf {
    root().join("deploy")
}

/// Folder of the generated pages of the documentation.
pub(crate) fn reference() -> PathBuf {
    root().join("docs/reference")
}

/// A cargo command in the workspace, with the cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Cargo's target folder, wherever the user's settings put it.
pub(crate) fn target() -> Result<PathBuf> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    Ok(folder.context("cargo metadata names no target_directory")?.into())
}

/// Path of the controller binary, whether or not it is built.
pub(crate) fn strongroom_path() -> Result<PathBuf> {
    Ok(target()?.join("debug/strongroom"))
}

/// Builds the controller and gives its path.
pub(crate) fn built_strongroom() -> Result<PathBuf> {
    build("Building the controller", &["--bin", "strongroom"])?;
    strongroom_path()
}

/// Builds the controller as it is released and gives its path.
pub(crate) fn built_release() -> Result<PathBuf> {
    build("Building the controller (release)", &["--bin", "strongroom", "--release"])?;
    Ok(target()?.join("release/strongroom"))
}

/// Builds this tool and the controller as they are released and gives the tool's path.
pub(crate) fn built_release_of_this() -> Result<PathBuf> {
    build("Building the controller and this tool (release)", &["--bins", "--release"])?;
    Ok(target()?.join("release/xtask"))
}

/// Builds an example and gives its path.
pub(crate) fn built_example(name: &str) -> Result<PathBuf> {
    build(&format!("Building the example `{name}`"), &["--example", name])?;
    Ok(target()?.join("debug/examples").join(name))
}

fn build(label: &str, what: &[&str]) -> Result<()> {
    let mut build = cargo();
    // The whole workspace's features: with those of one package half the graph would be compiled anew.
    build.args(["build", "--quiet", "--workspace"]).args(what);
    let mut step = progress::Step::start(label);
    if !process::run_to_end(&mut build, || step.tick())?.success() {
        bail!("what is needed does not build");
    }
    step.done();
    Ok(())
}
