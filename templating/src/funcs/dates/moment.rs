//! Owns a moment in a zone, what clock and calendar say of it, and arithmetic with it.

use jiff::Timestamp;

use super::civil::{Date, SECONDS_PER_DAY};
use super::zone::{Local, Zone};

pub(super) const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Seconds from the start of year 1, Go's zero time, to the start of 1970.
const SECONDS_TO_1970: i64 = 62_135_596_800;

/// A moment, and the zone in which it is looked at.
#[derive(Clone)]
pub(super) struct Moment {
    /// Since 1970 began in UTC.
    pub(super) seconds: i64,
    /// Less than [`NANOS_PER_SECOND`].
    pub(super) nanos: i64,
    pub(super) zone: Zone,
}

/// What clock and calendar say.
pub(super) struct Clock {
    pub(super) date: Date,
    /// 0 for Sunday.
    pub(super) weekday: usize,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) local: Local,
}

/// A day with a time of day.
#[derive(Clone, Copy)]
pub(super) struct Civil {
    pub(super) date: Date,
    /// Since the day began.
    pub(super) seconds: i64,
    pub(super) nanos: i64,
}

#[expect(clippy::cast_possible_truncation, reason = "Go's arithmetic wraps around too")]
pub(super) fn wrapped(number: i128) -> i64 {
    number as i64
}

impl Moment {
    /// Go's zero time.
    pub(super) fn zero() -> Self {
        Self { seconds: -SECONDS_TO_1970, nanos: 0, zone: Zone::Utc }
    }

    pub(super) fn of_timestamp(timestamp: Timestamp, zone: Zone) -> Self {
        let nanos = timestamp.as_nanosecond();
        let per_second = i128::from(NANOS_PER_SECOND);
        Self {
            seconds: wrapped(nanos.div_euclid(per_second)),
            nanos: wrapped(nanos.rem_euclid(per_second)),
            zone,
        }
    }

    /// The moment at which calendar and clock say this.
    pub(super) fn of_civil(civil: Civil, zone: Zone) -> Self {
        let shown = civil.date.days() * i128::from(SECONDS_PER_DAY) + i128::from(civil.seconds);
        Self { seconds: zone.seconds(wrapped(shown)), nanos: civil.nanos, zone }
    }

    fn shown(&self, offset: i64) -> (i64, i64) {
        let shown = i128::from(self.seconds) + i128::from(offset);
        let day = i128::from(SECONDS_PER_DAY);
        (wrapped(shown.div_euclid(day)), wrapped(shown.rem_euclid(day)))
    }

    pub(super) fn clock(&self) -> Clock {
        let local = self.zone.local(self.seconds);
        let (days, seconds) = self.shown(local.offset);
        Clock {
            date: Date::of_days(days),
            // The first of January 1970 was a Thursday.
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or_default(),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            local,
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        (self.seconds, self.nanos) == (-SECONDS_TO_1970, 0)
    }

    /// For comparisons and differences: nanoseconds since 1970 began.
    pub(super) fn instant(&self) -> i128 {
        i128::from(self.seconds) * i128::from(NANOS_PER_SECOND) + i128::from(self.nanos)
    }

    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// The moment so many nanoseconds later.
    pub(super) fn later(&self, nanos: i64) -> Self {
        let instant = self.instant() + i128::from(nanos);
        let per_second = i128::from(NANOS_PER_SECOND);
        Self {
            seconds: wrapped(instant.div_euclid(per_second)),
            nanos: wrapped(instant.rem_euclid(per_second)),
            zone: self.zone.clone(),
        }
    }

    /// The nanoseconds since the other moment, or the most that there can be.
    pub(super) fn since(&self, other: &Self) -> i64 {
        let nanos = self.instant() - other.instant();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// The same time of day in so many years, months and days.
    pub(super) fn plus_date(&self, years: i64, months: i64, days: i64) -> Self {
        let Clock { date, hour, minute, second, .. } = self.clock();
        let date = Date {
            year: date.year.wrapping_add(years),
            month: date.month.wrapping_add(months),
            day: date.day.wrapping_add(days),
        };
        let seconds = (hour * 60 + minute) * 60 + second;
        Self::of_civil(Civil { date, seconds, nanos: self.nanos }, self.zone.clone())
    }

    /// How far the moment is past the last multiple of so many nanoseconds since year 1 began; nothing if that is no
    /// positive number.
    pub(super) fn past_multiple(&self, nanos: i64) -> i64 {
        if nanos <= 0 {
            return 0;
        }
        let since_year_1 = self.instant() + i128::from(SECONDS_TO_1970) * i128::from(NANOS_PER_SECOND);
        wrapped(since_year_1.rem_euclid(i128::from(nanos)))
    }

    pub(super) fn truncated(&self, nanos: i64) -> Self {
        self.later(-self.past_multiple(nanos))
    }

    /// The nearest multiple; of two the later one.
    pub(super) fn rounded(&self, nanos: i64) -> Self {
        let past = self.past_multiple(nanos);
        if nanos <= 0 || i128::from(past) * 2 < i128::from(nanos) {
            self.later(-past)
        } else {
            self.later(nanos - past)
        }
    }
}
