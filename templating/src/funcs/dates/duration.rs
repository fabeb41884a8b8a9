//! Owns durations: how they are read, written and rounded, and what templates can ask of one.

use std::any::Any;
use std::rc::Rc;

use crate::funcs::arguments::{raised, value};
use crate::funcs::{Failure, Scope};
use crate::value::{IntKind, Integer, Object, Type, Value};

pub(super) const TYPE: &str = "time.Duration";

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration(pub(super) i64);

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;

/// The smallest number of nanoseconds that is too large, and also the largest that a negative duration may have.
const OVERFLOW: u64 = 1 << 63;

/// The unit with this name, in nanoseconds.
fn unit(name: &[u8]) -> Option<u64> {
    match name {
        b"ns" => Some(1),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => Some(MICROSECOND),
        b"ms" => Some(MILLISECOND),
        b"s" => Some(SECOND),
        b"m" => Some(MINUTE),
        b"h" => Some(HOUR),
        _ => None,
    }
}

fn up_to(text: &[u8], ends: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(ends).unwrap_or(text.len()))
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    up_to(text, |byte| !byte.is_ascii_digit())
}

impl Duration {
    /// What a text like `-1.5h30m` means.
    pub(super) fn parsed(text: &[u8]) -> Option<Self> {
        let is_negative = text.starts_with(b"-");
        let mut rest = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        if rest == b"0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (nanos, after) = leading(rest)?;
            total = total.checked_add(nanos).filter(|total| *total <= OVERFLOW)?;
            rest = after;
        }
        match i64::try_from(total) {
            Ok(total) => Some(Self(if is_negative { -total } else { total })),
            Err(_) => is_negative.then_some(Self(i64::MIN)),
        }
    }

    pub(super) fn string(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (small, name) = match nanos {
            0 => return "0s".to_owned(),
            1..MICROSECOND => (1, "ns"),
            MICROSECOND..MILLISECOND => (MICROSECOND, "µs"),
            MILLISECOND..SECOND => (MILLISECOND, "ms"),
            _ => (SECOND, "s"),
        };
        if nanos < SECOND {
            return format!("{sign}{}{name}", decimal(nanos, small));
        }
        let (hours, minutes) = (nanos / HOUR, nanos / MINUTE);
        let seconds = decimal(nanos % MINUTE, SECOND);
        match (hours, minutes) {
            (0, 0) => format!("{sign}{seconds}s"),
            (0, _) => format!("{sign}{minutes}m{seconds}s"),
            _ => format!("{sign}{hours}h{}m{seconds}s", minutes % 60),
        }
    }

    /// The nearest multiple; of two the one further from zero. Itself if that is no positive number.
    pub(super) fn rounded(self, to: Self) -> Self {
        if to.0 <= 0 {
            return self;
        }
        let (value, to) = (i128::from(self.0), i128::from(to.0));
        let rest = value.abs() % to;
        let nearest = value.abs() - rest + if rest * 2 < to { 0 } else { to };
        let nearest = if value < 0 { -nearest } else { nearest };
        Self(i64::try_from(nearest).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX }))
    }

    fn truncated(self, to: Self) -> Self {
        if to.0 <= 0 { self } else { Self(self.0 - self.0 % to.0) }
    }

    /// So many units, with a fraction.
    #[expect(clippy::cast_precision_loss, reason = "Go computes in float64 too")]
    fn in_units(self, unit: u64) -> f64 {
        let unit = i64::try_from(unit).unwrap_or(i64::MAX);
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// The duration that a method is given: one, or a number of nanoseconds in the template.
    pub(super) fn given(arguments: &[Value]) -> Result<Self, Failure> {
        match value(arguments, 0) {
            Value::Int(Integer { value, .. }) => Ok(Self(super::moment::wrapped(*value))),
            Value::Object(object) => match object.as_any().downcast_ref() {
                Some(duration) => Ok(*duration),
                None => raised("argument is not a duration"),
            },
            _ => raised("argument is not a duration"),
        }
    }

    pub(super) fn value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

/// The number with its unit that a text starts with, in nanoseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go computes fractions in float64 too"
)]
fn leading(text: &[u8]) -> Option<(u64, &[u8])> {
    let (whole, after) = digits(text);
    let (fraction, after) = after.strip_prefix(b".").map_or((b"".as_slice(), after), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (name, rest) = up_to(after, |byte| *byte == b'.' || byte.is_ascii_digit());
    let unit = unit(name)?;
    let whole = if whole.is_empty() { 0 } else { std::str::from_utf8(whole).ok()?.parse::<u64>().ok()? };
    let nanos = whole.checked_mul(unit).filter(|nanos| *nanos <= OVERFLOW)?;
    let (value, scale) = fraction_value(fraction);
    let part = (value as f64 * (unit as f64 / scale)) as u64;
    Some((nanos.checked_add(part).filter(|nanos| *nanos <= OVERFLOW)?, rest))
}

/// Digits behind a point as a number and what to divide it by. Those that do not fit are dropped.
fn fraction_value(digits: &[u8]) -> (u64, f64) {
    let (mut value, mut scale) = (0_u64, 1.0);
    for digit in digits {
        let next = value.checked_mul(10).map(|value| value + u64::from(digit - b'0'));
        let Some(next) = next.filter(|next| value <= (OVERFLOW - 1) / 10 && *next <= OVERFLOW) else { break };
        value = next;
        scale *= 10.0;
    }
    (value, scale)
}

/// A quotient by a power of ten as a decimal number.
fn decimal(nanos: u64, unit: u64) -> String {
    let width = usize::try_from(unit.ilog10()).unwrap_or_default();
    let digits = format!("{}.{:0width$}", nanos / unit, nanos % unit);
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn kind_name(&self) -> &'static str {
        "int64"
    }

    fn display(&self) -> Vec<u8> {
        self.string().into_bytes()
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        match name {
            "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "Abs"
            | "String" => Some(&[]),
            // Any: a number in the template is a duration too.
            "Round" | "Truncate" => Some(&[Type::Any]),
            _ => None,
        }
    }

    fn call(&self, _: &mut Scope<'_>, method: &str, arguments: &[Value]) -> Result<Value, Failure> {
        Ok(match method {
            "Hours" => Value::Float(self.in_units(HOUR)),
            "Minutes" => Value::Float(self.in_units(MINUTE)),
            "Seconds" => Value::Float(self.in_units(SECOND)),
            "Milliseconds" => Value::int64(self.0 / 1_000_000),
            "Microseconds" => Value::int64(self.0 / 1_000),
            "Nanoseconds" => Value::int64(self.0),
            "Abs" => Self(self.0.saturating_abs()).value(),
            "String" => Value::text(self.string()),
            "Round" => self.rounded(Self::given(arguments)?).value(),
            "Truncate" => self.truncated(Self::given(arguments)?).value(),
            _ => return raised("no such method"),
        })
    }

    fn is_true(&self) -> bool {
        self.0 != 0
    }

    fn integer(&self) -> Option<Integer> {
        Some(Integer { kind: IntKind::Int64, value: i128::from(self.0) })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
