//! Where moto, which plays AWS, comes from: a pinned package of the Python package registry, in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{cache, process, progress};

const VERSION: &str = "5.2.5";

/// What else its server needs for the services that tests ask; `moto[server]` would bring four times as much.
const BESIDE: [&str; 2] = ["flask", "flask-cors"];

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
    match cache::folder(&format!("moto-{VERSION}"), is_complete, fetch) {
        // Scripts in the environment name the folder that it was made in; the interpreter finds its own way.
        Ok(home) => Ok(Moto { program: python(&home), arguments: &["-m", "moto.server"] }),
        Err(error) => match installed() {
            Some(program) => Ok(Moto { program, arguments: &[] }),
            None => bail!("{error:#}. Put `python3` with venv and pip in PATH, or install `moto[server]` 5."),
        },
    }
}

fn python(home: &Path) -> PathBuf {
    home.join("bin/python")
}

fn is_complete(home: &Path) -> bool {
    python(home).exists() && home.join("bin/moto_server").is_file()
}

/// `moto_server` in PATH, if it is one.
fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join("moto_server")).find(|it| it.is_file())?;
    let helps = Command::new(&found).arg("--help").output();
    helps.is_ok_and(|output| output.status.success()).then_some(found)
}

/// Makes the environment in the empty folder `out`.
fn fetch(out: &Path) -> Result<()> {
    let mut step = progress::Step::start(format!("Fetching moto {VERSION} (once per machine)"));
    fs::create_dir_all(out)?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(out);
    run(&mut venv, &out.with_file_name("venv.log"), &mut step)?;
    let mut pip = Command::new(python(out));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.arg(format!("moto[ssm]=={VERSION}")).args(BESIDE);
    run(&mut pip, &out.with_file_name("pip.log"), &mut step)?;
    step.done();
    Ok(())
}

fn run(command: &mut Command, log: &Path, step: &mut progress::Step) -> Result<()> {
    process::send_output_to(command, log)?;
    let status = process::run_to_end(command, || step.tick())?;
    if !status.success() {
        bail!("cannot fetch moto: {status}; {}", process::tail(log));
    }
    Ok(())
}
