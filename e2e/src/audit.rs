//! What the servers say was asked of them: the audit logs of the API server and of Vault.

use std::{
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind},
    wait::soon,
};

/// An audit log from some moment on.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
    start: u64,
}

/// A request that the API server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// Who asked.
    pub user: String,
    /// `get`, `list`, `create`, `update`, `patch`, `delete` and so on.
    pub verb: String,
    /// The resource, with its subresource after a slash.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The object; empty where the request names none, as a creation may.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u64,
}

/// A request that Vault has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultRequest {
    /// `read`, `list`, `create`, `update` and so on.
    pub operation: String,
    /// The path below `/v1/`.
    pub path: String,
    /// Who asked, or who logged in, as Vault shows it, for example `kubernetes-NAMESPACE-NAME`.
    pub display_name: String,
}

impl ApiRequest {
    /// Whether it changes an object.
    pub fn writes(&self) -> bool {
        ["create", "update", "patch", "delete"].contains(&self.verb.as_str())
    }
}

impl AuditLog {
    /// The log at `path`, from now on.
    pub fn from_now(path: &Path) -> Result<Self> {
        let start =
            std::fs::metadata(path).with_context(|| format!("no audit log at {}", path.display()))?.len();
        Ok(Self { path: path.to_owned(), start })
    }

    /// The whole lines. Where the log begins and where it ends now, a line may have been half written.
    fn text(&self) -> Result<String> {
        let mut file = std::fs::File::open(&self.path)?;
        ensure!(file.metadata()?.len() >= self.start, "{} was rotated during the story", self.path.display());
        let before = self.start.saturating_sub(1);
        file.seek(SeekFrom::Start(before))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let begin = if self.start == 0 {
            0
        } else {
            bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
        };
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(begin, |end| end + 1);
        Ok(String::from_utf8_lossy(bytes.get(begin..end.max(begin)).unwrap_or_default()).into_owned())
    }

    /// The records whose text holds `word`: the logs are everybody's, and long.
    pub fn records(&self, word: &str) -> Result<Vec<Value>> {
        let text = self.text()?;
        let lines = text.lines().filter(|line| line.contains(word));
        lines.map(|line| serde_json::from_str(line).context("an audit record that is not JSON")).collect()
    }

    /// The answered requests in the API server's log that name the story's `namespace`, be it as the beginning of another
    /// name or in the name of who asked. Everything that was answered before the call is in it.
    pub async fn api_requests(&self, cluster: &Cluster, namespace: &str) -> Result<Vec<ApiRequest>> {
        self.api_requests_about(namespace, cluster, namespace).await
    }

    /// [`AuditLog::api_requests`] that name `word`. A marker object is written to `namespace` first and waited for.
    pub async fn api_requests_about(
        &self,
        word: &str,
        cluster: &Cluster,
        namespace: &str,
    ) -> Result<Vec<ApiRequest>> {
        let marker = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "audit-marker-" } });
        let marker = cluster.create(namespace, &marker).await?;
        let name = marker["metadata"]["name"].as_str().context("a marker without a name")?.to_owned();
        cluster.delete(Kind::ConfigMap, namespace, &name).await?;
        soon("the audit log to catch up", async || {
            let about_it: Vec<ApiRequest> = self.records(&name)?.iter().filter_map(api_request).collect();
            let seen = about_it.iter().any(|request| request.verb == "delete" && request.name == name);
            ensure!(seen, "the deletion of {name} is not in {}", self.path.display());
            Ok(self.records(word)?.iter().filter_map(api_request).collect())
        })
        .await
    }

    /// The answered requests in Vault's log, which is written before the answer is.
    pub fn vault_requests(&self) -> Result<Vec<VaultRequest>> {
        let answers = self.records(r#""type":"response""#)?;
        Ok(answers.iter().filter(|record| record["type"] == "response").map(vault_request).collect())
    }
}

fn text(record: &Value, place: &str) -> String {
    record.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn api_request(record: &Value) -> Option<ApiRequest> {
    if record["stage"] != "ResponseComplete" {
        return None;
    }
    let subresource = text(record, "/objectRef/subresource");
    let mut resource = text(record, "/objectRef/resource");
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Some(ApiRequest {
        user: text(record, "/user/username"),
        verb: text(record, "/verb"),
        resource,
        namespace: text(record, "/objectRef/namespace"),
        name: text(record, "/objectRef/name"),
        code: record["responseStatus"]["code"].as_u64().unwrap_or_default(),
    })
}

fn vault_request(record: &Value) -> VaultRequest {
    VaultRequest {
        operation: text(record, "/request/operation"),
        path: text(record, "/request/path"),
        display_name: text(record, "/auth/display_name"),
    }
}
