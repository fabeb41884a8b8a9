//! The settings under `spec.provider.aws` (spec eso-providers C.1).

mod auth;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use strongroom_provider_api::Violation;
use strongroom_provider_kit::aws::is_region;

pub use auth::{AwsAuth, AwsJwt, ControllerIdentity};
pub(crate) use auth::{LOGIN_METHODS, login_method, violations as auth_violations};
pub use strongroom_provider_kit::aws::AwsSecretRef;

/// Settings of an AWS store.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsConfig {
    /// Which of AWS's services holds the secrets.
    pub service: AwsService,
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// How to log in. The controller's own AWS identity is used only where it is asked for and lent.
    pub auth: Option<AwsAuth>,
    /// ARN of the role that is assumed after the login.
    pub role: Option<String>,
    /// ARNs of roles that are assumed, one after the other, before `role`.
    #[serde(default)]
    pub additional_roles: Vec<String>,
    /// External ID that is shown when `role` is assumed.
    #[serde(rename = "externalID")]
    pub external_id: Option<String>,
    /// Session tags that are given when `role` is assumed.
    #[serde(default)]
    pub session_tags: Vec<SessionTag>,
    /// Keys of the session tags that go on to further roles.
    #[serde(default)]
    pub transitive_tag_keys: Vec<String>,
    /// Session tags that say who reads. Only `None` is supported.
    pub session_tags_policy: Option<SessionTagsPolicy>,
    /// Session tags for the policy `Custom`. Not supported.
    #[serde(default)]
    pub custom_session_tags: BTreeMap<String, String>,
    /// Stands before every remote key.
    pub prefix: Option<String>,
    /// How Secrets Manager deletes.
    pub secrets_manager: Option<SecretsManagerSettings>,
}

/// Which of AWS's services holds the secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AwsService {
    /// AWS Secrets Manager.
    SecretsManager,
    /// The Parameter Store of AWS Systems Manager.
    ParameterStore,
    /// AWS Certificate Manager; not built in.
    CertificateManager,
}

/// One session tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionTag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Which session tags say who reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionTagsPolicy {
    /// None beside `sessionTags`.
    #[default]
    None,
    /// Namespace, store and kind of store.
    Simple,
    /// Those, and tags of one's own.
    Custom,
}

/// How Secrets Manager deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsManagerSettings {
    /// Deletes for good at once.
    #[serde(default)]
    pub force_delete_without_recovery: bool,
    /// Days, 7 to 30, in which a deleted secret can be restored; 0 is the service's own choice (30).
    #[serde(default)]
    pub recovery_window_in_days: i64,
}

macro_rules! named_schema {
    ($type:ident, $($name:literal),+) => {
        /// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": [$($name),+] })
            }
        }
    };
}

named_schema!(AwsService, "SecretsManager", "ParameterStore", "CertificateManager");
named_schema!(SessionTagsPolicy, "None", "Simple", "Custom");

impl AwsConfig {
    /// Faults that can be seen from the settings alone.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.service == AwsService::CertificateManager {
            found.push(Violation::new("service", "CertificateManager is not built in"));
        }
        found.extend(region_violation(&self.region));
        found.extend(auth_violations(self.auth.as_ref()));
        if self.session_tags_policy.unwrap_or_default() != SessionTagsPolicy::None {
            found.push(Violation::new("sessionTagsPolicy", "Simple and Custom are not supported"));
        }
        found.extend(self.secrets_manager.and_then(SecretsManagerSettings::violation));
        found
    }

    /// What stands before every remote key.
    pub(crate) fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

impl SecretsManagerSettings {
    fn violation(self) -> Option<Violation> {
        let message = match self.recovery_window_in_days {
            7..=30 if self.force_delete_without_recovery => "cannot go with forceDeleteWithoutRecovery",
            0 | 7..=30 => return None,
            _ => "must be 0, or 7 to 30",
        };
        Some(Violation::new("secretsManager.recoveryWindowInDays", message))
    }
}

/// Why `region` is none, if so.
pub(crate) fn region_violation(region: &str) -> Option<Violation> {
    (!is_region(region))
        .then(|| Violation::new("region", "must be the name of a region, for example eu-central-1"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(extra: &Value) -> Vec<String> {
        let mut settings = json!({
            "service": "SecretsManager",
            "region": "eu-central-1",
            "auth": { "jwt": { "serviceAccountRef": { "name": "app" } } },
        });
        for (name, value) in extra.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let config: AwsConfig = serde_json::from_value(settings).unwrap();
        config.violations().into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn faults_name_their_fields() {
        assert_eq!(faults(&json!({})), Vec::<String>::new());
        for (extra, field) in [
            (json!({ "region": "" }), "region"),
            (json!({ "region": "x.example.com/" }), "region"),
            (json!({ "service": "CertificateManager" }), "service"),
            (json!({ "auth": null }), "auth"),
            (json!({ "auth": {} }), "auth"),
            (json!({ "auth": { "jwt": {} } }), "auth.jwt"),
            (json!({ "sessionTagsPolicy": "Simple" }), "sessionTagsPolicy"),
            (
                json!({ "secretsManager": { "recoveryWindowInDays": 6 } }),
                "secretsManager.recoveryWindowInDays",
            ),
        ] {
            assert_eq!(faults(&extra), [field], "{extra}");
        }
        let both = json!({ "forceDeleteWithoutRecovery": true, "recoveryWindowInDays": 7 });
        assert_eq!(faults(&json!({ "secretsManager": both })), ["secretsManager.recoveryWindowInDays"]);
        let half = json!({ "secretRef": { "accessKeyIDSecretRef": { "name": "k", "key": "id" } } });
        assert_eq!(faults(&json!({ "auth": half })), ["auth.secretRef.secretAccessKeySecretRef"]);
    }
}
