//! Where moto, which plays AWS, comes from: a pinned package of the Python package registry, in an environment of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::python::Package;

/// With what else its server needs for the services that tests ask; `moto[server]` would bring four times as much.
const MOTO: Package = Package {
    name: "moto",
    version: "5.2.5",
    requirements: &["moto[ssm]==5.2.5", "flask", "flask-cors"],
    witness: "bin/moto_server",
};

/// How to start moto's server; its arguments follow.
#[derive(Debug)]
pub(crate) struct Moto {
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Moto {
    /// The command, without the server's own arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments);
        command
    }
}

/// The package's server, fetched first if this machine has not fetched it before. Where it cannot be fetched, one that is
/// installed.
pub(crate) fn program() -> Result<Moto> {
    match MOTO.interpreter() {
        Ok(program) => Ok(Moto { program, arguments: &["-m", "moto.server"] }),
        Err(error) => match installed() {
            Some(program) => Ok(Moto { program, arguments: &[] }),
            None => bail!("{error:#}. Put `python3` with venv and pip in PATH, or install `moto[server]` 5."),
        },
    }
}

/// `moto_server` in PATH, if it is one.
fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join("moto_server")).find(|it| it.is_file())?;
    let helps = Command::new(&found).arg("--help").output();
    helps.is_ok_and(|output| output.status.success()).then_some(found)
}
