//! Writes times in Go's layouts.

use super::civil::{MONTHS, WEEKDAYS};
use super::layout::{Chunk, Field, Fraction, Offset, Pad, Precision, next_chunk};
use super::moment::{Clock, Moment};

/// The layout of a time that is printed.
const STRING: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

/// The most bytes that a layout of so many bytes may become.
pub(super) fn most_bytes(layout: usize) -> usize {
    // One digit may stand for a year of twelve.
    layout.saturating_mul(16).saturating_add(64)
}

impl Moment {
    /// What `String()` gives.
    pub(super) fn string(&self) -> Vec<u8> {
        self.formatted(STRING)
    }

    pub(super) fn formatted(&self, layout: &[u8]) -> Vec<u8> {
        let clock = self.clock();
        let mut output = Vec::with_capacity(layout.len() + 16);
        let mut layout = layout;
        while !layout.is_empty() {
            let Chunk { literal, field, rest } = next_chunk(layout);
            output.extend_from_slice(literal);
            if let Some(field) = field {
                append(&mut output, field, &clock, self.nanos);
            }
            layout = rest;
        }
        output
    }
}

fn append(output: &mut Vec<u8>, field: Field, clock: &Clock, nanos: i64) {
    let Clock { date, hour, minute, second, local, .. } = clock;
    let half = if *hour >= 12 { "PM" } else { "AM" };
    let month = usize::try_from(date.month - 1).ok().and_then(|month| MONTHS.get(month)).copied();
    let (month, weekday) =
        (month.unwrap_or_default(), WEEKDAYS.get(clock.weekday).copied().unwrap_or_default());
    match field {
        Field::LongYear => number(output, date.year, Pad::Zero, 4),
        Field::Year => number(output, date.year.abs() % 100, Pad::Zero, 2),
        Field::LongMonth => output.extend_from_slice(month.as_bytes()),
        Field::Month => output.extend(month.bytes().take(3)),
        Field::MonthNumber(pad) => number(output, date.month, pad, 2),
        Field::LongWeekday => output.extend_from_slice(weekday.as_bytes()),
        Field::Weekday => output.extend(weekday.bytes().take(3)),
        Field::Day(pad) => number(output, date.day, pad, 2),
        Field::YearDay(pad) => number(output, date.day_of_year(), pad, 3),
        Field::Hour => number(output, *hour, Pad::Zero, 2),
        Field::HalfHour(pad) => number(output, (hour + 11) % 12 + 1, pad, 2),
        Field::Minute(pad) => number(output, *minute, pad, 2),
        Field::Second(pad) => number(output, *second, pad, 2),
        Field::UpperHalf => output.extend_from_slice(half.as_bytes()),
        Field::LowerHalf => output.extend(half.to_ascii_lowercase().bytes()),
        Field::ZoneName if !local.abbreviation.is_empty() => {
            output.extend_from_slice(local.abbreviation.as_bytes());
        }
        Field::ZoneName => {
            let form = Offset { has_z: false, has_colons: false, precision: Precision::Minutes };
            offset(output, local.offset, form);
        }
        Field::Offset(form) => offset(output, local.offset, form),
        Field::Fraction(form) => fraction(output, nanos, form),
    }
}

fn number(output: &mut Vec<u8>, number: i64, pad: Pad, width: usize) {
    let sign = if number < 0 { "-" } else { "" };
    let digits = number.unsigned_abs();
    let text = match pad {
        Pad::Nothing => format!("{sign}{digits}"),
        Pad::Space => format!("{sign}{digits:>width$}"),
        Pad::Zero => format!("{sign}{digits:0width$}"),
    };
    output.extend_from_slice(text.as_bytes());
}

fn offset(output: &mut Vec<u8>, offset: i64, form: Offset) {
    if form.has_z && offset == 0 {
        output.push(b'Z');
        return;
    }
    let minutes = offset / 60;
    let colon = if form.has_colons { ":" } else { "" };
    // Less than a minute behind UTC is written as ahead of it, as in Go.
    let (sign, seconds) = if minutes < 0 { ('-', -offset % 60) } else { ('+', offset % 60) };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    let text = match form.precision {
        Precision::Hours => format!("{sign}{hours:02}"),
        Precision::Minutes => format!("{sign}{hours:02}{colon}{minutes:02}"),
        Precision::Seconds => format!("{sign}{hours:02}{colon}{minutes:02}{colon}{seconds:02}"),
    };
    output.extend_from_slice(text.as_bytes());
}

fn fraction(output: &mut Vec<u8>, nanos: i64, form: Fraction) {
    let digits = format!("{nanos:09}");
    let digits = digits.get(..form.digits.min(9)).unwrap_or_default();
    let digits = if form.is_trimmed { digits.trim_end_matches('0') } else { digits };
    if !digits.is_empty() {
        output.push(form.separator);
        output.extend_from_slice(digits.as_bytes());
    }
}
