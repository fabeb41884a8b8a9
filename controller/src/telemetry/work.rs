//! How many attempts and operations there are, how long they take and how they fail: also under the names of Go's
//! controller runtime, which upstream's dashboards ask for (spec eso-core 8).

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use strongroom_provider_api::{ErrorKind, Operation};

use super::labels::ControllerLabels;
use super::metrics::whole;
use super::register::{Register, registered, registered_as};
use crate::schedule::Load;

/// Upper bounds in seconds: an answer within the machine, and one that a time limit cut off.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    name: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    provider: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    provider: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Metrics of attempts and operations. No label names an object: they stay as they are however many objects there are.
pub(super) struct Work {
    attempts: Family<ResultLabels, Counter>,
    failed_attempts: Family<ControllerLabels, Counter>,
    time: Family<ControllerLabels, Histogram>,
    active: Family<ControllerLabels, Gauge>,
    most: Family<ControllerLabels, Gauge>,
    depth: Family<QueueLabels, Gauge>,
    operations: Family<OperationLabels, Histogram>,
    errors: Family<KindLabels, Counter>,
    saved: Family<ProviderLabels, Counter>,
    reasons: Family<ReasonLabels, Counter>,
}

impl Work {
    pub(super) fn new(r: &mut Register) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let attempts = "Attempts, by outcome (success, error)";
        let operations = "How long operations on stores took, with the wait for their turn and with retries, by \
                          provider and operation (connect, read, list, write, delete, exists, probe); seconds";
        let errors = "Operations on stores that failed, by provider and kind of failure";
        let saved =
            "Reads of stores that were not made, because one that another object asked for served, too";
        let reasons = "Attempts on ExternalSecrets that failed, by the reason that the condition tells";
        Self {
            attempts: registered(r, "controller_runtime_reconcile", attempts),
            failed_attempts: registered(
                r,
                "controller_runtime_reconcile_errors",
                "Attempts that failed; those on a store count where it cannot be used",
            ),
            time: registered_as(
                r,
                "controller_runtime_reconcile_time_seconds",
                "How long attempts took; seconds",
                Family::new_with_constructor(histogram),
            ),
            active: registered(r, "controller_runtime_active_workers", "Objects that are worked on"),
            most: registered(
                r,
                "controller_runtime_max_concurrent_reconciles",
                "Objects that are worked on at once at most",
            ),
            depth: registered(r, "workqueue_depth", "Objects that are due and wait for a place"),
            operations: registered_as(
                r,
                "strongroom_store_operation_duration_seconds",
                operations,
                Family::new_with_constructor(histogram),
            ),
            errors: registered(r, "strongroom_store_errors", errors),
            saved: registered(r, "strongroom_store_reads_saved", saved),
            reasons: registered(r, "strongroom_sync_errors", reasons),
        }
    }

    /// An attempt ended.
    pub(super) fn attempted(&self, controller: &'static str, took: Duration, failed: bool) {
        let result = if failed { "error" } else { "success" };
        self.attempts.get_or_create(&ResultLabels { controller, result }).inc();
        let labels = ControllerLabels { controller };
        let failures = self.failed_attempts.get_or_create_owned(&labels);
        if failed {
            failures.inc();
        }
        self.time.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An attempt on an ExternalSecret failed.
    pub(super) fn failed(&self, reason: &'static str) {
        self.reasons.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// How much there is to do, and how much may be done at once.
    pub(super) fn set_load(&self, controller: &'static str, load: Load, most: usize) {
        let labels = ControllerLabels { controller };
        self.active.get_or_create(&labels).set(whole(load.running));
        self.most.get_or_create(&labels).set(whole(most));
        let queue = QueueLabels { name: controller };
        self.depth.get_or_create(&queue).set(whole(load.changed + load.refresh));
    }

    /// An operation on a store ended.
    pub(super) fn ended(&self, operation: Operation, took: Duration, failure: Option<ErrorKind>) {
        let Operation { provider, name } = operation;
        let labels = OperationLabels { provider, operation: name };
        self.operations.get_or_create(&labels).observe(took.as_secs_f64());
        if let Some(kind) = failure {
            self.errors.get_or_create(&KindLabels { provider, kind: kind.reason() }).inc();
        }
    }

    /// A read was not needed.
    pub(super) fn saved(&self, provider: &'static str) {
        self.saved.get_or_create(&ProviderLabels { provider }).inc();
    }
}
