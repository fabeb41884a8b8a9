//! Starts a Kubernetes control plane on 127.0.0.1: etcd, kube-apiserver and kube-controller-manager.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::kubectl::Kubectl;
use crate::process::Server;
use crate::servers::ControlPlanePrograms;
use crate::{pki, ports};

/// How long a server may take to be ready, on a machine that also compiles.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Only what the tests rely on: fewer controllers start quicker and use less of the two cores a CI machine has.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller,\
    serviceaccount-token-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller";

/// Every write and read by a user of the cluster; not the health checks, leases and the servers' own reads. Of the
/// users of a benchmark everything.
const AUDIT_POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts:strongroom-bench"]
- level: None
  nonResourceURLs: ["/healthz*", "/readyz*", "/livez*", "/version", "/openapi*", "/api", "/api/*", "/apis", "/apis/*"]
- level: None
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: None
  users: ["system:apiserver"]
- level: None
  users: ["system:kube-controller-manager"]
  verbs: [get, list, watch]
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
  verbs: [get, list, watch]
- level: Metadata
"#;

/// A running control plane. The fields are in the order in which the servers stop.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    controller_manager: Server,
    api_server: Server,
    etcd: Server,
    /// kubectl as the cluster's administrator.
    pub(crate) kubectl: Kubectl,
    /// `https://127.0.0.1:<port>`.
    pub(crate) address: String,
    /// Base URL of its etcd.
    pub(crate) etcd_address: String,
    /// The API server's certificate authority, PEM.
    pub(crate) ca: String,
    /// The API server's audit log, one JSON event per line.
    pub(crate) audit_log: PathBuf,
    /// Public half of the key that signs service-account tokens, PEM.
    pub(crate) service_account_public_key: PathBuf,
}

/// Files and addresses that the servers share.
struct Layout<'a> {
    run: &'a Path,
    logs: &'a Path,
    pki: PathBuf,
    etcd_address: String,
    address: String,
    port: u16,
    keys: pki::KeyPair,
}

impl ControlPlane {
    /// Starts the servers with their data in `run` and their output in `logs`, and waits until the API server is
    /// ready and namespaces get their ServiceAccounts.
    pub(crate) fn start(programs: &ControlPlanePrograms, run: &Path, logs: &Path) -> Result<Self> {
        let [etcd_port, peer_port, port] = ports::free_ports()?;
        let folder = run.join("pki");
        fs::create_dir_all(&folder)?;
        let layout = Layout {
            run,
            logs,
            keys: pki::key_pair(&folder, "service-accounts")?,
            pki: folder,
            etcd_address: format!("http://127.0.0.1:{etcd_port}"),
            address: format!("https://127.0.0.1:{port}"),
            port,
        };
        let tokens = Tokens::write(&layout)?;

        let mut etcd = layout.start_etcd(&programs.etcd, peer_port)?;
        etcd.wait_ready(START_LIMIT, || ports::is_open(etcd_port))?;
        let mut api_server = layout.start_api_server(&programs.api_server, &tokens)?;
        api_server.wait_ready(START_LIMIT, || ports::is_open(port))?;
        let ca = fs::read_to_string(layout.pki.join("apiserver.crt"))
            .context("the API server wrote no certificate")?;
        let kubeconfig = layout.write_kubeconfig("admin", &tokens.admin, &ca)?;
        let kubectl = Kubectl::new(programs.kubectl.clone(), kubeconfig, run);
        api_server.wait_ready(START_LIMIT, || kubectl.run(&["get", "--raw", "/readyz"]).is_ok())?;
        let mut controller_manager =
            layout.start_controller_manager(&programs.controller_manager, &tokens, &ca)?;
        let default_account = ["get", "serviceaccount", "default", "-n", "default"];
        controller_manager.wait_ready(START_LIMIT, || kubectl.run(&default_account).is_ok())?;

        Ok(Self {
            controller_manager,
            api_server,
            etcd,
            kubectl,
            audit_log: layout.audit_log(),
            address: layout.address,
            etcd_address: layout.etcd_address,
            ca,
            service_account_public_key: layout.keys.public,
        })
    }

    /// Process ids of the API server, etcd and the controller-manager, with their names.
    pub(crate) fn ids(&self) -> [(&'static str, u32); 3] {
        [
            ("kube-apiserver", self.api_server.id()),
            ("etcd", self.etcd.id()),
            ("kube-controller-manager", self.controller_manager.id()),
        ]
    }

    /// An error with the end of its log if a server has ended.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        self.controller_manager.check_running()?;
        self.api_server.check_running()?;
        self.etcd.check_running()
    }
}

/// Bearer tokens of the users the API server knows from the start.
struct Tokens {
    admin: String,
    controller_manager: String,
    file: PathBuf,
}

impl Tokens {
    fn write(layout: &Layout<'_>) -> Result<Self> {
        let (admin, controller_manager) = (pki::bearer_token()?, pki::bearer_token()?);
        let file = layout.pki.join("tokens.csv");
        fs::write(
            &file,
            format!(
                "{admin},admin,admin,system:masters\n\
                 {controller_manager},system:kube-controller-manager,system:kube-controller-manager\n"
            ),
        )?;
        Ok(Self { admin, controller_manager, file })
    }
}

impl Layout<'_> {
    fn audit_log(&self) -> PathBuf {
        self.logs.join("api-audit.jsonl")
    }

    /// Without fsync: the data lives no longer than the run.
    fn start_etcd(&self, program: &Path, peer_port: u16) -> Result<Server> {
        let peer = format!("http://127.0.0.1:{peer_port}");
        let mut etcd = Command::new(program);
        etcd.args([
            "--name=default",
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--quota-backend-bytes=8589934592",
        ]);
        etcd.arg(flag("data-dir", self.run.join("etcd").display()));
        etcd.arg(flag("listen-client-urls", &self.etcd_address));
        etcd.arg(flag("advertise-client-urls", &self.etcd_address));
        etcd.arg(flag("listen-peer-urls", &peer));
        etcd.arg(flag("initial-advertise-peer-urls", &peer));
        etcd.arg(flag("initial-cluster", format_args!("default={peer}")));
        Server::start("etcd", etcd, self.logs)
    }

    /// The server signs its own serving certificate into `pki`; users come with bearer tokens.
    fn start_api_server(&self, program: &Path, tokens: &Tokens) -> Result<Server> {
        let policy = self.pki.join("audit-policy.yaml");
        fs::write(&policy, AUDIT_POLICY)?;
        let issuer = &self.address;
        let mut api = Command::new(program);
        api.args([
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            // Endpoints may not hold a loopback address.
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--profiling=false",
            "--audit-log-maxsize=1024",
        ]);
        api.arg(flag("etcd-servers", &self.etcd_address));
        api.arg(flag("secure-port", self.port));
        api.arg(flag("cert-dir", self.pki.display()));
        api.arg(flag("token-auth-file", tokens.file.display()));
        api.arg(flag("service-account-issuer", issuer));
        api.arg(flag("api-audiences", format_args!("{issuer},vault")));
        api.arg(flag("service-account-key-file", self.keys.public.display()));
        api.arg(flag("service-account-signing-key-file", self.keys.private.display()));
        api.arg(flag("audit-policy-file", policy.display()));
        api.arg(flag("audit-log-path", self.audit_log().display()));
        Server::start("kube-apiserver", api, self.logs)
    }

    fn start_controller_manager(&self, program: &Path, tokens: &Tokens, ca: &str) -> Result<Server> {
        let kubeconfig = self.write_kubeconfig("controller-manager", &tokens.controller_manager, ca)?;
        let mut manager = Command::new(program);
        manager.args(["--secure-port=0", "--leader-elect=false", "--use-service-account-credentials=true"]);
        // Stories leave namespaces with a thousand objects behind; at 20 requests a second others wait for minutes.
        manager.args(["--kube-api-qps=400", "--kube-api-burst=800", "--concurrent-namespace-syncs=30"]);
        manager.arg(flag("kubeconfig", kubeconfig.display()));
        manager.arg(flag("controllers", CONTROLLERS));
        manager.arg(flag("service-account-private-key-file", self.keys.private.display()));
        manager.arg(flag("root-ca-file", self.pki.join("apiserver.crt").display()));
        Server::start("kube-controller-manager", manager, self.logs)
    }

    fn write_kubeconfig(&self, user: &str, token: &str, ca: &str) -> Result<PathBuf> {
        let path =
            self.run.join(if user == "admin" { "kubeconfig".into() } else { format!("{user}.kubeconfig") });
        write_kubeconfig(&path, &self.address, ca, user, token)?;
        Ok(path)
    }
}

/// Writes a kubeconfig for `user` with everything inside to `path`; JSON is YAML too.
pub(crate) fn write_kubeconfig(path: &Path, address: &str, ca: &str, user: &str, token: &str) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": address,
            "certificate-authority-data": STANDARD.encode(ca),
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        "current-context": "testbed",
    });
    fs::write(path, serde_json::to_string_pretty(&config)?)?;
    Ok(())
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}
