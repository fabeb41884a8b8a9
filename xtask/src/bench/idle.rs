//! Scenario `idle`: memory and CPU time while nothing happens.

use std::time::Duration;

use anyhow::Result;

use crate::bench::cold::LIMIT;
use crate::bench::controller::Controller;
use crate::bench::report::Report;
use crate::bench::scene::Scene;
use crate::bench::window::Opened;
use crate::bench::{Options, synced, targets, usage};
use crate::{interrupt, progress};

/// How many there are unless told otherwise, and how large each is.
const FOREIGN: (u32, usize) = (5_000, 10);
const MINUTE: Duration = Duration::from_mins(1);
const SETTLING: Duration = Duration::from_secs(10);

/// What a controller used while nothing happened.
#[derive(Debug, Clone, Copy)]
struct Rest {
    resident: f64,
    cpu_percent: f64,
}

/// Measures a minute each: without objects, with them, and with foreign Secrets beside them.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let count = options.objects();
    let mut log = scene.api_log()?;
    let mut controller = scene.launcher.start("controller")?;
    controller.wait_ready()?;
    let empty = rest(scene, &mut controller, "without objects")?;
    scene.create_objects(count, "1h", Duration::ZERO)?;
    synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    let full = rest(scene, &mut controller, "with objects")?;
    let (strangers, kib) = (options.foreign(FOREIGN.0)?, FOREIGN.1);
    scene.create_foreign_secrets(strangers, kib)?;
    let foreign = rest(scene, &mut controller, "with foreign Secrets")?;
    let peak = usage::resident(controller.id())?.peak;
    drop(controller);
    let mut controller = scene.launcher.start("controller-restarted")?;
    controller.wait_ready()?;
    let restarted = rest(scene, &mut controller, "after a restart")?;

    report.judge("resident, no objects", empty.resident, "MiB", targets::RESIDENT_EMPTY);
    report.judge(&format!("resident, {count} objects"), full.resident, "MiB", targets::RESIDENT_FULL);
    let more = foreign.resident - full.resident;
    let what = format!("  more with {strangers} foreign Secrets of {kib} KiB");
    report.judge(&what, more, "MiB", targets::RESIDENT_FOR_FOREIGN);
    report.tell("  peak so far", peak, "MiB");
    report.tell("  after a restart with all of it", restarted.resident, "MiB");
    report.tell("  peak of that start", usage::resident(controller.id())?.peak, "MiB");
    report.tell("CPU, no objects", empty.cpu_percent, "% of a core");
    report.tell(&format!("CPU, {count} objects"), full.cpu_percent, "% of a core");
    report.tell("  with the foreign Secrets", foreign.cpu_percent, "% of a core");
    Ok(())
}

/// One minute, after a pause in which what came before can end.
fn rest(scene: &Scene, controller: &mut Controller, what: &str) -> Result<Rest> {
    let step = progress::Step::start(format!("Measuring a minute {what}"));
    interrupt::sleep(SETTLING)?;
    let opened = Opened::now(scene, controller)?;
    interrupt::sleep(MINUTE)?;
    let window = opened.close(scene, controller)?;
    controller.check_running()?;
    step.done();
    Ok(Rest { resident: usage::resident(controller.id())?.now, cpu_percent: window.own_cpu_percent() })
}
