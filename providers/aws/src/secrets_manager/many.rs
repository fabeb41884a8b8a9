//! Many secrets in one call (BatchGetSecretValue): a right of its own, which a policy may not give.

use serde::Deserialize;
use serde_json::json;
use strongroom_provider_api::{Aspect, Error, ErrorKind, Payload, RemoteKey, Result};
use strongroom_provider_kit::aws::sent;

use super::{CURRENT, Held, SecretsManager};

/// The most that AWS takes.
const MOST: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    secret_values: Vec<Value>,
    #[serde(default)]
    errors: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    name: String,
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(flatten)]
    held: Held,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    secret_id: Option<String>,
    error_code: Option<String>,
}

impl SecretsManager {
    /// Only current values are given in one call.
    pub(crate) fn batch_size(key: &RemoteKey) -> usize {
        let version = key.version.as_deref().filter(|version| !version.is_empty());
        let is_current = version.is_none_or(|version| version == CURRENT);
        if key.aspect == Aspect::Value && is_current { MOST } else { 1 }
    }

    /// What is stored under each of `keys`; `None` where AWS does not tell.
    pub(crate) async fn read_many(&self, keys: &[RemoteKey]) -> Result<Vec<Option<Result<Payload>>>> {
        let ids: Vec<_> = keys.iter().map(|key| self.id(&key.key)).collect();
        let batch: Batch =
            self.ask("read", "BatchGetSecretValue", &sent(&json!({ "SecretIdList": ids }))).await?;
        Ok(ids.iter().map(|id| batch.outcome(id)).collect())
    }
}

impl Batch {
    fn outcome(&self, id: &str) -> Option<Result<Payload>> {
        if let Some(value) = self.secret_values.iter().find(|value| value.name == id || value.arn == id) {
            return Some(value.held.payload("read"));
        }
        let refused = self.errors.iter().find(|refused| refused.secret_id.as_deref() == Some(id))?;
        // Of all others, a call for the secret alone says more.
        let (kind, message) = match refused.error_code.as_deref()? {
            "ResourceNotFoundException" => (ErrorKind::NotFound, "Secret does not exist"),
            "AccessDeniedException" => (
                ErrorKind::PermissionDenied,
                "Secrets Manager answered BatchGetSecretValue with AccessDeniedException for it",
            ),
            _ => return None,
        };
        Some(Err(Error::new(kind, "read", message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_has_its_own_outcome_and_the_rest_is_read_alone() {
        let batch: Batch = serde_json::from_value(json!({
            "SecretValues": [
                { "Name": "a", "ARN": "arn:a", "SecretString": "x", "VersionId": "1" },
                { "Name": "b", "ARN": "arn:b", "SecretBinary": "AAE=", "VersionId": "2" },
            ],
            "Errors": [
                { "SecretId": "gone", "ErrorCode": "ResourceNotFoundException", "Message": "canary" },
                { "SecretId": "theirs", "ErrorCode": "AccessDeniedException", "Message": "canary" },
                { "SecretId": "deleted", "ErrorCode": "InvalidRequestException", "Message": "canary" },
            ],
        }))
        .unwrap();
        assert_eq!(batch.outcome("a").unwrap().unwrap(), Payload::bytes("x").with_version("1"));
        assert_eq!(batch.outcome("arn:b").unwrap().unwrap(), Payload::bytes(vec![0, 1]).with_version("2"));
        for (id, kind) in [("gone", ErrorKind::NotFound), ("theirs", ErrorKind::PermissionDenied)] {
            let error = batch.outcome(id).unwrap().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        assert!(batch.outcome("deleted").is_none() && batch.outcome("untold").is_none());
    }

    #[test]
    fn only_current_values_are_read_together() {
        let key = RemoteKey::latest("a");
        assert_eq!(SecretsManager::batch_size(&key), MOST);
        assert_eq!(SecretsManager::batch_size(&key.clone().at_version("AWSPREVIOUS")), 1);
        assert_eq!(SecretsManager::batch_size(&RemoteKey { aspect: Aspect::Metadata, ..key }), 1);
    }
}
