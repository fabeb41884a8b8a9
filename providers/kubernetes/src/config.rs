//! The settings under `spec.provider.kubernetes` (spec eso-providers D).

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{SecretKeySelector, Violation, is_dns_name};
use strongroom_provider_kit::remote_cluster::{self, Access, Auth, Server};

/// Settings of a store that reads the Secrets of one namespace of a cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesConfig {
    /// The API server.
    #[serde(default)]
    pub server: Server,
    /// Who asks.
    pub auth: Option<Auth>,
    /// A kubeconfig in a Secret, in place of `server` and `auth`.
    pub auth_ref: Option<SecretKeySelector>,
    /// The namespace whose Secrets are read.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    #[serde(default = "default_namespace")]
    pub remote_namespace: String,
}

impl KubernetesConfig {
    /// How the cluster is reached.
    pub fn access(&self) -> Access<'_> {
        Access { server: &self.server, auth: self.auth.as_ref(), auth_ref: self.auth_ref.as_ref() }
    }

    /// The faults that can be seen without asking anybody.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = remote_cluster::violations(self.access());
        if !is_dns_name(&self.remote_namespace) || self.remote_namespace.contains('.') {
            found.push(Violation::new("remoteNamespace", "not a legal name of a namespace"));
        }
        found
    }
}

fn default_namespace() -> String {
    "default".to_owned()
}
