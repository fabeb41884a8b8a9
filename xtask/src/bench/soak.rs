//! Scenario `soak`: for an hour objects are refreshed and leases are renewed and replaced, and nothing piles up.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::audit::{VaultLog, VaultRequest, reads_of_objects};
use crate::bench::clock::now;
use crate::bench::cold::LIMIT;
use crate::bench::controller::Controller;
use crate::bench::objects::HOME;
use crate::bench::report::Report;
use crate::bench::scene::{Scene, f64_of};
use crate::bench::statistics::{lateness, percentile};
use crate::bench::trend::{Quarters, allowed_growth, growth};
use crate::bench::usage::{Handles, handles, resident};
use crate::bench::{Options, synced, targets};
use crate::{interrupt, progress};

const INTERVAL: Duration = Duration::from_secs(30);
/// Objects with credentials of their own, which are renewed twice and then replaced.
const LEASES: usize = 20;
const MINUTE: Duration = Duration::from_mins(1);
/// By then the connections that only the beginning needed are closed: they would hide others that pile up.
const SETTLING: Duration = Duration::from_mins(2);
/// Where Vault lists the accessors of all tokens, and the leases of the database role.
const TOKENS: &str = "auth/token/accessors";
const LEASED: &str = "sys/leases/lookup/database/creds/app";

/// One column of the samples.
type Column = fn(&Sample) -> f64;

/// What has to stay as it is, by the name in the report.
const COUNTED: [(&str, Column); 4] = [
    ("file descriptors", |sample| f64_of(sample.handles.descriptors)),
    ("sockets", |sample| f64_of(sample.handles.sockets)),
    ("threads", |sample| f64_of(sample.handles.threads)),
    ("Vault's tokens", |sample| f64_of(sample.tokens)),
];

/// What was found at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// MiB.
    resident: f64,
    handles: Handles,
    /// Vault's tokens, the root token among them.
    tokens: usize,
    /// Leases of the database in Vault: replaced ones live on for a while.
    leases: usize,
}

/// Samples once a minute, and compares the first quarter with the last.
pub(super) fn run(options: &Options, scene: &Scene, report: &mut Report) -> Result<()> {
    let count = options.objects();
    let mut log = scene.api_log()?;
    let database = scene.create_leased_objects(LEASES)?;
    let mut controller = scene.launcher.start("controller")?;
    controller.wait_ready()?;
    scene.create_objects(count, "30s", INTERVAL)?;
    synced::wait(scene, &mut controller, &mut log, count, LIMIT)?;
    wait_for_leases(scene)?;
    let step = progress::Step::start("Waiting until the beginning is over");
    interrupt::sleep(SETTLING)?;
    step.done();

    let (cpu, from, mut vault) = (scene.cpu_times(&controller)?, now(), scene.vault_log()?);
    let (samples, asked) = sampled(options.stretch(), scene, &mut controller, &mut vault)?;
    let (until, cpu) = (now(), scene.cpu_times(&controller)?.since(&cpu));
    let (well, leased) = (synced::ready(scene)?, synced::ready_in(scene, HOME)?);
    drop(controller);
    drop(database);

    judge_samples(&samples, report);
    report.judge("objects Ready at the end", f64_of(well), "", targets::all_of(count));
    report.judge("objects with leases Ready at the end", f64_of(leased), "", targets::all_of(LEASES));
    let reads = reads_of_objects(&asked);
    let refreshes = reads.values().map(Vec::len).sum();
    let late = lateness(&reads, INTERVAL.as_secs_f64(), from, until);
    report.tell("refreshes", f64_of(refreshes), "");
    report.tell("  lateness p99", percentile(&late, 0.99), "s");
    report.tell("  lateness, most", percentile(&late, 1.0), "s");
    let seconds = options.stretch().as_secs_f64();
    report.tell("CPU", cpu.of("controller") * 100.0 / seconds, "% of a core");
    report.note(format!("other processes meanwhile used {:.0} % of one core", cpu.others * 100.0 / seconds));
    Ok(())
}

/// Samples at the beginning and after each minute, with the objects' reads meanwhile.
fn sampled(
    time: Duration,
    scene: &Scene,
    controller: &mut Controller,
    vault: &mut VaultLog,
) -> Result<(Vec<Sample>, Vec<VaultRequest>)> {
    let minutes = time.as_secs() / 60;
    let (mut samples, mut reads) = (vec![Sample::now(scene, controller)?], Vec::new());
    let started = Instant::now();
    for minute in 1..=minutes {
        interrupt::sleep((MINUTE * u32::try_from(minute)?).saturating_sub(started.elapsed()))?;
        controller.check_running()?;
        reads.extend(vault.take()?.into_iter().filter(VaultRequest::reads));
        let sample = Sample::now(scene, controller)?;
        progress::line(&format!("minute {minute} of {minutes}: {}", sample.text()));
        samples.push(sample);
    }
    Ok((samples, reads))
}

fn wait_for_leases(scene: &Scene) -> Result<()> {
    let mut step = progress::Step::start(format!("Waiting until {LEASES} objects have their leases"));
    let started = Instant::now();
    loop {
        let ready = synced::ready_in(scene, HOME)?;
        if ready >= LEASES {
            step.done();
            return Ok(());
        }
        if started.elapsed() > LIMIT {
            bail!("{ready} of {LEASES} objects had their leases after {}", progress::seconds(LIMIT));
        }
        step.tick();
        interrupt::sleep(Duration::from_secs(1))?;
    }
}

impl Sample {
    fn now(scene: &Scene, controller: &Controller) -> Result<Self> {
        Ok(Self {
            resident: resident(controller.id())?.now,
            handles: handles(controller.id())?,
            tokens: scene.listed_in_vault(TOKENS)?,
            leases: scene.listed_in_vault(LEASED)?,
        })
    }

    fn text(&self) -> String {
        let Self { resident, handles: Handles { descriptors, sockets, threads }, tokens, leases } = self;
        format!(
            "{resident:.1} MiB resident, {descriptors} descriptors, {sockets} of them sockets, {threads} threads; in \
             Vault {tokens} tokens, {leases} leases"
        )
    }
}

fn judge_samples(samples: &[Sample], report: &mut Report) {
    let column = |value: Column| samples.iter().map(value).collect::<Vec<f64>>();
    let memory = column(|sample| sample.resident);
    let medians = Quarters::of(&memory).medians();
    report.judge("memory, last quarter less first", growth(medians), "MiB", allowed_growth(medians.0));
    report.tell("  first quarter, median", medians.0, "MiB");
    report.tell("  last quarter, median", medians.1, "MiB");
    report.tell("  most", percentile(&memory, 1.0), "MiB");
    for (what, value) in COUNTED {
        let most = Quarters::of(&column(value)).most();
        report.judge(&format!("{what}, last quarter less first"), growth(most), "", targets::FLAT);
        report.tell("  first quarter, most", most.0, "");
        report.tell("  last quarter, most", most.1, "");
    }
    // They end by themselves, and how many of those that were replaced are left is a matter of the moment.
    let leases = Quarters::of(&column(|sample| f64_of(sample.leases))).medians();
    report.tell("Vault's leases, first quarter, median", leases.0, "");
    report.tell("  last quarter, median", leases.1, "");
    report.tell("samples", f64_of(samples.len()), "");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(resident: f64, sockets: usize, tokens: usize) -> Sample {
        let handles = Handles { descriptors: sockets + 10, sockets, threads: 4 };
        Sample { resident, handles, tokens, leases: 20 }
    }

    fn verdict(samples: &[Sample]) -> bool {
        let mut report = Report::new("soak".to_owned());
        judge_samples(samples, &mut report);
        report.is_good()
    }

    #[test]
    fn what_stays_as_it_is_is_good() {
        let mut samples = vec![sample(24.0, 6, 3); 16];
        samples[14] = sample(25.9, 8, 5);
        assert!(verdict(&samples));
    }

    #[test]
    fn what_piles_up_is_missed() {
        let rising = |step: fn(usize) -> Sample| verdict(&(0..16).map(step).collect::<Vec<_>>());
        assert!(!rising(|minute| sample(24.0, 6 + minute, 3)));
        assert!(!rising(|minute| sample(24.0, 6, 3 + minute)));
        assert!(!rising(|minute| sample(24.0 + f64_of(minute), 6, 3)));
        assert!(!verdict(&[]));
    }

    #[test]
    fn a_line_tells_everything() {
        let expected =
            "24.1 MiB resident, 16 descriptors, 6 of them sockets, 4 threads; in Vault 3 tokens, 20 leases";
        assert_eq!(sample(24.1, 6, 3).text(), expected);
    }
}
