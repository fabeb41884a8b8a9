//! Reads arguments whose number and types the engine has checked, and charges for work on text.

use super::{Failure, Scope};
use crate::value::{Integer, List, Value};

/// Bytes that one element of a list takes besides its own.
const ELEMENT_BYTES: usize = size_of::<Value>() + 64;

/// The `string` at this place.
pub(super) fn text(arguments: &[Value], at: usize) -> Result<&[u8], Failure> {
    match arguments.get(at) {
        Some(Value::Text(text)) => Ok(text),
        _ => raised("argument is not a string"),
    }
}

/// The `int` at this place.
pub(super) fn int(arguments: &[Value], at: usize) -> Result<i64, Failure> {
    match arguments.get(at) {
        Some(Value::Int(Integer { value, .. })) => whole(*value),
        _ => raised("argument is not a whole number"),
    }
}

fn whole(value: i128) -> Result<i64, Failure> {
    i64::try_from(value).or_else(|_| raised("argument is too large a number"))
}

/// The value at this place; no value if there is none.
pub(super) fn value(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(&Value::Nil)
}

/// A failure with this reason, which never holds a value.
pub(super) fn raised<T>(reason: &str) -> Result<T, Failure> {
    Err(Failure::Raised(reason.to_owned()))
}

/// Charges for reading so many bytes.
pub(super) fn spend_reading(scope: &mut Scope<'_>, bytes: usize) -> Result<(), Failure> {
    scope.spend_steps(bytes / 256 + 1)
}

/// Charges for building so many bytes.
pub(super) fn spend_building(scope: &mut Scope<'_>, bytes: usize) -> Result<(), Failure> {
    scope.spend_steps(bytes / 256 + 1)?;
    scope.spend_bytes(bytes)
}

/// Charges for a list of so many texts with so many bytes together.
pub(super) fn spend_list(scope: &mut Scope<'_>, elements: usize, bytes: usize) -> Result<(), Failure> {
    scope.spend_steps(elements.saturating_add(bytes / 256))?;
    scope.spend_bytes(elements.saturating_mul(ELEMENT_BYTES).saturating_add(bytes))
}

/// The elements of a list, whatever it holds.
pub(super) fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(List { items, .. }) => Some(items),
        _ => None,
    }
}
