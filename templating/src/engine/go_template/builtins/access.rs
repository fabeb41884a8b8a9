//! `len` and `index`.

use super::super::arguments::empty_list;
use super::raised;
use crate::funcs::{Failure, Scope};
use crate::value::{Element, IntKind, Integer, Value, type_name};

pub(super) fn len(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let length = match arguments.first() {
        Some(Value::Text(text) | Value::Bytes(text)) => text.len(),
        Some(Value::List(list)) => list.items.len(),
        Some(Value::Map(map)) => map.entries.borrow().len(),
        Some(other) => return raised(format!("{} has no length", type_name(other))),
        None => return raised("an argument is missing"),
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `index x 1 "a"` is `x[1]["a"]`.
pub(super) fn index(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some((first, indexes)) = arguments.split_first() else { return raised("an argument is missing") };
    if matches!(first, Value::Nil) {
        return raised("nil has no elements");
    }
    scope.spend_steps(indexes.len())?;
    indexes.iter().try_fold(first.clone(), |value, index| element(&value, index))
}

fn element(value: &Value, index: &Value) -> Result<Value, Failure> {
    match value {
        Value::List(list) => {
            let place = place(index, list.items.len())?;
            list.items.get(place).cloned().ok_or_else(|| out_of_range(place))
        }
        Value::Text(text) | Value::Bytes(text) => {
            let place = place(index, text.len())?;
            let byte = text.get(place).ok_or_else(|| out_of_range(place))?;
            Ok(Value::Int(Integer { kind: IntKind::Uint8, value: i128::from(*byte) }))
        }
        Value::Map(map) => {
            let Value::Text(key) = index else {
                return raised(format!("a key of a map must be string, not {}", type_name(index)));
            };
            let known = map.entries.borrow().get(key).cloned();
            Ok(known.unwrap_or_else(|| zero(map.element)))
        }
        other => raised(format!("{} has no elements", type_name(other))),
    }
}

/// What a map gives for a key that it does not have.
fn zero(element: Element) -> Value {
    match element {
        Element::Any => Value::Nil,
        Element::Text => Value::text(Vec::new()),
        Element::Int => Value::int(0),
        Element::AnyList => empty_list(Element::Any),
    }
}

/// An index that may be as large as the length.
fn place(index: &Value, length: usize) -> Result<usize, Failure> {
    let Value::Int(number) = index else {
        return raised(format!("an index must be a whole number, not {}", type_name(index)));
    };
    match usize::try_from(number.value) {
        Ok(place) if place <= length => Ok(place),
        _ => raised("index is out of range"),
    }
}

fn out_of_range(place: usize) -> Failure {
    Failure::Raised(format!("index {place} is out of range"))
}
