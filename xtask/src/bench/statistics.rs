//! Pure arithmetic over measured times: percentiles, and how late refreshes were.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bench::clock::between;

/// The value that `share` (0 to 1) of the values do not exceed, by nearest rank; `None` without values.
pub(super) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among a few thousand values"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// Seconds by which every refresh that fell due between `from` and `until` was late; `reads` holds, for each
/// object, the times of its reads in order. A refresh is due one interval after the read before it. One that was
/// still missing at `until` counts as late by then.
pub(super) fn lateness(
    reads: &BTreeMap<String, Vec<Timestamp>>,
    interval: f64,
    from: Timestamp,
    until: Timestamp,
) -> Vec<f64> {
    let end = between(from, until);
    let mut late = Vec::new();
    for times in reads.values() {
        let next = times.iter().skip(1).map(Some).chain([None]);
        for (previous, next) in times.iter().zip(next) {
            let due = between(from, *previous) + interval;
            match next.map(|next| between(from, *next)).filter(|next| *next <= end) {
                Some(next) if next >= 0.0 => late.push(next - due),
                None if due < end => late.push(end - due),
                _ => {}
            }
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs_f64(1_000.0 + seconds)
    }

    fn late(times: &[f64], from: f64, until: f64) -> Vec<f64> {
        let times = times.iter().map(|time| at(*time)).collect();
        let late = lateness(&BTreeMap::from([("a".to_owned(), times)]), 30.0, at(from), at(until));
        late.iter().map(|late| (late * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.99), Some(198.0));
        assert_eq!(percentile(&values, 0.5), Some(100.0));
        assert_eq!(percentile(&values, 1.0), Some(200.0));
        assert_eq!(percentile(&[4.0], 0.99), Some(4.0));
        assert_eq!(percentile(&[], 0.99), None);
    }

    #[test]
    fn a_refresh_is_late_by_what_exceeds_the_interval() {
        assert_eq!(late(&[0.0, 30.5, 60.6], 0.0, 70.0), [0.5, 0.1]);
    }

    #[test]
    fn an_early_refresh_is_not_late() {
        assert_eq!(late(&[0.0, 20.0], 0.0, 40.0), [-10.0]);
    }

    #[test]
    fn a_refresh_outside_the_window_does_not_count() {
        assert_eq!(late(&[0.0, 31.0, 61.0, 93.0], 40.0, 70.0), [0.0]);
    }

    #[test]
    fn a_refresh_that_never_came_is_late_until_the_end() {
        assert_eq!(late(&[0.0], 0.0, 100.0), [70.0]);
        assert_eq!(late(&[0.0], 0.0, 25.0), [] as [f64; 0]);
        assert_eq!(late(&[0.0, 500.0], 50.0, 100.0), [70.0]);
    }
}
