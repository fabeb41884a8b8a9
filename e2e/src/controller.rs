//! Controllers that stories start: each with an API user of its own, so that the audit log tells them apart, and with the
//! rights that the Helm chart gives.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::{
    chart::Release,
    cluster::{Cluster, Kind, write_kubeconfig_for_token},
    process::{GuardedProcess, free_port, resident_kib},
    testbed::Testbed,
    vault::http_client,
    wait::soon,
};

/// The class of the controller that most stories share; their stores name it.
pub const SHARED_CLASS: &str = "default";

const NAMESPACE: &str = Account::NAMESPACE;

/// With the kinds of generic targets that stories use.
const GENERIC: &str = r#"genericTargets={"enabled": true, "resources": [{"apiGroup": "networking.k8s.io",
    "resources": ["networkpolicies"], "verbs": ["get", "list", "watch", "create", "update", "delete"]}]}"#;

static RIGHTS: OnceCell<()> = OnceCell::const_new();

/// A running controller. Dropping it ends it.
#[derive(Debug)]
pub struct Controller {
    /// Its user name at the API server.
    pub user: String,
    /// Its log.
    pub log: PathBuf,
    /// The address of its metrics.
    pub metrics: SocketAddr,
    process: GuardedProcess,
}

impl Controller {
    /// Starts a controller for the stores of `class` and waits until it says that it is ready. `name` must differ between
    /// controllers, and may be reused only to be the same API user again. It logs whatever it can.
    pub async fn start(testbed: &Testbed, cluster: &Cluster, name: &str, class: &str) -> Result<Self> {
        Self::start_with(testbed, cluster, name, class, &[]).await
    }

    /// [`Controller::start`] with further arguments on its command line.
    pub async fn start_with(
        testbed: &Testbed,
        cluster: &Cluster,
        name: &str,
        class: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let class = ["--controller-class", class, "--loglevel", "trace"];
        let account = Account { namespace: NAMESPACE.to_owned(), name: name.to_owned() };
        account.create(testbed, cluster).await?;
        Self::start_as(testbed, cluster, &account, &[&class, arguments].concat()).await
    }

    /// Starts a controller as `account`, which is there and has its rights, and waits until it says that it is ready. Its
    /// addresses are chosen here.
    pub async fn start_as(
        testbed: &Testbed,
        cluster: &Cluster,
        account: &Account,
        arguments: &[&str],
    ) -> Result<Self> {
        let name = &account.name;
        let kubeconfig = testbed.run_dir.join(format!("controller-{name}.kubeconfig"));
        let token = cluster.service_account_token(&account.namespace, name).await?;
        write_kubeconfig_for_token(&testbed.kubeconfig, &token, &kubeconfig)?;

        let live = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let log = testbed.logs.join(format!("controller-{name}.log"));
        let (metrics_addr, live_addr) = (metrics.to_string(), live.to_string());
        let usual = ["controller", "--metrics-addr", &metrics_addr, "--live-addr", &live_addr];
        let process = GuardedProcess::start(
            &testbed.strongroom,
            &[&usual, arguments].concat(),
            &[("KUBECONFIG", kubeconfig.as_os_str())],
            &log,
        )?;
        let controller = Self { user: account.user(), log, metrics, process };
        controller.wait_ready(live).await?;
        Ok(controller)
    }

    async fn wait_ready(&self, live: SocketAddr) -> Result<()> {
        let url = format!("http://{live}/readyz");
        let what = format!("a controller that is ready (its log: {})", self.log.display());
        let http = http_client();
        soon(&what, async || {
            let answer = http.get(&url).send().await?;
            ensure!(answer.status() == 200, "{url} answers {}", answer.status());
            Ok(())
        })
        .await
    }

    /// The value of the metric `name`, which has no labels.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = http_client().get(format!("http://{}/metrics", self.metrics)).send().await?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("there is no metric {name}"))?.parse()?)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it as a crash would.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        resident_kib(self.process.pid())
    }
}

/// A ServiceAccount that a controller runs as.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where it lives.
    pub namespace: String,
    /// What it is called.
    pub name: String,
}

impl Account {
    /// Where the accounts of the stories' controllers live.
    pub const NAMESPACE: &str = "e2e-controllers";

    /// Its user name at the API server.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Makes it, with the chart's rights.
    async fn create(&self, testbed: &Testbed, cluster: &Cluster) -> Result<()> {
        RIGHTS.get_or_try_init(|| give_rights(testbed, cluster)).await?;
        let account =
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": self.name } });
        create_once(cluster, &account).await
    }
}

/// Gives all accounts of the namespace the rights that the chart gives a controller.
async fn give_rights(testbed: &Testbed, cluster: &Cluster) -> Result<()> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    create_once(cluster, &namespace).await?;
    let rbac = [
        "--show-only=templates/rbac.yaml",
        "--set-json",
        GENERIC,
        "--set=workloadRestarts.enabled=true,refreshApi.enabled=true",
    ];
    Release::render(testbed, "strongroom", NAMESPACE, &rbac).await?.apply(cluster, &[]).await?;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "e2e-controllers-as-in-the-chart" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "strongroom-controller",
        },
        "subjects": [{
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Group",
            "name": format!("system:serviceaccounts:{NAMESPACE}"),
        }],
    });
    create_once(cluster, &binding).await
}

async fn create_once(cluster: &Cluster, manifest: &serde_json::Value) -> Result<()> {
    let kind = Kind::of(manifest)?;
    let name = manifest["metadata"]["name"].as_str().context("a manifest without name")?;
    if cluster.find(kind, NAMESPACE, name).await?.is_some() {
        return Ok(());
    }
    let created = cluster.create(NAMESPACE, manifest).await;
    // Another story may have been faster.
    if cluster.find(kind, NAMESPACE, name).await?.is_some() { Ok(()) } else { created.map(drop) }
}
