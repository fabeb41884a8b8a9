//! Scenario `cold`: a controller starts, and finds a store and objects that have no Secrets yet.

use std::time::Duration;

use anyhow::Result;

use crate::bench::audit::reads_by_path;
use crate::bench::clock::between;
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::window::{Opened, Window};
use crate::bench::{Options, bare_writer, synced, targets};
use crate::interrupt;

/// A controller that is slower than this is not measured.
pub(super) const LIMIT: Duration = Duration::from_mins(10);
/// So long the machine is left alone before the ceiling is measured.
pub(super) const PAUSE: Duration = Duration::from_secs(3);

/// Measures the ceiling, the controller, and the ceiling again, for a machine is not always equally fast.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let (count, writers) = (options.objects(), usize::from(options.writers));
    let before = bare_writer::warm_ceiling(&scene.api, count, writers)?;
    scene.create_objects(count, "1h", Duration::ZERO)?;
    interrupt::sleep(PAUSE)?;

    let mut log = scene.api_log()?;
    let mut controller = scene.launcher.start("controller")?;
    let (opened, started) = (Opened::now(scene, &controller)?, controller.started);
    let (written, _) = synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    synced::settle(&mut log, synced::QUIET, LIMIT)?;
    let window = opened.close(scene, &controller)?;
    drop(controller);
    interrupt::sleep(PAUSE)?;
    let after = bare_writer::ceiling(&scene.api, count, writers)?;

    let ceiling = f64::midpoint(before.rate, after.rate);
    let rate = |time: f64| f64_of(count) / time;
    let time = written.end().map(|end| between(started, end));
    let share = time.map(|time| rate(time) / ceiling);
    report.judge("share of the ceiling", share, "", targets::SHARE_OF_CEILING);
    report.tell("  ceiling before", before.rate, "objects/s");
    report.tell("  ceiling after", after.rate, "objects/s");
    report.tell("  the bare writer's own CPU an object", before.own_cpu_ms, "ms");
    report.tell("  controller, from its start to the last status", time.map(rate), "objects/s");
    report.tell("  from its start to the last status", time, "s");
    let first = written.first_secret().map(|first| between(started, first));
    report.tell("  from its start to the first Secret", first, "s");
    judge_costs(&window, count, ceiling, report);
    Ok(())
}

fn judge_costs(window: &Window, count: usize, ceiling: f64, report: &mut Report) {
    window.judge_own_cpu(report, count, "object", ceiling, targets::COLD_CPU_MS);
    report.judge("API requests an object", window.requests_each(count), "", targets::COLD_REQUESTS);
    let most = reads_by_path(&window.vault).values().map(Vec::len).max();
    report.judge("Vault reads of one path, at most", most.map(f64_of), "", targets::READS_OF_A_PATH);
    let (reads, logins) = window.reads_and_logins();
    report.tell("  Vault reads", f64_of(reads), "");
    report.judge("logins in all", f64_of(logins), "", targets::LOGINS);
    window.explain(report, count, "object");
}
