//! `eq`, `ne`, `lt`, `le`, `gt` and `ge`.

use std::rc::Rc;

use super::raised;
use crate::funcs::{Failure, Scope};
use crate::value::{Value, kind_name, type_name};

/// A value that can be compared with others of its kind.
enum Basic<'v> {
    Bool(bool),
    /// Whole numbers of every type compare with each other.
    Int(i128),
    Float(f64),
    Text(&'v [u8]),
}

fn basic(value: &Value) -> Option<Basic<'_>> {
    match value {
        Value::Bool(truth) => Some(Basic::Bool(*truth)),
        Value::Int(number) => Some(Basic::Int(number.value)),
        Value::Float(number) => Some(Basic::Float(*number)),
        Value::Text(text) => Some(Basic::Text(text)),
        Value::Object(object) => object.integer().map(|number| Basic::Int(number.value)),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn incompatible<T>(one: &Value, other: &Value) -> Result<T, Failure> {
    raised(format!("{} and {} cannot be compared", type_name(one), type_name(other)))
}

#[expect(clippy::float_cmp, reason = "the template compares these two numbers")]
fn are_equal(one: &Value, other: &Value) -> Result<bool, Failure> {
    match (basic(one), basic(other)) {
        (Some(Basic::Bool(one)), Some(Basic::Bool(other))) => Ok(one == other),
        (Some(Basic::Int(one)), Some(Basic::Int(other))) => Ok(one == other),
        (Some(Basic::Float(one)), Some(Basic::Float(other))) => Ok(one == other),
        (Some(Basic::Text(one)), Some(Basic::Text(other))) => Ok(one == other),
        (None, None) => are_same(one, other),
        _ if matches!(one, Value::Nil) || matches!(other, Value::Nil) => Ok(false),
        _ => incompatible(one, other),
    }
}

/// Values without an order: lists and maps compare with nil only.
fn are_same(one: &Value, other: &Value) -> Result<bool, Failure> {
    match (one, other) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Object(one), Value::Object(other)) if one.kind_name() == other.kind_name() => {
            let is_pointer = one.kind_name() == "ptr";
            Ok(Rc::ptr_eq(one, other)
                || (!is_pointer && one.type_name() == other.type_name() && one.display() == other.display()))
        }
        _ => raised(format!("{} and {} cannot be compared", kind_name(one), kind_name(other))),
    }
}

fn is_less(one: &Value, other: &Value) -> Result<bool, Failure> {
    match (basic(one), basic(other)) {
        (Some(Basic::Int(one)), Some(Basic::Int(other))) => Ok(one < other),
        (Some(Basic::Float(one)), Some(Basic::Float(other))) => Ok(one < other),
        (Some(Basic::Text(one)), Some(Basic::Text(other))) => Ok(one < other),
        _ => incompatible(one, other),
    }
}

fn is_less_or_equal(one: &Value, other: &Value) -> Result<bool, Failure> {
    Ok(is_less(one, other)? || are_equal(one, other)?)
}

fn two(arguments: &[Value]) -> Result<(&Value, &Value), Failure> {
    match arguments {
        [one, other] => Ok((one, other)),
        _ => raised("two arguments are compared"),
    }
}

/// True if the first argument equals any other one. Stops at the first of them.
pub(super) fn eq(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some((one, others)) = arguments.split_first().filter(|(_, others)| !others.is_empty()) else {
        return raised("there is nothing to compare with");
    };
    for other in others {
        scope.spend_steps(1)?;
        if are_equal(one, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (one, other) = two(arguments)?;
    Ok(Value::Bool(!are_equal(one, other)?))
}

pub(super) fn lt(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (one, other) = two(arguments)?;
    Ok(Value::Bool(is_less(one, other)?))
}

pub(super) fn le(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (one, other) = two(arguments)?;
    Ok(Value::Bool(is_less_or_equal(one, other)?))
}

/// Not `<=`, which differs from `>` where one is not a number.
pub(super) fn gt(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (one, other) = two(arguments)?;
    Ok(Value::Bool(!is_less_or_equal(one, other)?))
}

pub(super) fn ge(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (one, other) = two(arguments)?;
    Ok(Value::Bool(!is_less(one, other)?))
}
