//! The recipe for Helm, which renders the chart.

use crate::cache::{Program, Recipe};

const VERSION: &str = "v3.22.0";

/// Helm 3.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "helm",
        version: VERSION,
        go_mod: format!("module testbed.local/helm\n\ngo 1.26.0\n\nrequire helm.sh/helm/v3 {VERSION}\n"),
        // What `helm template` takes the cluster's version to be.
        link_flags: ["lint/rules", "chartutil"]
            .map(|package| {
                let package = format!("helm.sh/helm/v3/pkg/{package}");
                format!("-X {package}.k8sVersionMajor=1 -X {package}.k8sVersionMinor=36")
            })
            .join(" "),
        tags: "",
        programs: &[Program { name: "helm", package: "helm.sh/helm/v3/cmd/helm" }],
    }
}
