//! The real Vault of the testbed, where `STRONGROOM_TESTBED` names its file.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, HttpSettings, Roots};

/// A real Vault, called as its root.
pub(crate) struct RealVault {
    http: HttpClient,
    pub(crate) address: String,
    pub(crate) root: String,
}

impl RealVault {
    /// `None` where there is no testbed.
    pub(crate) fn find() -> Option<Self> {
        let file = std::env::var_os("STRONGROOM_TESTBED")?;
        let testbed: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let of_vault = |name: &str| testbed["vault"][name].as_str().unwrap().to_owned();
        let http = HttpClient::new(HttpSettings { roots: Roots::Unused, ..HttpSettings::default() }).unwrap();
        Some(Self { http, address: of_vault("address"), root: of_vault("root_token") })
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        self.attempt(method, path, &body).await.unwrap_or_else(|status| panic!("{method} {path}: {status}"))
    }

    /// The answer, or its status where that is no success.
    pub(crate) async fn attempt(&self, method: &str, path: &str, body: &Value) -> Result<Value, u16> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/v1/{}", self.address, encoded(path)))
            .header("x-vault-token", &self.root)
            .body(serde_json::to_vec(body).unwrap())
            .unwrap();
        let answer = self.http.send("prepare", request, BODY_CAP).await.unwrap();
        if !answer.status.is_success() {
            return Err(answer.status.as_u16());
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Writes to a version 2 engine; a new one is set up in the background, and refuses writes meanwhile.
    pub(crate) async fn write(&self, path: &str, body: &Value) {
        for _ in 0..50 {
            if self.attempt("POST", path, body).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} cannot be written");
    }

    pub(crate) async fn mount(&self, path: &str, version: &str) {
        let body = json!({"type": "kv", "options": {"version": version}});
        self.call("POST", &format!("sys/mounts/{path}"), body).await;
        if version == "2" {
            self.ready(path).await;
        }
    }

    /// Waits until a version 2 engine is set up.
    async fn ready(&self, engine: &str) {
        for _ in 0..50 {
            if self.attempt("GET", &format!("{engine}/config"), &Value::Null).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{engine} is not ready");
    }

    pub(crate) async fn unmount(&self, path: &str) {
        self.call("DELETE", &format!("sys/mounts/{path}"), Value::Null).await;
    }
}

/// `path` percent-encoded, except its slashes and a query that asks for a list.
fn encoded(path: &str) -> String {
    let (path, query) = path.strip_suffix("?list=true").map_or((path, ""), |path| (path, "?list=true"));
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let encoded: String = path
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    encoded + query
}
