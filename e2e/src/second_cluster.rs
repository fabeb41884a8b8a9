//! A second Kubernetes cluster, with users, keys and a certificate authority of its own: another API server over the test
//! bed's etcd, which keeps its objects apart.

use std::{
    fmt::Display,
    fs,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind},
    process::{GuardedProcess, free_port},
    testbed::Testbed,
    wait::until,
};

/// An API server takes its time to start where much else runs.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running second cluster. It has no controllers: what is made in it is all there is. Its API server ends when this is
/// dropped.
#[derive(Debug)]
pub struct SecondCluster {
    /// The cluster, as its administrator.
    pub cluster: Cluster,
    /// Base URL of the API server.
    pub url: String,
    /// The certificate authority of the API server, PEM.
    pub ca: String,
    _process: GuardedProcess,
}

impl SecondCluster {
    /// Starts one; `name` tells its objects and files from those of others.
    pub async fn start(testbed: &Testbed, name: &str) -> Result<Self> {
        let folder = testbed.run_dir.join(format!("cluster-{name}"));
        fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name);
        let key = rcgen::KeyPair::generate()?;
        fs::write(file("sa.key"), key.serialize_pem())?;
        fs::write(file("sa.pub"), key.public_key_pem())?;
        let password = RandomState::new().hash_one(name);
        fs::write(file("tokens.csv"), format!("{password},admin,admin,system:masters\n"))?;

        let port = free_port()?;
        let url = format!("https://127.0.0.1:{port}");
        let flags = [
            flag("etcd-servers", &testbed.etcd),
            flag("etcd-prefix", format_args!("/{name}")),
            flag("secure-port", port),
            flag("cert-dir", folder.display()),
            flag("token-auth-file", file("tokens.csv").display()),
            flag("service-account-issuer", &url),
            flag("service-account-key-file", file("sa.pub").display()),
            flag("service-account-signing-key-file", file("sa.key").display()),
            flag("authorization-mode", "RBAC"),
            flag("bind-address", "127.0.0.1"),
            flag("advertise-address", "127.0.0.1"),
            // Endpoints may not hold a loopback address.
            flag("endpoint-reconciler-type", "none"),
            flag("service-cluster-ip-range", "10.0.0.0/24"),
            flag("profiling", false),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let log = testbed.logs.join(format!("kube-apiserver-{name}.log"));
        let process = GuardedProcess::start(&testbed.kube_apiserver, &flags, &[], &log)?;

        let ca = until("the second API server's certificate", PATIENCE, async || {
            let ca = fs::read_to_string(file("apiserver.crt")).context("there is none")?;
            ensure!(ca.trim_end().ends_with("-----END CERTIFICATE-----"), "it is half written");
            Ok(ca)
        })
        .await?;
        fs::write(file("kubeconfig"), kubeconfig(&url, &ca, &password.to_string()).to_string())?;
        let cluster = Cluster::of(&file("kubeconfig"), &testbed.kubectl).await?;
        until("the second cluster to be ready", PATIENCE, async || {
            cluster.get(Kind::Namespace, "", "default").await
        })
        .await?;
        Ok(Self { cluster, url, ca, _process: process })
    }

    /// A kubeconfig, with all it needs inside, for whoever bears `token`.
    pub fn kubeconfig(&self, token: &str) -> Value {
        kubeconfig(&self.url, &self.ca, token)
    }
}

fn kubeconfig(url: &str, ca: &str, token: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "second", "cluster": {
            "server": url, "certificate-authority-data": STANDARD.encode(ca),
        } }],
        "users": [{ "name": "bearer", "user": { "token": token } }],
        "contexts": [{ "name": "second", "context": { "cluster": "second", "user": "bearer" } }],
        "current-context": "second",
    })
}

fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}
