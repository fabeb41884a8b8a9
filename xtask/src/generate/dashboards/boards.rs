//! What the dashboards show. In an expression `@` stands for the chosen jobs and instances, `#` for these and the chosen
//! object.

use super::Form::{Fault, Lines, Number, Table};
use super::{Board, Panel, Row, query};

/// All dashboards.
pub(super) const ALL: &[Board] = &[OVERVIEW, OBJECT, VAULT, HEALTH];

const OVERVIEW: Board = Board {
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

const OBJECT: Board = Board {
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

const VAULT: Board = Board {
    name: "vault",
    title: "Vault and leases",
    about: "What Vault is asked, how it answers, and what is leased.",
    one_object: false,
    rows: &[
        Row {
            title: "Calls",
            panels: &[
                Panel {
                    title: "Calls",
                    about: "Requests to Vault, by what is asked.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "{{call}}",
                        r#"sum by (call) (rate(externalsecret_provider_api_calls_count{@, provider="HashiCorp/Vault"}[$__rate_interval]))"#,
                    )],
                },
                Panel {
                    title: "Calls that failed",
                    about: "Requests to Vault without an answer, or with a refusal. An answer that there is nothing is no failure.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "{{call}}",
                        r#"sum by (call) (rate(externalsecret_provider_api_calls_count{@, provider="HashiCorp/Vault", status="error"}[$__rate_interval]))"#,
                    )],
                },
                Panel {
                    title: "Failures by kind",
                    about: "Operations on Vault stores that failed, by kind of failure.",
                    form: Lines,
                    unit: "ops",
                    queries: &[query(
                        "{{kind}}",
                        r#"sum by (kind) (rate(strongroom_store_errors_total{@, provider=~"vault|openBao"}[$__rate_interval]))"#,
                    )],
                },
                Panel {
                    title: "Time to an answer",
                    about: "Half and 99 of 100 reads were faster, with the wait for their turn and with retries.",
                    form: Lines,
                    unit: "s",
                    queries: &[
                        query(
                            "half",
                            r#"histogram_quantile(0.5, sum by (le) (rate(strongroom_store_operation_duration_seconds_bucket{@, provider=~"vault|openBao", operation="read"}[$__rate_interval])))"#,
                        ),
                        query(
                            "99 of 100",
                            r#"histogram_quantile(0.99, sum by (le) (rate(strongroom_store_operation_duration_seconds_bucket{@, provider=~"vault|openBao", operation="read"}[$__rate_interval])))"#,
                        ),
                    ],
                },
                Panel {
                    title: "Reads that were saved",
                    about: "Reads of Vault that were not made, because one that another object asked for served, too.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "saved",
                        r#"sum(rate(strongroom_store_reads_saved_total{@, provider=~"vault|openBao"}[$__rate_interval]))"#,
                    )],
                },
                Panel {
                    title: "Breakers",
                    about: "Stores by the state of their breaker.",
                    form: Lines,
                    unit: "short",
                    queries: &[query("{{state}}", "sum by (state) (strongroom_store_breaker{@})")],
                },
            ],
        },
        Row {
            title: "Logins and leases",
            panels: &[
                Panel {
                    title: "Logins",
                    about: "One login serves for as long as its token lives: more than one in a token's life for each identity is a sign of trouble.",
                    form: Lines,
                    unit: "reqps",
                    queries: &[query(
                        "{{status}}",
                        r#"sum by (status) (rate(externalsecret_provider_api_calls_count{@, provider="HashiCorp/Vault", call="Login"}[$__rate_interval]))"#,
                    )],
                },
                Panel {
                    title: "Clients",
                    about: "Clients of stores of all kinds, each with one login at most.",
                    form: Lines,
                    unit: "short",
                    queries: &[query("clients", "sum(strongroom_store_clients{@})")],
                },
                Panel {
                    title: "Leases",
                    about: "Leases of what generators made, by the state of their records.",
                    form: Lines,
                    unit: "short",
                    queries: &[query("{{state}}", "sum by (state) (strongroom_leases{@})")],
                },
            ],
        },
    ],
};

const HEALTH: Board = Board {
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
