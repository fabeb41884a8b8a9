//! Takes a function's arguments as what its parameters say they are.

use std::rc::Rc;

use crate::funcs::Failure;
use crate::value::{Object, Text, Value};

/// Argument `index`, a `string`. Cheap: shares the bytes.
pub(super) fn text(arguments: &[Value], index: usize) -> Result<Text, Failure> {
    match arguments.get(index) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(wrong(index, "string")),
    }
}

/// Argument `index`, a whole number.
pub(super) fn number(arguments: &[Value], index: usize) -> Result<i128, Failure> {
    match arguments.get(index) {
        Some(Value::Int(number)) => Ok(number.value),
        _ => Err(wrong(index, "int")),
    }
}

/// Argument `index`, a `[]interface {}` of strings; `what` they are is for the error. No list is an empty one.
pub(super) fn texts(arguments: &[Value], index: usize, what: &str) -> Result<Vec<Text>, Failure> {
    let items = match arguments.get(index) {
        Some(Value::List(list)) => list.items.iter(),
        Some(Value::Nil) => [].iter(),
        _ => return Err(wrong(index, "[]interface {}")),
    };
    items
        .enumerate()
        .map(|(place, item)| match item {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(Failure::Raised(format!("error processing {what} {place}: not a string"))),
        })
        .collect()
}

/// Argument `index`, an object.
pub(super) fn object(arguments: &[Value], index: usize) -> Result<Rc<dyn Object>, Failure> {
    match arguments.get(index) {
        Some(Value::Object(object)) => Ok(Rc::clone(object)),
        _ => Err(wrong(index, "object")),
    }
}

/// The failure that tells `text`.
pub(super) fn raised(text: impl Into<String>) -> Failure {
    Failure::Raised(text.into())
}

fn wrong(index: usize, wanted: &str) -> Failure {
    Failure::Raised(format!("argument {index} is not a {wanted}"))
}
