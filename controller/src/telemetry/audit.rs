//! The audit trail: one JSON line for each write of a target; names, versions and the beginning of a hash, and never a
//! value.

use std::convert::Infallible;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// What every line begins with, so that it is known among other lines: a name and a version of its fields.
const MARK: &str = "strongroom.dev/v1";
/// How much of a hash is told: enough to tell two contents apart.
const HASH_PREFIX: usize = 8;

/// Where the trail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditLog {
    /// Nowhere.
    Off,
    /// To standard output; the log goes to standard error.
    Stdout,
    /// To the end of this file.
    File(PathBuf),
}

impl FromStr for AuditLog {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" | "off" => Self::Off,
            "stdout" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

/// The open trail.
#[derive(Default)]
pub struct Audit(Option<Mutex<Box<dyn Write + Send>>>);

/// One write of a target.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was reported.
    pub time: Timestamp,
    /// What was done.
    pub action: Action,
    /// Whether it was.
    pub outcome: Outcome,
    /// Why not; a reason of conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// On whose behalf: the ExternalSecret.
    pub object: Object,
    /// What was written.
    pub target: Target,
    /// The names of what the target holds by our doing.
    pub keys: Vec<String>,
    /// What was read for it.
    pub reads: Vec<Read>,
    /// Kinds and names of the generators that made some of it.
    pub generators: Vec<String>,
}

/// What was done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is new.
    Created,
    /// It was different.
    Updated,
    /// It is gone.
    Deleted,
    /// It was to be written, and nobody knows whether it was.
    Write,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The API server says so.
    Success,
    /// It refused, or did not answer.
    Failure,
}

/// An object by name and identity.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// A target as it is after the write.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `Secret`, or the kind of a generic target.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its version, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The beginning of the hash that its data-hash annotation holds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "prefix")]
    pub data_hash: Option<String>,
}

/// What was read from a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Read {
    /// Kind of the store.
    pub kind: &'static str,
    /// Namespace of the store; empty for a ClusterSecretStore.
    pub namespace: String,
    /// Name of the store.
    pub store: String,
    /// The remote key.
    pub key: String,
    /// Its version, where the service numbers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the service calls the request that read it, where it says so. Objects that shared a read name the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// A line: the mark, then the entry.
#[derive(Serialize)]
struct Line<'e> {
    audit: &'static str,
    #[serde(flatten)]
    entry: &'e Entry,
}

impl Audit {
    /// Opens the trail.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(log: &AuditLog) -> io::Result<Self> {
        let sink: Box<dyn Write + Send> = match log {
            AuditLog::Off => return Ok(Self::default()),
            AuditLog::Stdout => Box::new(io::stdout()),
            AuditLog::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        Ok(Self(Some(Mutex::new(sink))))
    }

    /// Whether anybody reads it: if not, entries need not be made.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a line. One that cannot be written is told in the log.
    pub fn record(&self, entry: &Entry) {
        let Some(sink) = &self.0 else { return };
        let Ok(mut line) = serde_json::to_vec(&Line { audit: MARK, entry }) else { return };
        line.push(b'\n');
        // In one piece: lines of others may come between two writes.
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = sink.write_all(&line).and_then(|()| sink.flush()) {
            let Object { namespace, name, .. } = &entry.object;
            tracing::error!(object = %format_args!("{namespace}/{name}"), %error, "a line of the audit trail is lost");
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("on", &self.is_on()).finish()
    }
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn prefix<S: serde::Serializer>(hash: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let prefix = hash.as_deref().map(|hash| hash.get(..HASH_PREFIX).unwrap_or(hash));
    prefix.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn entry() -> Entry {
        Entry {
            time: Timestamp::constant(1_767_225_600, 0),
            action: Action::Created,
            outcome: Outcome::Success,
            reason: None,
            object: Object { namespace: "ns".to_owned(), name: "es".to_owned(), uid: "1".to_owned() },
            target: Target {
                kind: "Secret".to_owned(),
                namespace: "ns".to_owned(),
                name: "app".to_owned(),
                uid: Some("2".to_owned()),
                resource_version: Some("77".to_owned()),
                data_hash: Some("0123456789abcdef".to_owned()),
            },
            keys: vec!["user".to_owned()],
            reads: vec![Read {
                kind: "SecretStore",
                namespace: "ns".to_owned(),
                store: "vault".to_owned(),
                key: "app\n/db".to_owned(),
                version: Some("3".to_owned()),
                request: None,
            }],
            generators: Vec::new(),
        }
    }

    #[test]
    fn an_entry_is_one_line_with_the_mark_and_the_beginning_of_the_hash() {
        let sink = Shared::default();
        let audit = Audit(Some(Mutex::new(Box::new(sink.clone()))));
        audit.record(&entry());
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        let wanted = json!({
            "audit": "strongroom.dev/v1", "time": "2026-01-01T00:00:00Z", "action": "created", "outcome": "success",
            "object": { "namespace": "ns", "name": "es", "uid": "1" },
            "target": { "kind": "Secret", "namespace": "ns", "name": "app", "uid": "2", "resourceVersion": "77",
                "dataHash": "01234567" },
            "keys": ["user"],
            "reads": [{ "kind": "SecretStore", "namespace": "ns", "store": "vault", "key": "app\n/db", "version": "3" }],
            "generators": [],
        });
        assert_eq!(line, wanted);
    }

    #[test]
    fn off_is_the_absence_of_a_trail() {
        assert_eq!("off".parse(), Ok(AuditLog::Off));
        assert_eq!("stdout".parse(), Ok(AuditLog::Stdout));
        assert_eq!("/var/log/audit".parse(), Ok(AuditLog::File("/var/log/audit".into())));
        let audit = Audit::open(&AuditLog::Off).unwrap();
        assert!(!audit.is_on());
        audit.record(&entry());
    }
}
