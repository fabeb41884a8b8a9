//! The settings under `spec.provider.vault` (spec eso-providers B.1).

mod auth;
mod check;
mod open_bao;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{CaProvider, SecretKeySelector};

pub(crate) use auth::{
    AppRole, Auth, Cert, Gcp, Iam, Jwt, Kubernetes, LOGIN_METHODS, Ldap, UserPass, login_method,
};
pub(crate) use check::{call_faults, store_violations, violations};
pub use open_bao::{OpenBaoAuth, OpenBaoConfig};

/// Settings of a HashiCorp Vault or OpenBao store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultConfig {
    /// Address of the server, for example `https://vault.example.com:8200`.
    pub server: String,
    /// Mount path of the KV engine; may have several segments. A remote key may repeat it.
    pub path: Option<String>,
    /// Version of the KV engine.
    #[serde(default)]
    pub version: KvVersion,
    /// Namespace that secrets are read in.
    pub namespace: Option<String>,
    /// How to log in. Without it requests carry no token, for use behind a proxy that adds one.
    pub auth: Option<Auth>,
    /// Headers added to every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// PEM bundle, base64-encoded, that replaces the system's certificate authorities.
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// Where the PEM bundle is kept, if it is not written here.
    pub ca_provider: Option<CaProvider>,
    /// Client certificate shown to the server.
    pub tls: Option<ClientTls>,
    /// Make reads see what this client wrote before (replays `X-Vault-Index`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_your_writes: bool,
    /// Let a node that lags behind forward reads to the active node; needs `readYourWrites`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forward_inconsistent: bool,
    /// Compare-and-set for pushed secrets.
    pub check_and_set: Option<CheckAndSet>,
}

/// Version of the KV engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvVersion {
    /// No versions, no metadata.
    #[serde(rename = "v1")]
    V1,
    /// Versions and metadata.
    #[default]
    #[serde(rename = "v2")]
    V2,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for KvVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KvVersion".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["v1", "v2"] })
    }
}

/// A client certificate in Secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// The certificate; default key `tls.crt`.
    pub cert_secret_ref: Option<SecretKeySelector>,
    /// Its private key; default key `tls.key`.
    pub key_secret_ref: Option<SecretKeySelector>,
}

/// Compare-and-set for pushed secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckAndSet {
    /// Every write names the version that it replaces. Only with version v2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}
