//! The few requests to Vault's HTTP API that set a test bed up.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use ureq::Agent;

/// A Vault server and the token to talk to it with.
#[derive(Debug, Clone)]
pub(crate) struct VaultApi {
    /// `http://127.0.0.1:<port>`.
    pub(crate) address: String,
    /// Empty before the server is initialised.
    pub(crate) token: String,
    agent: Agent,
}

impl VaultApi {
    /// A client without a token.
    pub(crate) fn new(address: String) -> Self {
        // No proxy: the server is on the loopback address, whatever the environment says.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { address, token: String::new(), agent: config.into() }
    }

    /// Writes to a path below `/v1/`; gives the answer, or null if it has no body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request =
            self.agent.post(format!("{}/v1/{path}", self.address)).header("X-Vault-Token", &self.token);
        answer(path, request.send_json(body))
    }

    /// Reads a path below `/v1/`.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let request =
            self.agent.get(format!("{}/v1/{path}", self.address)).header("X-Vault-Token", &self.token);
        answer(path, request.call())
    }

    /// The keys in the list at a path below `/v1/`; an empty list is a path that Vault does not find.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>> {
        let request = self.agent.get(format!("{}/v1/{path}?list=true", self.address));
        let sent = request.header("X-Vault-Token", &self.token).call();
        if sent.as_ref().is_ok_and(|response| response.status() == 404) {
            return Ok(Vec::new());
        }
        let listed = answer(path, sent)?;
        let keys =
            listed.pointer("/data/keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
    }
}

/// A string inside an answer, named by a JSON pointer.
pub(crate) fn text_at(answer: &Value, pointer: &str) -> Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("Vault's answer has no {pointer}"))
}

fn answer(path: &str, sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let mut response = sent.with_context(|| format!("Vault {path}"))?;
    let body = response.body_mut().read_to_string().with_context(|| format!("Vault {path}"))?;
    let value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let status = response.status();
    if status.is_success() {
        return Ok(value);
    }
    let errors = value.get("errors").cloned().unwrap_or_default();
    bail!("Vault {path}: status {status}, errors {errors}")
}
