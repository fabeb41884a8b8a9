//! Owns the cache of server binaries: each is built or fetched once per machine and found again in no time.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::{interrupt, process, progress, toolchain};

/// How to build the programs of one server from its Go module.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Folder name in the cache, together with the version.
    pub(crate) name: &'static str,
    /// Release, such as `v1.36.2`.
    pub(crate) version: &'static str,
    /// The wrapper module that requires the server at that release.
    pub(crate) go_mod: String,
    /// Settings for the linker beside the ones that strip the binary.
    pub(crate) link_flags: String,
    /// Build tags, separated by commas.
    pub(crate) tags: &'static str,
    /// Programs to build.
    pub(crate) programs: &'static [Program],
}

/// One program of a recipe.
#[derive(Debug)]
pub(crate) struct Program {
    /// File name of the binary.
    pub(crate) name: &'static str,
    /// Import path of its main package.
    pub(crate) package: &'static str,
}

/// Folder with the recipe's programs; they are built first if this machine has not built them before.
pub(crate) fn programs(recipe: &Recipe) -> Result<PathBuf> {
    let name = format!("{}-{}", recipe.name, recipe.version);
    folder(&name, |folder| is_complete(recipe, folder), |out| build(recipe, out))
}

/// The folder `name` of the cache; if it is not `complete`, `make` fills an empty one that takes its place. What
/// `make` puts beside that is deleted.
pub(crate) fn folder(
    name: &str,
    complete: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let root = cache_root()?;
    let folder = root.join(name);
    if complete(&folder) {
        return Ok(folder);
    }
    fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    let _lock = lock(&root)?;
    // Somebody else may have made it while we waited for the lock.
    if complete(&folder) {
        return Ok(folder);
    }
    // Made elsewhere and renamed, so that a half-made server is never found.
    let scratch = root.join(format!(".build-{name}"));
    let out = scratch.join("out");
    remove(&scratch)?;
    fs::create_dir_all(&out)?;
    make(&out)?;
    remove(&folder)?;
    fs::rename(&out, &folder).with_context(|| format!("cannot move the server to {}", folder.display()))?;
    remove(&scratch)?;
    Ok(folder)
}

/// `$XDG_CACHE_HOME/strongroom-testbed`, by default `~/.cache/strongroom-testbed`.
fn cache_root() -> Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    Ok(base
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for the test bed's cache")?
        .join("strongroom-testbed"))
}

fn is_complete(recipe: &Recipe, folder: &Path) -> bool {
    recipe.programs.iter().all(|program| folder.join(program.name).is_file())
}

/// Builds the recipe's programs into the folder `out`.
fn build(recipe: &Recipe, out: &Path) -> Result<()> {
    toolchain::require_go()?;
    let module = out.with_file_name("module");
    fs::create_dir_all(&module)?;
    fs::write(module.join("go.mod"), &recipe.go_mod)?;
    for program in recipe.programs {
        build_program(recipe, program, &module, out)?;
    }
    Ok(())
}

fn build_program(recipe: &Recipe, program: &Program, module: &Path, out: &Path) -> Result<()> {
    let log = out.with_file_name(format!("{}.log", program.name));
    let mut flags = OsString::from("-s -w");
    if !recipe.link_flags.is_empty() {
        flags.push(" ");
        flags.push(&recipe.link_flags);
    }
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-tags", recipe.tags, "-ldflags"]).arg(flags);
    go.arg("-o").arg(out.join(program.name)).arg(program.package);
    go.current_dir(module);
    go.envs([("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")]);
    process::send_output_to(&mut go, &log)?;
    let mut step =
        progress::Step::start(format!("Building {} {} (once per machine)", program.name, recipe.version));
    let status = process::run_to_end(&mut go, || step.tick())?;
    if !status.success() {
        bail!("cannot build {} {}: go {status}; {}", program.name, recipe.version, process::tail(&log));
    }
    step.done();
    Ok(())
}

/// The lock that keeps two runs from building the same thing twice; it ends with the returned file.
fn lock(root: &Path) -> Result<File> {
    let path = root.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut waiting = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => waiting
                .get_or_insert_with(|| {
                    progress::Step::start("Waiting for another run that builds the servers")
                })
                .tick(),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        interrupt::sleep(Duration::from_millis(200))?;
    }
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
