//! Pure arithmetic over samples of a long run: whether the last quarter holds more than the first.

use crate::bench::report::Target;
use crate::bench::statistics::percentile;

/// Memory may grow by so many MiB, or by this share of what it was, whichever is more.
const GROWTH_MIB: f64 = 2.0;
const GROWTH_SHARE: f64 = 0.05;

/// The first and the last quarter of the samples, each with one sample at least if there is any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quarters<'a> {
    first: &'a [f64],
    last: &'a [f64],
}

impl<'a> Quarters<'a> {
    /// Of the samples in the order of time.
    pub(super) fn of(samples: &'a [f64]) -> Self {
        let size = samples.len().div_ceil(4);
        let first = samples.get(..size).unwrap_or_default();
        Self { first, last: samples.get(samples.len() - size..).unwrap_or_default() }
    }

    /// The medians of both.
    pub(super) fn medians(&self) -> (Option<f64>, Option<f64>) {
        (percentile(self.first, 0.5), percentile(self.last, 0.5))
    }

    /// The most of both.
    pub(super) fn most(&self) -> (Option<f64>, Option<f64>) {
        (percentile(self.first, 1.0), percentile(self.last, 1.0))
    }
}

/// By how much the second is more than the first.
pub(super) fn growth((first, last): (Option<f64>, Option<f64>)) -> Option<f64> {
    Some(last? - first?)
}

/// What memory may grow by, in MiB with two digits, where it was `first` MiB.
pub(super) fn allowed_growth(first: Option<f64>) -> Target {
    let share = first.unwrap_or_default() * GROWTH_SHARE;
    Target::AtMost((share.max(GROWTH_MIB) * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_half_does_not_count() {
        let samples = [1.0, 3.0, 2.0, 90.0, 90.0, 90.0, 90.0, 90.0, 90.0, 4.0, 5.0, 9.0];
        let quarters = Quarters::of(&samples);
        assert_eq!(quarters, Quarters { first: &[1.0, 3.0, 2.0], last: &[4.0, 5.0, 9.0] });
        assert_eq!(quarters.medians(), (Some(2.0), Some(5.0)));
        assert_eq!(quarters.most(), (Some(3.0), Some(9.0)));
    }

    #[test]
    fn few_samples_make_quarters_of_one() {
        assert_eq!(Quarters::of(&[1.0, 2.0, 3.0]), Quarters { first: &[1.0], last: &[3.0] });
        assert_eq!(Quarters::of(&[7.0]), Quarters { first: &[7.0], last: &[7.0] });
        assert_eq!(growth(Quarters::of(&[]).most()), None);
    }

    #[test]
    fn what_shrinks_has_grown_by_less_than_nothing() {
        assert_eq!(growth((Some(5.0), Some(3.0))), Some(-2.0));
        assert_eq!(growth((Some(5.0), None)), None);
    }

    #[test]
    fn small_memory_may_grow_by_a_number_and_large_by_a_share() {
        assert_eq!(allowed_growth(Some(20.0)), Target::AtMost(2.0));
        assert_eq!(allowed_growth(Some(100.333)), Target::AtMost(5.02));
    }
}
