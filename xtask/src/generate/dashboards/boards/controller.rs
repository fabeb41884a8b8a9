//! The dashboard of the controller itself: whether it is well.

use crate::generate::dashboards::Form::{Lines, Number, Table};
use crate::generate::dashboards::{Board, Panel, Row, query};

pub(super) const HEALTH: Board = Board {
    name: "controller",
    title: "Controller",
    about: "Whether the controller itself is well.",
    one_object: false,
    rows: &[
        Row {
            title: "Now",
            panels: &[
                Panel {
                    title: "Controllers at work",
                    about: "One should work; the others wait for it to end.",
                    form: Number,
                    unit: "short",
                    queries: &[query("", "sum(strongroom_leads{@})")],
                },
                Panel {
                    title: "Running since",
                    about: "When the youngest process started.",
                    form: Number,
                    unit: "s",
                    queries: &[query("", "time() - max(process_start_time_seconds{@})")],
                },
                Panel {
                    title: "ExternalSecrets",
                    about: "ExternalSecrets that are known to the schedule.",
                    form: Number,
                    unit: "short",
                    queries: &[query(
                        "",
                        r#"sum(strongroom_schedule_objects{@, controller="externalsecret", state="known"})"#,
                    )],
                },
            ],
        },
        Row {
            title: "Schedule",
            panels: &[
                Panel {
                    title: "Waiting for a place",
                    about: "ExternalSecrets and stores that are due, by lane: what is new or changed goes first.",
                    form: Lines,
                    unit: "short",
                    queries: &[query(
                        "{{controller}} {{lane}}",
                        "sum by (controller, lane) (strongroom_schedule_lane_length{@})",
                    )],
                },
                Panel {
                    title: "Longest wait",
                    about: "For how long the object that has been due for the longest is.",
                    form: Lines,
                    unit: "s",
                    queries: &[query(
                        "{{controller}}",
                        "max by (controller) (strongroom_schedule_oldest_due_seconds{@})",
                    )],
                },
                Panel {
                    title: "Places in use",
                    about: "Objects that are worked on, and how many may be at once.",
                    form: Lines,
                    unit: "short",
                    queries: &[
                        query("{{controller}}", "sum by (controller) (controller_runtime_active_workers{@})"),
                        query(
                            "{{controller}} at most",
                            "max by (controller) (controller_runtime_max_concurrent_reconciles{@})",
                        ),
                    ],
                },
                Panel {
                    title: "Refreshes before their time",
                    about: "Objects that became due by a request, a look at metadata or an event, and the requests.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[
                        query(
                            "by {{source}}",
                            "sum by (source) (rate(strongroom_early_refreshes_total{@}[$__rate_interval]))",
                        ),
                        query(
                            "requests {{outcome}}",
                            "sum by (outcome) (rate(strongroom_refresh_requests_total{@}[$__rate_interval]))",
                        ),
                    ],
                },
                Panel {
                    title: "Held and overdue",
                    about: "Held objects wait for a store that has failed again and again. Overdue ones should not exist.",
                    form: Lines,
                    unit: "short",
                    queries: &[query(
                        "{{controller}} {{state}}",
                        r#"sum by (controller, state) (strongroom_schedule_objects{@, state=~"held|overdue"})"#,
                    )],
                },
                Panel {
                    title: "Time of an attempt, 99 of 100",
                    about: "How long attempts take.",
                    form: Lines,
                    unit: "s",
                    queries: &[query(
                        "{{controller}}",
                        "histogram_quantile(0.99, sum by (le, controller) \
                         (rate(controller_runtime_reconcile_time_seconds_bucket{@}[$__rate_interval])))",
                    )],
                },
                Panel {
                    title: "Restarts of workloads",
                    about: "Restarts that SyncPolicies asked for, by kind and outcome.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{kind}} {{status}}",
                        "sum by (kind, status) (rate(strongroom_workload_restarts_total{@}[$__rate_interval]))",
                    )],
                },
            ],
        },
        Row {
            title: "Process",
            panels: &[
                Panel {
                    title: "Memory",
                    about: "Resident memory.",
                    form: Lines,
                    unit: "bytes",
                    queries: &[query("{{instance}}", "process_resident_memory_bytes{@}")],
                },
                Panel {
                    title: "CPU",
                    about: "Cores in use.",
                    form: Lines,
                    unit: "short",
                    queries: &[query("{{instance}}", "rate(process_cpu_seconds_total{@}[$__rate_interval])")],
                },
                Panel {
                    title: "Open files and connections",
                    about: "A number that only grows is a leak.",
                    form: Lines,
                    unit: "short",
                    queries: &[query("{{instance}}", "process_open_fds{@}")],
                },
                Panel {
                    title: "Spans of traces",
                    about: "What became of them, where attempts are traced. A dropped or failed one is missing in its trace.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{outcome}}",
                        "sum by (outcome) (rate(strongroom_trace_spans_total{@}[$__rate_interval]))",
                    )],
                },
                Panel {
                    title: "Versions",
                    about: "Which versions run.",
                    form: Table,
                    unit: "short",
                    queries: &[query("", "count by (version) (strongroom_build_info{@})")],
                },
            ],
        },
    ],
};
