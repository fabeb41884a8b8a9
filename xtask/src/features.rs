//! Checks that the controller compiles with each provider alone: each is a feature of the catalog.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{progress, workspace};

/// `cargo xtask features`.
pub(crate) fn check() -> Result<()> {
    let features = providers()?;
    let chosen = features.iter().map(|name| Some(name.as_str())).chain([None]);
    for name in chosen {
        progress::line(&format!("The controller with {} alone", name.unwrap_or("no provider")));
        let mut cargo = workspace::cargo();
        cargo.args(["check", "--quiet", "--package", "strongroom-controller", "--bin", "strongroom"]);
        cargo.arg("--no-default-features");
        if let Some(name) = name {
            cargo.args(["--features", &format!("strongroom-provider-catalog/{name}")]);
        }
        if !cargo.status()?.success() {
            bail!("the controller does not compile with {} alone", name.unwrap_or("no provider"));
        }
    }
    Ok(())
}

/// Every provider, as its feature is called.
pub(crate) fn providers() -> Result<Vec<String>> {
    let manifest = fs::read_to_string(workspace::root().join("providers/catalog/Cargo.toml"))?;
    features(&manifest).context("providers/catalog/Cargo.toml has no default features")
}

/// The names in the line `default = […]`.
fn features(manifest: &str) -> Option<Vec<String>> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("default = ["))?;
    let names = line.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"').to_owned());
    Some(names.filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::features;

    #[test]
    fn the_providers_are_the_default_features() {
        assert_eq!(features("[features]\ndefault = [\"a\", \"b\"]\n").unwrap(), ["a", "b"]);
        assert_eq!(features("[features]\n"), None);
    }
}
