//! A small HTTPS client of the API server: what the load, the bare writer and the probes of a benchmark need.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http::Response};

/// How long a request may take on a machine that is busy.
const LIMIT: Duration = Duration::from_mins(1);
/// A list of everything that a benchmark makes is far smaller.
const LARGEST_ANSWER: u64 = 512 << 20;
/// Connections that are kept for the next request: at least as many as there are writers.
const CONNECTIONS: usize = 64;

/// The API server as seen by one user. Clones share their connections.
#[derive(Debug, Clone)]
pub(super) struct ApiClient {
    address: String,
    authorization: String,
    agent: Agent,
}

/// The collection of ExternalSecrets in `namespace`.
pub(super) fn external_secrets(namespace: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets")
}

/// The collection of VaultDynamicSecrets in `namespace`.
pub(super) fn vault_dynamic_secrets(namespace: &str) -> String {
    format!("/apis/generators.external-secrets.io/v1alpha1/namespaces/{namespace}/vaultdynamicsecrets")
}

/// The collection of Secrets in `namespace`.
pub(super) fn secrets(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

impl ApiClient {
    /// A client of the server at `address` with the certificate authority `ca` (PEM) for the user of `token`.
    pub(super) fn new(address: &str, ca: &str, token: &str) -> Result<Self> {
        let mut roots = Vec::new();
        for item in parse_pem(ca.as_bytes()) {
            if let PemItem::Certificate(certificate) = item.context("the certificate authority is not PEM")? {
                roots.push(certificate);
            }
        }
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .tls_config(tls)
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .timeout_connect(Some(LIMIT))
            .timeout_recv_response(Some(LIMIT))
            .build()
            .into();
        Ok(Self { address: address.to_owned(), authorization: format!("Bearer {token}"), agent })
    }

    /// Creates an object in a collection.
    pub(super) fn create(&self, collection: &str, object: &Value) -> Result<Value> {
        let request = self.agent.post(self.url(collection)).header("Authorization", &self.authorization);
        read(collection, request.content_type("application/json").send(object.to_string()))
    }

    /// Merges `changes` into what is at `path`, an object or its `/status`.
    pub(super) fn merge(&self, path: &str, changes: &Value) -> Result<Value> {
        let request = self.agent.patch(self.url(path)).header("Authorization", &self.authorization);
        read(path, request.content_type("application/merge-patch+json").send(changes.to_string()))
    }

    /// Reads an object or a collection.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        read(path, self.agent.get(self.url(path)).header("Authorization", &self.authorization).call())
    }

    /// Deletes an object or a whole collection.
    pub(super) fn delete(&self, path: &str) -> Result<Value> {
        read(path, self.agent.delete(self.url(path)).header("Authorization", &self.authorization).call())
    }

    /// The events of a collection from now on, one JSON object per line, for as long as the server keeps it up.
    pub(super) fn watch(&self, collection: &str, seconds: u64) -> Result<impl BufRead + Send + 'static> {
        let version = self.get(&format!("{collection}?limit=1"))?;
        let version = version.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or("0");
        let url = format!("{collection}?watch=1&resourceVersion={version}&timeoutSeconds={seconds}");
        let request = self.agent.get(self.url(&url)).header("Authorization", &self.authorization);
        let response = request.call().with_context(|| format!("cannot watch {collection}"))?;
        if !response.status().is_success() {
            bail!("cannot watch {collection}: status {}", response.status());
        }
        Ok(BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

fn read(path: &str, sent: Result<Response<Body>, ureq::Error>) -> Result<Value> {
    let mut response = sent.with_context(|| format!("API server {path}"))?;
    let status = response.status();
    let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
    let value: Value = serde_json::from_slice(&body.with_context(|| format!("API server {path}"))?)
        .with_context(|| format!("API server {path}: status {status}, no JSON"))?;
    if !status.is_success() {
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
        bail!("API server {path}: status {status}: {message}");
    }
    Ok(value)
}
