//! Scenario `restart`: a controller is killed and started again, and finds every object fresh.

use std::time::Duration;

use anyhow::Result;

use crate::bench::audit::ApiRequest;
use crate::bench::clock::{between, now};
use crate::bench::cold::LIMIT;
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::window::Opened;
use crate::bench::{Options, synced, targets, usage};
use crate::{interrupt, progress};

/// The new controller makes no request for so long before its requests are counted.
const QUIET: Duration = Duration::from_secs(15);

/// Counts everything that the second controller asks for.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let count = options.objects();
    let mut log = scene.api_log()?;
    scene.create_objects(count, "1h", Duration::ZERO)?;
    let mut controller = scene.launcher.start("controller")?;
    synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    synced::settle(&mut log, synced::QUIET, LIMIT)?;
    controller.kill()?;
    interrupt::sleep(Duration::from_secs(2))?;

    let mut log = scene.api_log()?;
    let mut controller = scene.launcher.start("controller-restarted")?;
    let opened = Opened::now(scene, &controller)?;
    controller.wait_ready()?;
    let said_ready = now();
    let step = progress::Step::start("Waiting until the restarted controller has settled");
    let requests = synced::settle(&mut log, QUIET, Duration::from_mins(2))?;
    step.done();
    let window = opened.close(scene, &controller)?;

    let (reads, logins) = window.reads_and_logins();
    report.judge("Vault reads", f64_of(reads), "", targets::NOTHING);
    let writes = window.api.iter().filter(|request| request.writes()).count();
    report.judge("writes to the API server", f64_of(writes), "", targets::NOTHING);
    report.judge("API requests", f64_of(window.api.len()), "", targets::RESTART_REQUESTS);
    report.tell("Vault requests of any kind", f64_of(window.vault.len()), "");
    report.tell("  logins", f64_of(logins), "");
    report.tell("from its start until it is ready", between(controller.started, said_ready), "s");
    let last = requests.iter().map(|request: &ApiRequest| request.at).max();
    report.tell("  until its last request", last.map(|last| between(controller.started, last)), "s");
    report.tell("CPU until settled", window.cpu.of("controller"), "s");
    report.tell("resident", usage::resident(controller.id())?.now, "MiB");
    window.explain(report, count, "object");
    Ok(())
}
