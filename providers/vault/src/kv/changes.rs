//! How Vault tells of changes: by an entry's metadata, which holds no value, and by its event stream.

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use strongroom_provider_api::{Changes, Error, ErrorKind, Notice, Result, Version};

use super::{VaultClient, invalid, parsed};
use crate::api::Query;
use crate::config::KvVersion;

#[derive(Deserialize)]
struct Body {
    data: Option<Metadata>,
}

/// What Vault keeps of an entry, without the versions that are not read.
#[derive(Deserialize)]
struct Metadata {
    created_time: Option<String>,
    updated_time: Option<String>,
    current_version: Option<u64>,
    /// Sorted, so that two answers with the same content look the same.
    #[serde(rename = "custom_metadata")]
    custom: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    versions: BTreeMap<String, Kept>,
}

/// What Vault keeps of a version.
#[derive(Deserialize)]
struct Kept {
    created_time: Option<String>,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

#[async_trait]
impl Changes for VaultClient {
    fn place(&self, key: &str) -> Option<String> {
        Some(self.layout.entry(key).ok()?.data_path(self.layout.version))
    }

    fn folder(&self, path: Option<&str>) -> Option<String> {
        let path = self.layout.folder(path).ok()?.data_path(self.layout.version);
        Some(format!("{}/", path.trim_end_matches('/')))
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        if self.layout.version == KvVersion::V1 {
            let message = "KV version 1 keeps no metadata";
            return Err(Error::new(ErrorKind::Unsupported, "look at", message));
        }
        let at = self.layout.entry(key);
        let at = at.map_err(|fault| Error::new(ErrorKind::InvalidPayload, "look at", fault).with_key(key))?;
        let answer = self.caller.fetch(&Query::Metadata { at }).await.map_err(|error| error.with_key(key))?;
        if answer.status == 404 {
            // Whether that is said with authority is for the read that may follow.
            return Ok(None);
        }
        let body: Body = parsed(&answer.body)?;
        let metadata = body.data.ok_or_else(|| invalid("failed to find data field"))?;
        Ok(Some(version(&metadata, self.caller.api.clock.now())))
    }

    fn notices(&self) -> BoxStream<'_, Result<Notice>> {
        super::events::notices(self)
    }
}

/// The state at the time `now`: a version may have been given an end in advance.
fn version(metadata: &Metadata, now: Timestamp) -> Version {
    let number = metadata.current_version.unwrap_or_default();
    let current = metadata.versions.get(&number.to_string());
    let deletion = current.map(|kept| kept.deletion_time.as_str()).and_then(time);
    let deleted = deletion.is_some_and(|deletion| deletion <= now);
    let created = current.and_then(|kept| kept.created_time.as_deref());
    let destroyed = current.is_some_and(|kept| kept.destroyed);
    let custom = serde_json::to_vec(&metadata.custom).unwrap_or_default();
    // Users may have written anything there.
    let custom = STANDARD_NO_PAD.encode(digest(&SHA256, &custom));
    let first = metadata.created_time.as_deref().unwrap_or_default();
    let mark = format!("{number} {} {deleted} {destroyed} {first} {custom}", created.unwrap_or_default());
    let times = [created.and_then(time), metadata.updated_time.as_deref().and_then(time)];
    let since = times.into_iter().chain([deletion.filter(|_| deleted)]).flatten().max();
    Version { mark, since }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn told(body: &str) -> Version {
        let body: Body = serde_json::from_str(body).unwrap();
        version(&body.data.unwrap(), NOW.parse().unwrap())
    }

    fn body(edit: &[(&str, &str)]) -> String {
        let mut body =
            r#"{"data":{"created_time":"2026-01-01T01:00:00Z","updated_time":"2026-01-01T02:00:00Z",
            "current_version":2,"custom_metadata":{"owner":"canary","a":"b"},"cas_required":false,
            "versions":{"1":{"created_time":"2026-01-01T01:00:00Z","deletion_time":"","destroyed":false},
                        "2":{"created_time":"2026-01-01T02:00:00Z","deletion_time":"","destroyed":false}}}}"#
                .to_owned();
        for (from, to) in edit {
            assert!(body.contains(from), "{from}");
            body = body.replacen(from, to, 1);
        }
        body
    }

    #[test]
    fn whatever_changes_what_is_read_changes_the_mark() {
        let before = told(&body(&[]));
        assert_eq!(before, told(&body(&[])));
        assert_eq!(before.since, "2026-01-01T02:00:00Z".parse().ok());
        let of_two = r#""2":{"created_time":"2026-01-01T02:00:00Z","deletion_time":"""#;
        let past = of_two.replace(r#""deletion_time":"""#, r#""deletion_time":"2026-01-01T11:00:00Z""#);
        let to_come = of_two.replace(r#""deletion_time":"""#, r#""deletion_time":"2026-01-01T13:00:00Z""#);
        for edit in [
            &[("\"current_version\":2", "\"current_version\":1")][..],
            &[(of_two, past.as_str())],
            &[("\"destroyed\":false}}}", "\"destroyed\":true}}}")],
            &[("\"owner\":\"canary\"", "\"owner\":\"b\"")],
            &[("{\"data\":{\"created_time\":\"2026-01-01T01", "{\"data\":{\"created_time\":\"2026-01-01T03")],
        ] {
            assert_ne!(told(&body(edit)).mark, before.mark, "{edit:?}");
        }
        assert_eq!(told(&body(&[(of_two, &past)])).since, "2026-01-01T11:00:00Z".parse().ok());
        let unchanged = [(of_two, to_come.as_str())];
        assert_eq!(told(&body(&unchanged)).mark, before.mark, "an end to come is no change yet");
        let order = [("{\"owner\":\"canary\",\"a\":\"b\"}", "{\"a\":\"b\",\"owner\":\"canary\"}")];
        assert_eq!(told(&body(&order)).mark, before.mark, "nor is another order");
        assert!(!before.mark.contains("canary"));
    }
}
