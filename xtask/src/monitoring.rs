//! `cargo xtask monitoring`: tests the alert rules with promtool, and on demand lints the dashboards and draws them.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{pictures, process, progress, servers, workspace};

/// What to do besides testing the alert rules.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Let Grafana's linter read the dashboards, too; its first build takes many minutes.
    #[arg(long)]
    lint: bool,
    /// Draw the dashboards from what Prometheus answered to their queries: the file that the story `monitoring` leaves in
    /// the test bed's folder of logs.
    #[arg(long, value_name = "ANSWERS")]
    pictures: Option<PathBuf>,
}

/// Tests the rules, and does what `options` ask for.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if let Some(answers) = &options.pictures {
        pictures::draw(answers)?;
        return Ok(ExitCode::SUCCESS);
    }
    rules()?;
    if options.lint {
        lint()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// promtool accepts the alert rules, and each fires when it should and only then.
pub(crate) fn rules() -> Result<()> {
    let promtool = servers::prometheus()?.promtool;
    let (rules, tests) = (rules_file(), tests_file());
    untested(&std::fs::read_to_string(&rules)?, &std::fs::read_to_string(&tests)?)?;
    run_in_order(&promtool, &["check", "rules", "--lint-fatal"], &rules)?;
    run_in_order(&promtool, &["test", "rules"], &tests)
}

fn rules_file() -> PathBuf {
    workspace::chart().join("files/alerts/strongroom.yaml")
}

fn tests_file() -> PathBuf {
    workspace::root().join("e2e/alerts/strongroom_test.yaml")
}

/// Fails if an alert has no case in which it fires, or none in which it does not.
fn untested(rules: &str, tests: &str) -> Result<()> {
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        for verdict in ["fires", "is silent"] {
            if !tests.lines().any(|line| line.trim() == format!("- name: {alert} {verdict}")) {
                bail!("the alert {alert} has no test `{alert} {verdict}` in {}", tests_file().display());
            }
        }
    }
    Ok(())
}

fn lint() -> Result<()> {
    let linter = servers::dashboard_linter()?;
    let mut dashboards: Vec<_> =
        std::fs::read_dir(workspace::dashboards())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    dashboards.sort();
    dashboards.iter().try_for_each(|dashboard| run_in_order(&linter, &["lint", "--strict"], dashboard))
}

fn run_in_order(program: &Path, arguments: &[&str], file: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).current_dir(workspace::root());
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    progress::line(&format!("{name} {} {}", arguments.join(" "), file.display()));
    let status = process::run_to_end(&mut command, || ()).context("cannot run it")?;
    if !status.success() {
        bail!("{name} is not content with {}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_without_a_test_is_named() {
        let rules = "  - alert: Late\n";
        let silent = "  - name: Late is silent\n";
        let error = untested(rules, silent).unwrap_err().to_string();
        assert!(error.contains("Late fires"), "{error}");
        untested(rules, &format!("{silent}  - name: Late fires\n")).unwrap();
    }

    #[test]
    fn every_alert_has_its_tests() {
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        untested(&read(rules_file()), &read(tests_file())).unwrap();
    }
}
