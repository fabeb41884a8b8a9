//! What a release build has to reach, on two cores, beside the bare API server in the same run.

use std::time::Duration;

use crate::bench::report::Target;
use crate::bench::scene::f64_of;

/// Objects a second that the bare writer reached on the machine for which the targets of CPU time were set. CPU time is
/// judged as on that machine: a machine whose ceiling is half as high may take twice the time.
pub(super) const REFERENCE_CEILING: f64 = 360.0;

pub(super) const SHARE_OF_CEILING: Target = Target::AtLeast(0.5);
pub(super) const COLD_CPU_MS: Target = Target::AtMost(1.5);
/// Create the Secret, write the status, post the event.
pub(super) const COLD_REQUESTS: Target = Target::AtMost(3.1);
pub(super) const READS_OF_A_PATH: Target = Target::AtMost(1.0);
pub(super) const LOGINS: Target = Target::AtMost(2.0);

pub(super) const REFRESH_CPU_MS: Target = Target::AtMost(0.7);
/// Status writes that only move a time: at most one a minute for an object that is refreshed every 30 seconds.
pub(super) const REFRESH_REQUESTS: Target = Target::AtMost(0.6);
pub(super) const LATENESS: Target = Target::Below(0.3);

pub(super) const CREATE_TO_SECRET: Target = Target::Below(0.05);
pub(super) const FORCED_SYNC_TO_VALUE: Target = Target::Below(0.1);

pub(super) const NOTHING: Target = Target::AtMost(0.0);
pub(super) const RESTART_REQUESTS: Target = Target::AtMost(30.0);

pub(super) const RESIDENT_EMPTY: Target = Target::AtMost(25.0);
pub(super) const RESIDENT_FULL: Target = Target::AtMost(45.0);
pub(super) const RESIDENT_FOR_FOREIGN: Target = Target::AtMost(3.0);

/// With ten thousand objects.
pub(super) const RESIDENT_SCALE: Target = Target::AtMost(150.0);
pub(super) const RESIDENT_FOR_MANY_FOREIGN: Target = Target::AtMost(5.0);
pub(super) const CREATE_TO_SECRET_AMONG_MANY: Target = Target::Below(2.0);
/// Of the objects, in the minute after a restart.
pub(super) const NEEDLESS_SHARE: Target = Target::Below(0.01);
/// What `--concurrent-per-store` lets through, which is the only limit there is: there is none a second.
pub(super) const READS_AT_ONCE: Target = Target::AtMost(16.0);

/// More in the last quarter than in the first, of what is counted.
pub(super) const FLAT: Target = Target::AtMost(2.0);

/// Every one of them.
pub(super) fn all_of(count: usize) -> Target {
    Target::AtLeast(f64_of(count))
}

/// At most so many seconds.
pub(super) fn within(time: Duration) -> Target {
    Target::AtMost(time.as_secs_f64())
}
