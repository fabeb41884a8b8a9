//! Where upstream's CustomResourceDefinitions are: fetched as a Go module, never a part of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::toolchain;

/// The newest release that module proxies hand out: those after it are not versions of a Go module.
const MODULE: &str = "github.com/external-secrets/external-secrets@v1.3.2";

/// The file with all definitions. The first call on a machine downloads it.
pub(crate) fn definitions() -> Result<PathBuf> {
    toolchain::require_go()?;
    let output = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")])
        // Outside any module of ours: what is asked for has nothing to do with them.
        .current_dir(std::env::temp_dir())
        .output()
        .context("cannot run go")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "cannot download {MODULE}: {text}");
    let known: serde_json::Value = serde_json::from_str(&text).context("go mod download gave no JSON")?;
    let folder = known.get("Dir").and_then(serde_json::Value::as_str);
    let folder = folder.with_context(|| format!("{MODULE} was downloaded to nowhere"))?;
    let bundle = Path::new(folder).join("deploy/crds/bundle.yaml");
    ensure!(bundle.is_file(), "there is no {}", bundle.display());
    Ok(bundle)
}
