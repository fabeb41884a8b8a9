//! Owns what templates can ask of a time, and of its month, weekday and zone.

use std::any::Any;
use std::rc::Rc;

use super::civil::{MONTHS, WEEKDAYS};
use super::duration::Duration;
use super::format::most_bytes;
use super::moment::{Clock, Moment, wrapped};
use super::zone::Zone;
use crate::funcs::arguments::{int, raised, spend_building, text, value};
use crate::funcs::{Failure, Scope};
use crate::value::{IntKind, Integer, Object, Text, Type, Value};

pub(super) const TYPE: &str = "time.Time";
const ZONE_TYPE: &str = "*time.Location";
const INT: Type = Type::Int(IntKind::Int);

/// The layout of a time in JSON.
const RFC3339: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";

/// A number with a name: a month or a weekday.
struct Named {
    type_name: &'static str,
    number: i64,
    name: &'static str,
}

/// A zone as a template holds it.
struct Location(Zone);

impl Moment {
    pub(super) fn value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// The time that an argument is.
    pub(super) fn given(arguments: &[Value], at: usize) -> Result<&Self, Failure> {
        let Value::Object(object) = value(arguments, at) else { return raised("argument is not a time") };
        object.as_any().downcast_ref().map_or_else(|| raised("argument is not a time"), Ok)
    }

    fn layout(&self, scope: &mut Scope<'_>, layout: &[u8]) -> Result<Vec<u8>, Failure> {
        spend_building(scope, most_bytes(layout.len()))?;
        Ok(self.formatted(layout))
    }

    /// What can be asked without arguments; nothing if it is something else.
    fn asked(&self, scope: &Scope<'_>, method: &str) -> Option<Value> {
        let Clock { date, weekday, hour, minute, second, local } = self.clock();
        let named = |type_name, number: i64, names: &[&'static str], at: usize| {
            let name = names.get(at).copied().unwrap_or_default();
            Value::Object(Rc::new(Named { type_name, number, name }))
        };
        let position = |number: i64| usize::try_from(number).unwrap_or_default();
        Some(match method {
            "Year" => Value::int(date.year),
            "Month" => named("time.Month", date.month, &MONTHS, position(date.month - 1)),
            "Day" => Value::int(date.day),
            "Weekday" => {
                named("time.Weekday", i64::try_from(weekday).unwrap_or_default(), &WEEKDAYS, weekday)
            }
            "YearDay" => Value::int(date.day_of_year()),
            "Hour" => Value::int(hour),
            "Minute" => Value::int(minute),
            "Second" => Value::int(second),
            "Nanosecond" => Value::int(self.nanos),
            "IsDST" => Value::Bool(local.is_dst),
            "IsZero" => Value::Bool(self.is_zero()),
            "Unix" => Value::int64(self.seconds),
            "UnixMilli" => Value::int64(wrapped(self.instant().div_euclid(1_000_000))),
            "UnixMicro" => Value::int64(wrapped(self.instant().div_euclid(1_000))),
            "UnixNano" => Value::int64(wrapped(self.instant())),
            "UTC" => self.in_zone(Zone::Utc).value(),
            "Local" => self.in_zone(Zone::of(&scope.zone)).value(),
            "Location" => Value::Object(Rc::new(Location(self.zone.clone()))),
            "String" => Value::text(self.string()),
            "MarshalText" => Value::Bytes(Text::new(self.formatted(RFC3339))),
            "MarshalJSON" => {
                Value::Bytes(Text::new([b"\"", self.formatted(RFC3339).as_slice(), b"\""].concat()))
            }
            _ => return None,
        })
    }

    fn compared(&self, method: &str, other: &Self) -> Option<Value> {
        let order = self.instant().cmp(&other.instant());
        Some(match method {
            "After" => Value::Bool(order.is_gt()),
            "Before" => Value::Bool(order.is_lt()),
            "Equal" => Value::Bool(order.is_eq()),
            "Compare" => Value::int(order as i64),
            "Sub" => Duration(self.since(other)).value(),
            _ => return None,
        })
    }
}

impl Object for Moment {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn kind_name(&self) -> &'static str {
        "struct"
    }

    fn display(&self) -> Vec<u8> {
        self.string()
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        match name {
            "Year" | "Month" | "Day" | "Weekday" | "YearDay" | "Hour" | "Minute" | "Second"
            | "Nanosecond" | "IsDST" | "IsZero" | "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "UTC"
            | "Local" | "Location" | "String" | "MarshalText" | "MarshalJSON" => Some(&[]),
            "After" | "Before" | "Equal" | "Compare" | "Sub" => Some(&[Type::Object(TYPE)]),
            "Format" => Some(&[Type::Text]),
            "AppendFormat" => Some(&[Type::Bytes, Type::Text]),
            "AddDate" => Some(&[INT, INT, INT]),
            // Any: a number in the template is a duration too.
            "Add" | "Round" | "Truncate" => Some(&[Type::Any]),
            "In" => Some(&[Type::Object(ZONE_TYPE)]),
            _ => None,
        }
    }

    fn call(&self, scope: &mut Scope<'_>, method: &str, arguments: &[Value]) -> Result<Value, Failure> {
        if let Some(value) = self.asked(scope, method) {
            return Ok(value);
        }
        Ok(match method {
            "Format" => Value::text(self.layout(scope, text(arguments, 0)?)?),
            "AppendFormat" => {
                let Value::Bytes(start) = value(arguments, 0) else {
                    return raised("argument is not bytes");
                };
                let end = self.layout(scope, text(arguments, 1)?)?;
                spend_building(scope, start.len())?;
                Value::Bytes(Text::new([start, end.as_slice()].concat()))
            }
            "AddDate" => self.plus_date(int(arguments, 0)?, int(arguments, 1)?, int(arguments, 2)?).value(),
            "Add" => self.later(Duration::given(arguments)?.0).value(),
            "Round" => self.rounded(Duration::given(arguments)?.0).value(),
            "Truncate" => self.truncated(Duration::given(arguments)?.0).value(),
            "In" => match value(arguments, 0) {
                Value::Object(object) => match object.as_any().downcast_ref() {
                    Some(Location(zone)) => self.in_zone(zone.clone()).value(),
                    None => return raised("argument is not a location"),
                },
                _ => return raised("argument is not a location"),
            },
            _ => match self.compared(method, Self::given(arguments, 0)?) {
                Some(value) => value,
                None => return raised("no such method"),
            },
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The only method of a value that does nothing but print.
fn only_string(name: &str) -> Option<&'static [Type]> {
    (name == "String").then_some(&[])
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind_name(&self) -> &'static str {
        "int"
    }

    fn display(&self) -> Vec<u8> {
        self.name.as_bytes().to_vec()
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        only_string(name)
    }

    fn call(&self, _: &mut Scope<'_>, _: &str, _: &[Value]) -> Result<Value, Failure> {
        Ok(Value::text(self.name))
    }

    fn is_true(&self) -> bool {
        self.number != 0
    }

    fn integer(&self) -> Option<Integer> {
        Some(Integer { kind: IntKind::Int, value: i128::from(self.number) })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Location {
    fn type_name(&self) -> &'static str {
        ZONE_TYPE
    }

    fn kind_name(&self) -> &'static str {
        "ptr"
    }

    fn display(&self) -> Vec<u8> {
        self.0.name().into_bytes()
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        only_string(name)
    }

    fn call(&self, _: &mut Scope<'_>, _: &str, _: &[Value]) -> Result<Value, Failure> {
        Ok(Value::text(self.0.name()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
