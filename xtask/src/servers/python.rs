//! Packages of the Python package registry, each in an environment of its own in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{cache, process, progress};

/// A pinned package.
#[derive(Debug)]
pub(super) struct Package {
    /// What it is called here and, with the version, its folder in the cache.
    pub(super) name: &'static str,
    /// Its release.
    pub(super) version: &'static str,
    /// What pip is to install.
    pub(super) requirements: &'static [&'static str],
    /// A file that is there once it is installed.
    pub(super) witness: &'static str,
}

impl Package {
    /// Its environment's interpreter, fetched first if this machine has not fetched it before. Scripts in the environment
    /// name the folder that it was made in; the interpreter finds its own way.
    pub(super) fn interpreter(&self) -> Result<PathBuf> {
        let complete = |home: &Path| python(home).exists() && home.join(self.witness).exists();
        let folder = format!("{}-{}", self.name, self.version);
        cache::folder(&folder, complete, |out| self.fetch(out)).map(|home| python(&home))
    }

    /// Makes the environment in the empty folder `out`.
    fn fetch(&self, out: &Path) -> Result<()> {
        let label = format!("Fetching {} {} (once per machine)", self.name, self.version);
        let mut step = progress::Step::start(label);
        fs::create_dir_all(out)?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(out);
        self.run(&mut venv, &out.with_file_name("venv.log"), &mut step)?;
        let mut pip = Command::new(python(out));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        pip.args(self.requirements);
        self.run(&mut pip, &out.with_file_name("pip.log"), &mut step)?;
        step.done();
        Ok(())
    }

    fn run(&self, command: &mut Command, log: &Path, step: &mut progress::Step) -> Result<()> {
        process::send_output_to(command, log)?;
        let status = process::run_to_end(command, || step.tick())?;
        if !status.success() {
            bail!("cannot fetch {}: {status}; {}", self.name, process::tail(log));
        }
        Ok(())
    }
}

fn python(home: &Path) -> PathBuf {
    home.join("bin/python")
}
