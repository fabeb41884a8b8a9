//! Starts a PostgreSQL server on 127.0.0.1 with a fresh database.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::geteuid;

use crate::process::{self, Server};
use crate::{pki, ports};

const START_LIMIT: Duration = Duration::from_mins(1);

/// The user and group `nobody`, which have no rights: as root PostgreSQL refuses to run.
const NOBODY: u32 = 65_534;

/// The administrator, and the database to which Vault's roles are given access.
pub(crate) const ADMINISTRATOR: &str = "postgres";

/// A running PostgreSQL; it stops when this value is dropped, and forgets everything.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    server: Server,
    /// On 127.0.0.1.
    pub(crate) port: u16,
    /// The administrator's.
    pub(crate) password: String,
    // Last: it goes when the server has ended.
    _home: Option<Scratch>,
}

/// A folder that is deleted with this value.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl PostgresServer {
    /// Starts the server of the installation `home`, with its data in `run` and its output in `logs`.
    pub(crate) fn start(home: &Path, run: &Path, logs: &Path) -> Result<Self> {
        let [port] = ports::free_ports()?;
        let password = pki::bearer_token()?;
        let as_nobody = geteuid().is_root();
        // Nobody may not look into the home of root, where data and programs are.
        let scratch = as_nobody.then(scratch).transpose()?;
        let (bin, data) = match &scratch {
            // A system's own installation is where anybody may look, and works nowhere else.
            Some(Scratch(folder)) if home.starts_with("/usr") => (home.join("bin"), folder.join("data")),
            Some(Scratch(folder)) => (copied(home, folder)?.join("bin"), folder.join("data")),
            None => (home.join("bin"), run.join("postgres")),
        };
        let secret = data.with_extension("password");
        fs::write(&secret, &password)?;
        if as_nobody {
            chown(&secret, Some(NOBODY), Some(NOBODY))?;
        }

        let mut init = command(&bin.join("initdb"), as_nobody);
        init.args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        init.arg("--username").arg(ADMINISTRATOR).arg("--pwfile").arg(&secret).arg("--pgdata").arg(&data);
        let log = logs.join("initdb.log");
        process::send_output_to(&mut init, &log)?;
        let status = process::run_to_end(&mut init, || ())?;
        fs::remove_file(&secret)?;
        if !status.success() {
            bail!("initdb {status}; {}", process::tail(&log));
        }
        let mut postgres = command(&bin.join("postgres"), as_nobody);
        postgres.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=500",
            // The data lives no longer than the run.
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
        ] {
            postgres.arg("-c").arg(setting);
        }
        let mut server = Server::start("postgres", postgres, logs)?;
        server.wait_ready(START_LIMIT, || ports::is_open(port))?;
        Ok(Self { server, port, password, _home: scratch })
    }

    /// An error with the end of its log if the server has ended.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        self.server.check_running()
    }
}

/// A folder with an empty `data` in it that belongs to nobody.
fn scratch() -> Result<Scratch> {
    let folder = std::env::temp_dir().join(format!("strongroom-postgres-{}", std::process::id()));
    // Whatever is there is not of this process: ids are used again.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    chown(&data, Some(NOBODY), Some(NOBODY))?;
    Ok(Scratch(folder))
}

/// A copy of the installation `home` in `folder`.
fn copied(home: &Path, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join("home");
    let status = process::run_to_end(Command::new("cp").arg("-R").arg(home).arg(&copy), || ())?;
    if !status.success() {
        bail!("cannot copy PostgreSQL to {}: cp {status}", copy.display());
    }
    Ok(copy)
}

fn command(program: &Path, as_nobody: bool) -> Command {
    let mut command = Command::new(program);
    // A folder that whoever runs it may enter.
    command.current_dir("/");
    if as_nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
