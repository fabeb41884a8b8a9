//! Puts the controller together and runs it until it is told to stop.

use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use strongroom_provider_api::{AllowedLogins, Clock, Descriptor, SystemClock, Toolbox};
use strongroom_provider_catalog as catalog;
use strongroom_templating::Random as _;
use strongroom_templating::engine::go_template::Delimiters;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::admin::Admin;
use super::args::ControllerArgs;
use super::log_level;
use crate::context::{Context, InStep, Marks, Settings};
use crate::election::{Election, Terms};
use crate::external_secret::{Asked, Brake, BrakeLimits, Refreshed, StatusSchema, Templates, Writers};
use crate::generators::{Clients, Registry};
use crate::kube_io::{
    Cluster, Events, ManifestMirrors, Mirror, ObjectKey, Outbox, References, Scope, watches,
};
use crate::leases::{LeaseClients, Owners, Turns};
use crate::logins::{Logins, Store};
use crate::policies::Policies;
use crate::random::SystemRandom;
use crate::schedule::{Job, Limits, Next, Schedule, dispatch, watchdog};
use crate::stores::{Pool, StoreTemplates, Stores};
use crate::telemetry::{Audit, Detail, Flush, LogLevel, Metrics, Traces, start_logs};
use crate::{changes, external_secret, generators, leases, policies, refresh, secret_store};

/// What runs at a stop may take this long to end.
const GRACE: Duration = Duration::from_secs(20);
/// Events that are still to be posted at a stop may take this long.
const LAST_EVENTS: Duration = Duration::from_secs(3);
/// Spans of traces that are still to be sent at a stop may take this long.
const LAST_SPANS: Duration = Duration::from_secs(3);
/// Stores that are checked at once.
const STORE_LIMITS: Limits = Limits { total: 16, per_group: 1 };
/// GeneratorStates that are looked at at once, in all and in one namespace.
const STATE_LIMITS: Limits = Limits { total: 8, per_group: 4 };
/// Leases that are looked at at once: nearly all that can be due, because the most urgent of them get
const LEASE_LIMITS: Limits = Limits { total: 4096, per_group: 4096 };
/// these places, in all and for one namespace.
const LEASE_TURNS: (usize, usize) = (16, 8);
/// For so long the first lists of our own kinds are waited for: their definitions may be missing.
const OWN_KNOWN: Duration = Duration::from_secs(10);
/// The work is waiting for answers, and what computes for long gives its place away (`block_in_place`). Each further
/// thread is woken at nearly every step, which costs more than the steps.
const THREADS: usize = 1;
/// Where a pod finds the name of its namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Where Linux tells the name of the pod, or of the machine.
const OWN_NAME: &str = "/proc/sys/kernel/hostname";

/// Runs the controller until SIGTERM or SIGINT.
pub(super) fn controller(args: ControllerArgs) -> anyhow::Result<()> {
    // Only an error if somebody was faster, and nobody else is here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let opened = args.traces.settings()?.map(|settings| Traces::open(&settings)).transpose();
    let (source, traces) = opened.context("--otlp-endpoint")?.unzip();
    let level = start_logs(&args.loglevel, args.log_format, source);
    // The default hook prints the message, which may hold data.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = "InternalError", "panicked");
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    // As a task: what is awaited here runs on a thread of its own.
    runtime
        .block_on(async { tokio::spawn(run(args, level, traces)).await.context("the controller panicked")? })
}

async fn run(args: ControllerArgs, level: LogLevel, traces: Option<Traces>) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let logins = allowed_logins(&args.allowed_login_methods)?;
    let admin = Admin::bind(args.metrics_addr, args.live_addr).await?;
    let endpoint = refresh_listener(&args).await?;
    let client = kube_client().await?;
    let scope = Scope::of(args.namespaces()?, args.enable_cluster_store_reconciler);
    let audit = Audit::open(&args.audit_log).context("--audit-log")?;
    let context = Arc::new(Context { audit, ..context(&args, &scope, &client, logins) });
    let traces = traces.map(|traces| traces.start(Arc::clone(&context.metrics)));
    let mut background = JoinSet::new();
    if !args.loglevel_file.is_empty() {
        let file = PathBuf::from(&args.loglevel_file);
        background.spawn(log_level::follow(file, level, args.loglevel.clone()));
    }
    background.spawn(admin.serve(Arc::clone(&context)));
    if let Some(listener) = endpoint {
        let audiences = args.refresh_api_audience.iter().filter(|name| !name.is_empty()).cloned().collect();
        background.spawn(refresh::serve(listener, refresh::Api { context: Arc::clone(&context), audiences }));
    }
    watches::spawn(&mut background, &client, &scope, &context);
    let election = election(&args, &context)?;
    let journal = election.as_ref().map(|election| {
        Arc::new(Store::beside(election.lease(), Arc::clone(&context.logins), context.cluster.clone()))
    });
    let begin = async {
        context.synced().await;
        tracing::info!("the first lists are complete");
        tokio::join!(
            known(&context.leases, "SecretLeases cannot be listed: what is leased will not be kept alive"),
            known(
                &context.policies.mirror,
                "SyncPolicies cannot be listed: none is heeded until they can be"
            ),
        );
        match election {
            Some(election) => Some(election.won().await),
            None => None,
        }
    };
    let mut leadership = tokio::select! {
        leadership = begin => leadership,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        Some(ended) = background.join_next() => return ended.context("a background task ended")?,
    };
    context.leads.store(true, Ordering::Relaxed);
    if let Some(journal) = journal.clone() {
        journal.take_over().await;
        background.spawn(async move {
            journal.keep().await;
            Ok(())
        });
    }
    background.spawn(watched(Arc::clone(&context.schedule)));
    background.spawn(watched(Arc::clone(&context.store_schedule)));
    background.spawn(watched(Arc::clone(&context.state_schedule)));
    background.spawn(watched(Arc::clone(&context.lease_schedule)));
    background.spawn(watched(Arc::clone(&context.policies.schedule)));
    background.spawn(changes::run(Arc::clone(&context)));
    let mut work = work(&context, &stop);
    let lost = async {
        match &mut leadership {
            Some(leadership) => leadership.kept().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = ended(&mut work) => ended?,
        // At once, with whatever is under way: another may begin any moment.
        reason = lost => anyhow::bail!("no longer leading: {reason}"),
        Some(ended) = background.join_next() => return ended.context("a background task ended")?,
    }
    context.leads.store(false, Ordering::Relaxed);
    if let Some(leadership) = leadership {
        leadership.release().await;
    }
    background.shutdown().await;
    close(&context, traces, journal).await;
    tracing::info!("stopped");
    Ok(())
}

/// What is left to do at a stop: logins are ended, events posted, spans sent.
async fn close(context: &Context, traces: Option<Flush>, journal: Option<Arc<Store>>) {
    let events = async {
        if tokio::time::timeout(LAST_EVENTS, context.outbox.emptied()).await.is_err() {
            tracing::info!("some events were not posted");
        }
    };
    let spans = async {
        if let Some(traces) = traces
            && !traces.flushed(LAST_SPANS).await
        {
            tracing::info!("some spans of traces were not sent");
        }
    };
    tokio::join!(context.pool.close(), context.generator_clients.close(), events, spans);
    if let Some(journal) = journal {
        journal.close().await;
    }
}

/// The refresh endpoint, bound, if there is to be one.
async fn refresh_listener(args: &ControllerArgs) -> anyhow::Result<Option<refresh::Listener>> {
    let Some(address) = args.refresh_api_addr else { return Ok(None) };
    let files = args.refresh_api_cert_file.clone().zip(args.refresh_api_key_file.clone());
    let files = files.map(|(certificate, key)| refresh::TlsFiles { certificate, key });
    if files.is_none() {
        tracing::warn!("the refresh endpoint has no certificate: tokens travel in plain text");
    }
    let listener = refresh::Listener::bind(address.0, files).await.context("--refresh-api-addr")?;
    Ok(Some(listener))
}

/// Everything that makes attempts, until `stop` says so. One task each: none is polled when another has something to do.
fn work(context: &Arc<Context>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut work = JoinSet::new();
    work.spawn(attempts(context, &context.store_schedule, stop, |context, job| async move {
        secret_store::reconcile(&context, job).await
    }));
    work.spawn(attempts(context, &context.schedule, stop, |context, job| async move {
        external_secret::reconcile(&context, job).await
    }));
    work.spawn(attempts(context, &context.state_schedule, stop, |context, job| async move {
        generators::reconcile(&context, job).await
    }));
    work.spawn(attempts(context, &context.lease_schedule, stop, |context, job| async move {
        leases::reconcile(&context, job).await
    }));
    work.spawn(attempts(context, &context.policies.schedule, stop, |context, job| async move {
        policies::reconcile(&context, job).await
    }));
    work
}

/// Waits until all of it has come to its end. A panic is an error: nobody would make those attempts any more.
async fn ended(work: &mut JoinSet<()>) -> anyhow::Result<()> {
    while let Some(ended) = work.join_next().await {
        ended.context("attempts are not made any more")?;
    }
    Ok(())
}

/// Makes the attempts that `schedule` asks for, until `stop` says so.
fn attempts<K, F>(
    context: &Arc<Context>,
    schedule: &Arc<Schedule<K>>,
    stop: &watch::Receiver<bool>,
    attempt: fn(Arc<Context>, Job<K>) -> F,
) -> impl Future<Output = ()> + Send + use<K, F>
where
    K: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static,
    F: Future<Output = Next> + Send + 'static,
{
    let context = Arc::clone(context);
    let attempt = move |job| attempt(Arc::clone(&context), job);
    dispatch(Arc::clone(schedule), stopped(stop.clone()), GRACE, attempt)
}

/// The election that this process stands in, if it is to.
fn election(args: &ControllerArgs, context: &Context) -> anyhow::Result<Option<Election>> {
    if !args.enable_leader_election {
        return Ok(None);
    }
    let terms = Terms {
        lasts: args.leader_election_lease_duration.0,
        deadline: args.leader_election_renew_deadline.0,
        retry: args.leader_election_retry_period.0,
    };
    if let Some(fault) = terms.fault() {
        anyhow::bail!("--leader-election-*: {fault}");
    }
    let namespace = match args.leader_election_namespace.as_str() {
        "" => std::fs::read_to_string(OWN_NAMESPACE)
            .context("not in a cluster: --leader-election-namespace is needed")?,
        namespace => namespace.to_owned(),
    };
    let key = ObjectKey::new(namespace.trim(), &args.leader_election_id);
    let mut nonce = [0; 8];
    SystemRandom.fill(&mut nonce);
    let host = std::fs::read_to_string(OWN_NAME).unwrap_or_default();
    let identity = format!("{}_{:016x}", host.trim(), u64::from_be_bytes(nonce));
    let clock = Arc::clone(&context.clock);
    Ok(Some(Election::new(context.cluster.clone(), clock, key, identity, terms)))
}

fn delimiters(args: &ControllerArgs) -> Delimiters {
    Delimiters { left: args.template_left_delimiter.clone(), right: args.template_right_delimiter.clone() }
}

/// The login methods that are allowed: all where none is listed.
fn allowed_logins(listed: &[String]) -> anyhow::Result<AllowedLogins> {
    if listed.is_empty() {
        return Ok(AllowedLogins::default());
    }
    let names = |provider: &'static Descriptor| {
        provider.login_methods.iter().map(move |method| format!("{}/{method}", provider.name))
    };
    let known: Vec<String> = catalog::stores().flat_map(names).collect();
    if let Some(unknown) = listed.iter().find(|name| !known.contains(name)) {
        anyhow::bail!("--allowed-login-methods: {unknown:?} is none of {}", known.join(", "));
    }
    Ok(AllowedLogins::only(listed.iter().cloned()))
}

fn context(args: &ControllerArgs, scope: &Scope, client: &kube::Client, logins: AllowedLogins) -> Context {
    let cluster = Cluster::new(client.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let detail = if args.enable_object_metrics { Detail::Objects } else { Detail::Totals };
    let metrics = Arc::new(Metrics::in_detail(detail));
    let toolbox = Toolbox {
        clock: Arc::clone(&clock),
        meter: Arc::clone(&metrics) as _,
        templates: Arc::new(StoreTemplates::new(Arc::clone(&clock))),
        logins,
        reach: args.store_reach.into(),
        endpoints: args.endpoints(),
        own_identity: args.lend_aws_identity.identity(),
        ..Toolbox::default()
    };
    let outbox = Outbox::open(cluster.clone());
    let events = |component| Events::new(outbox.clone(), component, Arc::clone(&clock));
    let references = Arc::new(References::within(scope.clone()));
    let leases = Arc::new(Mirror::default());
    let logins = Logins::new(Arc::clone(&leases), Arc::clone(&clock));
    let limits = Limits { total: args.concurrent.into(), per_group: args.concurrent_per_store.into() };
    Context {
        external_secrets: Arc::new(Mirror::default()),
        secrets: Arc::new(Mirror::default()),
        writers: Writers::default(),
        namespaces: Arc::new(Mirror::default()),
        stores: Stores::default(),
        pool: Pool::new(cluster.clone(), Arc::clone(&references), toolbox.clone(), Arc::clone(&logins))
            .with_rate(NonZeroU32::new(args.store_requests_per_second)),
        generators: Registry::default(),
        generator_clients: Clients::new(
            cluster.clone(),
            Arc::clone(&references),
            toolbox,
            Arc::clone(&logins),
        ),
        generator_states: Arc::new(Mirror::default()),
        state_schedule: Arc::new(Schedule::new(STATE_LIMITS)),
        leases,
        logins,
        lease_clients: LeaseClients::default(),
        lease_owners: Owners::default(),
        lease_turns: Arc::new(Turns::new(LEASE_TURNS.0, LEASE_TURNS.1)),
        lease_events: events("external-secrets"),
        lease_schedule: Arc::new(Schedule::new(LEASE_LIMITS)),
        policies: Policies::new(events("sync-policy")),
        references,
        brake: Brake::new(BrakeLimits {
            share: args.deletion_brake_share.0,
            least: args.deletion_brake_minimum,
            window: args.deletion_brake_window.0,
        }),
        refreshed: Refreshed::default(),
        status_schema: StatusSchema::default(),
        retemplated: Marks::default(),
        asked: Asked::default(),
        breakers: Arc::default(),
        schedule: Arc::new(Schedule::new(limits)),
        store_schedule: Arc::new(Schedule::new(STORE_LIMITS)),
        events: events("external-secrets"),
        store_events: events("secret-store"),
        cluster_store_events: events("cluster-secret-store"),
        metrics,
        audit: Audit::default(),
        started: clock.now(),
        clock,
        manifests: ManifestMirrors::default(),
        templates: Templates::new(delimiters(args)),
        in_step: InStep::default(),
        outbox,
        leads: AtomicBool::default(),
        settings: Settings {
            controller_class: args.controller_class.clone(),
            flood_gate: args.enable_flood_gate,
            generic_targets: args.unsafe_allow_generic_targets,
            store_interval: args.store_requeue_interval.0,
            status_time_interval: args.status_time_interval.0,
            synced_condition: args.enable_synced_condition,
            stores: args.enable_secret_store_reconciler,
            cluster_stores: args.enable_cluster_store_reconciler,
            generator_states: args.enable_generator_state,
            generator_grace: args.generator_gc_grace_period.0,
            changes: changes::Defaults {
                sweep: args.change_sweep_interval.0,
                rate: args.change_sweep_rate,
                events: args.change_events,
            },
        },
        cluster,
    }
}

/// The client retries nothing by itself: its own policy waits up to minutes inside a request. Attempts are
/// repeated by the schedule, watches by their own backoff.
async fn kube_client() -> anyhow::Result<kube::Client> {
    let mut config =
        kube::Config::infer().await.context("no cluster: neither in-cluster settings nor a kubeconfig")?;
    config.default_retry = false;
    kube::Client::try_from(config).context("cannot make a client for the API server")
}

/// Turns true at SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        sender.send_replace(true);
        // The receivers live as long as the process; the sender must, too.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

/// Waits for the first list of a kind whose definition may be missing, and warns if there is none.
async fn known<T>(mirror: &Mirror<T>, otherwise: &'static str) {
    if tokio::time::timeout(OWN_KNOWN, mirror.synced()).await.is_err() {
        tracing::warn!("{otherwise}");
    }
}

async fn watched<K: Clone + Eq + Ord + Hash + Debug>(schedule: Arc<Schedule<K>>) -> anyhow::Result<()> {
    watchdog(schedule).await;
    Ok(())
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
pub(crate) mod tests {
    //! A context whose API server is a function.

    use clap::Parser as _;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::Value;

    use super::super::args::{Args, Command};
    use super::*;

    /// The context that the command line `flags` makes. Every request is answered by `answer`, from method, path and
    /// body, with a status and a body.
    pub(crate) fn context_over(
        flags: &[&str],
        answer: impl Fn(&str, &str, &Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Context {
        let args = [&["strongroom", "controller"], flags].concat();
        let Command::Controller(args) = Args::try_parse_from(args).unwrap().command else { panic!() };
        let answer = Arc::new(answer);
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = Arc::clone(&answer);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (status, body) = answer(parts.method.as_str(), parts.uri.path(), &body);
                let response = Response::builder().status(status);
                Ok::<_, tower::BoxError>(
                    response.body(Body::from(serde_json::to_vec(&body).unwrap())).unwrap(),
                )
            }
        });
        let scope = Scope::of(&[], true);
        context(&args, &scope, &kube::Client::new(service, "default"), AllowedLogins::default())
    }
}
