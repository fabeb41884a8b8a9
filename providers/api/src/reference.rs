//! References from a store to Secrets, ConfigMaps and ServiceAccounts: the shared shapes of provider settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `SecretKeySelector` (spec eso-core 1.4): one key of one Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeySelector {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the Secret. Only a ClusterSecretStore may name one; without it, the namespace of the
    /// ExternalSecret is meant.
    #[schemars(length(min = 1, max = 63), regex(pattern = NAMESPACE))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Key in the Secret's data. Some settings have a default for it.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Upstream's name for [`SecretKeySelector`].
pub type SecretReference = SecretKeySelector;

/// `ServiceAccountSelector` (spec eso-core 1.4): one ServiceAccount, and for whom its token is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSelector {
    /// Name of the ServiceAccount.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Namespace of the ServiceAccount. Only a ClusterSecretStore may name one; without it, the namespace of
    /// the ExternalSecret is meant.
    #[schemars(length(min = 1, max = 63), regex(pattern = NAMESPACE))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `aud` claims of the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

/// Where a certificate authority is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CaProviderType {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// `CAProvider` (spec eso-core 1.4): a PEM bundle kept in a Secret or ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaProvider {
    /// The kind of object that holds the bundle.
    #[serde(rename = "type")]
    pub kind: CaProviderType,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Key in the object's data.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Namespace of the object. A ClusterSecretStore must name one, a SecretStore must not name another than
    /// its own.
    #[schemars(length(min = 1, max = 63), regex(pattern = NAMESPACE))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const NAMESPACE: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const KEY: &str = r"^[-._a-zA-Z0-9]+$";

/// True if `name` is a DNS-1123 subdomain of at most 253 bytes: the only names that may become part of an API
/// server path. Every reference is checked before it is resolved, because a stored object may be older than
/// the schema.
pub fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && !name.is_empty()
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(|byte| *byte != b'-')
                && bytes.last().is_some_and(|byte| *byte != b'-')
                && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
}

#[cfg(test)]
mod tests {
    use super::is_dns_name;

    #[test]
    fn only_dns_names_are_names() {
        for good in ["a", "a-b", "a.b-c.9"] {
            assert!(is_dns_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", ".", "..", "a/b", "A", "a%2e", &"a".repeat(254)] {
            assert!(!is_dns_name(bad), "{bad}");
        }
    }
}
