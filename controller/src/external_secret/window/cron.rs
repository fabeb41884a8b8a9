//! `Cron`: a schedule as Go's robfig/cron reads it (spec eso-core 2.3): five fields, names, ranges, steps, lists,
//! `?`, macros and `@every`. Own, because the crates read six fields, another week or another rule for days.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use strongroom_crds::GoDuration;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// robfig/cron gives up after five years.
const HORIZON_DAYS: usize = 5 * 366;

/// When something fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cron {
    /// At these minutes.
    Fields(Fields),
    /// So long after whatever moment is asked about.
    Every(Duration),
}

/// One bit for each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    bits: u64,
    /// The field is `*` or `?`: the other of the two day fields decides alone.
    any: bool,
}

/// The schedule is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotASchedule;

impl FromStr for Cron {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        if let Some(interval) = text.strip_prefix("@every ") {
            let interval =
                interval.parse::<GoDuration>().ok().and_then(GoDuration::as_std).ok_or(NotASchedule)?;
            return Ok(Self::Every(Duration::from_secs(interval.as_secs().max(1))));
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            fields => fields,
        };
        let fields: Vec<_> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return Err(NotASchedule) };
        Ok(Self::Fields(Fields {
            minutes: Set::parse(minutes, 0..=59, &[])?,
            hours: Set::parse(hours, 0..=23, &[])?,
            days: Set::parse(days, 1..=31, &[])?,
            months: Set::parse(months, 1..=12, &MONTHS)?,
            weekdays: Set::parse(weekdays, 0..=6, &DAYS)?,
        }))
    }
}

impl Cron {
    /// The first firing after `moment`, in UTC; none within five years is none at all.
    pub(super) fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(interval) => {
                let whole = Timestamp::from_second(moment.as_second()).ok()?;
                whole.checked_add(SignedDuration::try_from(*interval).ok()?).ok()
            }
            Self::Fields(fields) => fields.next_after(moment),
        }
    }
}

impl Fields {
    fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let start = moment.to_zoned(TimeZone::UTC).datetime();
        let mut date = start.date();
        for day in 0..HORIZON_DAYS {
            if self.has_day(date) {
                let firing = self.times().map(|(hour, minute)| date.to_datetime(time(hour, minute, 0, 0)));
                if let Some(firing) = firing.into_iter().find(|firing| day > 0 || *firing > start) {
                    return firing.to_zoned(TimeZone::UTC).ok().map(|firing| firing.timestamp());
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn times(&self) -> impl Iterator<Item = (i8, i8)> {
        let (hours, minutes) = (self.hours, self.minutes);
        (0..24_i8).filter(move |hour| hours.has(*hour)).flat_map(move |hour| {
            (0..60_i8).filter(move |minute| minutes.has(*minute)).map(move |minute| (hour, minute))
        })
    }

    /// Where both day fields are restricted, either is enough.
    fn has_day(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let either = if self.days.any || self.weekdays.any { day && weekday } else { day || weekday };
        either && self.months.has(date.month())
    }
}

impl Set {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits >> value & 1 == 1)
    }

    fn parse(field: &str, range: RangeInclusive<u32>, names: &[&str]) -> Result<Self, NotASchedule> {
        field.split(',').try_fold(Self { bits: 0, any: false }, |set, item| {
            let item = Self::parse_item(item, &range, names)?;
            Ok(Self { bits: set.bits | item.bits, any: set.any || item.any })
        })
    }

    /// `*`, `?`, `N`, `N-M`, each with `/STEP`.
    fn parse_item(item: &str, range: &RangeInclusive<u32>, names: &[&str]) -> Result<Self, NotASchedule> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(step.parse::<u32>().map_err(|_| NotASchedule)?)),
            None => (item, None),
        };
        let value = |text: &str| value(text, *range.start(), names);
        let wildcard = matches!(span, "*" | "?");
        let (first, last) = match span.split_once('-') {
            _ if wildcard => (*range.start(), *range.end()),
            Some((first, last)) => (value(first)?, value(last)?),
            // A single value with a step goes on to the end.
            None if step.is_some() => (value(span)?, *range.end()),
            None => (value(span)?, value(span)?),
        };
        let step = step.unwrap_or(1);
        if step == 0 || first > last || first < *range.start() || last > *range.end() {
            return Err(NotASchedule);
        }
        let stride = usize::try_from(step).map_err(|_| NotASchedule)?;
        let bits = (first..=last).step_by(stride).fold(0, |bits, value| bits | 1_u64 << value);
        Ok(Self { bits, any: wildcard && step == 1 })
    }
}

fn value(text: &str, first: u32, names: &[&str]) -> Result<u32, NotASchedule> {
    let lower = text.to_ascii_lowercase();
    if let Some(index) = names.iter().position(|name| *name == lower) {
        return u32::try_from(index).map(|index| index + first).map_err(|_| NotASchedule);
    }
    text.parse().map_err(|_| NotASchedule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> Option<String> {
        let cron: Cron = schedule.parse().unwrap();
        cron.next_after(after.parse().unwrap()).map(|firing| firing.to_string())
    }

    #[test]
    fn schedules_fire_as_upstreams_do() {
        for (schedule, after, expected) in [
            ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
            ("*/15 * * * *", "2026-01-01T00:14:59Z", "2026-01-01T00:15:00Z"),
            ("30 9-17 * * MON-FRI", "2026-01-02T17:30:00Z", "2026-01-05T09:30:00Z"),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 1 JAN ?", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("5/20 3 * * *", "2026-01-01T03:05:00Z", "2026-01-01T03:25:00Z"),
            ("0 12 13 * 5", "2026-02-01T00:00:00Z", "2026-02-06T12:00:00Z"),
            ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
            ("@every 90m", "2026-01-01T00:00:00.5Z", "2026-01-01T01:30:00Z"),
        ] {
            assert_eq!(next(schedule, after).as_deref(), Some(expected), "{schedule}");
        }
        assert_eq!(next("0 0 31 2 *", "2026-01-01T00:00:00Z"), None);
    }

    #[test]
    fn what_upstream_cannot_read_is_no_schedule() {
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "@never",
            "@every soon",
        ] {
            assert_eq!(bad.parse::<Cron>(), Err(NotASchedule), "{bad}");
        }
    }
}
