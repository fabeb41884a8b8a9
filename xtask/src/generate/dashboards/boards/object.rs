//! The dashboard of one ExternalSecret.

use crate::generate::dashboards::Form::Lines;
use crate::generate::dashboards::{Board, Panel, Row, query};

pub(super) const OBJECT: Board = Board {
    name: "object",
    title: "One ExternalSecret",
    about: "The ExternalSecret that is chosen at the top.",
    one_object: true,
    rows: &[Row {
        title: "$namespace/$name",
        panels: &[
            Panel {
                title: "Ready",
                about: "1 while the object is Ready.",
                form: Lines,
                unit: "bool",
                queries: &[query(
                    "ready",
                    r#"max(externalsecret_status_condition{#, condition="Ready", status="True"})"#,
                )],
            },
            Panel {
                title: "Age of the data",
                about: "How long ago it was last known that the data is what the store holds.",
                form: Lines,
                unit: "s",
                queries: &[query("age", "max(strongroom_data_age_seconds{#})")],
            },
            Panel {
                title: "Attempts",
                about: "Attempts, and those that failed.",
                form: Lines,
                unit: "ops",
                queries: &[
                    query("all", "sum(rate(externalsecret_sync_calls_total{#}[$__rate_interval]))"),
                    query(
                        "failed",
                        "sum(rate(externalsecret_sync_calls_error{#}[$__rate_interval])) or vector(0)",
                    ),
                ],
            },
            Panel {
                title: "Time of the last attempt",
                about: "How long the last attempt took.",
                form: Lines,
                unit: "ns",
                queries: &[query("last", "max(externalsecret_reconcile_duration{#})")],
            },
        ],
    }],
};
