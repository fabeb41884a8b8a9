//! Talks to a cluster through kubectl, the way a user does.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace;

/// kubectl with the kubeconfig of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// `scratch` holds the discovery cache: the user's own would remember servers that are long gone from a port.
    pub(crate) fn new(binary: PathBuf, kubeconfig: PathBuf, scratch: &Path) -> Self {
        Self { binary, kubeconfig, cache: scratch.join("kubectl-cache") }
    }

    /// The kubeconfig file in use.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubectl binary in use.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Runs kubectl and gives its standard output; an error carries what kubectl said.
    pub(crate) fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with_input(args, "")
    }

    /// The same with a standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(args).arg("--request-timeout=20s");
        command.env("KUBECONFIG", &self.kubeconfig).env("KUBECACHEDIR", &self.cache);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl may refuse its arguments without reading; its own message says more than a broken pipe.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Applies a manifest; gives kubectl's lines (`namespace/x created`).
    pub(crate) fn apply(&self, manifest: &str) -> Result<String> {
        self.run_with_input(&["apply", "-f", "-"], manifest)
    }

    /// One object, or nothing if it does not exist.
    pub(crate) fn object(&self, resource: &str, name: &str, namespace: &str) -> Result<Option<Value>> {
        let text = self.run(&["get", resource, name, "-n", namespace, "--ignore-not-found", "-o", "json"])?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).context("kubectl printed no JSON").map(Some)
    }

    /// Applies the checked-in CRDs and waits until the API server serves them; gives how many there are.
    pub(crate) fn apply_crds(&self) -> Result<usize> {
        self.apply_definitions(&workspace::crds())
    }

    /// Applies the CRDs in a file or folder and waits until the API server serves them; gives how many there are.
    pub(crate) fn apply_definitions(&self, path: &Path) -> Result<usize> {
        let path = path.to_string_lossy().into_owned();
        // Upstream's are too long for the annotation that an apply by the client leaves.
        let applied = self.run(&["apply", "--server-side", "-f", &path])?;
        self.run(&["wait", "--for=condition=Established", "--timeout=20s", "-f", &path])?;
        Ok(applied.lines().count())
    }

    /// A token for a ServiceAccount, for as long as the API server allows, up to ten days.
    pub(crate) fn service_account_token(&self, name: &str, namespace: &str) -> Result<String> {
        let token = self.run(&["create", "token", name, "-n", namespace, "--duration=240h"])?;
        Ok(token.trim().to_owned())
    }
}

/// A line for the user to copy: the command with our kubeconfig.
pub(crate) fn shown(args: &[&str]) -> String {
    let mut text = String::from("$ kubectl");
    for arg in args {
        // Writing to a String cannot fail.
        let _ = if arg.contains([' ', '"', '{']) { write!(text, " '{arg}'") } else { write!(text, " {arg}") };
    }
    text
}
