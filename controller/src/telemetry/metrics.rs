//! Counters and gauges, with upstream's names where they mean the same (spec eso-core 8).

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use strongroom_crds::{LeaseState, WorkloadKind};
use strongroom_provider_api::{Call, CallOutcome, ErrorKind, Meter, Operation};

use super::labels::{
    BreakerLabels, CallLabels, ConditionLabels, ControllerLabels, LaneLabels, LeaseLabels, LoadLabels,
    ObjectLabels, OutcomeLabels, ReadyLabels, RestartLabels, SourceLabels, condition, object,
};
use super::process::ProcessStatistics;
use super::register::{Register, registered};
use super::work::Work;
use crate::kube_io::ObjectKey;
use crate::refresh::Outcome;
use crate::schedule::Load;
use crate::stores::{BreakerState, StoreId};

type Duration64 = Gauge<f64, AtomicU64>;

/// Whether series name single objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each ExternalSecret and each store has series of its own, as upstream has them.
    Objects,
    /// None has: how many series there are does not depend on how many objects there are.
    Totals,
}

/// How the ExternalSecrets are, all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those that are Ready.
    pub ready: usize,
    /// Those that are not.
    pub not_ready: usize,
    /// Those that nothing is known of yet.
    pub unknown: usize,
    /// Those whose refresh is more than one interval late.
    pub late: usize,
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    detail: Detail,
    work: Work,
    objects: Family<ReadyLabels, Gauge>,
    late: Gauge,
    age: Family<ObjectLabels, Duration64>,
    clients: Gauge,
    sync_calls: Family<ObjectLabels, Counter>,
    /// A gauge only in type: a counter of this library would get another name than upstream's.
    sync_errors: Family<ObjectLabels, Gauge>,
    provider_calls: Family<CallLabels, Gauge>,
    condition: Family<ConditionLabels, Gauge>,
    duration: Family<ObjectLabels, Duration64>,
    store_condition: Family<ConditionLabels, Gauge>,
    store_duration: Family<ObjectLabels, Duration64>,
    cluster_store_condition: Family<ConditionLabels, Gauge>,
    cluster_store_duration: Family<ObjectLabels, Duration64>,
    load: Family<LoadLabels, Gauge>,
    lanes: Family<LaneLabels, Gauge>,
    leases: Family<LeaseLabels, Gauge>,
    restarts: Family<RestartLabels, Counter>,
    refresh_requests: Family<OutcomeLabels, Counter>,
    asked: Family<SourceLabels, Counter>,
    traces: Family<OutcomeLabels, Counter>,
    oldest: Family<ControllerLabels, Duration64>,
    breaker: Family<BreakerLabels, Gauge>,
    held: Gauge,
    leads: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Detail::Objects, false)
    }
}

impl Metrics {
    /// All metrics at their start; with `examples`, each of them shows a sample, so that [`Metrics::text`] names all.
    fn new(detail: Detail, examples: bool) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessStatistics));
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("strongroom_build", "The version that runs", build);
        let mut register = Register::over(registry, examples);
        let r = &mut register;
        let conditions = "1 for the status that the condition has, 0 for the other one";
        let duration = "How long the last reconcile took; nanoseconds";
        let calls = "Calls to external services, by outcome";
        let load = "Objects by state (known, running, ready, held, overdue); overdue should be 0";
        let lanes = "Objects that are due and wait for a place, by lane (changed, refresh)";
        let oldest = "For how long the object that has been due for the longest is; seconds";
        let breaker =
            "1 for the state in which the breaker of a store is (closed, open, half_open), 0 for the others";
        let held = "Targets that the deletion brake keeps from being deleted or emptied; should be 0";
        let leases = "Leases of what generators made, by the state of their records (Pending, Active, Ending, Superseded)";
        let restarts = "Restarts of workloads whose Secrets changed, by kind and outcome";
        let refresh_requests = "Requests to the refresh endpoint, by outcome (accepted, invalid, unauthenticated, denied, throttled, not_leading, unavailable)";
        let asked = "Objects that became due before their time, by source (request, sweep, event)";
        let traces = "Spans of traces, by outcome (exported, failed, dropped); none where nothing is traced";
        let leads = "1 while this process works, 0 while it waits for another to end";
        let objects = "ExternalSecrets of this controller, by their Ready condition (True, False, Unknown)";
        let late = "ExternalSecrets whose data is older than two of their refresh intervals";
        let age = "For how long the data has been known to be what the store holds, as of the last refresh; seconds";
        let clients = "Clients of stores, each with one login at most";
        Self {
            detail,
            work: Work::new(r),
            objects: registered(r, "strongroom_external_secrets", objects),
            late: registered(r, "strongroom_external_secrets_late", late),
            age: registered(r, "strongroom_data_age_seconds", age),
            clients: registered(r, "strongroom_store_clients", clients),
            sync_calls: registered(r, "externalsecret_sync_calls", "Reconciles of an ExternalSecret"),
            sync_errors: registered(r, "externalsecret_sync_calls_error", "Failed reconciles"),
            condition: registered(r, "externalsecret_status_condition", conditions),
            duration: registered(r, "externalsecret_reconcile_duration", duration),
            provider_calls: registered(r, "externalsecret_provider_api_calls_count", calls),
            store_condition: registered(r, "secretstore_status_condition", conditions),
            store_duration: registered(r, "secretstore_reconcile_duration", duration),
            cluster_store_condition: registered(r, "clustersecretstore_status_condition", conditions),
            cluster_store_duration: registered(r, "clustersecretstore_reconcile_duration", duration),
            load: registered(r, "strongroom_schedule_objects", load),
            lanes: registered(r, "strongroom_schedule_lane_length", lanes),
            oldest: registered(r, "strongroom_schedule_oldest_due_seconds", oldest),
            breaker: registered(r, "strongroom_store_breaker", breaker),
            leases: registered(r, "strongroom_leases", leases),
            restarts: registered(r, "strongroom_workload_restarts", restarts),
            refresh_requests: registered(r, "strongroom_refresh_requests", refresh_requests),
            asked: registered(r, "strongroom_early_refreshes", asked),
            traces: registered(r, "strongroom_trace_spans", traces),
            held: registered(r, "strongroom_deletions_held", held),
            leads: registered(r, "strongroom_leads", leads),
            registry: register.into_registry(),
        }
    }

    /// Every metric with its type, labels and meaning, as a scrape would show it: for the documentation.
    pub(crate) fn described() -> String {
        Self::new(Detail::Objects, true).text()
    }

    /// All metrics at their start, in this `detail`.
    pub fn in_detail(detail: Detail) -> Self {
        let new = Self::new(detail, false);
        // A rate needs what it was before the first.
        for source in ["request", "sweep", "event"] {
            new.due_early(source, 0);
        }
        for outcome in Outcome::ALL {
            new.refresh_requests.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc_by(0);
        }
        new
    }

    /// Whether series name single objects.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// An attempt on an ExternalSecret ended, and whether it failed.
    pub fn reconciled(&self, key: &ObjectKey, took: Duration, failed: bool) {
        self.work.attempted("externalsecret", took, failed);
        if self.detail == Detail::Totals {
            return;
        }
        self.sync_calls.get_or_create(&object(key)).inc();
        self.duration.get_or_create(&object(key)).set(nanoseconds(took));
    }

    /// An ExternalSecret is in step.
    pub fn synced(&self, key: &ObjectKey) {
        self.ready(key, true);
    }

    /// Whether an ExternalSecret is ready has changed without an attempt.
    pub fn ready(&self, key: &ObjectKey, ready: bool) {
        if self.detail == Detail::Objects {
            set_ready(&self.condition, key, ready);
        }
    }

    /// An attempt on an ExternalSecret failed for this reason, and whether it is ready all the same.
    pub fn failed(&self, key: &ObjectKey, reason: &'static str, ready: bool) {
        self.work.failed(reason);
        if self.detail == Detail::Objects {
            self.sync_errors.get_or_create(&object(key)).inc();
        }
        self.ready(key, ready);
    }

    /// An ExternalSecret is gone.
    pub fn forget(&self, key: &ObjectKey) {
        self.sync_calls.remove(&object(key));
        self.sync_errors.remove(&object(key));
        self.duration.remove(&object(key));
        remove_ready(&self.condition, key);
    }

    /// An attempt on a store ended, and whether the store cannot be used.
    pub fn store_reconciled(&self, id: &StoreId, took: Duration, failed: bool) {
        let controller = if id.cluster { "clustersecretstore" } else { "secretstore" };
        self.work.attempted(controller, took, failed);
        if self.detail == Detail::Objects {
            self.store(id).1.get_or_create(&object(&id.key)).set(nanoseconds(took));
        }
    }

    /// Whether a store is ready.
    pub fn store_ready(&self, id: &StoreId, ready: bool) {
        if self.detail == Detail::Objects {
            set_ready(self.store(id).0, &id.key, ready);
        }
    }

    /// A store is gone.
    pub fn forget_store(&self, id: &StoreId) {
        remove_ready(self.store(id).0, &id.key);
        self.store(id).1.remove(&object(&id.key));
    }

    /// How all ExternalSecrets are, as of now, and how old the data of each is, in seconds.
    pub fn set_objects(&self, totals: Totals, ages: impl Iterator<Item = (ObjectKey, f64)>) {
        let counts = [("True", totals.ready), ("False", totals.not_ready), ("Unknown", totals.unknown)];
        for (ready, count) in counts {
            self.objects.get_or_create(&ReadyLabels { ready }).set(whole(count));
        }
        self.late.set(whole(totals.late));
        self.age.clear();
        for (key, age) in ages.filter(|_| self.detail == Detail::Objects) {
            self.age.get_or_create(&object(&key)).set(age);
        }
    }

    /// How many clients of stores there are.
    pub fn set_clients(&self, clients: usize) {
        self.clients.set(whole(clients));
    }

    /// How much there is to do, as of now, and how many objects may be worked on at once.
    pub fn set_load(&self, controller: &'static str, load: Load, most: usize) {
        self.work.set_load(controller, load, most);
        let states = [
            ("known", load.known),
            ("running", load.running),
            ("ready", load.changed + load.refresh),
            ("held", load.held),
            ("overdue", load.overdue),
        ];
        for (state, count) in states {
            self.load.get_or_create(&LoadLabels { controller, state }).set(whole(count));
        }
        for (lane, count) in [("changed", load.changed), ("refresh", load.refresh)] {
            self.lanes.get_or_create(&LaneLabels { controller, lane }).set(whole(count));
        }
        self.oldest.get_or_create(&ControllerLabels { controller }).set(load.oldest.as_secs_f64());
    }

    /// The breakers of all stores, as of now.
    pub fn set_breakers(&self, breakers: impl Iterator<Item = (StoreId, BreakerState)>) {
        self.breaker.clear();
        for (store, now) in breakers.filter(|_| self.detail == Detail::Objects) {
            for (possible, state) in BreakerState::ALL {
                let (kind, key) = (store.kind().as_str(), &store.key);
                let (namespace, name) = (key.namespace.clone(), key.name.clone());
                let labels = BreakerLabels { kind, namespace, name, state };
                self.breaker.get_or_create(&labels).set(i64::from(possible == now));
            }
        }
    }

    /// Leases by state.
    pub fn set_leases(&self, count: impl Fn(LeaseState) -> usize) {
        for state in LeaseState::ALL {
            let labels = LeaseLabels { state: state.as_str() };
            self.leases.get_or_create(&labels).set(whole(count(state)));
        }
    }

    /// A workload was restarted, or the API server did not let us.
    pub fn workload_restarted(&self, kind: WorkloadKind, done: bool) {
        let status = if done { "success" } else { "error" };
        self.restarts.get_or_create(&RestartLabels { kind: kind.as_str(), status }).inc();
    }

    /// A request to the refresh endpoint ended, and made so many objects due.
    pub fn refresh_requested(&self, outcome: Outcome, objects: usize) {
        self.refresh_requests.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
        if objects > 0 {
            self.due_early("request", objects);
        }
    }

    /// So many objects became due because of `source` (`request`, `sweep`, `event`).
    pub fn due_early(&self, source: &'static str, objects: usize) {
        self.asked.get_or_create(&SourceLabels { source }).inc_by(objects as u64);
    }

    /// So many spans met this `outcome` (`exported`, `failed`, `dropped`).
    pub fn traced(&self, outcome: &'static str, spans: u64) {
        self.traces.get_or_create(&OutcomeLabels { outcome }).inc_by(spans);
    }

    /// How many targets the deletion brake holds.
    pub fn set_held(&self, held: usize) {
        self.held.set(i64::try_from(held).unwrap_or(i64::MAX));
    }

    /// Whether this process works.
    pub fn set_leads(&self, leads: bool) {
        self.leads.set(leads.into());
    }

    /// Everything, in the text format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn store(&self, id: &StoreId) -> (&Family<ConditionLabels, Gauge>, &Family<ObjectLabels, Duration64>) {
        if id.cluster {
            (&self.cluster_store_condition, &self.cluster_store_duration)
        } else {
            (&self.store_condition, &self.store_duration)
        }
    }
}

impl Meter for Metrics {
    fn called(&self, call: Call, outcome: CallOutcome) {
        let labels = CallLabels { provider: call.service, call: call.name, status: outcome.as_str() };
        self.provider_calls.get_or_create(&labels).inc();
    }

    fn ended(&self, operation: Operation, took: Duration, failure: Option<ErrorKind>) {
        self.work.ended(operation, took, failure);
    }

    fn saved(&self, provider: &'static str) {
        self.work.saved(provider);
    }
}

fn set_ready(family: &Family<ConditionLabels, Gauge>, key: &ObjectKey, ready: bool) {
    family.get_or_create(&condition(key, "True")).set(i64::from(ready));
    family.get_or_create(&condition(key, "False")).set(i64::from(!ready));
}

fn remove_ready(family: &Family<ConditionLabels, Gauge>, key: &ObjectKey) {
    family.remove(&condition(key, "True"));
    family.remove(&condition(key, "False"));
}

pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Upstream's dashboards expect nanoseconds (spec eso-core Q20).
fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_of_each_store_is_in_one_state_and_those_of_gone_stores_are_not_shown() {
        let metrics = Metrics::default();
        let cluster = StoreId::cluster("c");
        metrics.set_breakers([(cluster.clone(), BreakerState::Closed)].into_iter());
        metrics
            .set_breakers([(StoreId::namespaced(ObjectKey::new("ns", "s")), BreakerState::Open)].into_iter());
        let text = metrics.text();
        for (state, value) in [("open", 1), ("closed", 0), ("half_open", 0)] {
            let line = format!(
                r#"strongroom_store_breaker{{kind="SecretStore",namespace="ns",name="s",state="{state}"}} {value}"#
            );
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains(r#"name="c""#));
    }

    #[test]
    fn the_load_is_shown_by_state_lane_and_age() {
        let metrics = Metrics::default();
        let load = Load {
            known: 9,
            running: 1,
            changed: 2,
            refresh: 3,
            held: 1,
            overdue: 4,
            oldest: Duration::from_millis(90_500),
        };
        metrics.set_load("externalsecret", load, 64);
        let text = metrics.text();
        for line in [
            r#"strongroom_schedule_objects{controller="externalsecret",state="ready"} 5"#,
            r#"strongroom_schedule_objects{controller="externalsecret",state="held"} 1"#,
            r#"strongroom_schedule_objects{controller="externalsecret",state="overdue"} 4"#,
            r#"strongroom_schedule_lane_length{controller="externalsecret",lane="changed"} 2"#,
            r#"strongroom_schedule_lane_length{controller="externalsecret",lane="refresh"} 3"#,
            r#"strongroom_schedule_oldest_due_seconds{controller="externalsecret"} 90.5"#,
            r#"controller_runtime_active_workers{controller="externalsecret"} 1"#,
            r#"controller_runtime_max_concurrent_reconciles{controller="externalsecret"} 64"#,
            r#"workqueue_depth{name="externalsecret"} 5"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_description_has_a_sample_of_every_metric() {
        let text = Metrics::described();
        let described: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
        assert_eq!(described.len(), 41, "{text}");
        for line in described {
            let name = line.split(' ').next().unwrap();
            let sample = text.lines().any(|line| line.starts_with(name) && !line.starts_with('#'));
            assert!(sample, "{name} has no sample in\n{text}");
        }
    }

    #[test]
    fn names_and_labels_are_upstreams() {
        let metrics = Metrics::default();
        let key = ObjectKey::new("ns", "es");
        metrics.failed(&key, "StoreMissing", false);
        metrics.reconciled(&key, Duration::from_millis(1), true);
        metrics.called(Call { service: "HashiCorp/Vault", name: "Login" }, CallOutcome::Success);
        let text = metrics.text();
        for line in [
            r#"externalsecret_sync_calls_total{name="es",namespace="ns"} 1"#,
            r#"externalsecret_sync_calls_error{name="es",namespace="ns"} 1"#,
            r#"externalsecret_status_condition{name="es",namespace="ns",condition="Ready",status="False"} 1"#,
            r#"externalsecret_reconcile_duration{name="es",namespace="ns"} 1000000.0"#,
            r#"externalsecret_provider_api_calls_count{provider="HashiCorp/Vault",call="Login",status="success"} 1"#,
            r#"controller_runtime_reconcile_total{controller="externalsecret",result="error"} 1"#,
            r#"controller_runtime_reconcile_errors_total{controller="externalsecret"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.005",controller="externalsecret"} 1"#,
            r#"strongroom_sync_errors_total{reason="StoreMissing"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        metrics.forget(&key);
        assert!(!metrics.text().contains(r#"name="es""#));
    }

    #[test]
    fn without_detail_no_series_names_an_object_and_the_totals_are_there_all_the_same() {
        let key = ObjectKey::new("ns", "canary");
        let store = StoreId::namespaced(key.clone());
        let text_of = |detail| {
            let metrics = Metrics::in_detail(detail);
            metrics.reconciled(&key, Duration::from_millis(1), true);
            metrics.failed(&key, "StoreMissing", false);
            metrics.ready(&key, true);
            metrics.store_reconciled(&store, Duration::from_millis(1), false);
            metrics.store_ready(&store, true);
            metrics.set_breakers([(store.clone(), BreakerState::Open)].into_iter());
            let totals = Totals { ready: 2, not_ready: 1, unknown: 0, late: 1 };
            metrics.set_objects(totals, [(key.clone(), 3.0)].into_iter());
            metrics.text()
        };
        let lines = |text: &str| text.lines().filter(|line| line.contains("canary")).count();
        assert_eq!(lines(&text_of(Detail::Objects)), 12);
        let text = text_of(Detail::Totals);
        assert_eq!(lines(&text), 0, "{text}");
        for line in [
            r#"strongroom_external_secrets{ready="False"} 1"#,
            "strongroom_external_secrets_late 1",
            r#"controller_runtime_reconcile_total{controller="secretstore",result="success"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
