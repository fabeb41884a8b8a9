//! The description of a running test bed: where its servers, binaries and logs are.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The environment variable that holds the path of the description.
pub const VARIABLE: &str = "STRONGROOM_TESTBED";

/// A running test bed, as `cargo xtask testbed` describes it in a JSON file.
#[derive(Clone, Debug, Deserialize)]
pub struct Testbed {
    /// Kubeconfig file of a cluster administrator.
    pub kubeconfig: PathBuf,
    /// Base URL of the API server.
    pub api_server: String,
    /// The API server's audit log: one JSON event a line.
    pub api_audit_log: PathBuf,
    /// Base URL of the API server's etcd.
    pub etcd: String,
    /// The `kube-apiserver` binary.
    pub kube_apiserver: PathBuf,
    /// The `kubectl` binary.
    pub kubectl: PathBuf,
    /// The `helm` binary.
    pub helm: PathBuf,
    /// The `kubeconform` binary.
    pub kubeconform: PathBuf,
    /// The `prometheus` binary.
    pub prometheus: PathBuf,
    /// Folder of the Helm chart.
    pub chart: PathBuf,
    /// The controller's binary.
    pub strongroom: PathBuf,
    /// Folder for log files.
    pub logs: PathBuf,
    /// Folder for files that live as long as the test bed.
    pub run_dir: PathBuf,
    /// Whose CustomResourceDefinitions the cluster has.
    pub definitions: Definitions,
    /// The Vault that most stories read from.
    pub vault: VaultAccess,
    /// The PostgreSQL for whose roles Vault's database engine makes credentials.
    pub postgres: PostgresAccess,
    /// What plays AWS.
    pub aws: AwsAccess,
}

/// Whose CustomResourceDefinitions a cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Definitions {
    /// The checked-in ones.
    Ours,
    /// External Secrets Operator's, of an older release: those of ours have more fields.
    Upstreams,
}

/// The test bed's Vault.
#[derive(Clone, Debug, Deserialize)]
pub struct VaultAccess {
    /// The `vault` binary.
    pub binary: PathBuf,
    /// Base URL.
    pub address: String,
    /// A token that may do everything.
    pub root_token: String,
    /// Vault's audit log: one JSON record a line.
    pub audit_log: PathBuf,
    /// A token that may read `secret/data/allowed/*` and nothing else.
    pub narrow_token: String,
    /// Role id of the approle role `suite`.
    pub role_id: String,
    /// Secret id of the approle role `suite`.
    pub secret_id: String,
}

/// The test bed's PostgreSQL, without TLS on 127.0.0.1.
#[derive(Clone, Debug, Deserialize)]
pub struct PostgresAccess {
    /// Its port.
    pub port: u16,
    /// The administrator.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// The database to connect to.
    pub database: String,
}

/// The test bed's moto, which answers as AWS does and believes every signature.
#[derive(Clone, Debug, Deserialize)]
pub struct AwsAccess {
    /// The one address of all its services.
    pub address: String,
}

impl Testbed {
    /// Reads the description that [`VARIABLE`] points at.
    pub fn from_environment() -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the one place where the stories read the environment")]
        let path = std::env::var(VARIABLE).with_context(|| {
            format!(
                "{VARIABLE} is not set: the stories need a running test bed. Run `cargo xtask test`, or keep `cargo xtask \
                 testbed` running, set {VARIABLE} to the file it names, and run `cargo test --package strongroom-e2e \
                 --features testbed`"
            )
        })?;
        let text =
            std::fs::read(&path).with_context(|| format!("{VARIABLE} names {path}, which cannot be read"))?;
        serde_json::from_slice(&text).with_context(|| format!("{path} is not a test bed description"))
    }
}
