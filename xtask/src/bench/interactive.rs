//! Scenario `interactive`: new and forced objects among many that are in step.

use std::time::Duration;

use anyhow::Result;

use crate::bench::cold::LIMIT;
use crate::bench::probes::{Latencies, Probes};
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::statistics::percentile;
use crate::bench::window::Opened;
use crate::bench::{Options, synced, targets};

/// Measures with probes while nothing else is due.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let count = options.objects();
    let mut log = scene.api_log()?;
    scene.create_objects(count, "1h", Duration::ZERO)?;
    let mut controller = scene.launcher.start("controller")?;
    synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    synced::settle(&mut log, synced::QUIET, LIMIT)?;
    let mut probes = Probes::prepare(scene, options.stretch())?;
    let opened = Opened::now(scene, &controller)?;
    let latencies = probes.run(options.stretch())?;
    let window = opened.close(scene, &controller)?;
    judge_latencies(&latencies, report);
    let done = latencies.create_to_secret.len() + latencies.force_to_value.len();
    report.tell("API requests a probe", window.requests_each(done), "");
    window.explain(report, done, "probe");
    Ok(())
}

/// The rows about latency.
pub(super) fn judge_latencies(latencies: &Latencies, report: &mut Report) {
    let Latencies { create_to_secret, force_to_value } = latencies;
    let p99 = percentile(create_to_secret, 0.99);
    report.judge("create → Secret p99", p99, "s", targets::CREATE_TO_SECRET);
    report.tell("  p50", percentile(create_to_secret, 0.5), "s");
    report.tell("  most", percentile(create_to_secret, 1.0), "s");
    let p99 = percentile(force_to_value, 0.99);
    report.judge("force-sync → value p99", p99, "s", targets::FORCED_SYNC_TO_VALUE);
    report.tell("  p50", percentile(force_to_value, 0.5), "s");
    report.tell("  most", percentile(force_to_value, 1.0), "s");
    report.tell("  probes of each kind", f64_of(force_to_value.len()), "");
}
