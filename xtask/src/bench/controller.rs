//! Starts the controller that is measured, ours or any other, as a user of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use ureq::Agent;

use crate::bench::clock::now;
use crate::process::Server;
use crate::{interrupt, ports, workspace};

const START_LIMIT: Duration = Duration::from_mins(1);

/// How to start the controller.
#[derive(Debug)]
pub(super) struct Launcher {
    /// A shell command with placeholders.
    command: String,
    kubeconfig: PathBuf,
    logs: PathBuf,
}

/// The running controller; it stops when this value is dropped.
#[derive(Debug)]
pub(super) struct Controller {
    server: Server,
    ready_url: Option<String>,
    /// When the process was started.
    pub(super) started: Timestamp,
}

impl Launcher {
    /// For `command`, or for our release build, which is built first.
    pub(super) fn new(command: Option<&str>, kubeconfig: PathBuf, logs: PathBuf) -> Result<Self> {
        let command = match command {
            Some(command) => command.to_owned(),
            None => ours(&workspace::built_release()?.display().to_string()),
        };
        Ok(Self { command, kubeconfig, logs })
    }

    /// The command as it was given.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// Starts the controller, with its output in the log `name`.
    pub(super) fn start(&self, name: &'static str) -> Result<Controller> {
        let [metrics, live] = ports::free_ports()?;
        let kubeconfig = self.kubeconfig.display().to_string();
        let text = filled(&self.command, &kubeconfig, metrics, live);
        let mut shell = Command::new("sh");
        // The shell becomes the controller, whose CPU time and memory are measured under its process id.
        shell.arg("-c").arg(format!("exec {text}")).env("KUBECONFIG", &self.kubeconfig);
        let ready_url = self.command.contains("{live}").then(|| format!("http://127.0.0.1:{live}/readyz"));
        let started = now();
        let server = Server::start(name, shell, &self.logs)?;
        Ok(Controller { server, ready_url, started })
    }
}

impl Controller {
    /// Waits until it says that it is ready, if its command line told it where to say so.
    pub(super) fn wait_ready(&mut self) -> Result<()> {
        let Some(url) = &self.ready_url else { return interrupt::sleep(Duration::from_secs(3)) };
        let limit = Some(Duration::from_secs(2));
        let agent: Agent = Agent::config_builder().proxy(None).timeout_global(limit).build().into();
        self.server
            .wait_ready(START_LIMIT, || agent.get(url).call().is_ok())
            .context("the controller that is measured")
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.server.id()
    }

    /// An error with the end of its log if it has ended.
    pub(super) fn check_running(&mut self) -> Result<()> {
        self.server.check_running()
    }

    /// Ends it as a crash would.
    pub(super) fn kill(self) -> Result<()> {
        self.server.kill()
    }
}

fn ours(binary: &str) -> String {
    format!("'{binary}' controller --metrics-addr 127.0.0.1:{{metrics}} --live-addr 127.0.0.1:{{live}}")
}

fn filled(command: &str, kubeconfig: &str, metrics: u16, live: u16) -> String {
    command
        .replace("{kubeconfig}", kubeconfig)
        .replace("{metrics}", &metrics.to_string())
        .replace("{live}", &live.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let command = filled("other --kubeconfig {kubeconfig} -m :{metrics} -l :{live}", "/k", 1, 2);
        assert_eq!(command, "other --kubeconfig /k -m :1 -l :2");
    }

    #[test]
    fn our_own_command_binds_to_the_loopback_address_only() {
        let command = filled(&ours("/a b/strongroom"), "/k", 81, 82);
        let expected = "'/a b/strongroom' controller --metrics-addr 127.0.0.1:81 --live-addr 127.0.0.1:82";
        assert_eq!(command, expected);
    }
}
