//! Reads times that are written in Go's layouts.

use std::rc::Rc;

use super::civil::{Date, MONTHS, WEEKDAYS, days_in, is_leap};
use super::layout::{Chunk, Field, Fraction, Offset, Pad, Precision, next_chunk};
use super::moment::{Civil, Moment};
use super::zone::Zone;

/// What has been read so far.
struct Reading<'v> {
    /// What is still to be read.
    rest: &'v [u8],
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    half: Option<Half>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: &'v [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

/// The moment that a text means; what it does not say is the start of year 0. `local` is the zone of a text that
/// names none.
pub(super) fn parsed(layout: &[u8], text: &[u8], local: &Zone) -> Option<Moment> {
    let mut reading = Reading {
        rest: text,
        year: 0,
        month: None,
        day: None,
        day_of_year: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        half: None,
        is_utc: false,
        offset: None,
        zone_name: b"",
    };
    let mut layout = layout;
    loop {
        let Chunk { literal, field, rest } = next_chunk(layout);
        reading.skip(literal)?;
        let Some(field) = field else { break };
        layout = rest;
        reading.read(field, layout)?;
    }
    if !reading.rest.is_empty() {
        return None;
    }
    reading.moment(local)
}

impl<'v> Reading<'v> {
    /// Steps over what stands literally in the layout. Spaces there stand for any number of spaces.
    fn skip(&mut self, literal: &[u8]) -> Option<()> {
        let mut literal = literal;
        while let Some((first, after)) = literal.split_first() {
            if *first == b' ' {
                if self.rest.first().is_some_and(|byte| *byte != b' ') {
                    return None;
                }
                literal = without_spaces(literal);
                self.rest = without_spaces(self.rest);
            } else {
                self.rest = self.rest.strip_prefix(&[*first])?;
                literal = after;
            }
        }
        Some(())
    }

    fn take(&mut self, length: usize) -> Option<&'v [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// How many digits are next.
    fn digits(&self, most: usize) -> usize {
        self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// A number of one or as many digits as it may have; with zeros before it exactly as many.
    fn number(&mut self, pad: Pad, most: usize) -> Option<i64> {
        let length = self.digits(most);
        let is_long_enough = length == most || length > 0 && pad != Pad::Zero;
        self.take(length).filter(|_| is_long_enough).and_then(integer)
    }

    fn number_below(&mut self, pad: Pad, bound: i64) -> Option<i64> {
        self.number(pad, 2).filter(|number| *number < bound)
    }

    fn skip_space(&mut self, pad: Pad) {
        if pad == Pad::Space {
            self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
        }
    }

    /// Which of these words is next, in any case.
    fn name(&mut self, names: &[&str], length: impl Fn(&str) -> usize) -> Option<i64> {
        for (at, name) in names.iter().enumerate() {
            let name = name.as_bytes().get(..length(name))?;
            let start = self.rest.get(..name.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.take(name.len());
                return i64::try_from(at).ok();
            }
        }
        None
    }

    fn read(&mut self, field: Field, layout: &[u8]) -> Option<()> {
        match field {
            Field::LongYear => self.year = self.number(Pad::Zero, 4)?,
            Field::Year => {
                let year = signed(self.take(2)?)?;
                self.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Field::LongMonth => self.month = Some(self.name(&MONTHS, str::len)? + 1),
            Field::Month => self.month = Some(self.name(&MONTHS, |_| 3)? + 1),
            Field::MonthNumber(pad) => {
                self.month = Some(self.number(pad, 2).filter(|month| (1..=12).contains(month))?);
            }
            Field::LongWeekday => drop(self.name(&WEEKDAYS, str::len)?),
            Field::Weekday => drop(self.name(&WEEKDAYS, |_| 3)?),
            Field::Day(pad) => {
                self.skip_space(pad);
                self.day = Some(self.number(pad, 2)?);
            }
            Field::YearDay(pad) => {
                self.skip_space(pad);
                self.skip_space(pad);
                self.day_of_year = Some(self.number(pad, 3)?);
            }
            Field::Hour => self.hour = self.number_below(Pad::Nothing, 24)?,
            Field::HalfHour(pad) => self.hour = self.number_below(pad, 13)?,
            Field::Minute(pad) => self.minute = self.number_below(pad, 60)?,
            Field::Second(pad) => {
                self.second = self.number_below(pad, 60)?;
                self.read_extra_fraction(layout)?;
            }
            Field::UpperHalf => self.half = Some(half(self.take(2)?, b"AM", b"PM")?),
            Field::LowerHalf => self.half = Some(half(self.take(2)?, b"am", b"pm")?),
            Field::ZoneName => self.read_zone_name()?,
            Field::Offset(form) => self.read_offset(form)?,
            Field::Fraction(form) => self.read_fraction(form)?,
        }
        Some(())
    }

    fn has_fraction(&self) -> bool {
        matches!(self.rest, [b'.' | b',', digit, ..] if digit.is_ascii_digit())
    }

    /// Seconds may have a fraction that the layout does not tell of.
    fn read_extra_fraction(&mut self, layout: &[u8]) -> Option<()> {
        if !self.has_fraction() || matches!(next_chunk(layout).field, Some(Field::Fraction(_))) {
            return Some(());
        }
        self.read_digits_of_fraction()
    }

    fn read_digits_of_fraction(&mut self) -> Option<()> {
        let digits = self.rest.get(1..).unwrap_or_default();
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.nanos = nanos(self.take(digits + 1)?)?;
        Some(())
    }

    fn read_fraction(&mut self, form: Fraction) -> Option<()> {
        if !form.is_trimmed {
            self.nanos = nanos(self.take(form.digits + 1)?)?;
            return Some(());
        }
        if self.has_fraction() { self.read_digits_of_fraction() } else { Some(()) }
    }

    fn read_offset(&mut self, form: Offset) -> Option<()> {
        if form.has_z && self.rest.starts_with(b"Z") {
            self.take(1);
            self.is_utc = true;
            return Some(());
        }
        let sign = match self.take(1)? {
            b"+" => 1,
            b"-" => -1,
            _ => return None,
        };
        let parts = match form.precision {
            Precision::Hours => 1,
            Precision::Minutes => 2,
            Precision::Seconds => 3,
        };
        let mut offset = 0;
        for (at, (most, unit)) in [(24, 3600), (60, 60), (60, 1)].into_iter().enumerate().take(parts) {
            if at > 0 && form.has_colons {
                self.rest = self.rest.strip_prefix(b":")?;
            }
            offset += unit * self.number(Pad::Zero, 2).filter(|number| *number <= most)?;
        }
        // Go takes this one for no offset.
        self.offset = Some(sign * offset).filter(|offset| *offset != -1);
        Some(())
    }

    fn read_zone_name(&mut self) -> Option<()> {
        if self.rest.starts_with(b"UTC") {
            self.take(3);
            self.is_utc = true;
            return Some(());
        }
        self.zone_name = self.take(zone_name_length(self.rest)?)?;
        Some(())
    }

    fn date(&self) -> Option<Date> {
        let (mut month, mut day) = (self.month, self.day);
        if let Some(of_year) = self.day_of_year {
            let first = Date { year: self.year, month: 1, day: 1 };
            if of_year < 1 || of_year > if is_leap(self.year) { 366 } else { 365 } {
                return None;
            }
            let days = i64::try_from(first.days()).ok()? + of_year - 1;
            let date = Date::of_days(days);
            if month.is_some_and(|month| month != date.month) || day.is_some_and(|day| day != date.day) {
                return None;
            }
            (month, day) = (Some(date.month), Some(date.day));
        }
        let date = Date { year: self.year, month: month.unwrap_or(1), day: day.unwrap_or(1) };
        (1..=days_in(date.month, date.year)).contains(&date.day).then_some(date)
    }

    fn moment(&self, local: &Zone) -> Option<Moment> {
        let hour = match self.half {
            Some(Half::Afternoon) if self.hour < 12 => self.hour + 12,
            Some(Half::Morning) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        let civil = Civil { date: self.date()?, seconds, nanos: self.nanos };
        let utc = Moment::of_civil(civil, Zone::Utc);
        if self.is_utc {
            return Some(utc);
        }
        let name = self.zone_name;
        let named = |zone: &Zone, at: i64| zone.local(at).abbreviation.as_bytes() == name;
        if let Some(offset) = self.offset {
            let seconds = utc.seconds - offset;
            let is_local =
                local.local(seconds).offset == offset && (name.is_empty() || named(local, seconds));
            let zone = if is_local { local.clone() } else { fixed(name, offset) };
            return Some(Moment { seconds, zone, ..utc });
        }
        if name.is_empty() {
            return Some(Moment::of_civil(civil, local.clone()));
        }
        let here = Moment::of_civil(civil, local.clone());
        if !matches!(local, Zone::Utc) && named(local, here.seconds) {
            return Some(here);
        }
        // The hours of `GMT-8` only show: the moment is the one in UTC, as in Go.
        let hours = name.strip_prefix(b"GMT").and_then(signed).unwrap_or_default();
        Some(Moment { zone: fixed(name, hours * 3600), ..utc })
    }
}

fn fixed(name: &[u8], offset: i64) -> Zone {
    Zone::Fixed { name: Rc::from(String::from_utf8_lossy(name)), offset }
}

fn without_spaces(text: &[u8]) -> &[u8] {
    text.get(text.iter().take_while(|byte| **byte == b' ').count()..).unwrap_or_default()
}

fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A number with an optional sign; nothing behind it is zero.
fn signed(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = if digits.is_empty() { 0 } else { integer(digits)? };
    Some(if text.starts_with(b"-") { -number } else { number })
}

fn half(text: &[u8], morning: &[u8], afternoon: &[u8]) -> Option<Half> {
    match text {
        _ if text == morning => Some(Half::Morning),
        _ if text == afternoon => Some(Half::Afternoon),
        _ => None,
    }
}

/// Nanoseconds of a separator and digits; more than nine count for nothing.
fn nanos(text: &[u8]) -> Option<i64> {
    let digits = match text {
        [b'.' | b',', digits @ ..] => digits.get(..9).unwrap_or(digits),
        _ => return None,
    };
    let number = signed(digits).filter(|number| *number >= 0)?;
    Some(number * 10_i64.pow(9 - u32::try_from(digits.len()).ok()?))
}

/// How long the abbreviation of a zone is that a text starts with.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix(b"GMT") {
        return Some(3 + hours_length(after).unwrap_or_default());
    }
    if text.len() >= 3 && matches!(text.first(), Some(b'+' | b'-')) {
        return hours_length(text);
    }
    let capitals = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    let ends_in_t = text.get(..capitals).is_some_and(|name| name.ends_with(b"T"));
    match capitals {
        3 => Some(3),
        4 if ends_in_t || text.starts_with(b"WITA") => Some(4),
        5 if ends_in_t => Some(5),
        _ => None,
    }
}

/// How long a sign with at most 23 hours is.
fn hours_length(text: &[u8]) -> Option<usize> {
    let digits = text.strip_prefix(b"+").or(text.strip_prefix(b"-"))?;
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours = digits.get(..length).and_then(integer)?;
    (hours <= 23).then_some(length + 1)
}
