//! The recipe for the Kubernetes control plane and kubectl.

use std::fmt::Write as _;

use crate::cache::{Program, Recipe};

const VERSION: &str = "v1.36.2";
const STAGING_VERSION: &str = "v0.36.2";
const MINOR: &str = "36";

/// Modules that live in the Kubernetes repository. It requires them at v0.0.0 and replaces them by folders; a
/// dependency's replaces are ignored, so the wrapper has to name the published ones. The list belongs to one minor.
const STAGING: [&str; 33] = [
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "cri-streaming",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "sample-cli-plugin",
    "sample-controller",
    "streaming",
];

/// kube-apiserver, kube-controller-manager and kubectl.
pub(crate) fn recipe() -> Recipe {
    // Without these a server calls itself v0.0.0-master, and clients that look at the version misbehave.
    let package = "k8s.io/component-base/version";
    let link_flags =
        format!("-X {package}.gitVersion={VERSION} -X {package}.gitMajor=1 -X {package}.gitMinor={MINOR}");
    Recipe {
        name: "kubernetes",
        version: VERSION,
        go_mod: go_mod(),
        link_flags,
        tags: "",
        programs: &[
            Program { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
            Program {
                name: "kube-controller-manager",
                package: "k8s.io/kubernetes/cmd/kube-controller-manager",
            },
            Program { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl" },
        ],
    }
}

fn go_mod() -> String {
    let mut text = format!(
        "module testbed.local/kube\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes {VERSION}\n\nreplace (\n"
    );
    for module in STAGING {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\tk8s.io/{module} => k8s.io/{module} {STAGING_VERSION}");
    }
    text.push_str(")\n");
    text
}
