//! `cargo xtask demo`: sets a scene (cluster, Vault, controller), tells the story in it, and clears it away.

mod cluster;
mod controller;
mod source;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::demo::cluster::DemoCluster;
use crate::demo::controller::Controller;
use crate::demo::source::Source;
use crate::testbed::RunFolder;
use crate::{interrupt, progress, workspace};

/// The namespace of every object of the demo.
const NAMESPACE: &str = "strongroom-demo";

/// Options of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End after the story, with exit code 0 if every step came out as told, else 1.
    #[arg(long)]
    once: bool,
    /// Use the cluster of this kubeconfig (its current context) instead of starting a control plane.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Use the fake provider, whose values are in the store object, instead of starting a Vault.
    #[arg(long)]
    fake: bool,
}

/// Sets up, tells the story, and clears away, whatever the story's end.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let strongroom = workspace::built_strongroom()?;
    let started = Instant::now();
    let folder = RunFolder::create()?;
    let logs = folder.logs.clone();
    let cluster = DemoCluster::open(options.kubeconfig.as_deref(), &folder)?;
    let result = tell(options, &strongroom, &cluster, &folder, started);
    let cleared = cluster.clear_away(!options.fake);
    drop(cluster);
    result
        .and(cleared)
        .with_context(|| format!("the demo did not work out; logs are in {}", logs.display()))?;
    folder.remove()?;
    Ok(ExitCode::SUCCESS)
}

fn tell(
    options: &Options,
    strongroom: &std::path::Path,
    cluster: &DemoCluster,
    folder: &RunFolder,
    started: Instant,
) -> Result<()> {
    let step = progress::Step::start("Applying the CRDs");
    cluster.install_crds()?;
    step.done();
    let mut source = if options.fake { Source::fake() } else { Source::vault(cluster, folder)? };
    let step = progress::Step::start("Starting the controller");
    let mut controller = Controller::start(strongroom, cluster, folder)?;
    step.done();
    story::tell(&cluster.kubectl, &mut source, &mut controller)?;
    progress::line(&format!(
        "\nThe story is told, {} after the start.",
        progress::seconds(started.elapsed())
    ));
    if options.once {
        return Ok(());
    }
    progress::line(&format!(
        "Look around (Ctrl-C ends everything):\n\nexport KUBECONFIG={}\n{}\n{}\n\nlogs: {}",
        cluster.kubectl.kubeconfig().display(),
        source.environment(),
        controller.addresses(),
        folder.logs.display(),
    ));
    while interrupt::sleep(Duration::from_secs(1)).is_ok() {
        controller.check_running()?;
    }
    progress::line("\nStopping.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::workspace;

    #[test]
    fn the_readme_shows_the_manifests_that_the_demo_applies() {
        let readme = fs::read_to_string(workspace::root().join("README.md")).unwrap();
        let mut manifests = 0;
        for entry in fs::read_dir(workspace::root().join("demo")).unwrap() {
            let path = entry.unwrap().path();
            let block = format!("```yaml\n{}```", fs::read_to_string(&path).unwrap());
            assert!(readme.contains(&block), "README.md does not show {} as it is", path.display());
            manifests += 1;
        }
        assert!(manifests >= 2);
    }
}
