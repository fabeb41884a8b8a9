//! Turns Handlebars' JSON into values of functions, and back.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use serde_json::{Map, Number, Value as Json};

use super::bytes;
use crate::engine::go_template::{found_name, name_of};
use crate::value::{self, Element, IntKind, Integer, List, Object, Text, Type, Value};

/// The member that says which object a JSON object stands for. No key of a document has this character: it is
/// carried byte by byte.
const OBJECT: &str = "\u{10ff00}object";

/// Fields that objects have.
const SHOWN: &[&str] = &["Cert", "Key"];

/// About how many bytes a JSON value takes.
pub(super) fn size(json: &Json) -> usize {
    const VALUE: usize = size_of::<Json>();
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => VALUE,
        Json::String(text) => VALUE + text.len(),
        Json::Array(items) => items.iter().map(size).fold(VALUE, usize::saturating_add),
        Json::Object(members) => members
            .iter()
            .map(|(name, member)| VALUE + name.len() + size(member))
            .fold(VALUE, usize::saturating_add),
    }
}

/// The value that a JSON value means.
///
/// # Errors
/// A number that fits in no type, or an object that does not exist.
pub(super) fn value_of(json: &Json, objects: &[Rc<dyn Object>]) -> Result<Value, &'static str> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => return Err("a number is out of range"),
        },
        Json::String(text) => Value::text(raw(text)),
        Json::Array(items) => {
            Value::list(items.iter().map(|item| value_of(item, objects)).collect::<Result<_, _>>()?)
        }
        Json::Object(members) => {
            if let Some(place) = members.get(OBJECT) {
                let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
                let object = place.and_then(|place| objects.get(place));
                return Ok(Value::Object(Rc::clone(object.ok_or("there is no such object")?)));
            }
            let mut entries = BTreeMap::new();
            for (name, member) in members {
                entries.insert(Text::new(raw(name)), value_of(member, objects)?);
            }
            Value::map(entries)
        }
    })
}

/// The JSON of a value. Objects are added to `objects`.
pub(super) fn json_of(value: &Value, objects: &mut Vec<Rc<dyn Object>>) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(Integer { value, .. }) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(int), _) => int.into(),
            (_, Ok(unsigned)) => unsigned.into(),
            _ => Json::String(value.to_string()),
        },
        Value::Float(float) => Number::from_f64(*float).map_or_else(|| shown(value), Json::Number),
        Value::Text(text) | Value::Bytes(text) => Json::String(bytes::text(text)),
        Value::List(list) => list.items.iter().map(|item| json_of(item, objects)).collect(),
        Value::Map(map) => {
            let entries = map.entries.borrow();
            let members = entries.iter().map(|(name, member)| (bytes::text(name), json_of(member, objects)));
            Json::Object(members.collect())
        }
        Value::Object(object) => {
            let mut members = Map::new();
            members.insert(OBJECT.to_owned(), objects.len().into());
            objects.push(Rc::clone(object));
            for name in SHOWN {
                if let Some(field) = object.field(name) {
                    members.insert((*name).to_owned(), json_of(&field, objects));
                }
            }
            Json::Object(members)
        }
    }
}

fn shown(value: &Value) -> Json {
    Json::String(bytes::text(&value::display(value)))
}

fn raw(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    bytes::append(&mut out, text.as_bytes());
    out
}

/// The value as the type that a function wants. JSON does not tell an `int` from an `int64`, and a list of texts
/// from any list; so whatever can be of the type is.
///
/// # Errors
/// It cannot; what is wrong, without the value.
pub(super) fn fitting(value: Value, wanted: Type) -> Result<Value, String> {
    let wrong = |found: &Value| Err(format!("must be {}, not {}", name_of(wanted), found_name(found)));
    match (value, wanted) {
        (Value::Int(number), Type::Int(kind)) => {
            let fits = range(kind).contains(&number.value);
            let value = Value::Int(Integer { kind, value: number.value });
            if fits { Ok(value) } else { Err(format!("is out of the range of {}", kind.name())) }
        }
        #[expect(clippy::cast_precision_loss, reason = "as a constant in a Go template")]
        (Value::Int(number), Type::Float) => Ok(Value::Float(number.value as f64)),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        (Value::Float(float), Type::Int(kind @ (IntKind::Int | IntKind::Int64)))
            if float.fract() == 0.0 && float.abs() < 1e15 =>
        {
            Ok(Value::Int(Integer { kind, value: float as i128 }))
        }
        (Value::Text(text), Type::Bytes) => Ok(Value::Bytes(text)),
        (Value::Nil, Type::List(element)) => Ok(Value::List(List { element, items: Rc::default() })),
        (Value::Nil, Type::Map(_)) => Ok(Value::map(BTreeMap::new())),
        (Value::List(list), Type::List(element)) => {
            if list.items.iter().all(|item| is_element(item, element)) {
                Ok(Value::List(List { element, items: Rc::clone(&list.items) }))
            } else {
                wrong(&Value::List(list))
            }
        }
        (Value::Map(map), Type::Map(element)) => {
            let fits = map.entries.borrow().values().all(|item| is_element(item, element));
            if fits {
                Ok(Value::Map(value::Map { element, entries: Rc::clone(&map.entries) }))
            } else {
                wrong(&Value::Map(map))
            }
        }
        (value, wanted) => {
            let fits = match (&value, wanted) {
                (_, Type::Any)
                | (Value::Bool(_), Type::Bool)
                | (Value::Float(_), Type::Float)
                | (Value::Text(_), Type::Text | Type::NamedText(_))
                | (Value::Bytes(_), Type::Bytes) => true,
                (Value::Object(object), Type::Object(name)) => object.type_name() == name,
                _ => false,
            };
            if fits { Ok(value) } else { wrong(&value) }
        }
    }
}

fn range(kind: IntKind) -> RangeInclusive<i128> {
    match kind {
        IntKind::Int8 => i8::MIN.into()..=i8::MAX.into(),
        IntKind::Int16 => i16::MIN.into()..=i16::MAX.into(),
        IntKind::Int32 => i32::MIN.into()..=i32::MAX.into(),
        IntKind::Int | IntKind::Int64 => i64::MIN.into()..=i64::MAX.into(),
        IntKind::Uint8 => 0..=u8::MAX.into(),
        IntKind::Uint16 => 0..=u16::MAX.into(),
        IntKind::Uint32 => 0..=u32::MAX.into(),
        IntKind::Uint | IntKind::Uint64 => 0..=u64::MAX.into(),
    }
}

fn is_element(item: &Value, element: Element) -> bool {
    match element {
        Element::Any => true,
        Element::Text => matches!(item, Value::Text(_)),
        Element::Int => matches!(item, Value::Int(_)),
        Element::AnyList => matches!(item, Value::List(_)),
    }
}
