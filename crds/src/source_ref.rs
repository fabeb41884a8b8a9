//! Owns the references to the sources of data: stores and generators.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::GENERATOR_API_VERSION;
use crate::shapes::NAME;

/// A store by name and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreRef {
    /// Name of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: Option<String>,
    /// Kind of the store. Absent means SecretStore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<StoreRefKind>,
}

/// Kind of a store.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum StoreRefKind {
    /// A store of one namespace.
    #[default]
    SecretStore,
    /// A store of the whole cluster.
    ClusterSecretStore,
}

impl StoreRefKind {
    /// The kind as it is spelled in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretStore => "SecretStore",
            Self::ClusterSecretStore => "ClusterSecretStore",
        }
    }
}

impl fmt::Display for StoreRefKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where one entry of `data` or `dataFrom` draws from, in place of `spec.secretStoreRef`: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SourceRef {
    /// A store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<SecretStoreRef>,
    /// A generator; works in `dataFrom` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator by kind and name, in the namespace of the ExternalSecret or, for a ClusterGenerator, of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// API group and version of the generator.
    #[serde(default = "generator_api_version")]
    pub api_version: String,
    /// Kind of the generator.
    pub kind: GeneratorKind,
    /// Name of the generator.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
}

fn generator_api_version() -> String {
    GENERATOR_API_VERSION.to_owned()
}

/// Kinds that a `generatorRef` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(
    missing_docs,
    reason = "a variant is the kind of that name; the generator's own type says what it yields"
)]
pub enum GeneratorKind {
    #[serde(rename = "ACRAccessToken")]
    AcrAccessToken,
    BeyondtrustWorkloadCredentialsDynamicSecret,
    ClusterGenerator,
    CloudsmithAccessToken,
    #[serde(rename = "ECRAuthorizationToken")]
    EcrAuthorizationToken,
    Fake,
    #[serde(rename = "GCRAccessToken")]
    GcrAccessToken,
    GithubAccessToken,
    GitlabDeployToken,
    QuayAccessToken,
    Password,
    #[serde(rename = "SSHKey")]
    SshKey,
    #[serde(rename = "STSSessionToken")]
    StsSessionToken,
    #[serde(rename = "UUID")]
    Uuid,
    VaultDynamicSecret,
    Webhook,
    Grafana,
    #[serde(rename = "MFA")]
    Mfa,
    // Those of our own group.
    VaultStaticRole,
    VaultCertificate,
    VaultFolder,
    VaultRequest,
}

impl GeneratorKind {
    /// The kinds of our own group, [`OWN_GENERATOR_GROUP`](crate::names::OWN_GENERATOR_GROUP).
    pub const OWN: [Self; 4] =
        [Self::VaultStaticRole, Self::VaultCertificate, Self::VaultFolder, Self::VaultRequest];

    /// The kinds of upstream's group: its seventeen and ClusterGenerator.
    pub const UPSTREAM: [Self; 18] = [
        Self::AcrAccessToken,
        Self::BeyondtrustWorkloadCredentialsDynamicSecret,
        Self::ClusterGenerator,
        Self::CloudsmithAccessToken,
        Self::EcrAuthorizationToken,
        Self::Fake,
        Self::GcrAccessToken,
        Self::GithubAccessToken,
        Self::GitlabDeployToken,
        Self::QuayAccessToken,
        Self::Password,
        Self::SshKey,
        Self::StsSessionToken,
        Self::Uuid,
        Self::VaultDynamicSecret,
        Self::Webhook,
        Self::Grafana,
        Self::Mfa,
    ];

    /// The kind as it is spelled in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AcrAccessToken => "ACRAccessToken",
            Self::BeyondtrustWorkloadCredentialsDynamicSecret => {
                "BeyondtrustWorkloadCredentialsDynamicSecret"
            }
            Self::ClusterGenerator => "ClusterGenerator",
            Self::CloudsmithAccessToken => "CloudsmithAccessToken",
            Self::EcrAuthorizationToken => "ECRAuthorizationToken",
            Self::Fake => "Fake",
            Self::GcrAccessToken => "GCRAccessToken",
            Self::GithubAccessToken => "GithubAccessToken",
            Self::GitlabDeployToken => "GitlabDeployToken",
            Self::QuayAccessToken => "QuayAccessToken",
            Self::Password => "Password",
            Self::SshKey => "SSHKey",
            Self::StsSessionToken => "STSSessionToken",
            Self::Uuid => "UUID",
            Self::VaultDynamicSecret => "VaultDynamicSecret",
            Self::Webhook => "Webhook",
            Self::Grafana => "Grafana",
            Self::Mfa => "MFA",
            Self::VaultStaticRole => "VaultStaticRole",
            Self::VaultCertificate => "VaultCertificate",
            Self::VaultFolder => "VaultFolder",
            Self::VaultRequest => "VaultRequest",
        }
    }
}

impl fmt::Display for GeneratorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generator_kind_is_spelled_as_it_serialises() {
        for kind in GeneratorKind::UPSTREAM.into_iter().chain(GeneratorKind::OWN) {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_generator_ref_without_a_version_gets_upstreams() {
        let given: GeneratorRef = serde_json::from_str(r#"{"kind":"UUID","name":"u"}"#).unwrap();
        assert_eq!(given.api_version, "generators.external-secrets.io/v1alpha1");
        assert_eq!(given.kind, GeneratorKind::Uuid);
    }
}
