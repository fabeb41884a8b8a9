//! The outage of a scenario: Vault is sealed for some time, and what the controller does with many objects afterwards.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;

use crate::bench::audit::{VaultLog, VaultRequest, reads_of_objects};
use crate::bench::clock::{between, now};
use crate::bench::controller::Controller;
use crate::bench::peaks::{most_at_once, most_in_a_second};
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::statistics::percentile;
use crate::bench::window::Opened;
use crate::bench::{Options, minutes, synced, targets};
use crate::{interrupt, progress};

const POLL: Duration = Duration::from_millis(500);
/// An object that has not come back so long after its interval is not waited for.
const BEYOND: Duration = Duration::from_mins(2);
/// Between the last read and the last status.
const SETTLING: Duration = Duration::from_secs(10);

/// Seals Vault, unseals it, and judges the time until every object was refreshed, and how they crowded; `cold` is what
/// was asked of Vault when all objects were synced for the first time.
pub(super) fn run(
    options: &Options,
    scene: &Scene,
    controller: &mut Controller,
    cold: &[VaultRequest],
    report: &mut Report,
) -> Result<()> {
    let (count, interval) = (options.objects(), minutes(options.interval));
    let length = minutes(options.outage);
    let compressed = length < 2 * interval;
    let unharmed = endure(scene, controller, length, compressed.then_some((count, interval)))?;

    let opened = Opened::now(scene, controller)?;
    let (mut log, ended) = (scene.vault_log()?, now());
    scene.unseal_vault()?;
    let requests = recovery(&mut log, controller, count, ended, interval + BEYOND)?;
    interrupt::sleep(SETTLING)?;
    let ready = synced::ready(scene)?;
    let window = opened.close(scene, controller)?;

    let waits = waits(&requests, ended);
    let all = (waits.len() >= count).then(|| percentile(&waits, 1.0)).flatten();
    let what = "from the end of the outage until every object was refreshed";
    report.judge(what, all, "s", targets::within(interval));
    report.tell("  half of them", percentile(&waits, 0.5), "s");
    report.tell("  objects refreshed", f64_of(waits.len()), "");
    report.judge("  objects Ready afterwards", f64_of(ready), "", targets::all_of(count));
    report.tell("  not Ready when it ended", f64_of(count.saturating_sub(unharmed)), "");
    let at_once = f64_of(most_at_once(reads(&requests)));
    report.judge("  reads open at once, at most", at_once, "", targets::READS_AT_ONCE);
    report.tell("    in the cold start", f64_of(most_at_once(reads(cold))), "");
    let peak = |requests: &[VaultRequest]| {
        f64_of(most_in_a_second(reads(requests).map(|read: &VaultRequest| read.at)))
    };
    report.tell("  reads in one second, at most", peak(&requests), "");
    report.tell("    in the cold start", peak(cold), "");
    report.tell("  reads an object until then", f64_of(reads(&requests).count()) / f64_of(count), "");
    window.explain(report, count, "object after the outage");
    report.note(if compressed {
        format!(
            "the outage is compressed: Vault was sealed for {}, less than two intervals of {}, and every object was \
             made due meanwhile",
            progress::seconds(length),
            progress::seconds(interval)
        )
    } else {
        format!("Vault was sealed for {}, and nothing was made due meanwhile", progress::seconds(length))
    });
    Ok(())
}

/// The outage itself, in which so many objects of this interval are made due, if any; gives how many are Ready at its end.
fn endure(
    scene: &Scene,
    controller: &mut Controller,
    length: Duration,
    due: Option<(usize, Duration)>,
) -> Result<usize> {
    scene.seal_vault()?;
    let began = Instant::now();
    if let Some((count, interval)) = due {
        scene.make_due(count, interval)?;
    }
    let mut step = progress::Step::start("Waiting while Vault is sealed");
    while began.elapsed() < length {
        controller.check_running()?;
        step.tick();
        interrupt::sleep(POLL)?;
    }
    let ready = synced::ready(scene)?;
    step.done();
    Ok(ready)
}

/// What was asked of Vault until it was asked for every object, or until `limit`.
fn recovery(
    log: &mut VaultLog,
    controller: &mut Controller,
    count: usize,
    ended: Timestamp,
    limit: Duration,
) -> Result<Vec<VaultRequest>> {
    let mut step = progress::Step::start("Waiting until every object is refreshed again");
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    while seen.len() < count && between(ended, now()) < limit.as_secs_f64() {
        controller.check_running()?;
        let requests = log.take()?;
        seen.extend(reads_of_objects(&requests).into_keys());
        all.extend(requests);
        step.tick();
        interrupt::sleep(POLL)?;
    }
    step.done();
    Ok(all)
}

/// Seconds from `ended` to the first read of each object.
fn waits(requests: &[VaultRequest], ended: Timestamp) -> Vec<f64> {
    let reads = reads_of_objects(requests);
    reads.values().filter_map(|times| times.first()).map(|first| between(ended, *first)).collect()
}

fn reads(requests: &[VaultRequest]) -> impl Iterator<Item = &VaultRequest> {
    requests.iter().filter(|request| request.reads())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn request(path: &str, second: i64) -> VaultRequest {
        VaultRequest {
            operation: "read".to_owned(),
            path: path.to_owned(),
            began: at(second),
            at: at(second),
        }
    }

    #[test]
    fn an_object_has_waited_until_its_first_read() {
        let requests = [
            request("secret/data/bench/app-1", 2),
            request("secret/data/bench/app-2", 5),
            request("secret/data/bench/app-1", 9),
            request("secret/data/bench/forced-1", 1),
            request("auth/token/lookup-self", 1),
        ];
        assert_eq!(waits(&requests, at(0)), [2.0, 5.0]);
        assert_eq!(reads(&requests).count(), 4);
    }
}
