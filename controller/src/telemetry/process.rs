//! What Linux tells about this process, read at the scrape: under the names that every exporter uses.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Linux counts CPU time for programs in hundredths of a second, whatever the machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Shows CPU time, memory, open files and the start of this process. What cannot be read is left out.
#[derive(Debug)]
pub(super) struct ProcessStatistics;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Statistics {
    cpu_seconds: f64,
    started_seconds: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
}

impl Collector for ProcessStatistics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(found) = statistics() {
            counter(
                &mut encoder,
                "process_cpu_seconds",
                "CPU time that was used; seconds",
                found.cpu_seconds,
            )?;
            let start = "When the process started; seconds since 1970";
            gauge(&mut encoder, "process_start_time_seconds", start, found.started_seconds)?;
            let resident = "Memory that is in use; bytes";
            gauge(&mut encoder, "process_resident_memory_bytes", resident, found.resident_bytes)?;
            let reserved = "Memory that is addressed; bytes";
            gauge(&mut encoder, "process_virtual_memory_bytes", reserved, found.virtual_bytes)?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
            gauge(&mut encoder, "process_open_fds", "Open files and connections", f64::from(open))?;
        }
        if let Some(most) = fs::read_to_string("/proc/self/limits").ok().and_then(|text| most_files(&text)) {
            gauge(&mut encoder, "process_max_fds", "How many may be open", most)?;
        }
        Ok(())
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let metric = ConstCounter::new(value);
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let metric = ConstGauge::new(value);
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

fn statistics() -> Option<Statistics> {
    let read = |path| fs::read_to_string(path).ok();
    parsed(&read("/proc/self/stat")?, &read("/proc/self/status")?, &read("/proc/stat")?)
}

/// From `/proc/self/stat`, `/proc/self/status` and `/proc/stat`.
fn parsed(stat: &str, status: &str, machine: &str) -> Option<Statistics> {
    // The name of the program stands in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // Counted from the state, which is the third field of the page proc(5).
    let field = |number: usize| fields.get(number - 3)?.trim().parse::<f64>().ok();
    let booted: f64 = line(machine, "btime ")?.trim().parse().ok()?;
    let kibibytes = |name: &str| line(status, name)?.trim().strip_suffix(" kB")?.parse::<f64>().ok();
    Some(Statistics {
        cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        started_seconds: booted + field(22)? / TICKS_PER_SECOND,
        resident_bytes: kibibytes("VmRSS:")? * 1024.0,
        virtual_bytes: kibibytes("VmSize:")? * 1024.0,
    })
}

/// The soft limit of open files in `/proc/self/limits`; none where there is no limit.
fn most_files(limits: &str) -> Option<f64> {
    line(limits, "Max open files")?.split_whitespace().next()?.parse().ok()
}

fn line<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_understood_whatever_the_program_is_called() {
        let stat =
            "77 (a) b (c) S 1 77 77 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 12345 1000 200 184467 1 1";
        let status = "Name:\ta) b (c\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let found = parsed(stat, status, "cpu 1 2\nbtime 1700000000\n").unwrap();
        let wanted = Statistics {
            cpu_seconds: 3.0,
            started_seconds: 1_700_000_123.45,
            resident_bytes: 1_048_576.0,
            virtual_bytes: 2_097_152.0,
        };
        assert_eq!(found, wanted);
        assert_eq!(
            most_files("Limit  Soft\nMax open files            1024                 4096   files\n"),
            Some(1024.0)
        );
        assert_eq!(most_files("Max open files            unlimited            unlimited files\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_start() {
        let found = statistics().unwrap();
        assert!(found.resident_bytes > 1e5 && found.started_seconds > 1.6e9, "{found:?}");
    }
}
