//! Sync windows: when a refresh that is due by its interval may happen. Pure.

mod cron;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use strongroom_crds::{GoDuration, SyncWindow, SyncWindowKind, SyncWindows};

use cron::Cron;

/// What the windows say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A refresh may happen.
    Open,
    /// It may not; the next window begins or ends in so long, as far as can be told.
    Closed(Option<Duration>),
}

/// Whether a refresh may happen at `now` (spec eso-core 2.3). Schedules are read in UTC; one that cannot be read
/// is never active. No windows at all close nothing.
pub(super) fn verdict(windows: Option<&SyncWindows>, now: Timestamp) -> Verdict {
    let Some(windows) = windows.filter(|windows| !windows.windows.is_empty()) else { return Verdict::Open };
    let states: Vec<_> = windows.windows.iter().filter_map(|window| state(window, now)).collect();
    let any_active = states.iter().any(|state| state.active);
    let open = match windows.kind {
        SyncWindowKind::Allow => any_active,
        SyncWindowKind::Deny => !any_active,
    };
    if open {
        return Verdict::Open;
    }
    Verdict::Closed(states.iter().filter_map(|state| state.changes_in).min())
}

/// One window at one moment.
struct State {
    active: bool,
    /// Time until it ends if it is active, until it begins if not.
    changes_in: Option<Duration>,
}

fn state(window: &SyncWindow, now: Timestamp) -> Option<State> {
    let cron: Cron = window.schedule.parse().ok()?;
    let length = window.duration.parse::<GoDuration>().ok()?.as_std()?;
    let length = SignedDuration::try_from(length).ok()?;
    // Upstream looks at the first firing after this moment only; both ends of a window belong to it. Where windows
    // overlap, that one may have ended within the second, and the next one is open; `@every` has no next one, because it
    // counts from the moment that is asked about.
    let earliest = now.checked_sub(length).ok()?.checked_sub(SignedDuration::from_secs(1)).ok()?;
    let firings = std::iter::successors(cron.next_after(earliest), |firing| cron.next_after(*firing));
    let firings = firings.take(if matches!(cron, Cron::Every(_)) { 1 } else { 2 });
    let ends =
        firings.take_while(|firing| *firing <= now).filter_map(|firing| firing.checked_add(length).ok());
    let end = ends.filter(|end| now <= *end).last();
    let active = end.is_some();
    let change = end.or_else(|| cron.next_after(now));
    let changes_in = change.map(|at| at.duration_since(now).unsigned_abs() + Duration::from_secs(1));
    Some(State { active, changes_in })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn windows(kind: SyncWindowKind, windows: &[(&str, &str)]) -> SyncWindows {
        let window = |(schedule, duration): &(&str, &str)| SyncWindow {
            schedule: (*schedule).to_owned(),
            duration: (*duration).to_owned(),
        };
        SyncWindows { kind, windows: windows.iter().map(window).collect() }
    }

    #[test]
    fn overlapping_windows_leave_no_gap_at_the_full_minute() {
        for now in ["2026-01-01T10:56:00Z", "2026-01-01T10:56:00.005Z", "2026-01-01T10:56:00.999Z"] {
            assert!(allows("* * * * *", "2h", now), "{now}");
        }
        assert!(
            !allows("0 * * * *", "10m", "2026-01-01T10:10:00.005Z"),
            "where they do not, there is an end"
        );
    }

    fn allows(schedule: &str, duration: &str, now: &str) -> bool {
        verdict(Some(&windows(SyncWindowKind::Allow, &[(schedule, duration)])), at(now)) == Verdict::Open
    }

    #[test]
    fn both_ends_of_a_window_belong_to_it() {
        for (now, open) in [
            ("2026-01-05T08:59:59Z", false),
            ("2026-01-05T09:00:00Z", true),
            ("2026-01-05T10:00:00Z", true),
            ("2026-01-05T10:00:01Z", false),
        ] {
            assert_eq!(allows("0 9 * * MON", "1h", now), open, "{now}");
        }
    }

    #[test]
    fn deny_is_the_reverse_of_allow_and_any_active_window_counts() {
        let now = at("2026-01-05T09:30:00Z");
        let both = [("0 0 29 2 *", "1m"), ("* * * * *", "2h")];
        assert_eq!(verdict(Some(&windows(SyncWindowKind::Allow, &both)), now), Verdict::Open);
        assert!(matches!(verdict(Some(&windows(SyncWindowKind::Deny, &both)), now), Verdict::Closed(_)));
        assert_eq!(verdict(Some(&windows(SyncWindowKind::Deny, &both[..1])), now), Verdict::Open);
        assert_eq!(verdict(None, now), Verdict::Open);
    }

    #[test]
    fn a_schedule_that_cannot_be_read_is_never_active() {
        assert!(!allows("every day", "1h", "2026-01-05T09:00:00Z"));
        assert!(!allows("0 9 * * 7", "1h", "2026-01-05T09:00:00Z"));
    }

    #[test]
    fn an_interval_is_active_where_the_window_is_as_long() {
        assert!(allows("@every 1h", "1h", "2026-01-05T09:30:00Z"));
        assert!(!allows("@every 1h", "59m", "2026-01-05T09:30:00Z"));
        assert!(allows("@every 2s", "1m", "2026-01-05T09:30:00.5Z"));
    }

    #[test]
    fn the_one_firing_of_an_interval_of_a_second_has_ended() {
        assert!(!allows("@every 1s", "1m", "2026-01-05T09:30:00.5Z"));
    }

    #[test]
    fn a_closed_window_tells_when_to_look_again() {
        let now = at("2026-01-05T08:00:00Z");
        let closed = verdict(Some(&windows(SyncWindowKind::Allow, &[("0 9 * * *", "1h")])), now);
        assert_eq!(closed, Verdict::Closed(Some(Duration::from_secs(3601))));
        let denied = verdict(Some(&windows(SyncWindowKind::Deny, &[("0 7 * * *", "2h")])), now);
        assert_eq!(denied, Verdict::Closed(Some(Duration::from_secs(3601))));
    }
}
