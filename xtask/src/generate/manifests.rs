//! Manifests for those who do without Helm: what the chart renders by default.

use std::process::Command;

use anyhow::{Result, bail};

use super::Files;
use crate::{servers, workspace};

const NAMESPACE: &str = "external-secrets";

/// The manifests but for the definitions, by file name.
pub(super) fn manifests() -> Result<Files> {
    let everywhere = rendered(&["--set", "installCRDs=false"])?;
    Ok([("strongroom.yaml".to_owned(), page(&everywhere))].into())
}

fn rendered(arguments: &[&str]) -> Result<String> {
    let output = Command::new(servers::helm()?)
        .args(["template", "strongroom", "--namespace", NAMESPACE])
        .arg(workspace::chart())
        .args(arguments)
        .output()?;
    if !output.status.success() {
        bail!("helm template: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Without what only Helm looks at.
fn page(rendered: &str) -> String {
    let helms = [
        "# Source: ",
        "    app.kubernetes.io/managed-by: ",
        "    helm.sh/chart: ",
        "        app.kubernetes.io/managed-by: ",
        "        helm.sh/chart: ",
    ];
    let lines = rendered.lines().filter(|line| !helms.iter().any(|start| line.starts_with(start)));
    let mut page = format!(
        "# Written by `cargo xtask generate` from the chart. Apply charts/strongroom/files/crds first.\n\
         apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n"
    );
    for line in lines {
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_helm_looks_at_is_left_out() {
        let rendered = "---\n# Source: x\nkind: A\nmetadata:\n  labels:\n    helm.sh/chart: c-1\n    app.kubernetes.io/name: a \n";
        let page = page(rendered);
        assert!(page.starts_with("# Written by"), "{page}");
        assert!(
            page.ends_with("---\nkind: A\nmetadata:\n  labels:\n    app.kubernetes.io/name: a\n"),
            "{page}"
        );
    }
}
