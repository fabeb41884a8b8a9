//! The test bed: one control plane, one Vault, one PostgreSQL and one moto in a run folder, described for the tests in `testbed.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, test_kill_process};
use serde::Serialize;

use crate::control_plane::ControlPlane;
use crate::moto_server::MotoServer;
use crate::postgres_server::{ADMINISTRATOR, PostgresServer};
use crate::vault_server::VaultServer;
use crate::vault_setup::{self, Cluster, Credentials};
use crate::{interrupt, ports, progress, servers, upstream, workspace};

/// A folder under the target folder for one run's data and logs, named by the process that owns it.
#[derive(Debug)]
pub(crate) struct RunFolder {
    /// Data of the servers.
    pub(crate) path: PathBuf,
    /// Their logs.
    pub(crate) logs: PathBuf,
}

/// The running test bed. The fields are in the order in which the servers stop.
#[derive(Debug)]
pub(crate) struct TestBed {
    vault: VaultServer,
    postgres: PostgresServer,
    moto: MotoServer,
    control_plane: ControlPlane,
    kube_apiserver: PathBuf,
    helm: PathBuf,
    kubeconform: PathBuf,
    prometheus: PathBuf,
    /// Where it lives.
    pub(crate) folder: RunFolder,
    /// The file that describes it to the tests.
    pub(crate) description: PathBuf,
}

/// Whose CustomResourceDefinitions the cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Definitions {
    /// The checked-in ones.
    Ours,
    /// External Secrets Operator's.
    Upstreams,
}

/// The contract with the tests: contents of `testbed.json`.
#[derive(Debug, Serialize)]
struct Description<'a> {
    kubeconfig: &'a Path,
    api_server: &'a str,
    api_audit_log: &'a Path,
    etcd: &'a str,
    kube_apiserver: &'a Path,
    kubectl: &'a Path,
    helm: &'a Path,
    kubeconform: &'a Path,
    prometheus: &'a Path,
    chart: &'a Path,
    strongroom: &'a Path,
    logs: &'a Path,
    run_dir: &'a Path,
    vault: VaultDescription<'a>,
    postgres: PostgresDescription<'a>,
    aws: AwsDescription<'a>,
    service_account_public_key: &'a Path,
    definitions: Definitions,
}

/// The part about Vault.
#[derive(Debug, Serialize)]
struct VaultDescription<'a> {
    binary: &'a Path,
    address: &'a str,
    root_token: &'a str,
    unseal_key: &'a str,
    audit_log: &'a Path,
    narrow_token: &'a str,
    role_id: &'a str,
    secret_id: &'a str,
}

/// The part about PostgreSQL.
#[derive(Debug, Serialize)]
struct PostgresDescription<'a> {
    port: u16,
    user: &'a str,
    password: &'a str,
    database: &'a str,
}

/// The part about moto, which plays AWS.
#[derive(Debug, Serialize)]
struct AwsDescription<'a> {
    address: &'a str,
}

impl RunFolder {
    /// A fresh folder; those of earlier runs that have ended are removed.
    pub(crate) fn create() -> Result<Self> {
        let all = workspace::target()?.join("testbed");
        remove_ended_runs(&all)?;
        let path = all.join(std::process::id().to_string());
        let logs = path.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        Ok(Self { path, logs })
    }

    /// Deletes the folder; called once nothing in it is needed to understand a failure.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

impl TestBed {
    /// Starts everything, applies the definitions and writes `testbed.json`.
    pub(crate) fn start(definitions: Definitions) -> Result<Self> {
        let (programs, vault_program) = (servers::control_plane()?, servers::vault()?);
        let postgres_home = servers::postgres()?;
        let (helm, moto) = (servers::helm()?, servers::moto()?);
        let kubeconform = servers::kubeconform()?;
        // Stories start it themselves, each with its own targets.
        let prometheus = servers::prometheus()?.prometheus;
        let folder = RunFolder::create()?;
        // It gets ready beside the others.
        let mut moto = MotoServer::start(&moto, &folder.logs)?;
        let step = progress::Step::start("Starting etcd, kube-apiserver and kube-controller-manager");
        let control_plane = ControlPlane::start(&programs, &folder.path, &folder.logs)?;
        step.done();
        let step = progress::Step::start("Starting PostgreSQL");
        let postgres = PostgresServer::start(&postgres_home, &folder.path, &folder.logs)?;
        step.done();
        let step = progress::Step::start("Starting Vault");
        let [port] = ports::free_ports()?;
        let vault = VaultServer::start(vault_program, &folder.path, &folder.logs, port)?;
        let cluster = Cluster {
            kubectl: &control_plane.kubectl,
            address: &control_plane.address,
            ca: &control_plane.ca,
        };
        let credentials =
            vault_setup::prepare_for_tests(&vault.api, &cluster, &control_plane.service_account_public_key)?;
        vault_setup::add_database(&vault.api, &postgres)?;
        step.done();
        let step = progress::Step::start("Waiting for moto");
        moto.wait_ready()?;
        step.done();
        let description = folder.path.join("testbed.json");
        let kube_apiserver = programs.api_server;
        let bed = Self {
            vault,
            postgres,
            moto,
            control_plane,
            kube_apiserver,
            helm,
            kubeconform,
            prometheus,
            folder,
            description,
        };
        bed.describe(&credentials, definitions)?;
        let step = progress::Step::start("Applying the CRDs");
        match definitions {
            Definitions::Ours if workspace::crds().is_dir() => bed.control_plane.kubectl.apply_crds()?,
            Definitions::Ours => 0,
            Definitions::Upstreams => {
                bed.control_plane.kubectl.apply_definitions(&upstream::definitions()?)?
            }
        };
        step.done();
        Ok(bed)
    }

    /// Stops the servers, then gives the folder they leave behind.
    pub(crate) fn stop(self) -> RunFolder {
        let Self { vault, postgres, moto, control_plane, folder, .. } = self;
        drop(vault);
        drop(postgres);
        drop(moto);
        drop(control_plane);
        folder
    }

    fn describe(&self, credentials: &Credentials, definitions: Definitions) -> Result<()> {
        let strongroom = workspace::strongroom_path()?;
        let aws = self.moto.address();
        let description = Description {
            kubeconfig: self.control_plane.kubectl.kubeconfig(),
            api_server: &self.control_plane.address,
            api_audit_log: &self.control_plane.audit_log,
            etcd: &self.control_plane.etcd_address,
            kube_apiserver: &self.kube_apiserver,
            kubectl: self.control_plane.kubectl.binary(),
            helm: &self.helm,
            kubeconform: &self.kubeconform,
            prometheus: &self.prometheus,
            chart: &workspace::chart(),
            strongroom: &strongroom,
            logs: &self.folder.logs,
            run_dir: &self.folder.path,
            vault: VaultDescription {
                binary: &self.vault.binary,
                address: &self.vault.api.address,
                root_token: &self.vault.api.token,
                unseal_key: &self.vault.unseal_key,
                audit_log: &self.vault.audit_log,
                narrow_token: &credentials.narrow_token,
                role_id: &credentials.role_id,
                secret_id: &credentials.secret_id,
            },
            postgres: PostgresDescription {
                port: self.postgres.port,
                user: ADMINISTRATOR,
                password: &self.postgres.password,
                database: ADMINISTRATOR,
            },
            aws: AwsDescription { address: &aws },
            service_account_public_key: &self.control_plane.service_account_public_key,
            definitions,
        };
        fs::write(&self.description, serde_json::to_string_pretty(&description)?)?;
        Ok(())
    }
}

/// `cargo xtask testbed`: starts the test bed, says how to reach it, and keeps it until a signal.
pub(crate) fn keep_until_interrupted(definitions: Definitions) -> Result<ExitCode> {
    let mut bed = TestBed::start(definitions)?;
    progress::line(&format!(
        "\nThe test bed runs until Ctrl-C.\n\n\
         export STRONGROOM_TESTBED={}\nexport KUBECONFIG={}\nexport VAULT_ADDR={}\nexport VAULT_TOKEN={}\nexport AWS_ENDPOINT_URL={}\n\n\
         kubectl of the same version: {}\nlogs: {}",
        bed.description.display(),
        bed.control_plane.kubectl.kubeconfig().display(),
        bed.vault.api.address,
        bed.vault.api.token,
        bed.moto.address(),
        bed.control_plane.kubectl.binary().display(),
        bed.folder.logs.display(),
    ));
    while interrupt::sleep(Duration::from_secs(1)).is_ok() {
        bed.vault.check_running()?;
        bed.postgres.check_running()?;
        bed.moto.check_running()?;
        bed.control_plane.check_running()?;
    }
    progress::line("\nStopping the test bed.");
    bed.stop().remove()?;
    Ok(ExitCode::SUCCESS)
}

/// Removes run folders whose process is gone: their logs were kept for the eyes of whoever ran them.
fn remove_ended_runs(all: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(all) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let owner = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let Some(owner) = owner.and_then(Pid::from_raw) else { continue };
        if test_kill_process(owner).is_err() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
