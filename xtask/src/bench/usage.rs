//! What processes use, from /proc: CPU time, resident memory, and how much of the machine others took.

use std::fs;

use anyhow::{Context as _, Result};

/// CPU seconds that every process of the benchmark, and the whole machine, have used so far.
#[derive(Debug, Clone)]
pub(super) struct CpuTimes {
    machine: f64,
    processes: Vec<(String, f64)>,
}

/// CPU seconds used between two moments.
#[derive(Debug, Clone)]
pub(super) struct CpuUse {
    /// By the name that the process was given.
    pub(super) processes: Vec<(String, f64)>,
    /// By everything else on the machine: what disturbs the measurement.
    pub(super) others: f64,
}

/// Resident memory of a process in MiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    pub(super) now: f64,
    pub(super) peak: f64,
}

impl CpuTimes {
    /// The times up to now of `processes`, given by name and id.
    pub(super) fn now(processes: &[(&str, u32)]) -> Result<Self> {
        let processes = processes.iter().map(|(name, id)| Ok(((*name).to_owned(), cpu_seconds(*id)?)));
        let stat = fs::read_to_string("/proc/stat")?;
        let machine = busy_ticks(&stat).context("/proc/stat has no line about the CPUs")?;
        Ok(Self { machine: seconds(machine), processes: processes.collect::<Result<_>>()? })
    }

    /// What was used between `earlier` and this moment, by the processes that both know.
    pub(super) fn since(&self, earlier: &Self) -> CpuUse {
        let before =
            |name: &str| earlier.processes.iter().find(|(known, _)| known == name).map(|(_, used)| *used);
        let used = |(name, used): &(String, f64)| Some((name.clone(), used - before(name)?));
        let processes: Vec<_> = self.processes.iter().filter_map(used).collect();
        let ours: f64 = processes.iter().map(|(_, used)| used).sum();
        CpuUse { processes, others: (self.machine - earlier.machine - ours).max(0.0) }
    }
}

impl CpuUse {
    /// CPU seconds of the process with this name; 0 if there is none.
    pub(super) fn of(&self, name: &str) -> f64 {
        self.processes.iter().find(|(known, _)| known == name).map_or(0.0, |(_, used)| *used)
    }
}

/// Resident memory of a process.
pub(super) fn resident(id: u32) -> Result<Resident> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("the process has ended")?;
    let mib = |field: &str| kib(&status, field).map(|kib| kib / 1024.0);
    let read = || Some(Resident { now: mib("VmRSS:")?, peak: mib("VmHWM:")? });
    read().context("/proc/<id>/status has no resident memory")
}

/// What the kernel holds open for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handles {
    /// Open file descriptors, sockets among them.
    pub(super) descriptors: usize,
    pub(super) sockets: usize,
    pub(super) threads: usize,
}

/// What a process has open.
pub(super) fn handles(id: u32) -> Result<Handles> {
    let folder = |name: &str| fs::read_dir(format!("/proc/{id}/{name}")).context("the process has ended");
    let (mut descriptors, mut sockets) = (0, 0);
    for entry in folder("fd")? {
        descriptors += 1;
        // One that was closed meanwhile leads nowhere.
        let target = fs::read_link(entry?.path()).unwrap_or_default();
        sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
    }
    Ok(Handles { descriptors, sockets, threads: folder("task")?.count() })
}

/// CPU seconds that a process has used so far, all its threads and those that have ended.
pub(super) fn cpu_seconds(id: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("the process has ended")?;
    process_ticks(&stat).map(seconds).context("/proc/<id>/stat has no CPU times")
}

/// Ticks in user and kernel mode. The process's name may hold blanks and parentheses; its last one ends it.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Ticks in which the CPUs were not idle: user, nice, system, irq, softirq, steal.
fn busy_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, irq, softirq, steal, ..] = ticks[..] else { return None };
    Some(user + nice + system + irq + softirq + steal)
}

fn kib(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "ticks of one machine's uptime")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 100 1000 10";
        assert_eq!(process_ticks(stat), Some(300));
    }

    #[test]
    fn idle_and_waiting_are_not_busy() {
        let stat = "cpu  10 1 5 1000 50 2 3 4 9 0\ncpu0 1 2 3 4\n";
        assert_eq!(busy_ticks(stat), Some(25));
    }

    #[test]
    fn resident_memory_is_found_by_field() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(10_240.0));
        assert_eq!(kib(status, "VmHWM:"), Some(20_480.0));
        assert_eq!(kib(status, "VmSwap:"), None);
    }

    #[test]
    fn what_the_known_processes_did_not_use_others_did() {
        let at = |machine, ours| CpuTimes { machine, processes: vec![("ours".to_owned(), ours)] };
        let used = at(110.0, 53.0).since(&at(100.0, 50.0));
        assert!((used.of("ours") - 3.0).abs() < 1e-9);
        assert!((used.others - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_socket_is_a_descriptor_too() {
        // Other tests of this process open and close files meanwhile, but not fifty.
        let before = handles(std::process::id()).unwrap();
        let listen = |_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let held: Vec<_> = (0..100).map(listen).collect();
        let after = handles(std::process::id()).unwrap();
        assert!(after.sockets >= before.sockets + 50, "{before:?} {after:?}");
        assert!(after.descriptors >= before.descriptors + 50 && after.threads >= 1);
        drop(held);
    }

    #[test]
    fn this_process_is_resident() {
        let resident = resident(std::process::id()).unwrap();
        assert!(resident.now > 0.1 && resident.peak >= resident.now - 1.0);
    }
}
