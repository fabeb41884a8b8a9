//! Vault as its administrator sees it: values are written, and the server sealed and unsealed, over its HTTP API.

use anyhow::{Context, Result, bail};
use http::Method;
use serde_json::{Value, json};

/// An HTTP client for servers on this machine: a proxy named in the environment is not asked.
pub fn http_client() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "an administrator's client; the ban is for the controller")]
    let builder = reqwest::Client::builder();
    builder.no_proxy().build().unwrap_or_default()
}

/// A Vault server and a token for it.
#[derive(Clone, Debug)]
pub struct Vault {
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Vault {
    /// Speaks to the server at the base URL `address` with `token` (empty: none).
    pub fn at(address: &str, token: &str) -> Self {
        Self { address: address.to_owned(), token: token.to_owned(), http: http_client() }
    }

    /// Base URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request to `path` below `/v1/` and gives the answer's body, null when it is empty.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}/v1/{path}", self.address));
        if !self.token.is_empty() {
            request = request.header("X-Vault-Token", &self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {path} at Vault"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("Vault answered {status} to {method} {path}: {text}");
        }
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }

    /// Writes a new version of a secret of the KV v2 engine at `mount`.
    pub async fn write_v2(&self, mount: &str, key: &str, fields: &Value) -> Result<()> {
        self.request(Method::POST, &format!("{mount}/data/{key}"), Some(&json!({ "data": fields }))).await?;
        Ok(())
    }

    /// Writes a secret of the KV v1 engine at `mount`.
    pub async fn write_v1(&self, mount: &str, key: &str, fields: &Value) -> Result<()> {
        self.request(Method::POST, &format!("{mount}/{key}"), Some(fields)).await?;
        Ok(())
    }

    /// Removes a secret of the KV v2 engine at `mount` with all its versions.
    pub async fn remove_v2(&self, mount: &str, key: &str) -> Result<()> {
        self.request(Method::DELETE, &format!("{mount}/metadata/{key}"), None).await?;
        Ok(())
    }

    /// Seals the server.
    pub async fn seal(&self) -> Result<()> {
        self.request(Method::PUT, "sys/seal", None).await?;
        Ok(())
    }

    /// Unseals the server with its only key.
    pub async fn unseal(&self, key: &str) -> Result<()> {
        let answer = self.request(Method::PUT, "sys/unseal", Some(&json!({ "key": key }))).await?;
        anyhow::ensure!(answer["sealed"] == false, "Vault stayed sealed");
        Ok(())
    }
}
