//! Scenario `scale`: many objects and many more foreign Secrets: memory, latency, a restart, and an outage of Vault.

use std::time::Duration;

use anyhow::Result;

use crate::bench::audit::{VaultLog, VaultRequest, reads_of_objects};
use crate::bench::clock::now;
use crate::bench::controller::Controller;
use crate::bench::peaks::needless_reads;
use crate::bench::probes::Probes;
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::statistics::{lateness, percentile};
use crate::bench::window::Opened;
use crate::bench::{Options, minutes, outage, synced, targets, usage};
use crate::{interrupt, progress};

/// How many there are unless told otherwise, and how many KiB each has.
const FOREIGN: (u32, usize) = (50_000, 1);
/// As many objects as there can be, at the slowest rate that is worth measuring.
const LIMIT: Duration = Duration::from_hours(1);
const SETTLING: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_mins(1);
/// A refresh comes early by a tenth of the interval at most, so that not everything falls due at once.
const SOONEST: f64 = 0.9;
/// And by so many seconds: times in a status are whole seconds, and what falls due within one second is read together.
const GRAIN: f64 = 2.0;

/// The stages one after another, with what all of them share.
struct Course<'a> {
    options: &'a Options,
    scene: &'a Scene,
    report: &'a mut Report,
    log: VaultLog,
    /// What was asked of Vault so far.
    asked: Vec<VaultRequest>,
}

/// Runs the stages on one set of objects: cold start, restart, refresh with probes, foreign Secrets, outage.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let log = scene.vault_log()?;
    let mut course = Course { options, scene, report, log, asked: Vec::new() };
    let controller = course.cold()?;
    let cold = course.asked.clone();
    let mut controller = course.restart(controller)?;
    course.refresh(&controller)?;
    course.foreign(&mut controller)?;
    outage::run(options, scene, &mut controller, &cold, course.report)?;
    let resident = usage::resident(controller.id())?;
    report.tell("resident after the outage", resident.now, "MiB");
    report.tell("  peak since the restart", resident.peak, "MiB");
    Ok(())
}

impl Course<'_> {
    fn interval(&self) -> Duration {
        minutes(self.options.interval)
    }

    /// All objects are there when the controller starts.
    fn cold(&mut self) -> Result<Controller> {
        let count = self.options.objects();
        let mut log = self.scene.api_log()?;
        self.scene.create_objects(count, &format!("{}m", self.options.interval), Duration::ZERO)?;
        let mut controller = self.scene.launcher.start("controller")?;
        synced::wait(self.scene, &mut controller, &mut log, count, LIMIT)?;
        interrupt::sleep(SETTLING)?;
        self.asked.extend(self.log.take()?);
        let resident = usage::resident(controller.id())?;
        let what = format!("resident, {count} objects");
        self.report.judge(&what, resident.now, "MiB", targets::RESIDENT_SCALE);
        self.report.tell("  peak of the cold start", resident.peak, "MiB");
        Ok(controller)
    }

    /// The controller is killed, and starts again while most objects are fresh.
    fn restart(&mut self, controller: Controller) -> Result<Controller> {
        let count = self.options.objects();
        controller.kill()?;
        interrupt::sleep(Duration::from_secs(2))?;
        self.asked.extend(self.log.take()?);
        let killed = now();
        let mut controller = self.scene.launcher.start("controller-restarted")?;
        let step = progress::Step::start("Measuring a minute after a restart");
        interrupt::sleep(MINUTE)?;
        controller.check_running()?;
        step.done();
        let requests = self.log.take()?;
        let others = requests.iter().filter(|request| !request.reads()).count();
        let reads = requests.len() - others;
        self.asked.extend(requests);
        let soonest = self.interval().as_secs_f64() * SOONEST - GRAIN;
        let needless = needless_reads(&reads_of_objects(&self.asked), killed, soonest);
        let share = f64_of(needless + others) / f64_of(count);
        let what = "needless Vault requests in the minute after a restart, an object";
        self.report.judge(what, share, "", targets::NEEDLESS_SHARE);
        self.report.tell("  reads", f64_of(reads), "");
        self.report.tell("  of them not due", f64_of(needless), "");
        self.report.tell("  other requests", f64_of(others), "");
        self.report.tell("  resident", usage::resident(controller.id())?.now, "MiB");
        Ok(controller)
    }

    /// New and forced objects during one whole interval, in which every object is refreshed once.
    fn refresh(&mut self, controller: &Controller) -> Result<()> {
        let interval = self.interval();
        let mut probes = Probes::prepare(self.scene, interval)?;
        let opened = Opened::now(self.scene, controller)?;
        let latencies = probes.run(interval)?;
        let window = opened.close(self.scene, controller)?;
        self.asked.extend(self.log.take()?);
        let reads = reads_of_objects(&self.asked);
        let late = lateness(&reads, interval.as_secs_f64(), window.from, window.until);
        let report = &mut *self.report;
        let created = &latencies.create_to_secret;
        let p99 = percentile(created, 0.99);
        report.judge("create → Secret p99, during refresh", p99, "s", targets::CREATE_TO_SECRET_AMONG_MANY);
        report.tell("  p50", percentile(created, 0.5), "s");
        report.tell("  most", percentile(created, 1.0), "s");
        report.tell("force-sync → value p99", percentile(&latencies.force_to_value, 0.99), "s");
        report.tell("lateness p99", percentile(&late, 0.99), "s");
        let refreshes = reads_of_objects(&window.vault).values().map(Vec::len).sum();
        report.tell("  refreshes", f64_of(refreshes), "");
        report.tell("  own CPU each", window.own_cpu_ms(refreshes), "ms");
        window.explain(report, refreshes, "refresh");
        Ok(())
    }

    /// Foreign Secrets beside the objects.
    fn foreign(&mut self, controller: &mut Controller) -> Result<()> {
        let (count, kib) = (self.options.foreign(FOREIGN.0)?, FOREIGN.1);
        interrupt::sleep(SETTLING)?;
        let before = usage::resident(controller.id())?.now;
        self.scene.create_foreign_secrets(count, kib)?;
        interrupt::sleep(SETTLING)?;
        controller.check_running()?;
        let resident = usage::resident(controller.id())?;
        let what = format!("more resident with {count} foreign Secrets of {kib} KiB");
        self.report.judge(&what, resident.now - before, "MiB", targets::RESIDENT_FOR_MANY_FOREIGN);
        self.report.tell("  resident before", before, "MiB");
        self.report.tell("  peak", resident.peak, "MiB");
        Ok(())
    }
}
