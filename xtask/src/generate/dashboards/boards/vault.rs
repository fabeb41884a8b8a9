//! The dashboard of Vault: what it is asked, how it answers, and what is leased.

use crate::generate::dashboards::Form::Lines;
use crate::generate::dashboards::{Board, Panel, Row, query};

pub(super) const VAULT: Board = Board {
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
