//! Runs the controller as a local process against the demo's cluster.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use ureq::Agent;

use crate::demo::cluster::DemoCluster;
use crate::ports;
use crate::process::Server;
use crate::testbed::RunFolder;

const START_LIMIT: Duration = Duration::from_secs(30);

/// The running controller; it stops when this value is dropped.
#[derive(Debug)]
pub(crate) struct Controller {
    server: Server,
    metrics: u16,
    live: u16,
}

impl Controller {
    /// Starts the binary with the cluster's kubeconfig and waits until it says it is ready.
    pub(crate) fn start(strongroom: &Path, cluster: &DemoCluster, folder: &RunFolder) -> Result<Self> {
        let [metrics, live] = ports::free_ports()?;
        let mut command = Command::new(strongroom);
        command.arg("controller");
        command.arg("--metrics-addr").arg(format!("127.0.0.1:{metrics}"));
        command.arg("--live-addr").arg(format!("127.0.0.1:{live}"));
        if let Some(namespace) = cluster.scope() {
            command.arg("--namespace").arg(namespace);
        }
        command.env("KUBECONFIG", cluster.kubectl.kubeconfig());
        let mut server = Server::start("strongroom", command, &folder.logs)?;
        let agent: Agent =
            Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(2))).build().into();
        let ready = format!("http://127.0.0.1:{live}/readyz");
        server.wait_ready(START_LIMIT, || agent.get(&ready).call().is_ok())?;
        Ok(Self { server, metrics, live })
    }

    /// An error with the end of its log if it has ended.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        self.server.check_running()
    }

    /// Where its metrics and health endpoints are.
    pub(crate) fn addresses(&self) -> String {
        format!(
            "metrics: http://127.0.0.1:{}/metrics\nhealth:  http://127.0.0.1:{}/readyz",
            self.metrics, self.live
        )
    }
}
