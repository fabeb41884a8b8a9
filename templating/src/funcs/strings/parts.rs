//! Owns the functions that split texts into parts, join them and sort them.

use std::collections::BTreeMap;

use memchr::memmem;

use super::print::shown;
use crate::funcs::arguments::{int, items, spend_list, spend_reading, text, value};
use crate::funcs::runes::runes;
use crate::funcs::{Failure, Function, Scope};
use crate::value::{IntKind, Text, Type, Value};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "split", params: &[Type::Text, Type::Text], rest: None, call: split },
    Function { name: "splitList", params: &[Type::Text, Type::Text], rest: None, call: split_list },
    Function {
        name: "splitn",
        params: &[Type::Text, Type::Int(IntKind::Int), Type::Text],
        rest: None,
        call: splitn,
    },
    Function { name: "toStrings", params: &[Type::Any], rest: None, call: to_strings },
    Function { name: "join", params: &[Type::Text, Type::Any], rest: None, call: join },
    Function { name: "sortAlpha", params: &[Type::Any], rest: None, call: sort_alpha },
];

fn split(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (separator, text) = (text(arguments, 0)?, text(arguments, 1)?);
    Ok(numbered(&parts(scope, text, separator, usize::MAX)?))
}

fn split_list(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (separator, text) = (text(arguments, 0)?, text(arguments, 1)?);
    Ok(Value::texts(parts(scope, text, separator, usize::MAX)?))
}

/// At most so many parts; all with a negative number.
fn splitn(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (separator, most, text) = (text(arguments, 0)?, int(arguments, 1)?, text(arguments, 2)?);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(numbered(&parts(scope, text, separator, most)?))
}

/// A map of the parts with the names `_0`, `_1`, …
fn numbered(parts: &[&[u8]]) -> Value {
    let named = parts
        .iter()
        .enumerate()
        .map(|(at, part)| (Text::from(format!("_{at}").as_str()), Value::text(*part)));
    Value::text_map(named.collect::<BTreeMap<_, _>>())
}

/// At most so many parts, the last with all that is left. Without a separator every character is a part.
fn parts<'t>(
    scope: &mut Scope<'_>,
    text: &'t [u8],
    separator: &[u8],
    most: usize,
) -> Result<Vec<&'t [u8]>, Failure> {
    spend_reading(scope, text.len())?;
    let Some(most_cuts) = most.checked_sub(1) else { return Ok(Vec::new()) };
    if separator.is_empty() {
        let lengths = || runes(text).map(|(_, length)| length);
        let count = lengths().take(most).count();
        spend_list(scope, count, text.len())?;
        return Ok(characters(text, lengths().take(count.saturating_sub(1))));
    }
    let places = || memmem::find_iter(text, separator).take(most_cuts);
    spend_list(scope, places().count() + 1, text.len())?;
    let mut parts = Vec::new();
    let mut start = 0;
    for at in places() {
        parts.push(text.get(start..at).unwrap_or_default());
        start = at + separator.len();
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

/// Parts of these lengths, and the rest unless there is none.
fn characters(text: &[u8], lengths: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    for length in lengths {
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// The elements of a list as text, without those that are no value; anything else is its only element.
fn texts(scope: &mut Scope<'_>, value: &Value) -> Result<Vec<Vec<u8>>, Failure> {
    let elements = match value {
        Value::Nil => &[],
        Value::Bytes(bytes) => {
            spend_list(scope, bytes.len(), bytes.len())?;
            return Ok(bytes.iter().map(|byte| byte.to_string().into_bytes()).collect());
        }
        _ => items(value).unwrap_or(std::slice::from_ref(value)),
    };
    spend_list(scope, elements.len(), 0)?;
    let given = elements.iter().filter(|element| !matches!(element, Value::Nil));
    given.map(|element| shown(scope, element)).collect()
}

fn to_strings(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::texts(texts(scope, value(arguments, 0))?))
}

fn join(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let separator = text(arguments, 0)?;
    let parts = texts(scope, value(arguments, 1))?;
    let bytes = parts.iter().map(|part| part.len().saturating_add(separator.len())).sum();
    spend_list(scope, 1, bytes)?;
    Ok(Value::text(parts.join(separator)))
}

/// Sorted by bytes.
fn sort_alpha(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut texts = match value(arguments, 0) {
        Value::Nil => vec![b"<nil>".to_vec()],
        value => texts(scope, value)?,
    };
    let rounds = texts.len().checked_ilog2().unwrap_or_default() as usize;
    scope.spend_steps(texts.len().saturating_mul(rounds))?;
    texts.sort_unstable();
    Ok(Value::texts(texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, int, run, text};

    #[test]
    fn texts_are_split_and_joined_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("split", vec![text(","), text("a,b,,c")], gives("map[_0:a _1:b _2: _3:c]")),
                ("split", vec![text(""), text("é→a")], gives("map[_0:é _1:→ _2:a]")),
                ("split", vec![text(","), text("")], gives("map[_0:]")),
                ("split", vec![text(""), text("")], gives("map[]")),
                ("splitList", vec![text("ab"), text("xabyab")], gives("[x y ]")),
                ("splitList", vec![text(""), text(b"\xff\xc3\xa9")], gives(b"[\xff \xc3\xa9]")),
                ("splitn", vec![text(","), int(2), text("a,b,c")], gives("map[_0:a _1:b,c]")),
                ("splitn", vec![text(","), int(0), text("a,b")], gives("map[]")),
                ("splitn", vec![text(","), int(-1), text("a,b")], gives("map[_0:a _1:b]")),
                ("splitn", vec![text(""), int(2), text("é世界")], gives("map[_0:é _1:世界]")),
                ("splitn", vec![text(""), int(1), text("abc")], gives("map[_0:abc]")),
                ("splitn", vec![text(","), int(1), text("a,b")], gives("map[_0:a,b]")),
                ("toStrings", vec![Value::Nil], gives("[]")),
                ("toStrings", vec![text("x")], gives("[x]")),
                ("toStrings", vec![int(5)], gives("[5]")),
                ("join", vec![text(","), Value::Nil], gives("")),
                ("join", vec![text(","), text("x")], gives("x")),
                ("sortAlpha", vec![Value::Nil], gives("[<nil>]")),
                ("sortAlpha", vec![text("x")], gives("[x]")),
                ("sortAlpha", vec![int(5)], gives("[5]")),
            ],
        );
    }
}
