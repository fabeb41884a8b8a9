//! Owns the functions that show any value as text: toString, quote, squote and cat.

use crate::funcs::arguments::{spend_building, value};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value, display, quoted};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "toString", params: &[Type::Any], rest: None, call: to_string },
    Function { name: "quote", params: &[], rest: Some(Type::Any), call: quote },
    Function { name: "squote", params: &[], rest: Some(Type::Any), call: squote },
    Function { name: "cat", params: &[], rest: Some(Type::Any), call: cat },
];

/// A value as sprig sees it as text: texts and bytes are themselves, the others as they print.
pub(in crate::funcs) fn shown(scope: &mut Scope<'_>, value: &Value) -> Result<Vec<u8>, Failure> {
    let shown = match value {
        Value::Text(text) | Value::Bytes(text) => {
            spend_building(scope, text.len())?;
            return Ok(text.to_vec());
        }
        _ => display(value),
    };
    spend_building(scope, shown.len())?;
    Ok(shown)
}

fn to_string(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match value(arguments, 0) {
        Value::Text(text) => Ok(Value::Text(text.clone())),
        value => shown(scope, value).map(Value::text),
    }
}

fn quote(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    joined(scope, arguments, |scope, value| {
        let shown = shown(scope, value)?;
        // A byte may become an escape of four.
        spend_building(scope, shown.len().saturating_mul(4))?;
        Ok(quoted(&shown))
    })
}

/// In single quotes, with no escapes.
fn squote(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    joined(scope, arguments, |_, value| Ok([b"'", display(value).as_slice(), b"'"].concat()))
}

fn cat(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    joined(scope, arguments, |_, value| Ok(display(value)))
}

/// What stands for each value that there is, with spaces between.
fn joined(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    each: impl Fn(&mut Scope<'_>, &Value) -> Result<Vec<u8>, Failure>,
) -> Result<Value, Failure> {
    let mut output = Vec::new();
    for (at, value) in arguments.iter().filter(|value| !matches!(value, Value::Nil)).enumerate() {
        let part = each(scope, value)?;
        spend_building(scope, part.len() + 1)?;
        if at > 0 {
            output.push(b' ');
        }
        output.extend_from_slice(&part);
    }
    Ok(Value::text(output))
}
