//! Decides what in a Go layout stands for a part of a time: `2006`, `Jan`, `-07:00`, `.000`, …

/// A part of a time, in one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`, `01`
    MonthNumber(Pad),
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`, `_2`, `02`
    Day(Pad),
    /// `__2`, `002`
    YearDay(Pad),
    /// `15`
    Hour,
    /// `3`, `03`
    HalfHour(Pad),
    /// `4`, `04`
    Minute(Pad),
    /// `5`, `05`
    Second(Pad),
    /// `PM`
    UpperHalf,
    /// `pm`
    LowerHalf,
    /// `MST`
    ZoneName,
    /// `-07:00`, `Z0700`, …
    Offset(Offset),
    /// `.000`, `,999`, …
    Fraction(Fraction),
}

/// What stands before a number that is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pad {
    Nothing,
    Space,
    Zero,
}

/// The form of an offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// UTC is `Z`.
    pub(super) has_z: bool,
    pub(super) has_colons: bool,
    pub(super) precision: Precision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Hours,
    Minutes,
    Seconds,
}

/// The form of a fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    /// `.` or `,`.
    pub(super) separator: u8,
    pub(super) digits: usize,
    /// Zeros at the end are left out.
    pub(super) is_trimmed: bool,
}

/// A layout up to the first field, the field, and the rest.
pub(super) struct Chunk<'l> {
    pub(super) literal: &'l [u8],
    pub(super) field: Option<Field>,
    pub(super) rest: &'l [u8],
}

/// Words and numbers with only one meaning; of two that fit the longer one comes first.
const FIELDS: &[(&[u8], Field)] = &[
    (b"January", Field::LongMonth),
    (b"Monday", Field::LongWeekday),
    (b"MST", Field::ZoneName),
    (b"002", Field::YearDay(Pad::Zero)),
    (b"01", Field::MonthNumber(Pad::Zero)),
    (b"02", Field::Day(Pad::Zero)),
    (b"03", Field::HalfHour(Pad::Zero)),
    (b"04", Field::Minute(Pad::Zero)),
    (b"05", Field::Second(Pad::Zero)),
    (b"06", Field::Year),
    (b"15", Field::Hour),
    (b"1", Field::MonthNumber(Pad::Nothing)),
    (b"2006", Field::LongYear),
    (b"2", Field::Day(Pad::Nothing)),
    (b"__2", Field::YearDay(Pad::Space)),
    (b"_2", Field::Day(Pad::Space)),
    (b"3", Field::HalfHour(Pad::Nothing)),
    (b"4", Field::Minute(Pad::Nothing)),
    (b"5", Field::Second(Pad::Nothing)),
    (b"PM", Field::UpperHalf),
    (b"pm", Field::LowerHalf),
];

/// What follows the sign or `Z` of an offset.
const OFFSETS: &[(&[u8], bool, Precision)] = &[
    (b"070000", false, Precision::Seconds),
    (b"07:00:00", true, Precision::Seconds),
    (b"0700", false, Precision::Minutes),
    (b"07:00", true, Precision::Minutes),
    (b"07", false, Precision::Hours),
];

/// What any of the forms above begins with: most bytes of a layout begin none.
const BEGINNINGS: &[u8] = b"JM012345_Pp-Z.,";

/// The next field of a layout.
pub(super) fn next_chunk(layout: &[u8]) -> Chunk<'_> {
    for start in 0..layout.len() {
        let (literal, here) = layout.split_at(start);
        // `_2006` is an underscore and a year.
        if here.starts_with(b"_2006") {
            continue;
        }
        if let Some((field, length)) = field(here) {
            return Chunk { literal, field: Some(field), rest: here.get(length..).unwrap_or_default() };
        }
    }
    Chunk { literal: layout, field: None, rest: &[] }
}

/// The field that a layout starts with, and its length.
fn field(layout: &[u8]) -> Option<(Field, usize)> {
    if !BEGINNINGS.contains(layout.first()?) {
        return None;
    }
    if let Some((text, field)) = FIELDS.iter().find(|(text, _)| layout.starts_with(text)) {
        return Some((*field, text.len()));
    }
    match layout.first()? {
        b'J' => short_name(layout, b"Jan", Field::Month),
        b'M' => short_name(layout, b"Mon", Field::Weekday),
        sign @ (b'-' | b'Z') => {
            let after = layout.get(1..)?;
            let (text, has_colons, precision) = OFFSETS.iter().find(|(text, ..)| after.starts_with(text))?;
            let offset = Offset { has_z: *sign == b'Z', has_colons: *has_colons, precision: *precision };
            Some((Field::Offset(offset), text.len() + 1))
        }
        separator @ (b'.' | b',') => fraction(*separator, layout.get(1..)?),
        _ => None,
    }
}

/// A short name, unless small letters make another word of it.
fn short_name(layout: &[u8], name: &[u8], field: Field) -> Option<(Field, usize)> {
    let after = layout.strip_prefix(name)?;
    (!after.first().is_some_and(u8::is_ascii_lowercase)).then_some((field, name.len()))
}

/// Zeros or nines, with no other digit behind them.
fn fraction(separator: u8, after: &[u8]) -> Option<(Field, usize)> {
    let digit = *after.first().filter(|digit| matches!(digit, b'0' | b'9'))?;
    let digits = after.iter().take_while(|byte| **byte == digit).count();
    if after.get(digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Field::Fraction(Fraction { separator, digits, is_trimmed: digit == b'9' }), digits + 1))
}
