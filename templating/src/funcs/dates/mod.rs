//! Owns the functions on dates and durations. There is no clock but the scope's.

mod civil;
mod duration;
mod format;
mod layout;
mod moment;
mod object;
mod parse;
mod zone;

use self::duration::{Duration, HOUR, MINUTE, SECOND};
use self::format::most_bytes;
use self::moment::{Moment, wrapped};
use self::zone::Zone;
use super::arguments::{raised, spend_building, spend_reading, text, value};
use super::{Failure, Function, Scope};
use crate::value::{IntKind, Integer, Type, Value};

const TIME: Type = Type::Object(object::TYPE);

pub(super) const FUNCTIONS: &[Function] = &[
    of("now", &[], |scope, _| Ok(now(scope).value())),
    of("ago", &[Type::Any], ago),
    of("date", &[Type::Text, Type::Any], date),
    of("dateInZone", &[Type::Text, Type::Any, Type::Text], date_in_zone),
    of("date_in_zone", &[Type::Text, Type::Any, Type::Text], date_in_zone),
    of("htmlDate", &[Type::Any], html_date),
    of("htmlDateInZone", &[Type::Any, Type::Text], html_date_in_zone),
    of("dateModify", &[Type::Text, TIME], date_modify),
    of("date_modify", &[Type::Text, TIME], date_modify),
    of("mustDateModify", &[Type::Text, TIME], must_date_modify),
    of("must_date_modify", &[Type::Text, TIME], must_date_modify),
    of("toDate", &[Type::Text, Type::Text], to_date),
    of("mustToDate", &[Type::Text, Type::Text], must_to_date),
    of("unixEpoch", &[TIME], unix_epoch),
    of("duration", &[Type::Any], duration),
    of("durationRound", &[Type::Any], duration_round),
];

const fn of(
    name: &'static str,
    params: &'static [Type],
    call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>,
) -> Function {
    Function { name, params, rest: None, call }
}

/// The layout of a date in HTML forms.
const HTML: &[u8] = b"2006-01-02";

fn now(scope: &Scope<'_>) -> Moment {
    Moment::of_timestamp(scope.now, Zone::of(&scope.zone))
}

fn seconds(value: &Value, kinds: &[IntKind]) -> Option<i64> {
    match value {
        Value::Int(Integer { kind, value }) if kinds.contains(kind) => Some(wrapped(*value)),
        _ => None,
    }
}

/// A time, or one in seconds since 1970; anything else is now.
fn time(scope: &Scope<'_>, arguments: &[Value], at: usize, kinds: &[IntKind]) -> Moment {
    if let Ok(moment) = Moment::given(arguments, at) {
        return moment.clone();
    }
    match seconds(value(arguments, at), kinds) {
        Some(seconds) => Moment { seconds, nanos: 0, zone: Zone::of(&scope.zone) },
        None => now(scope),
    }
}

/// The time at this place in a layout and a zone.
fn written(
    scope: &mut Scope<'_>,
    layout: &[u8],
    arguments: &[Value],
    at: usize,
    zone: &[u8],
) -> Result<Value, Failure> {
    spend_building(scope, most_bytes(layout.len()))?;
    let zone = Zone::named(zone, &scope.zone);
    let time = time(scope, arguments, at, &[IntKind::Int64, IntKind::Int, IntKind::Int32]);
    Ok(Value::text(time.in_zone(zone).formatted(layout)))
}

fn date(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, text(arguments, 0)?, arguments, 1, b"Local")
}

fn date_in_zone(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, text(arguments, 0)?, arguments, 1, text(arguments, 2)?)
}

fn html_date(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, HTML, arguments, 0, b"Local")
}

fn html_date_in_zone(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, HTML, arguments, 0, text(arguments, 1)?)
}

/// The time that has passed, in whole seconds.
fn ago(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(1)?;
    let then = time(scope, arguments, 0, &[IntKind::Int64, IntKind::Int]);
    let second = Duration(moment::NANOS_PER_SECOND);
    Ok(Value::text(Duration(now(scope).since(&then)).rounded(second).string()))
}

fn modified(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Option<Value>, Failure> {
    let text = text(arguments, 0)?;
    spend_reading(scope, text.len())?;
    let moment = Moment::given(arguments, 1)?;
    Ok(Duration::parsed(text).map(|by| moment.later(by.0).value()))
}

/// The time that much later; the same if that is no duration.
fn date_modify(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(modified(scope, arguments)?.unwrap_or_else(|| value(arguments, 1).clone()))
}

fn must_date_modify(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    modified(scope, arguments)?.map_or_else(|| raised("invalid duration"), Ok)
}

fn read(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Option<Moment>, Failure> {
    let (layout, text) = (text(arguments, 0)?, text(arguments, 1)?);
    // A field can begin with every byte of the layout, and is looked for among all forms.
    spend_reading(scope, layout.len().saturating_mul(64).saturating_add(text.len()))?;
    Ok(parse::parsed(layout, text, &Zone::of(&scope.zone)))
}

/// The time that is written in this layout, or Go's zero time.
fn to_date(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(read(scope, arguments)?.unwrap_or_else(Moment::zero).value())
}

fn must_to_date(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    read(scope, arguments)?
        .map_or_else(|| raised("text is not a time in this layout"), |time| Ok(time.value()))
}

fn unix_epoch(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(Moment::given(arguments, 0)?.seconds.to_string()))
}

/// Seconds, as an `int64` or a text, as a duration; anything else is none.
fn duration(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let seconds = match value(arguments, 0) {
        Value::Text(text) => {
            spend_reading(scope, text.len())?;
            whole_number(text)
        }
        value => seconds(value, &[IntKind::Int64]).unwrap_or_default(),
    };
    Ok(Value::text(Duration(seconds.wrapping_mul(moment::NANOS_PER_SECOND)).string()))
}

/// A decimal number; the nearest that there is if it is too large, and 0 if it is none. What follows a number that
/// is much too large is not looked at.
fn whole_number(text: &[u8]) -> i64 {
    let is_negative = text.starts_with(b"-");
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let mut number = 0_u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return 0;
        }
        let next = number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')));
        let Some(next) = next else {
            number = u64::MAX;
            break;
        };
        number = next;
    }
    match i64::try_from(number) {
        Ok(number) if is_negative => -number,
        Ok(number) => number,
        Err(_) if is_negative => i64::MIN,
        Err(_) => i64::MAX,
    }
}

/// A duration as a number of its largest unit: nanoseconds as an `int64`, a text, or what has passed since a time.
fn duration_round(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let duration = match value(arguments, 0) {
        Value::Text(text) => {
            spend_reading(scope, text.len())?;
            Duration::parsed(text).map_or(0, |duration| duration.0)
        }
        value => match Moment::given(arguments, 0) {
            Ok(moment) => now(scope).since(moment),
            Err(_) => seconds(value, &[IntKind::Int64]).unwrap_or_default(),
        },
    };
    let day = 24 * HOUR;
    let units = [(365 * day, "y"), (30 * day, "mo"), (day, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let size = duration.unsigned_abs();
    let largest = units.into_iter().find(|(unit, _)| size > *unit);
    Ok(Value::text(largest.map_or("0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))))
}
