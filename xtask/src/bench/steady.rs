//! Scenario `steady`: objects are refreshed every 30 seconds, and nothing changes.

use std::time::Duration;

use anyhow::Result;

use crate::bench::audit::{VaultRequest, reads_of_objects};
use crate::bench::cold::{LIMIT, PAUSE};
use crate::bench::interactive::judge_latencies;
use crate::bench::objects::PROBES;
use crate::bench::probes::Probes;
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::statistics::{lateness, percentile};
use crate::bench::window::{Opened, Window};
use crate::bench::{Options, bare_writer, synced, targets, usage};
use crate::interrupt;

const INTERVAL: Duration = Duration::from_secs(30);

/// Measures one stretch without probes and one with them, and the ceiling before and after.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let (count, writers) = (options.objects(), usize::from(options.writers));
    let before = bare_writer::warm_ceiling(&scene.api, count, writers)?;
    let (mut log, mut vault) = (scene.api_log()?, scene.vault_log()?);
    let spread = if options.burst { Duration::ZERO } else { INTERVAL };
    let mut controller = if options.burst {
        scene.create_objects(count, "30s", spread)?;
        scene.launcher.start("controller")?
    } else {
        let mut controller = scene.launcher.start("controller")?;
        controller.wait_ready()?;
        scene.create_objects(count, "30s", spread)?;
        controller
    };
    synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    interrupt::sleep(INTERVAL)?;

    let opened = Opened::now(scene, &controller)?;
    interrupt::sleep(options.stretch())?;
    let quiet = opened.close(scene, &controller)?;
    let mut probes = Probes::prepare(scene, options.stretch())?;
    let opened = Opened::now(scene, &controller)?;
    let latencies = probes.run(options.stretch())?;
    let busy = opened.close(scene, &controller)?;
    let resident = usage::resident(controller.id())?.now;
    drop(controller);
    interrupt::sleep(PAUSE)?;
    let after = bare_writer::ceiling(&scene.api, count, writers)?;

    let ceiling = f64::midpoint(before.rate, after.rate);
    let reads = vault.take()?;
    let refreshes = quiet.reads_and_logins().0;
    quiet.judge_own_cpu(report, refreshes, "refresh", ceiling, targets::REFRESH_CPU_MS);
    report.judge("API requests a refresh", quiet.requests_each(refreshes), "", targets::REFRESH_REQUESTS);
    let late = lateness_in(&quiet, &reads);
    report.judge("lateness p99", percentile(&late, 0.99), "s", targets::LATENESS);
    report.tell("  lateness p50", percentile(&late, 0.5), "s");
    report.tell("  lateness, most", percentile(&late, 1.0), "s");
    report.tell("  ceiling before", before.rate, "objects/s");
    report.tell("  ceiling after", after.rate, "objects/s");
    report.tell("  refreshes", f64_of(refreshes), "");
    report.tell("  resident", resident, "MiB");
    judge_latencies(&latencies, report);
    report.tell("  lateness p99 with the probes", percentile(&lateness_in(&busy, &reads), 0.99), "s");
    quiet.explain(report, refreshes, "refresh");
    let of_probes = busy.api.iter().filter(|request| request.object.starts_with(PROBES)).count();
    report.note(format!(
        "with the probes: {} requests to the API server, {of_probes} for them",
        busy.api.len()
    ));
    Ok(())
}

/// How late the refreshes of a stretch were.
fn lateness_in(window: &Window, reads: &[VaultRequest]) -> Vec<f64> {
    lateness(&reads_of_objects(reads), INTERVAL.as_secs_f64(), window.from, window.until)
}
