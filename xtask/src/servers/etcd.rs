//! The recipe for etcd.

use crate::cache::{Program, Recipe};

const VERSION: &str = "v3.6.14";

/// etcd 3.6: older ones lack the progress notifications that streaming lists need.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "etcd",
        version: VERSION,
        go_mod: format!(
            "module testbed.local/etcd\n\ngo 1.25.0\n\nrequire go.etcd.io/etcd/server/v3 {VERSION}\n"
        ),
        link_flags: String::new(),
        tags: "",
        programs: &[Program { name: "etcd", package: "go.etcd.io/etcd/server/v3" }],
    }
}
