//! Decides what day of the calendar a moment falls on: the Gregorian calendar, extended to both sides without end.

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Days in the 400 years after which the calendar repeats itself.
const DAYS_PER_CYCLE: i64 = 146_097;

/// Days from the first of March of year 0 to the first of January 1970.
const DAYS_TO_1970: i64 = 719_468;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Date {
    /// The day so many days after the first of January 1970.
    pub(super) fn of_days(days: i64) -> Self {
        // Years from March to February: the leap day is the last one.
        let days = days + DAYS_TO_1970;
        let (cycle, of_cycle) = (days.div_euclid(DAYS_PER_CYCLE), days.rem_euclid(DAYS_PER_CYCLE));
        let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / (DAYS_PER_CYCLE - 1)) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: year + 400 * cycle + i64::from(month <= 2), month, day }
    }

    /// Days since the first of January 1970. Months and days out of range count on into the next or the last ones.
    pub(super) fn days(self) -> i128 {
        let months = i128::from(self.year) * 12 + i128::from(self.month) - 1;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
        let year = if month < 2 { year - 1 } else { year };
        let from_march = (month + 10) % 12;
        let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * from_march + 2) / 5;
        let first = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year;
        cycle * i128::from(DAYS_PER_CYCLE) + first - i128::from(DAYS_TO_1970) + i128::from(self.day) - 1
    }

    /// 1 for the first of January.
    pub(super) fn day_of_year(self) -> i64 {
        let first = Self { month: 1, day: 1, ..self };
        i64::try_from(self.days() - first.days() + 1).unwrap_or_default()
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month, 1 to 12.
pub(super) fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_two_names_for_one_thing() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            assert_eq!(Date::of_days(days).days(), i128::from(days));
        }
        assert_eq!(Date::of_days(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(Date::of_days(19_782), Date { year: 2024, month: 2, day: 29 });
        assert_eq!(Date::of_days(-719_529), Date { year: -1, month: 12, day: 31 });
    }

    #[test]
    fn months_and_days_out_of_range_count_on() {
        let date = Date { year: 2023, month: 14, day: 30 };
        assert_eq!(date.days(), Date { year: 2024, month: 3, day: 1 }.days());
        let date = Date { year: 2024, month: 1, day: 0 };
        assert_eq!(date.days(), Date { year: 2023, month: 12, day: 31 }.days());
        assert_eq!(Date { year: 2024, month: 12, day: 31 }.day_of_year(), 366);
    }
}
