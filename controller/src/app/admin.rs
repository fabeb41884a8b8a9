//! `/metrics`, `/healthz` and `/readyz`.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;

use super::args::ListenAddress;
use super::scrape;
use crate::context::Context;

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
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], scrape::text(context))
}

/// Ready once every mirror holds its first list: before that, nothing is decided.
fn ready(context: &Context) -> (StatusCode, &'static str) {
    if context.is_synced() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the first lists are not complete")
    }
}
