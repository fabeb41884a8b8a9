//! The cluster the demo plays in: one of our own, or the user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::demo::NAMESPACE;
use crate::kubectl::Kubectl;
use crate::testbed::RunFolder;
use crate::{progress, servers, vault_setup};

/// An open cluster with what is needed to reach it.
#[derive(Debug)]
pub(crate) struct DemoCluster {
    /// kubectl with the cluster's kubeconfig.
    pub(crate) kubectl: Kubectl,
    owner: Owner,
}

/// Whose cluster it is.
#[derive(Debug)]
enum Owner {
    /// Ours: it ends with the demo.
    Us(Box<ControlPlane>),
    /// The user's: it must look afterwards as it did before.
    User,
}

impl DemoCluster {
    /// Starts a control plane, or takes the cluster of `kubeconfig` if the demo's names are free there.
    pub(crate) fn open(kubeconfig: Option<&Path>, folder: &RunFolder) -> Result<Self> {
        if let Some(kubeconfig) = kubeconfig {
            return Self::of_user(kubeconfig, folder);
        }
        let programs = servers::control_plane()?;
        let step = progress::Step::start("Starting etcd, kube-apiserver and kube-controller-manager");
        let control_plane = ControlPlane::start(&programs, &folder.path, &folder.logs)?;
        step.done();
        Ok(Self { kubectl: control_plane.kubectl.clone(), owner: Owner::Us(Box::new(control_plane)) })
    }

    fn of_user(kubeconfig: &Path, folder: &RunFolder) -> Result<Self> {
        let kubeconfig =
            fs::canonicalize(kubeconfig).with_context(|| format!("cannot read {}", kubeconfig.display()))?;
        let kubectl = Kubectl::new(installed_kubectl()?, kubeconfig, &folder.path);
        if kubectl.object("namespace", NAMESPACE, "")?.is_some() {
            bail!(
                "the namespace {NAMESPACE} exists in this cluster already; the demo would delete it at its end"
            );
        }
        Ok(Self { kubectl, owner: Owner::User })
    }

    /// Applies the CRDs; in the user's cluster only if they are not there.
    pub(crate) fn install_crds(&self) -> Result<()> {
        let crd = "externalsecrets.external-secrets.io";
        if matches!(self.owner, Owner::User) && self.kubectl.object("crd", crd, "")?.is_some() {
            progress::line("The cluster has CRDs of external-secrets.io; they stay as they are.");
            return Ok(());
        }
        self.kubectl.apply_crds()?;
        Ok(())
    }

    /// The only namespace in which the controller may act; all of them in a cluster of our own.
    pub(crate) fn scope(&self) -> Option<&'static str> {
        match self.owner {
            Owner::Us(_) => None,
            Owner::User => Some(NAMESPACE),
        }
    }

    /// Address and certificate authority of the API server, for Vault.
    pub(crate) fn api_server(&self) -> Result<(String, String)> {
        if let Owner::Us(control_plane) = &self.owner {
            return Ok((control_plane.address.clone(), control_plane.ca.clone()));
        }
        let text = self.kubectl.run(&["config", "view", "--raw", "--minify", "--flatten", "-o", "json"])?;
        api_server_of(&serde_json::from_str(&text)?)
    }

    /// Removes the demo's objects from a user's cluster; the CRDs stay, because other objects may need them.
    pub(crate) fn clear_away(&self, with_vault: bool) -> Result<()> {
        if matches!(self.owner, Owner::Us(_)) {
            return Ok(());
        }
        let step = progress::Step::start("Removing the demo from the cluster (the CRDs stay)");
        self.kubectl.run(&["delete", "clustersecretstore", NAMESPACE, "--ignore-not-found"])?;
        if with_vault {
            vault_setup::remove_reviewer(&self.kubectl)?;
        }
        let namespace = ["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"];
        self.kubectl.run(&namespace)?;
        step.done();
        Ok(())
    }
}

/// The user's kubectl, else ours.
fn installed_kubectl() -> Result<PathBuf> {
    let mut version = Command::new("kubectl");
    version.args(["version", "--client"]).stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Ok("kubectl".into());
    }
    Ok(servers::control_plane()?.kubectl)
}

/// Address and CA (empty for one that the system trusts) from a minified, flattened kubeconfig.
fn api_server_of(config: &Value) -> Result<(String, String)> {
    let cluster = config.pointer("/clusters/0/cluster").context("the kubeconfig's context has no cluster")?;
    let text = |name: &str| cluster.get(name).and_then(Value::as_str).unwrap_or_default();
    if cluster.get("insecure-skip-tls-verify").and_then(Value::as_bool) == Some(true) {
        bail!("the kubeconfig skips TLS verification, which Vault does not: use --fake with this cluster");
    }
    let ca = STANDARD
        .decode(text("certificate-authority-data"))
        .context("certificate-authority-data is not base64")?;
    Ok((text("server").to_owned(), String::from_utf8(ca).context("the certificate authority is not PEM")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn vault_gets_the_address_and_the_authority_of_the_kubeconfig() {
        let cluster =
            json!({"server": "https://k8s:6443", "certificate-authority-data": STANDARD.encode("PEM")});
        let config = json!({"clusters": [{"cluster": cluster}]});
        assert_eq!(api_server_of(&config).unwrap(), ("https://k8s:6443".to_owned(), "PEM".to_owned()));
    }

    #[test]
    fn a_cluster_without_verification_is_refused_with_the_way_out() {
        let config =
            json!({"clusters": [{"cluster": {"server": "https://k", "insecure-skip-tls-verify": true}}]});
        assert!(api_server_of(&config).unwrap_err().to_string().contains("--fake"));
    }
}
