//! Where the demo's password is kept: in a real Vault, or in the object of a fake store.

use std::fs;

use anyhow::Result;
use serde_json::json;

use crate::demo::NAMESPACE;
use crate::demo::cluster::DemoCluster;
use crate::kubectl::{self, Kubectl};
use crate::testbed::RunFolder;
use crate::vault_api::VaultApi;
use crate::vault_server::VaultServer;
use crate::vault_setup::{self, Cluster};
use crate::{ports, progress, servers, workspace};

/// The port in the demo's manifest, which is Vault's own default.
const MANIFEST_PORT: u16 = 8200;
/// The password before the story changes it.
pub(crate) const FIRST_PASSWORD: &str = "swordfish";

/// The external store of the demo.
#[derive(Debug)]
pub(crate) enum Source {
    /// A Vault that lives as long as this value.
    Vault(Box<VaultServer>),
    /// The fake provider.
    Fake,
}

impl Source {
    /// The fake provider needs nothing.
    pub(crate) fn fake() -> Self {
        Self::Fake
    }

    /// Starts a Vault in which the cluster's ServiceAccount `vault-client` may read the demo's secret.
    pub(crate) fn vault(cluster: &DemoCluster, folder: &RunFolder) -> Result<Self> {
        let (address, ca) = cluster.api_server()?;
        let program = servers::vault()?;
        let step = progress::Step::start("Starting Vault");
        let port = ports::free_port_near(MANIFEST_PORT)?;
        let vault = VaultServer::start(program, &folder.path, &folder.logs, port)?;
        let cluster = Cluster { kubectl: &cluster.kubectl, address: &address, ca: &ca };
        vault_setup::prepare_for_demo(&vault.api, &cluster, NAMESPACE)?;
        write_to_vault(&vault.api, FIRST_PASSWORD)?;
        step.done();
        Ok(Self::Vault(Box::new(vault)))
    }

    /// File name and text of the manifests to apply, with Vault's address put in if its usual port was taken.
    pub(crate) fn manifests(&self) -> Result<(&'static str, String)> {
        let name = match self {
            Self::Vault(_) => "demo/vault.yaml",
            Self::Fake => "demo/fake.yaml",
        };
        let text = fs::read_to_string(workspace::root().join(name))?;
        let Self::Vault(vault) = self else { return Ok((name, text)) };
        let usual = format!("http://127.0.0.1:{MANIFEST_PORT}");
        if vault.api.address != usual {
            progress::line(&format!(
                "   (port {MANIFEST_PORT} is taken: the store gets {} instead)",
                vault.api.address
            ));
        }
        Ok((name, text.replace(&usual, &vault.api.address)))
    }

    /// Kind of the store in the manifests.
    pub(crate) fn store_kind(&self) -> &'static str {
        match self {
            Self::Vault(_) => "clustersecretstore",
            Self::Fake => "secretstore",
        }
    }

    /// Changes the password at the provider; gives the command a user would type for it.
    pub(crate) fn set_password(&self, kubectl: &Kubectl, password: &str) -> Result<String> {
        match self {
            Self::Vault(vault) => {
                write_to_vault(&vault.api, password)?;
                Ok(format!("$ vault kv put -mount=secret demo/database username=app password={password}"))
            }
            Self::Fake => {
                let value = json!({"username": "app", "password": password}).to_string();
                let data = json!([{"key": "demo/database", "value": value}]);
                let patch = json!({"spec": {"provider": {"fake": {"data": data}}}}).to_string();
                let args = ["patch", "secretstore", NAMESPACE, "-n", NAMESPACE, "--type=merge", "-p", &patch];
                kubectl.run(&args)?;
                Ok(kubectl::shown(&args))
            }
        }
    }

    /// Lines to paste into a shell for a closer look.
    pub(crate) fn environment(&self) -> String {
        match self {
            Self::Vault(vault) => {
                format!("export VAULT_ADDR={}\nexport VAULT_TOKEN={}\n", vault.api.address, vault.api.token)
            }
            Self::Fake => String::new(),
        }
    }
}

fn write_to_vault(vault: &VaultApi, password: &str) -> Result<()> {
    vault.post("secret/data/demo/database", &json!({"data": {"username": "app", "password": password}}))?;
    Ok(())
}
