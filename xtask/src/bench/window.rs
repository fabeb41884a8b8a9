//! One measured stretch of time: what the controller asked of the servers, and what every process used.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;

use crate::bench::audit::{ApiLog, ApiRequest, VaultLog, VaultRequest, by_kind};
use crate::bench::clock::now;
use crate::bench::controller::Controller;
use crate::bench::report::{Report, Target};
use crate::bench::scene::{Scene, f64_of};
use crate::bench::targets::REFERENCE_CEILING;
use crate::bench::usage::{CpuTimes, CpuUse};

/// A stretch that has begun.
#[derive(Debug)]
pub(super) struct Opened {
    api: ApiLog,
    vault: VaultLog,
    cpu: CpuTimes,
    began: Instant,
    from: Timestamp,
}

/// A stretch that has ended.
#[derive(Debug)]
pub(super) struct Window {
    /// The controller's requests to the API server.
    pub(super) api: Vec<ApiRequest>,
    /// Its requests to Vault.
    pub(super) vault: Vec<VaultRequest>,
    /// CPU seconds by process.
    pub(super) cpu: CpuUse,
    /// When it began.
    pub(super) from: Timestamp,
    /// When it ended.
    pub(super) until: Timestamp,
    seconds: f64,
}

impl Opened {
    /// Begins a stretch.
    pub(super) fn now(scene: &Scene, controller: &Controller) -> Result<Self> {
        Ok(Self {
            api: scene.api_log()?,
            vault: scene.vault_log()?,
            cpu: scene.cpu_times(controller)?,
            began: Instant::now(),
            from: now(),
        })
    }

    /// Ends it.
    pub(super) fn close(mut self, scene: &Scene, controller: &Controller) -> Result<Window> {
        let cpu = scene.cpu_times(controller)?.since(&self.cpu);
        let (until, seconds) = (now(), self.began.elapsed().as_secs_f64());
        Ok(Window { api: self.api.take()?, vault: self.vault.take()?, cpu, from: self.from, until, seconds })
    }
}

impl Window {
    /// Milliseconds of the controller's own CPU time for each of `count` things; `None` if there are none.
    pub(super) fn own_cpu_ms(&self, count: usize) -> Option<f64> {
        (count > 0).then(|| self.cpu.of("controller") * 1000.0 / f64_of(count))
    }

    /// Judges the controller's CPU time for each of `count` as it would be on the machine of the targets.
    pub(super) fn judge_own_cpu(
        &self,
        report: &mut Report,
        count: usize,
        each: &str,
        ceiling: f64,
        target: Target,
    ) {
        let here = self.own_cpu_ms(count);
        let there = here.map(|here| here * ceiling / REFERENCE_CEILING);
        report.judge(&format!("own CPU each {each}, at {REFERENCE_CEILING} objects/s"), there, "ms", target);
        report.tell("  on this machine", here, "ms");
    }

    /// Share of one core that the controller used, in percent.
    pub(super) fn own_cpu_percent(&self) -> f64 {
        self.cpu.of("controller") * 100.0 / self.seconds
    }

    /// Requests to the API server for each of `count` things.
    pub(super) fn requests_each(&self, count: usize) -> Option<f64> {
        (count > 0).then(|| f64_of(self.api.len()) / f64_of(count))
    }

    /// How often Vault was asked for a stored value, and how often for a login.
    pub(super) fn reads_and_logins(&self) -> (usize, usize) {
        let reads = self.vault.iter().filter(|request| request.reads()).count();
        (reads, self.vault.iter().filter(|request| request.logs_in()).count())
    }

    /// Notes where the requests and the CPU time went, for each of `count` things called `thing`, and how much of the
    /// machine others took.
    pub(super) fn explain(&self, report: &mut Report, count: usize, thing: &str) {
        report.note(format!("requests to the API server: {}", listed(&by_kind(&self.api))));
        let mut vault = BTreeMap::new();
        for request in &self.vault {
            let path = if request.reads() { "secret/data/*" } else { &request.path };
            *vault.entry(format!("{} {path}", request.operation)).or_default() += 1;
        }
        report.note(format!("requests to Vault: {}", listed(&vault)));
        let each =
            |(name, used): &(String, f64)| format!("{name} {:.2}", used * 1000.0 / f64_of(count.max(1)));
        let each: Vec<String> = self.cpu.processes.iter().map(each).collect();
        report.note(format!("CPU, ms each {thing}: {}", each.join(", ")));
        report.note(format!(
            "other processes meanwhile used {:.0} % of one core for {:.1} s",
            self.cpu.others * 100.0 / self.seconds,
            self.seconds
        ));
    }
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let text: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_requests_come_first() {
        let counts = BTreeMap::from([("get a".to_owned(), 1), ("create b".to_owned(), 9)]);
        assert_eq!(listed(&counts), "create b 9, get a 1");
        assert_eq!(listed(&BTreeMap::new()), "none");
    }
}
