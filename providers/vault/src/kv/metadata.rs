//! Metadata of an entry: what Vault keeps of it, overlaid by what users wrote (spec eso-providers B.4, F 9-12).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{Error, ErrorKind, Payload, RemoteKey, Result};

use super::{VaultClient, invalid, parsed};
use crate::api::Query;
use crate::config::KvVersion;
use crate::path::Location;

/// The members that matter. Looser than vaultrs' type, whose texts may not be `null`.
#[derive(Deserialize)]
struct Body {
    data: Option<Known>,
}

#[derive(Deserialize)]
pub(super) struct Known {
    created_time: Option<Value>,
    pub(super) current_version: Option<Value>,
    delete_version_after: Option<Value>,
    pub(super) custom_metadata: Option<BTreeMap<String, Value>>,
}

impl VaultClient {
    /// The metadata as the text of a JSON object of strings.
    pub(super) async fn metadata(&self, key: &RemoteKey) -> Result<Payload> {
        if self.layout.version == KvVersion::V1 {
            let message = "cannot perform metadata fetch operations with kv version v1";
            return Err(Error::new(ErrorKind::Unsupported, "read", message));
        }
        let at = self.layout.described_entry(&key.key).map_err(|fault| invalid(&fault))?;
        // Not `NotFound`: upstream never deletes for missing metadata (spec eso-providers B.4).
        let found = self.metadata_at(&at, "read").await?.ok_or_else(|| invalid("secret not found"))?;
        let text = serde_json::to_string(&found).map_err(|_| invalid("the metadata cannot be printed"))?;
        Ok(Payload::bytes(text))
    }

    /// The metadata at `at`; `None` where there is no such entry.
    pub(super) async fn metadata_at(
        &self,
        at: &Location,
        operation: &'static str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        Ok(self.known_at(at, operation).await?.map(merged))
    }

    /// What Vault keeps of the entry at `at`; `None` where there is no such entry.
    pub(super) async fn known_at(&self, at: &Location, operation: &'static str) -> Result<Option<Known>> {
        let answer = self.caller.fetch(&Query::Metadata { at: at.clone() }).await?;
        if answer.status == 404 {
            self.caller.confirm_absence(&answer.body, at, KvVersion::V2, operation).await?;
            return Ok(None);
        }
        known(&answer.body).map(Some)
    }
}

fn known(body: &[u8]) -> Result<Known> {
    let body: Body = parsed(body)?;
    body.data.ok_or_else(|| invalid("failed to find data field"))
}

fn merged(known: Known) -> BTreeMap<String, String> {
    let system = [
        ("created_time", known.created_time),
        ("current_version", known.current_version),
        ("delete_version_after", known.delete_version_after),
    ];
    let mut merged: BTreeMap<String, String> =
        system.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))).collect();
    let custom = known.custom_metadata.unwrap_or_default();
    merged.extend(custom.into_iter().map(|(name, value)| (name, text(value))));
    merged
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> String {
        serde_json::to_string(&merged(known(body.as_bytes()).unwrap())).unwrap()
    }

    #[test]
    fn custom_metadata_overlays_what_vault_keeps() {
        let body = r#"{"data":{"created_time":"t","current_version":2,"delete_version_after":"0s","versions":{},
            "custom_metadata":{"access_key":"access_key","created_time":"custom-time"}}}"#;
        let expected = r#"{"access_key":"access_key","created_time":"custom-time","current_version":"2","delete_version_after":"0s"}"#;
        assert_eq!(json(body), expected);
    }

    #[test]
    fn null_members_are_left_out() {
        let body = r#"{"data":{"created_time":"t","current_version":2,"delete_version_after":null,
            "custom_metadata":null}}"#;
        assert_eq!(json(body), r#"{"created_time":"t","current_version":"2"}"#);
    }
}
