//! The recipe for kubeconform, which compares manifests with schemas.

use crate::cache::{Program, Recipe};

const VERSION: &str = "v0.8.0";

/// The schemas are those of the test bed's API server.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "kubeconform",
        version: VERSION,
        go_mod: format!(
            "module testbed.local/kubeconform\n\ngo 1.26.0\n\nrequire github.com/yannh/kubeconform {VERSION}\n"
        ),
        link_flags: String::new(),
        tags: "",
        programs: &[Program { name: "kubeconform", package: "github.com/yannh/kubeconform/cmd/kubeconform" }],
    }
}
