//! Owns the functions that repeat, indent and replace.

use memchr::{memchr_iter, memmem};

use crate::funcs::arguments::{int, raised, spend_building, spend_reading, text};
use crate::funcs::runes::indexed;
use crate::funcs::{Failure, Function, Scope};
use crate::value::{IntKind, Type, Value};

const INT: Type = Type::Int(IntKind::Int);

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "repeat", params: &[INT, Type::Text], rest: None, call: repeat },
    Function { name: "indent", params: &[INT, Type::Text], rest: None, call: indent },
    Function { name: "nindent", params: &[INT, Type::Text], rest: None, call: nindent },
    Function { name: "replace", params: &[Type::Text, Type::Text, Type::Text], rest: None, call: replace },
];

/// The text so many times.
fn repeat(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (count, text) = (count(arguments)?, text(arguments, 1)?);
    let bytes = text.len().saturating_mul(count);
    spend_building(scope, bytes)?;
    Ok(Value::text(if text.is_empty() { Vec::new() } else { text.repeat(count) }))
}

fn count(arguments: &[Value]) -> Result<usize, Failure> {
    usize::try_from(int(arguments, 0)?).or_else(|_| raised("negative repeat count"))
}

fn indent(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    indented(scope, arguments, b"").map(Value::text)
}

fn nindent(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    indented(scope, arguments, b"\n").map(Value::text)
}

/// The text with so many spaces before every line, the last empty one too.
fn indented(scope: &mut Scope<'_>, arguments: &[Value], before: &[u8]) -> Result<Vec<u8>, Failure> {
    let (spaces, text) = (count(arguments)?, text(arguments, 1)?);
    spend_reading(scope, text.len())?;
    let breaks = memchr_iter(b'\n', text).count();
    let bytes = spaces.saturating_mul(breaks + 1).saturating_add(text.len() + before.len());
    spend_building(scope, bytes)?;
    let mut output = Vec::with_capacity(bytes);
    output.extend_from_slice(before);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        output.resize(output.len() + spaces, b' ');
        output.extend_from_slice(line);
    }
    if text.is_empty() || text.ends_with(b"\n") {
        output.resize(output.len() + spaces, b' ');
    }
    Ok(output)
}

/// The third text with the second wherever the first stands. Nothing stands around every character.
fn replace(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (old, new, text) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    spend_reading(scope, text.len())?;
    let bytes = text.len().saturating_add(new.len().saturating_mul(places(text, old).count()));
    spend_building(scope, bytes)?;
    let mut output = Vec::with_capacity(bytes);
    let mut done = 0;
    for at in places(text, old) {
        output.extend_from_slice(text.get(done..at).unwrap_or_default());
        output.extend_from_slice(new);
        done = at + old.len();
    }
    output.extend_from_slice(text.get(done..).unwrap_or_default());
    Ok(Value::text(output))
}

/// Where the pattern stands, without overlaps; an empty one before every character and at the end.
fn places(text: &[u8], pattern: &[u8]) -> impl Iterator<Item = usize> {
    let (around, found) = if pattern.is_empty() { (usize::MAX, 0) } else { (0, usize::MAX) };
    let everywhere = indexed(text).map(|(at, ..)| at).chain([text.len()]);
    everywhere.take(around).chain(memmem::find_iter(text, pattern).take(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{called, fails, gives, int, run, text};

    #[test]
    fn texts_are_laid_out_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("repeat", vec![int(3), text("ab")], gives("ababab")),
                ("repeat", vec![int(0), text("ab")], gives("")),
                ("repeat", vec![int(-1), text("ab")], fails()),
                ("repeat", vec![int(3), text("")], gives("")),
                ("indent", vec![int(2), text("a\n\nb\n")], gives("  a\n  \n  b\n  ")),
                ("indent", vec![int(2), text("")], gives("  ")),
                ("indent", vec![int(-1), text("a")], fails()),
                ("nindent", vec![int(1), text("x\r\ny")], gives("\n x\r\n y")),
                ("replace", vec![text("a"), text("bb"), text("banana")], gives("bbbnbbnbb")),
                ("replace", vec![text(""), text("-"), text("aé")], gives("-a-é-")),
                ("replace", vec![text(""), text("."), text(b"\xffa")], gives(b".\xff.a.")),
                ("replace", vec![text(""), text("x"), text("")], gives("x")),
                ("replace", vec![text("ana"), text("<>"), text("banana")], gives("b<>na")),
                ("replace", vec![text("zz"), text("x"), text("banana")], gives("banana")),
            ],
        );
    }

    #[test]
    fn what_would_be_too_large_is_not_built() {
        let lines = text("\n".repeat(1_000));
        for (name, arguments) in [
            ("repeat", vec![int(i64::MAX), text("ab")]),
            ("repeat", vec![int(i64::MAX), text("")]),
            ("indent", vec![int(i64::MAX), text("")]),
            ("nindent", vec![int(1_000_000), lines.clone()]),
            ("replace", vec![text(""), text("x".repeat(2_000)), lines.clone()]),
        ] {
            let outcome = called(FUNCTIONS, name, &arguments);
            let is_empty = matches!(&outcome, Ok(Value::Text(text)) if text.is_empty());
            assert!(is_empty || matches!(outcome, Err(Failure::Limit(_))), "{name} {outcome:?}");
        }
    }
}
