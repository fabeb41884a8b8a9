//! The settings under `spec.provider.vault.auth` (spec eso-providers B.2).

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{SecretKeySelector, ServiceAccountSelector};
use strongroom_provider_kit::aws::AwsSecretRef;

/// How to log in. Where several methods are given, the first in this order is used: tokenSecretRef, appRole,
/// kubernetes, ldap, userPass, jwt, cert, iam, gcp.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Namespace of the login; default: the store's namespace.
    pub namespace: Option<String>,
    /// A token, used as it is.
    pub token_secret_ref: Option<SecretKeySelector>,
    /// Log in with an AppRole.
    pub app_role: Option<AppRole>,
    /// Log in with a ServiceAccount's token.
    pub kubernetes: Option<Kubernetes>,
    /// Log in with an LDAP user.
    pub ldap: Option<Ldap>,
    /// Log in with a user of Vault's own.
    pub user_pass: Option<UserPass>,
    /// Log in with a JWT.
    pub jwt: Option<Jwt>,
    /// Log in with a TLS client certificate.
    pub cert: Option<Cert>,
    /// Log in with an AWS identity.
    pub iam: Option<Iam>,
    /// Log in with a Google Cloud identity.
    pub gcp: Option<Gcp>,
}

/// The login methods, by the names of their fields; `none` is a store without `auth`.
pub(crate) const LOGIN_METHODS: &[&str] =
    &["none", "tokenSecretRef", "appRole", "kubernetes", "ldap", "userPass", "jwt", "cert", "iam", "gcp"];

/// The login method that is used: the first that is given. `None` where `auth` names none.
pub(crate) fn login_method(auth: Option<&Auth>) -> Option<&'static str> {
    let Some(auth) = auth else { return Some("none") };
    let given = [
        ("tokenSecretRef", auth.token_secret_ref.is_some()),
        ("appRole", auth.app_role.is_some()),
        ("kubernetes", auth.kubernetes.is_some()),
        ("ldap", auth.ldap.is_some()),
        ("userPass", auth.user_pass.is_some()),
        ("jwt", auth.jwt.is_some()),
        ("cert", auth.cert.is_some()),
        ("iam", auth.iam.is_some()),
        ("gcp", auth.gcp.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(method, _)| method)
}

macro_rules! mounts {
    ($($name:ident = $path:literal),*) => { $(fn $name() -> String { $path.to_owned() })* };
}

mounts!(
    approle = "approle",
    kubernetes = "kubernetes",
    ldap = "ldap",
    userpass = "userpass",
    jwt = "jwt",
    cert = "cert",
    gcp = "gcp"
);

/// An AppRole login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// Mount path of the auth method.
    #[serde(default = "approle")]
    pub path: String,
    /// The role ID. Either this or `roleRef`.
    pub role_id: Option<String>,
    /// Where the role ID is kept.
    pub role_ref: Option<SecretKeySelector>,
    /// Where the secret ID is kept.
    pub secret_ref: SecretKeySelector,
}

/// A Kubernetes login. Without `serviceAccountRef` and `secretRef` the controller's own token is used, which
/// only a ClusterSecretStore may do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubernetes {
    /// Mount path of the auth method.
    #[serde(default = "kubernetes")]
    pub mount_path: String,
    /// The Vault role.
    pub role: String,
    /// The ServiceAccount whose token is requested.
    pub service_account_ref: Option<ServiceAccountSelector>,
    /// Where a ServiceAccount's token is kept; default key `token`.
    pub secret_ref: Option<SecretKeySelector>,
}

/// An LDAP login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ldap {
    /// Mount path of the auth method.
    #[serde(default = "ldap")]
    pub path: String,
    /// The user.
    pub username: String,
    /// Where the password is kept.
    pub secret_ref: Option<SecretKeySelector>,
}

/// A userpass login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPass {
    /// Mount path of the auth method.
    #[serde(default = "userpass")]
    pub path: String,
    /// The user.
    pub username: String,
    /// Where the password is kept.
    pub secret_ref: Option<SecretKeySelector>,
}

/// A JWT login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Jwt {
    /// Mount path of the auth method.
    #[serde(default = "jwt")]
    pub path: String,
    /// The Vault role; default: the mount's.
    pub role: Option<String>,
    /// Where the JWT is kept. Either this or `kubernetesServiceAccountToken`.
    pub secret_ref: Option<SecretKeySelector>,
    /// A ServiceAccount whose token is the JWT.
    pub kubernetes_service_account_token: Option<JwtServiceAccount>,
}

/// A ServiceAccount whose token is the JWT.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JwtServiceAccount {
    /// The ServiceAccount.
    pub service_account_ref: ServiceAccountSelector,
    /// Further audiences; `vault` where none are given.
    pub audiences: Option<Vec<String>>,
    /// Life of the token in seconds; default 600.
    pub expiration_seconds: Option<i64>,
}

/// A TLS client certificate login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cert {
    /// Mount path of the auth method.
    #[serde(default = "cert")]
    pub path: String,
    /// The certificate role.
    pub vault_role: Option<String>,
    /// Where the certificate is kept.
    #[serde(rename = "clientCert")]
    pub certificate: Option<SecretKeySelector>,
    /// Where its private key is kept.
    pub secret_ref: Option<SecretKeySelector>,
}

/// An AWS login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Iam {
    /// Mount path of the auth method; default `aws`.
    pub path: Option<String>,
    /// AWS region; default `us-east-1`.
    pub region: Option<String>,
    /// AWS role to assume before the login.
    pub role: Option<String>,
    /// The Vault role.
    pub vault_role: String,
    /// External ID of the assumed role.
    #[serde(rename = "externalID")]
    pub external_id: Option<String>,
    /// Value of `X-Vault-AWS-IAM-Server-ID`.
    #[serde(rename = "vaultAwsIamServerID")]
    pub vault_aws_iam_server_id: Option<String>,
    /// AWS credentials in Secrets.
    pub secret_ref: Option<AwsSecretRef>,
    /// AWS credentials by a ServiceAccount's token; wins over `secretRef`.
    pub jwt: Option<IamJwt>,
}

/// AWS credentials by a ServiceAccount's token.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IamJwt {
    /// The ServiceAccount; its annotation `eks.amazonaws.com/role-arn` says which role it takes on.
    pub service_account_ref: Option<ServiceAccountSelector>,
}

/// A Google Cloud login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gcp {
    /// Mount path of the auth method.
    #[serde(default = "gcp")]
    pub path: String,
    /// The Vault role.
    pub role: String,
    /// Project of the cluster, where `workloadIdentity` names none.
    #[serde(rename = "projectID")]
    pub project_id: Option<String>,
    /// Location of the cluster, where `workloadIdentity` names none.
    pub location: Option<String>,
    /// A key in a Secret.
    pub secret_ref: Option<GcpSecretRef>,
    /// Workload identity of a ServiceAccount.
    pub workload_identity: Option<GcpWorkloadIdentity>,
    /// A ServiceAccount of the controller's own GKE cluster.
    pub service_account_ref: Option<ServiceAccountSelector>,
}

/// A Google Cloud key in a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct GcpSecretRef {
    /// The key file.
    #[serde(rename = "secretAccessKeySecretRef")]
    pub secret_access_key: Option<SecretKeySelector>,
}

/// Workload identity of a ServiceAccount.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpWorkloadIdentity {
    /// The ServiceAccount; its annotation `iam.gke.io/gcp-service-account` says whom it takes on.
    pub service_account_ref: ServiceAccountSelector,
    /// Location of the cluster; default: what the metadata server says.
    pub cluster_location: Option<String>,
    /// Name of the cluster; default: what the metadata server says.
    pub cluster_name: Option<String>,
    /// Project of the cluster; default: what the metadata server says.
    #[serde(rename = "clusterProjectID")]
    pub cluster_project_id: Option<String>,
}
