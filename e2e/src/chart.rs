//! The Helm chart, rendered and applied as a cluster admin would.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::{cluster::Cluster, testbed::Testbed};

/// One release of the chart, rendered.
#[derive(Clone, Debug)]
pub struct Release {
    /// The manifests, as a file of YAML documents.
    pub manifests: PathBuf,
}

/// What Helm says about `arguments`, and whether it agrees.
pub async fn helm(testbed: &Testbed, arguments: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(&testbed.helm)
        .args(arguments)
        // Nothing of the user's own settings, and nothing left there.
        .envs(["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"].map(|name| (name, &testbed.run_dir)))
        .env("KUBECONFIG", &testbed.kubeconfig)
        .output()
        .await
        .with_context(|| format!("cannot run {}", testbed.helm.display()))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

impl Release {
    /// Renders the release `name` in `namespace` with these further arguments of `helm template`.
    pub async fn render(testbed: &Testbed, name: &str, namespace: &str, arguments: &[&str]) -> Result<Self> {
        let chart = testbed.chart.to_string_lossy();
        let usual = ["template", name, &chart, "--namespace", namespace];
        let (good, manifests) = helm(testbed, &[&usual, arguments].concat()).await?;
        ensure!(good, "helm template {name} {arguments:?}: {manifests}");
        let path = testbed.run_dir.join(format!("chart-{namespace}-{name}.yaml"));
        std::fs::write(&path, manifests).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { manifests: path })
    }

    /// Applies it, with these further arguments of `kubectl apply`; unknown and duplicate fields are errors.
    pub async fn apply(&self, cluster: &Cluster, arguments: &[&str]) -> Result<()> {
        let path = self.manifests.to_string_lossy();
        let usual = ["apply", "--server-side", "--validate=strict", "--filename", &path];
        let (good, _, said) = cluster.kubectl(&[&usual, arguments].concat()).await?;
        ensure!(good, "{path}: {said}");
        Ok(())
    }

    /// Deletes what it made.
    pub async fn delete(&self, cluster: &Cluster) -> Result<()> {
        let path = self.manifests.to_string_lossy();
        let arguments = ["delete", "--ignore-not-found", "--wait=false", "--filename", &path];
        let (good, _, said) = cluster.kubectl(&arguments).await?;
        ensure!(good, "{path}: {said}");
        Ok(())
    }

    /// Its objects as JSON.
    pub async fn objects(&self, cluster: &Cluster) -> Result<Vec<Value>> {
        let path = self.manifests.to_string_lossy();
        let arguments = ["create", "--dry-run=client", "--output=json", "--filename", &path];
        let (good, objects, said) = cluster.kubectl(&arguments).await?;
        ensure!(good, "{path}: {said}");
        let objects = serde_json::Deserializer::from_str(&objects).into_iter::<Value>();
        let mut flat = Vec::new();
        for object in objects {
            let object = object?;
            match object["items"].as_array() {
                Some(items) => flat.extend(items.iter().cloned()),
                None => flat.push(object),
            }
        }
        Ok(flat)
    }
}
