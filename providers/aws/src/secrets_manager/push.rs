//! Writes, deletes and looks for secrets, and heeds whose they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Content, Deleted, ErrorKind, Payload, RemoteKey, Result, SecretBytes, WriteRequest, Written,
};
use strongroom_provider_kit::aws::sent;

use super::{Described, SecretsManager};
use crate::document;
use crate::push::{PushFormat, SecretSettings, unusable, wanted};
use crate::tags::Tags;

/// The version of a secret that we make: the same in every attempt, so that one whose answer got lost can be made again.
const FIRST_VERSION: &str = "00000000-0000-0000-0000-000000000001";

const DESCRIPTION: &str = "secret 'managed-by:external-secrets'";

impl SecretsManager {
    /// There is no compare-and-set: of two who write one secret at the same moment, one is lost.
    pub(crate) async fn written(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let settings = SecretSettings::read(request.metadata.as_ref())?;
        let Some(found) = present(self.described("write", &key.key).await)? else {
            let value = wanted(&request.edit, None, false)?;
            self.create(&key.key, &settings, &value).await?;
            return Ok(Written::Created);
        };
        found.tags.check_ours()?;
        let was_deleted = found.deleted_date.is_some();
        if was_deleted {
            let body = sent(&json!({ "SecretId": found.arn }));
            let _: IgnoredAny = self.ask("write", "RestoreSecret", &body).await?;
        }
        let tagged = self.tag(&found, &settings).await?;
        let has_versions = found.version_ids_to_stages.as_ref().is_some_and(|versions| !versions.is_empty());
        let current = if has_versions { self.current("write", &key.key).await? } else { None };
        let base = current.as_ref().filter(|_| !was_deleted);
        let value = wanted(&request.edit, base, false)?;
        let same = current.as_ref() == Some(&value);
        if !same {
            let token = if has_versions { self.version()? } else { FIRST_VERSION.to_owned() };
            self.put(&found.arn, settings.secret_push_format, &value, &token).await?;
        }
        Ok(match (was_deleted || current.is_none(), same && !tagged) {
            (true, _) => Written::Created,
            (false, true) => Written::Unchanged,
            (false, false) => Written::Updated,
        })
    }

    pub(crate) async fn deleted(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let found = present(self.described("delete", &key.key).await)?;
        let Some(found) = found.filter(|found| found.deleted_date.is_none()) else {
            return Ok(Deleted::Absent);
        };
        if !found.tags.are_ours() {
            return Ok(Deleted::Foreign);
        }
        if let Some(property) = property {
            let current = self.current("delete", &key.key).await?;
            let rest = current.as_ref().and_then(|current| document::without(current, property));
            let Some(rest) = rest else { return Ok(Deleted::Absent) };
            if !document::is_empty(&rest) {
                let format = self.format(&key.key).await?;
                self.put(&found.arn, format, &rest, &self.version()?).await?;
                return Ok(Deleted::Removed);
            }
        }
        self.remove(&found).await?;
        Ok(Deleted::Removed)
    }

    pub(crate) async fn holds(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let Some(current) = self.current("look for", &key.key).await? else { return Ok(false) };
        Ok(property.is_none_or(|property| document::property(&current, property).is_some()))
    }

    async fn current(&self, operation: &'static str, key: &str) -> Result<Option<SecretBytes>> {
        Ok(present(self.value(operation, key, None).await)?.and_then(bytes))
    }

    /// In which form the secret is kept now.
    async fn format(&self, key: &str) -> Result<PushFormat> {
        let body = sent(&json!({ "SecretId": self.id(key) }));
        let held: super::Held = self.ask("delete", "GetSecretValue", &body).await?;
        Ok(if held.secret_string.is_some() { PushFormat::String } else { PushFormat::Binary })
    }

    async fn create(&self, key: &str, settings: &SecretSettings, value: &SecretBytes) -> Result<()> {
        let mut body = json!({
            "Name": self.id(key),
            "ClientRequestToken": FIRST_VERSION,
            "Tags": Tags::marked(&settings.tags.clone().unwrap_or_default()),
            "Description": settings.description.as_deref().unwrap_or(DESCRIPTION),
        });
        if let (Some(kms), Some(body)) = (&settings.kms_key_id, body.as_object_mut()) {
            body.insert("KmsKeyId".to_owned(), kms.as_str().into());
        }
        let body = with_value(body, settings.secret_push_format, value)?;
        let _: IgnoredAny = self.ask("write", "CreateSecret", &body).await?;
        Ok(())
    }

    async fn put(&self, arn: &str, format: PushFormat, value: &SecretBytes, token: &str) -> Result<()> {
        let body = with_value(json!({ "SecretId": arn, "ClientRequestToken": token }), format, value)?;
        let _: IgnoredAny = self.ask("write", "PutSecretValue", &body).await?;
        Ok(())
    }

    /// Makes the tags those of the metadata, if it names any. True if there was something to do.
    async fn tag(&self, found: &Described, settings: &SecretSettings) -> Result<bool> {
        let Some(tags) = &settings.tags else { return Ok(false) };
        let (set, gone) = found.tags.difference(tags);
        if !gone.is_empty() {
            let body = sent(&json!({ "SecretId": found.arn, "TagKeys": gone }));
            let _: IgnoredAny = self.ask("write", "UntagResource", &body).await?;
        }
        if !set.0.is_empty() {
            let body = sent(&json!({ "SecretId": found.arn, "Tags": set.listed() }));
            let _: IgnoredAny = self.ask("write", "TagResource", &body).await?;
        }
        Ok(!gone.is_empty() || !set.0.is_empty())
    }

    async fn remove(&self, found: &Described) -> Result<()> {
        let replicas = found.replication_status.iter().flatten();
        let regions: Vec<_> = replicas.map(|replica| replica.region.as_str()).collect();
        if !regions.is_empty() {
            let body = sent(&json!({ "SecretId": found.arn, "RemoveReplicaRegions": regions }));
            let _: IgnoredAny = self.ask("delete", "RemoveRegionsFromReplication", &body).await?;
        }
        let body = match self.deletion.recovery_window_in_days {
            _ if self.deletion.force_delete_without_recovery => {
                json!({ "SecretId": found.arn, "ForceDeleteWithoutRecovery": true })
            }
            0 => json!({ "SecretId": found.arn }),
            days => json!({ "SecretId": found.arn, "RecoveryWindowInDays": days }),
        };
        let _: IgnoredAny = self.ask("delete", "DeleteSecret", &sent(&body)).await?;
        Ok(())
    }

    /// A name for a new version.
    fn version(&self) -> Result<String> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes)?;
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let cut = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        Ok([cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-"))
    }
}

/// `outcome`, or `None` where the service says that there is nothing.
pub(crate) fn present<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn bytes(payload: Payload) -> Option<SecretBytes> {
    match payload.content {
        Content::Bytes(bytes) => Some(bytes),
        Content::Fields(_) => None,
    }
}

/// `body` with the value in the form that is asked for.
fn with_value(mut body: Value, format: PushFormat, value: &SecretBytes) -> Result<SecretBytes> {
    let (field, text) = match format {
        PushFormat::Binary => ("SecretBinary", STANDARD.encode(value.expose())),
        PushFormat::String => {
            let text = value.expose_str();
            let message = "secretPushFormat is string, and the value is not UTF-8 text";
            ("SecretString", text.ok_or_else(|| unusable(message.to_owned()))?.to_owned())
        }
    };
    if let Some(body) = body.as_object_mut() {
        body.insert(field.to_owned(), text.into());
    }
    Ok(sent(&body))
}
