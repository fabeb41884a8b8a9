//! Starts moto on 127.0.0.1: it answers as AWS does, from memory.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::ports;
use crate::process::Server;
use crate::servers::Moto;

const START_LIMIT: Duration = Duration::from_mins(1);

/// A running moto; it stops when this value is dropped, and forgets everything.
#[derive(Debug)]
pub(crate) struct MotoServer {
    server: Server,
    port: u16,
}

impl MotoServer {
    /// Starts `moto` with its output in `logs`, and does not wait: it takes a few seconds.
    pub(crate) fn start(moto: &Moto, logs: &Path) -> Result<Self> {
        let [port] = ports::free_ports()?;
        let mut command = moto.command();
        command.args(["-H", "127.0.0.1", "-p"]).arg(port.to_string());
        // It looks for settings of AWS's tools otherwise.
        command.current_dir("/").env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(Self { server: Server::start("moto", command, logs)?, port })
    }

    /// Waits until it answers.
    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        let port = self.port;
        self.server.wait_ready(START_LIMIT, || ports::is_open(port))
    }

    /// The one address of all its services.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An error with the end of its log if the server has ended.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        self.server.check_running()
    }
}
