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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, int, run, text};

    #[test]
    fn values_are_shown_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("toString", vec![Value::Nil], gives("<nil>")),
                ("toString", vec![Value::Bool(true)], gives("true")),
                ("toString", vec![text(b"\xff")], gives(b"\xff")),
                (
                    "quote",
                    vec![text("a\"b\\c\n\0\u{7f}"), int(5), Value::Nil, Value::Bool(true), Value::Float(2.5)],
                    gives("\"a\\\"b\\\\c\\n\\x00\\x7f\" \"5\" \"true\" \"2.5\""),
                ),
                ("quote", vec![], gives("")),
                ("quote", vec![Value::Nil], gives("")),
                ("quote", vec![text(b"\xff\xc3\xa9\xe2\x80\x8b")], gives("\"\\xffé\\u200b\"")),
                ("squote", vec![text("it's"), int(5), Value::Nil], gives("'it's' '5'")),
                ("squote", vec![], gives("")),
                (
                    "cat",
                    vec![text("a "), int(5), Value::Nil, text(" b"), Value::Float(2.5)],
                    gives("a  5  b 2.5"),
                ),
                ("cat", vec![], gives("")),
                ("cat", vec![text(""), text("")], gives(" ")),
            ],
        );
    }
}
