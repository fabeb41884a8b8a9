//! The recipe for Prometheus, which reads the metrics, and promtool, which tests alert rules.

use crate::cache::{Program, Recipe};

const VERSION: &str = "v0.313.5";

/// Prometheus 3.13 without its pages, and without what finds targets by itself: tests name theirs.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "prometheus",
        version: VERSION,
        go_mod: format!(
            "module testbed.local/prometheus\n\ngo 1.26.0\n\nrequire github.com/prometheus/prometheus {VERSION}\n"
        ),
        link_flags: "-X github.com/prometheus/common/version.Version=3.13.5".to_owned(),
        tags: "remove_all_sd,netgo",
        programs: &[
            Program { name: "prometheus", package: "github.com/prometheus/prometheus/cmd/prometheus" },
            Program { name: "promtool", package: "github.com/prometheus/prometheus/cmd/promtool" },
        ],
    }
}
