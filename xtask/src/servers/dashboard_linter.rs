//! The recipe for Grafana's linter of dashboards.

use crate::cache::{Program, Recipe};

const VERSION: &str = "v0.2.0";

/// It replaces one module by Grafana's fork, which the wrapper has to repeat.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "dashboard-linter",
        version: VERSION,
        go_mod: format!(
            "module testbed.local/dashboard-linter\n\ngo 1.26.3\n\nrequire github.com/grafana/dashboard-linter {VERSION}\n\n\
             replace github.com/hashicorp/memberlist => github.com/grafana/memberlist \
             v0.3.1-0.20251126142931-6f9f62ab6f86\n"
        ),
        link_flags: String::new(),
        tags: "",
        programs: &[Program { name: "dashboard-linter", package: "github.com/grafana/dashboard-linter" }],
    }
}
