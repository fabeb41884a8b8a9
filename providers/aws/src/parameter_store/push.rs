//! Writes, deletes and looks for parameters, and heeds whose they are.

use serde::de::IgnoredAny;
use serde_json::json;
use strongroom_provider_api::{Deleted, RemoteKey, Result, SecretBytes, WriteRequest, Written};
use strongroom_provider_kit::aws::sent;

use super::{Parameter, ParameterStore};
use crate::document;
use crate::push::{ParameterSettings, ParameterType, TierType, unusable, wanted};
use crate::secrets_manager::present;
use crate::tags::Tags;

/// The key that encrypts where none is named.
const DEFAULT_KEY: &str = "alias/aws/ssm";

impl ParameterStore {
    /// There is no compare-and-set: of two who write one parameter at the same moment, one is lost.
    pub(crate) async fn written(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let settings = ParameterSettings::read(request.metadata.as_ref())?;
        let encoded = !settings.encode_as_decoded;
        let Some(found) = present(self.parameter("write", &key.key, None).await)? else {
            let value = wanted(&request.edit, None, encoded)?;
            self.put(&key.key, &settings, &value, false).await?;
            return Ok(Written::Created);
        };
        let tags = self.tags("write", &key.key).await?;
        tags.check_ours()?;
        let current = SecretBytes::from(found.value.as_str());
        let value = wanted(&request.edit, Some(&current), encoded)?;
        let is_same = value == current;
        if !is_same {
            self.put(&key.key, &settings, &value, true).await?;
        }
        let tagged = self.tag(&key.key, &tags, &settings).await?;
        Ok(if is_same && !tagged { Written::Unchanged } else { Written::Updated })
    }

    pub(crate) async fn deleted(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let Some(found) = present(self.parameter("delete", &key.key, None).await)? else {
            return Ok(Deleted::Absent);
        };
        if !self.tags("delete", &key.key).await?.are_ours() {
            return Ok(Deleted::Foreign);
        }
        if let Some(property) = property {
            let rest = document::without(&SecretBytes::from(found.value.as_str()), property);
            let Some(rest) = rest else { return Ok(Deleted::Absent) };
            if !document::is_empty(&rest) {
                let settings =
                    ParameterSettings { secret_type: kind(&found), ..ParameterSettings::default() };
                self.put(&key.key, &settings, &rest, true).await?;
                return Ok(Deleted::Removed);
            }
        }
        let body = sent(&json!({ "Name": self.name(&key.key) }));
        let gone = self.ask::<IgnoredAny>("delete", "DeleteParameter", &body).await;
        Ok(if present(gone)?.is_some() { Deleted::Removed } else { Deleted::Absent })
    }

    pub(crate) async fn holds(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let Some(found) = present(self.parameter("look for", &key.key, None).await)? else {
            return Ok(false);
        };
        let current = SecretBytes::from(found.value.as_str());
        Ok(property.is_none_or(|property| document::property(&current, property).is_some()))
    }

    /// Tags can be given to a new parameter only.
    async fn put(
        &self,
        key: &str,
        settings: &ParameterSettings,
        value: &SecretBytes,
        is_there: bool,
    ) -> Result<()> {
        let text = value.expose_str();
        let text =
            text.ok_or_else(|| unusable("the value is not UTF-8 text, and parameters hold text".to_owned()))?;
        let mut body = json!({
            "Name": self.name(key),
            "Value": text,
            "Type": settings.secret_type.as_str(),
            "Overwrite": is_there,
        });
        if let Some(body) = body.as_object_mut() {
            let mut set = |field: &str, value| body.insert(field.to_owned(), value);
            if !is_there {
                set("Tags", Tags::marked(&settings.tags.clone().unwrap_or_default()));
            }
            if let Some(description) = &settings.description {
                set("Description", description.as_str().into());
            }
            if settings.secret_type == ParameterType::SecureString {
                set("KeyId", settings.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY).into());
            }
            if settings.tier.kind == Some(TierType::Advanced) {
                set("Tier", "Advanced".into());
                if let Some(policies) = &settings.tier.policies {
                    set("Policies", policies.to_string().into());
                }
            }
        }
        let _: IgnoredAny = self.ask("write", "PutParameter", &sent(&body)).await?;
        Ok(())
    }

    /// Makes the tags those of the metadata, if it names any. True if there was something to do.
    async fn tag(&self, key: &str, found: &Tags, settings: &ParameterSettings) -> Result<bool> {
        let Some(tags) = &settings.tags else { return Ok(false) };
        let (set, gone) = found.difference(tags);
        let (kind, id) = ("Parameter", self.name(key));
        if !gone.is_empty() {
            let body = sent(&json!({ "ResourceType": kind, "ResourceId": id, "TagKeys": gone }));
            let _: IgnoredAny = self.ask("write", "RemoveTagsFromResource", &body).await?;
        }
        if !set.0.is_empty() {
            let body = sent(&json!({ "ResourceType": kind, "ResourceId": id, "Tags": set.listed() }));
            let _: IgnoredAny = self.ask("write", "AddTagsToResource", &body).await?;
        }
        Ok(!gone.is_empty() || !set.0.is_empty())
    }
}

/// As which type the parameter is kept now.
fn kind(found: &Parameter) -> ParameterType {
    match found.kind.as_deref() {
        Some("SecureString") => ParameterType::SecureString,
        Some("StringList") => ParameterType::StringList,
        Some(_) | None => ParameterType::String,
    }
}
