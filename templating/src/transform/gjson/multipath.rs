//! `{…}`, `[…]` and `!`: values that a gjson path builds itself.

use std::borrow::Cow;

use super::eval::Work;
use super::modifiers::valid;
use super::scan::{byte, closing, quoted, span, tail};
use super::value::{Kind, Value};
use crate::json::{Escape, append_quoted};

/// One part of a multipath.
struct Part<'p> {
    name: &'p [u8],
    path: &'p [u8],
}

/// The object or array that the multipath at the start of `path` builds, and the path after it. Without a
/// value, the path after the brackets is an ordinary one.
pub(super) fn built<'a, 'p>(work: &mut Work, text: &[u8], path: &'p [u8]) -> (Option<Value<'a>>, &'p [u8]) {
    let Some((parts, rest)) = parts(path) else { return (None, &[]) };
    if !(rest.is_empty() || matches!(byte(rest, 0), b'.' | b'|')) {
        return (None, rest);
    }
    let object = byte(path, 0) == b'{';
    let mut out = vec![if object { b'{' } else { b'[' }];
    for part in parts {
        let value = work.get(text, part.path);
        if !value.exists() || !work.built(value.raw().len() + part.name.len() + part.path.len()) {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        if object {
            append_name(&mut out, &part);
            out.push(b':');
        }
        out.extend_from_slice(value.raw());
    }
    out.push(if object { b'}' } else { b']' });
    (Some(Value::new(Kind::Json, out)), rest)
}

fn append_name(out: &mut Vec<u8>, part: &Part<'_>) {
    if part.name.is_empty() {
        let last = last_step(part.path);
        append_quoted(out, if is_simple(last) { last } else { b"_" }, Escape::Html);
    } else if byte(part.name, 0) == b'"' && valid(part.name) {
        out.extend_from_slice(part.name);
    } else {
        append_quoted(out, part.name, Escape::Html);
    }
}

/// The parts of the multipath at the start of `path`, and the path after it.
fn parts(path: &[u8]) -> Option<(Vec<Part<'_>>, &[u8])> {
    let mut parts = Vec::new();
    let (mut start, mut colon, mut modifier) = (1, None, false);
    let mut depth = 1_usize;
    let mut at = 1;
    while let Some(&found) = path.get(at) {
        match found {
            b'\\' => at += 1,
            b'@' if matches!(byte(path, at - 1), b'.' | b'|') => modifier = true,
            b':' if !modifier && depth == 1 && colon.is_none() => colon = Some(at),
            b'"' => {
                at = quoted(path, at).end;
                continue;
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && found == b',') {
            parts.push(match colon {
                Some(colon) => Part { name: span(path, start, colon), path: span(path, colon + 1, at) },
                None => Part { name: &[], path: span(path, start, at) },
            });
            (start, colon, modifier) = (at + 1, None, false);
        }
        if depth == 0 {
            return Some((parts, tail(path, at + 1)));
        }
        at += 1;
    }
    None
}

/// The last step of a path, which names a part that has no name.
fn last_step(path: &[u8]) -> &[u8] {
    let split = path
        .iter()
        .enumerate()
        .rposition(|(at, found)| matches!(found, b'|' | b'.') && !(at > 0 && byte(path, at - 1) == b'\\'));
    split.map_or(path, |at| tail(path, at + 1))
}

fn is_simple(name: &[u8]) -> bool {
    !name
        .iter()
        .any(|found| matches!(found, 0..=0x1f | b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'#' | b'|' | b'!'))
}

/// The literal at the start of `path` (`!true`, `!"text"`, `!{…}`), and the path after it. Text and numbers take
/// all of the path, up to a bracket that was opened before. `None` if it is an ordinary name that begins with `!`.
pub(super) fn literal(path: &[u8]) -> Option<(Cow<'static, [u8]>, &[u8])> {
    let end = match byte(path, 1) {
        b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9' => closing(path, 2),
        _ => {
            let length = tail(path, 1).iter().take_while(|found| !matches!(found, b'.' | b'|')).count();
            match span(path, 1, 1 + length).to_ascii_lowercase().as_slice() {
                b"true" | b"false" | b"null" | b"nan" | b"inf" => 1 + length,
                _ => return None,
            }
        }
    };
    Some((Cow::Owned(span(path, 1, end).to_vec()), tail(path, end)))
}
