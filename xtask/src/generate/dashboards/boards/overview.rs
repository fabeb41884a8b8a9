//! The dashboard of all Secrets: whether they are what the stores hold, and what stands in the way.

use crate::generate::dashboards::Form::{Fault, Lines, Number, Table};
use crate::generate::dashboards::{Board, Panel, Row, query};

pub(super) const OVERVIEW: Board = Board {
    name: "overview",
    title: "Overview",
    about: "Whether the Secrets are what the stores hold, and what stands in the way.",
    one_object: false,
    rows: &[
        Row {
            title: "Now",
            panels: &[
                Panel {
                    title: "Ready",
                    about: "ExternalSecrets whose target is in step.",
                    form: Number,
                    unit: "short",
                    queries: &[query("", r#"sum(strongroom_external_secrets{@, ready="True"})"#)],
                },
                Panel {
                    title: "Not ready",
                    about: "ExternalSecrets whose last attempt failed, or which wait for something.",
                    form: Fault,
                    unit: "short",
                    queries: &[query("", r#"sum(strongroom_external_secrets{@, ready=~"False|Unknown"})"#)],
                },
                Panel {
                    title: "Late",
                    about: "ExternalSecrets whose data is older than two of their refresh intervals.",
                    form: Fault,
                    unit: "short",
                    queries: &[query("", "sum(strongroom_external_secrets_late{@})")],
                },
                Panel {
                    title: "Stores with an open breaker",
                    about: "Stores that have failed again and again, and are asked by one object at a time.",
                    form: Fault,
                    unit: "short",
                    queries: &[query("", r#"sum(strongroom_store_breaker{@, state="open"})"#)],
                },
                Panel {
                    title: "Deletions held",
                    about: "Targets that the deletion brake keeps from being deleted or emptied.",
                    form: Fault,
                    unit: "short",
                    queries: &[query("", "sum(strongroom_deletions_held{@})")],
                },
                Panel {
                    title: "Overdue in the schedule",
                    about: "Objects that should have been looked at a minute ago although there is a place for them: there should never be one.",
                    form: Fault,
                    unit: "short",
                    queries: &[query("", r#"sum(strongroom_schedule_objects{@, state="overdue"})"#)],
                },
            ],
        },
        Row {
            title: "Attempts",
            panels: &[
                Panel {
                    title: "Attempts",
                    about: "Attempts on ExternalSecrets and stores, by outcome.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{controller}} {{result}}",
                        "sum by (controller, result) (rate(controller_runtime_reconcile_total{@}[$__rate_interval]))",
                    )],
                },
                Panel {
                    title: "Failures by reason",
                    about: "Attempts on ExternalSecrets that failed, by the reason in their condition.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{reason}}",
                        "sum by (reason) (rate(strongroom_sync_errors_total{@}[$__rate_interval]))",
                    )],
                },
                Panel {
                    title: "Failures of stores by kind",
                    about: "Operations on stores that failed, by provider and kind of failure.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{provider}} {{kind}}",
                        "sum by (provider, kind) (rate(strongroom_store_errors_total{@}[$__rate_interval]))",
                    )],
                },
            ],
        },
        Row {
            title: "Calls",
            panels: &[
                Panel {
                    title: "Calls by provider",
                    about: "Requests to the services behind the stores, by outcome.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "{{provider}} {{status}}",
                        "sum by (provider, status) (rate(externalsecret_provider_api_calls_count{@}[$__rate_interval]))",
                    )],
                },
                Panel {
                    title: "Reads that were saved",
                    about: "Reads that were not made, because one that another object asked for served, too.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "{{provider}}",
                        "sum by (provider) (rate(strongroom_store_reads_saved_total{@}[$__rate_interval]))",
                    )],
                },
                Panel {
                    title: "Time to an answer, 99 of 100",
                    about: "How long operations on stores take, with the wait for their turn and with retries.",
                    form: Lines,
                    unit: "s",
                    queries: &[query(
                        "{{provider}} {{operation}}",
                        "histogram_quantile(0.99, sum by (le, provider, operation) \
                         (rate(strongroom_store_operation_duration_seconds_bucket{@}[$__rate_interval])))",
                    )],
                },
            ],
        },
        Row {
            title: "Objects",
            panels: &[
                Panel {
                    title: "ExternalSecrets that are not ready",
                    about: "Their conditions tell why. Empty where series of single objects are switched off.",
                    form: Table,
                    unit: "short",
                    queries: &[query(
                        "",
                        r#"externalsecret_status_condition{@, condition="Ready", status="False"} == 1"#,
                    )],
                },
                Panel {
                    title: "Oldest data",
                    about: "How long ago it was last known that the data is what the store holds.",
                    form: Table,
                    unit: "s",
                    queries: &[query("", "topk(20, strongroom_data_age_seconds{@})")],
                },
                Panel {
                    title: "Stores that are not ready",
                    about: "Their conditions tell why.",
                    form: Table,
                    unit: "short",
                    queries: &[
                        query(
                            "",
                            r#"secretstore_status_condition{@, condition="Ready", status="False"} == 1"#,
                        ),
                        query(
                            "",
                            r#"clustersecretstore_status_condition{@, condition="Ready", status="False"} == 1"#,
                        ),
                    ],
                },
                Panel {
                    title: "Slowest last attempts",
                    about: "How long the last attempt on each ExternalSecret took.",
                    form: Table,
                    unit: "ns",
                    queries: &[query("", "topk(20, externalsecret_reconcile_duration{@})")],
                },
            ],
        },
    ],
};
