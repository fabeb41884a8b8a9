//! Owns the functions that ask something about a text, and those that need no text at all.

use memchr::memmem;

use crate::funcs::arguments::{int, spend_building, spend_reading, text};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{IntKind, Type, Value};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "contains", params: &[Type::Text, Type::Text], rest: None, call: contains },
    Function { name: "hasPrefix", params: &[Type::Text, Type::Text], rest: None, call: has_prefix },
    Function { name: "hasSuffix", params: &[Type::Text, Type::Text], rest: None, call: has_suffix },
    Function {
        name: "plural",
        params: &[Type::Text, Type::Text, Type::Int(IntKind::Int)],
        rest: None,
        call: plural,
    },
    Function { name: "hello", params: &[], rest: None, call: |_, _| Ok(Value::text("Hello!")) },
    Function { name: "fail", params: &[Type::Text], rest: None, call: fail },
];

fn contains(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (part, text) = (text(arguments, 0)?, text(arguments, 1)?);
    spend_reading(scope, text.len())?;
    Ok(Value::Bool(memmem::find(text, part).is_some()))
}

fn has_prefix(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(text(arguments, 1)?.starts_with(text(arguments, 0)?)))
}

fn has_suffix(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(text(arguments, 1)?.ends_with(text(arguments, 0)?)))
}

/// The first text for 1, the second for every other number.
fn plural(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let form = usize::from(int(arguments, 2)? != 1);
    Ok(arguments.get(form).cloned().unwrap_or(Value::Nil))
}

fn fail(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len())?;
    Err(Failure::Told(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{fails, gives, int, run, text};

    #[test]
    fn questions_are_answered_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("contains", vec![text("pha"), text("alpha")], gives("true")),
                ("contains", vec![text(""), text("alpha")], gives("true")),
                ("contains", vec![text("z"), text("alpha")], gives("false")),
                ("contains", vec![text(b"\xff"), text(b"a\xff")], gives("true")),
                ("hasPrefix", vec![text("al"), text("alpha")], gives("true")),
                ("hasPrefix", vec![text("x"), text("")], gives("false")),
                ("hasSuffix", vec![text("ha"), text("alpha")], gives("true")),
                ("hasSuffix", vec![text("al"), text("alpha")], gives("false")),
                ("plural", vec![text("one"), text("many"), int(1)], gives("one")),
                ("plural", vec![text("one"), text("many"), int(-1)], gives("many")),
                ("hello", vec![], gives("Hello!")),
                ("fail", vec![text("boom")], fails()),
            ],
        );
    }
}
