//! The stage of every scenario: control plane, Vault on files, namespaces, users, one store, objects.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::bench::api::{self, ApiClient};
use crate::bench::audit::{ApiLog, VaultLog};
use crate::bench::controller::{Controller, Launcher};
use crate::bench::crowd;
use crate::bench::objects::{self, HOME};
use crate::bench::usage::CpuTimes;
use crate::control_plane::{self, ControlPlane};
use crate::postgres_server::PostgresServer;
use crate::testbed::RunFolder;
use crate::vault_server::{Storage, VaultServer};
use crate::vault_setup::{self, Cluster};
use crate::{interrupt, ports, progress, servers};

/// Threads that set up what is not measured.
const SETUP_WORKERS: usize = 16;

/// The running servers. The fields are in the order in which they stop.
#[derive(Debug)]
pub(super) struct Scene {
    vault: VaultServer,
    control_plane: ControlPlane,
    folder: RunFolder,
    /// The API server as the load's user, who is not counted.
    pub(super) api: ApiClient,
    /// Starts the controller as its own user, who is.
    pub(super) launcher: Launcher,
}

impl Scene {
    /// Starts the servers and makes everything but the objects; `command` is the controller to be measured.
    pub(super) fn set(command: Option<&str>) -> Result<Self> {
        let (programs, vault_program) = (servers::control_plane()?, servers::vault()?);
        let folder = RunFolder::create()?;
        let kubeconfig = folder.path.join("controller.kubeconfig");
        let launcher = Launcher::new(command, kubeconfig.clone(), folder.logs.clone())?;
        let step = progress::Step::start("Starting etcd, kube-apiserver, kube-controller-manager and Vault");
        let control_plane = ControlPlane::start(&programs, &folder.path, &folder.logs)?;
        let [port] = ports::free_ports()?;
        let vault = VaultServer::start_with(Storage::Files, vault_program, &folder.path, &folder.logs, port)?;
        step.done();

        let kubectl = &control_plane.kubectl;
        kubectl.apply_crds()?;
        kubectl.apply(&objects::foundation())?;
        let (address, ca) = (&control_plane.address, &control_plane.ca);
        vault_setup::prepare_for_bench(&vault.api, &Cluster { kubectl, address, ca }, HOME)?;
        let token = kubectl.service_account_token("controller", HOME)?;
        control_plane::write_kubeconfig(&kubeconfig, address, ca, "controller", &token)?;
        let api = ApiClient::new(address, ca, &kubectl.service_account_token("load", HOME)?)?;
        let store = objects::store(&vault.api.address);
        api.create("/apis/external-secrets.io/v1/clustersecretstores", &store)?;
        Ok(Self { vault, control_plane, folder, api, launcher })
    }

    /// The folder of the servers' logs.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.logs.clone()
    }

    /// Stops the servers, then gives the folder they leave behind.
    pub(super) fn stop(self) -> RunFolder {
        let Self { vault, control_plane, folder, .. } = self;
        drop(vault);
        drop(control_plane);
        folder
    }

    /// The controller's requests to the API server from now on.
    pub(super) fn api_log(&self) -> Result<ApiLog> {
        let user = format!("system:serviceaccount:{HOME}:controller");
        ApiLog::from_now(&self.control_plane.audit_log, &user)
    }

    /// The controller's requests to Vault from now on.
    pub(super) fn vault_log(&self) -> Result<VaultLog> {
        VaultLog::from_now(&self.vault.audit_log)
    }

    /// CPU times of the controller (named `controller`), of the servers and of this process.
    pub(super) fn cpu_times(&self, controller: &Controller) -> Result<CpuTimes> {
        let mut processes = vec![("controller", controller.id()), ("vault", self.vault.id())];
        processes.extend(self.control_plane.ids());
        processes.push(("load", std::process::id()));
        CpuTimes::now(&processes)
    }

    /// Stores `password` and its companions under the key of the object `name`.
    pub(super) fn store_value(&self, name: &str, password: &str) -> Result<()> {
        let data = json!({ "data": objects::fields(password) });
        self.vault.api.post(&format!("secret/data/bench/{name}"), &data).map(drop)
    }

    /// Creates `count` objects over all namespaces, with what they take from Vault; `spread` is the time over which
    /// their creation is drawn out.
    pub(super) fn create_objects(&self, count: usize, interval: &str, spread: Duration) -> Result<()> {
        let step = progress::Step::start(format!("Creating {count} ExternalSecrets"));
        crowd::for_each(count, SETUP_WORKERS, |number| {
            self.store_value(&format!("app-{number}"), &format!("password-{number}"))
        })?;
        let started = Instant::now();
        crowd::for_each(count, SETUP_WORKERS, |number| {
            let place = f64_of(number) / f64_of(count);
            interrupt::sleep(spread.mul_f64(place).saturating_sub(started.elapsed()))?;
            let object = objects::external_secret(&format!("app-{number}"), interval);
            self.api.create(&api::external_secrets(&objects::namespace_of(number)), &object).map(drop)
        })?;
        step.done();
        Ok(())
    }

    /// Makes a sync of each of the first `count` objects due: their `interval` is written in other words. Nothing of that
    /// is copied to a Secret, as an annotation would be.
    pub(super) fn make_due(&self, count: usize, interval: Duration) -> Result<()> {
        let step = progress::Step::start(format!("Making {count} ExternalSecrets due"));
        let patch = json!({"spec": {"refreshInterval": format!("{}s", interval.as_secs())}});
        crowd::for_each(count, SETUP_WORKERS, |number| {
            let collection = api::external_secrets(&objects::namespace_of(number));
            self.api.merge(&format!("{collection}/app-{number}"), &patch).map(drop)
        })?;
        step.done();
        Ok(())
    }

    /// Starts a database whose users Vault makes, and creates `count` objects with credentials of their own. The
    /// credentials live for a minute and a half at most.
    pub(super) fn create_leased_objects(&self, count: usize) -> Result<PostgresServer> {
        let home = servers::postgres()?;
        let step =
            progress::Step::start(format!("Creating {count} ExternalSecrets with leases of a database"));
        let database = PostgresServer::start(&home, &self.folder.path, &self.folder.logs)?;
        vault_setup::add_database(&self.vault.api, &database)?;
        let generator = objects::database_generator(&self.vault.api.address);
        self.api.create(&api::vault_dynamic_secrets(HOME), &generator)?;
        for number in 0..count {
            self.api
                .create(&api::external_secrets(HOME), &objects::leased_secret(&format!("lease-{number}")))?;
        }
        step.done();
        Ok(database)
    }

    /// Seals Vault: from now on it answers every request with an error.
    pub(super) fn seal_vault(&self) -> Result<()> {
        self.vault.api.post("sys/seal", &json!({})).map(drop)
    }

    /// Unseals Vault, and waits until it serves again.
    pub(super) fn unseal_vault(&self) -> Result<()> {
        self.vault.unseal()
    }

    /// How many entries Vault has in the list at `path`; none if there is no such list.
    pub(super) fn listed_in_vault(&self, path: &str) -> Result<usize> {
        let keys = self.vault.api.list(path)?;
        Ok(keys.len())
    }

    /// Creates Secrets of so many KiB that no ExternalSecret stands behind.
    pub(super) fn create_foreign_secrets(&self, count: usize, kib: usize) -> Result<()> {
        let step = progress::Step::start(format!("Creating {count} foreign Secrets of {kib} KiB"));
        let collection = api::secrets(objects::FOREIGN);
        crowd::for_each(count, SETUP_WORKERS, |number| {
            self.api.create(&collection, &objects::foreign_secret(number, kib)).map(drop)
        })?;
        step.done();
        Ok(())
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts of objects are far below 2^52")]
pub(super) fn f64_of(count: usize) -> f64 {
    count as f64
}
