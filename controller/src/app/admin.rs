//! `/metrics`, `/healthz` and `/readyz`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use strongroom_crds::SecretLease;
use tokio::net::TcpListener;

use super::args::ListenAddress;
use crate::context::Context;
use crate::kube_io::Watched;
use crate::schedule::Load;
use crate::stores::BreakerState;

/// The listeners, bound: so that a port in use ends the start with an error.
#[derive(Debug)]
pub(super) struct Admin {
    metrics: TcpListener,
    health: TcpListener,
}

impl Admin {
    /// Binds both addresses.
    pub(super) async fn bind(metrics: ListenAddress, health: ListenAddress) -> anyhow::Result<Self> {
        Ok(Self {
            metrics: bind(metrics, "--metrics-addr").await?,
            health: bind(health, "--live-addr").await?,
        })
    }

    /// Serves until dropped.
    pub(super) async fn serve(self, context: Arc<Context>) -> anyhow::Result<()> {
        let shared = Arc::clone(&context);
        let metrics = Router::new().route("/metrics", get(move || async move { metrics(&shared) }));
        let health = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(move || async move { ready(&context) }));
        let metrics = axum::serve(self.metrics, metrics).into_future();
        let health = axum::serve(self.health, health).into_future();
        tokio::try_join!(metrics, health).map(drop).context("serving the admin endpoints")
    }
}

async fn bind(address: ListenAddress, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address.0).await.with_context(|| format!("{flag}: cannot listen on {}", address.0))
}

fn metrics(context: &Context) -> ([(header::HeaderName, &'static str); 1], String) {
    context.metrics.set_held(context.brake.held());
    context.metrics.set_leases(|state| {
        let in_state =
            |record: &Watched<SecretLease>| record.0.as_ref().is_ok_and(|record| record.state() == state);
        context.leases.keys_where(|_, record| in_state(record)).len()
    });
    let leads = context.leads.load(Ordering::Relaxed);
    context.metrics.set_leads(leads);
    // Who waits for another to end has nothing to do, and nothing that is late.
    let load = |of: fn(&Context) -> Load| if leads { of(context) } else { Load::default() };
    context.metrics.set_load("externalsecret", load(|context| context.schedule.load()));
    context.metrics.set_load("store", load(|context| context.store_schedule.load()));
    let stores = context.stores.all();
    context.breakers.retain(|store| stores.contains(store));
    let states: HashMap<_, _> = context.breakers.states().into_iter().collect();
    context.metrics.set_breakers(stores.into_iter().map(|store| {
        let state = states.get(&store).copied().unwrap_or(BreakerState::Closed);
        (store, state)
    }));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], context.metrics.text())
}

/// Ready once every mirror holds its first list: before that, nothing is decided.
fn ready(context: &Context) -> (StatusCode, &'static str) {
    if context.is_synced() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the first lists are not complete")
    }
}
