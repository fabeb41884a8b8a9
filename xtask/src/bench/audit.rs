//! What the servers say was asked of them: the audit logs of the API server and of Vault, read as they grow.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// An audit log from some moment on.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    position: u64,
}

/// The API server's audit log, seen for one user.
#[derive(Debug)]
pub(super) struct ApiLog {
    log: Log,
    user: String,
    watches: BTreeSet<String>,
}

/// Vault's audit log without what the test bed itself asks with the root token.
#[derive(Debug)]
pub(super) struct VaultLog {
    log: Log,
    /// When each request came that was not answered yet, by its id.
    open: HashMap<String, Timestamp>,
}

/// A request that the API server has answered, or a watch that it has begun to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` and so on.
    pub(super) verb: String,
    /// The resource, with its subresource after a slash; the path of a request for no resource.
    pub(super) resource: String,
    /// Namespace and name, with a slash between.
    pub(super) object: String,
    /// Status of the answer.
    pub(super) code: u16,
    /// When it was answered.
    pub(super) at: Timestamp,
}

/// A request that Vault has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VaultRequest {
    /// `read`, `list`, `create`, `update` and so on.
    pub(super) operation: String,
    /// The path below `/v1/`.
    pub(super) path: String,
    /// When it came.
    pub(super) began: Timestamp,
    /// When it was answered.
    pub(super) at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiRecord {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize, Default)]
struct ResponseStatus {
    #[serde(default)]
    code: u16,
}

#[derive(Deserialize)]
struct VaultRecord {
    time: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    auth: VaultAuth,
    request: VaultCall,
}

#[derive(Deserialize, Default)]
struct VaultAuth {
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
struct VaultCall {
    id: String,
    operation: String,
    #[serde(default)]
    path: String,
}

impl Log {
    fn from_now(path: &Path) -> Result<Self> {
        let length = path.metadata().with_context(|| format!("no audit log at {}", path.display()))?.len();
        Ok(Self { path: path.to_owned(), position: length })
    }

    /// The whole lines that were added since the last call.
    fn lines(&mut self) -> Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.position))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // The last line may be half written.
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.position += text.len() as u64;
        Ok(text)
    }
}

impl ApiLog {
    /// The log at `path` from now on, for `user`.
    pub(super) fn from_now(path: &Path, user: &str) -> Result<Self> {
        Ok(Self { log: Log::from_now(path)?, user: user.to_owned(), watches: BTreeSet::new() })
    }

    /// What was answered since the last call.
    pub(super) fn take(&mut self) -> Result<Vec<ApiRequest>> {
        let text = self.log.lines()?;
        let mut requests = Vec::new();
        for line in lines_of(&text) {
            let record: ApiRecord =
                serde_json::from_slice(line).context("a line of the API server's audit log")?;
            if record.user.username == self.user && self.is_new(&record) {
                requests.push(request_of(record));
            }
        }
        Ok(requests)
    }

    /// A watch is in the log twice, at its start and at its end; it is one request.
    fn is_new(&mut self, record: &ApiRecord) -> bool {
        match record.stage.as_str() {
            "ResponseStarted" => self.watches.insert(record.audit_id.clone()),
            "ResponseComplete" | "Panic" => record.verb != "watch" || !self.watches.remove(&record.audit_id),
            _ => false,
        }
    }
}

impl VaultLog {
    /// The log at `path` from now on.
    pub(super) fn from_now(path: &Path) -> Result<Self> {
        Ok(Self { log: Log::from_now(path)?, open: HashMap::new() })
    }

    /// What was answered since the last call.
    pub(super) fn take(&mut self) -> Result<Vec<VaultRequest>> {
        let text = self.log.lines()?;
        let mut requests = Vec::new();
        for line in lines_of(&text) {
            let record: VaultRecord = serde_json::from_slice(line).context("a line of Vault's audit log")?;
            let VaultCall { id, operation, path } = record.request;
            if record.kind == "request" {
                self.open.insert(id, record.time);
                continue;
            }
            // One that came before the log was opened was short: all that a benchmark asks for is.
            let began = self.open.remove(&id).unwrap_or(record.time);
            if record.kind == "response" && record.auth.display_name != "root" {
                requests.push(VaultRequest { operation, path, began, at: record.time });
            }
        }
        Ok(requests)
    }
}

impl ApiRequest {
    /// Whether it changes an object. A ServiceAccount's token is created, but changes nothing.
    pub(super) fn writes(&self) -> bool {
        ["create", "update", "patch", "delete", "deletecollection"].contains(&self.verb.as_str())
            && self.resource != "serviceaccounts/token"
            && self.resource != "subjectaccessreviews"
    }
}

impl VaultRequest {
    /// Whether it reads a stored value.
    pub(super) fn reads(&self) -> bool {
        self.operation == "read" && self.path.starts_with("secret/data/")
    }

    /// Whether it logs in.
    pub(super) fn logs_in(&self) -> bool {
        self.path == "auth/kubernetes/login"
    }
}

/// How often each verb was used on each resource, `create secrets` for example.
pub(super) fn by_kind(requests: &[ApiRequest]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    counts
}

/// When each stored key was read, in order.
pub(super) fn reads_by_path(requests: &[VaultRequest]) -> BTreeMap<String, Vec<Timestamp>> {
    let mut reads: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for request in requests.iter().filter(|request| request.reads()) {
        reads.entry(request.path.clone()).or_default().push(request.at);
    }
    reads
}

/// When the key of each object was read, in order; the keys of probes are left out.
pub(super) fn reads_of_objects(requests: &[VaultRequest]) -> BTreeMap<String, Vec<Timestamp>> {
    let mut reads = reads_by_path(requests);
    reads.retain(|path, _| path.contains("/app-"));
    reads
}

fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn request_of(record: ApiRecord) -> ApiRequest {
    let ObjectRef { mut resource, subresource, namespace, name } = record.object_ref;
    if resource.is_empty() {
        record.request_uri.split('?').next().unwrap_or_default().clone_into(&mut resource);
    }
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    ApiRequest {
        verb: record.verb,
        resource,
        object: format!("{namespace}/{name}"),
        code: record.response_status.code,
        at: record.stage_timestamp,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use serde_json::{Value, json};

    use super::*;
    use crate::bench::clock::between;

    const TIME: &str = "2026-01-02T03:04:05.678901Z";

    fn api(user: &str, id: &str, stage: &str, verb: &str, reference: &Value) -> String {
        let record = json!({
            "kind": "Event", "auditID": id, "stage": stage, "requestURI": "/version?timeout=5s", "verb": verb,
            "user": {"username": user}, "objectRef": reference, "responseStatus": {"code": 201},
            "requestReceivedTimestamp": TIME, "stageTimestamp": TIME,
        });
        format!("{record}\n")
    }

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("strongroom-bench-{name}-{}", std::process::id()));
        fs::write(&path, "from before\n").unwrap();
        path
    }

    fn append(path: &Path, text: &str) {
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn requests_of_the_user_are_counted_once_and_a_half_written_line_waits() {
        let path = scratch("api");
        let mut log = ApiLog::from_now(&path, "ours").unwrap();
        let secret = json!({"resource": "secrets", "namespace": "a", "name": "s"});
        append(&path, &api("ours", "1", "ResponseComplete", "create", &secret));
        append(&path, &api("theirs", "2", "ResponseComplete", "create", &secret));
        let secrets = json!({"resource": "secrets"});
        append(&path, &api("ours", "3", "ResponseStarted", "watch", &secrets));
        let rest = api("ours", "3", "ResponseComplete", "watch", &secrets);
        append(&path, &rest[..40]);
        let first = log.take().unwrap();
        assert_eq!(
            by_kind(&first),
            BTreeMap::from([("create secrets".into(), 1), ("watch secrets".into(), 1)])
        );
        assert_eq!(first[0].object, "a/s");
        assert_eq!(first[0].code, 201);
        append(&path, &rest[40..]);
        assert_eq!(log.take().unwrap(), []);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn subresources_and_paths_are_named() {
        let path = scratch("kinds");
        let mut log = ApiLog::from_now(&path, "ours").unwrap();
        let status = json!({"resource": "externalsecrets", "subresource": "status"});
        let token = json!({"resource": "serviceaccounts", "subresource": "token"});
        append(&path, &api("ours", "1", "ResponseComplete", "patch", &status));
        append(&path, &api("ours", "2", "ResponseComplete", "create", &token));
        append(&path, &api("ours", "3", "ResponseComplete", "get", &json!({})));
        let requests = log.take().unwrap();
        let kinds: Vec<_> = by_kind(&requests).into_keys().collect();
        assert_eq!(kinds, ["create serviceaccounts/token", "get /version", "patch externalsecrets/status"]);
        assert_eq!(requests.iter().filter(|request| request.writes()).count(), 1);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn reads_and_logins_of_vault_are_told_from_our_own_requests() {
        let path = scratch("vault");
        let mut log = VaultLog::from_now(&path).unwrap();
        for (number, (kind, who, operation, below)) in [
            ("request", "kubernetes-x", "read", "secret/data/bench/a"),
            ("response", "kubernetes-x", "read", "secret/data/bench/a"),
            ("response", "kubernetes-x", "read", "secret/data/bench/a"),
            ("response", "kubernetes-x", "update", "auth/kubernetes/login"),
            ("response", "root", "read", "secret/data/bench/a"),
        ]
        .into_iter()
        .enumerate()
        {
            let record = json!({
                "time": format!("2026-01-02T03:04:0{number}.678901234Z"), "type": kind, "auth": {"display_name": who},
                "request": {"operation": operation, "path": below, "id": "x"},
            });
            append(&path, &format!("{record}\n"));
        }
        let requests = log.take().unwrap();
        assert_eq!(requests.iter().filter(|request| request.logs_in()).count(), 1);
        let reads = reads_by_path(&requests);
        assert_eq!(reads.len(), 1);
        assert_eq!(reads["secret/data/bench/a"].len(), 2);
        let open: Vec<_> = requests.iter().map(|request| between(request.began, request.at)).collect();
        assert_eq!(open, [1.0, 0.0, 0.0]);
        fs::remove_file(path).unwrap();
    }
}
