//! Owns the functions that repeat, indent and replace.

use memchr::memmem;

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
    let breaks = text.iter().filter(|byte| **byte == b'\n').count();
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
