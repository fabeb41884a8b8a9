//! Reads one step of a gjson path: what to look for, and what is left.

use std::borrow::Cow;

use super::modifiers;
use super::query::{Query, query};
use super::scan::{byte, closing, quoted, span, tail};

/// What follows a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest<'p> {
    /// Nothing: the step's value is the result.
    End,
    /// A path that goes on inside the step's value.
    Inside(&'p [u8]),
    /// A path that is applied to the whole result.
    Pipe(&'p [u8]),
}

/// A step into an object.
pub(super) struct ObjectStep<'p> {
    /// The member's name, or a pattern.
    pub(super) name: Cow<'p, [u8]>,
    pub(super) wild: bool,
    pub(super) rest: Rest<'p>,
}

/// A step into an array.
pub(super) struct ArrayStep<'p> {
    pub(super) pick: Pick<'p>,
    pub(super) rest: Rest<'p>,
}

/// Which elements of an array are meant.
pub(super) enum Pick<'p> {
    /// The one with this index; `None` is no index at all.
    Index(Option<usize>),
    /// `#`: their number.
    Count,
    /// `#.path`: the path's value in each of them.
    Collect(&'p [u8]),
    /// `#(…)` or `#(…)#`.
    Query(Query<'p>),
    /// Something with `#` that has no meaning.
    Nothing,
}

/// The first step of `path`, in an object.
pub(super) fn object_step(path: &[u8]) -> ObjectStep<'_> {
    let mut name: Option<Vec<u8>> = None;
    let mut wild = false;
    let mut at = 0;
    let mut rest = Rest::End;
    while let Some(&found) = path.get(at) {
        match found {
            b'|' => rest = Rest::Pipe(tail(path, at + 1)),
            b'.' => rest = after_dot(tail(path, at + 1)),
            b'\\' => {
                // From the first escape on, the name differs from its text.
                let name = name.get_or_insert_with(|| span(path, 0, at).to_vec());
                at += 1;
                if let Some(&escaped) = path.get(at) {
                    name.push(escaped);
                    at += 1;
                }
                continue;
            }
            b'*' | b'?' => wild = true,
            _ => {}
        }
        if matches!(found, b'|' | b'.') {
            break;
        }
        if let Some(name) = name.as_mut() {
            name.push(found);
        }
        at += 1;
    }
    let name = name.map_or_else(|| Cow::Borrowed(span(path, 0, at)), Cow::Owned);
    ObjectStep { name, wild, rest }
}

/// The first step of `path`, in an array.
pub(super) fn array_step(path: &[u8]) -> ArrayStep<'_> {
    let mut hash = false;
    let mut found_query = None;
    let mut at = 0;
    let mut rest = Rest::End;
    while let Some(&found) = path.get(at) {
        match found {
            b'|' => rest = Rest::Pipe(tail(path, at + 1)),
            b'.' if hash => rest = Rest::Inside(tail(path, at + 1)),
            b'.' => rest = after_dot(tail(path, at + 1)),
            b'#' => {
                hash = true;
                if at == 0 && byte(path, 1) == b'.' {
                    return ArrayStep { pick: Pick::Collect(tail(path, 2)), rest: Rest::End };
                }
                if at == 0 && matches!(byte(path, 1), b'[' | b'(') {
                    let Some((query, end)) = query(path) else {
                        return ArrayStep { pick: Pick::Query(Query::ANY), rest: Rest::End };
                    };
                    found_query = Some(query);
                    at = end;
                    continue;
                }
            }
            _ => {}
        }
        if matches!(found, b'|' | b'.') {
            break;
        }
        at += 1;
    }
    let part = span(path, 0, at);
    let pick = match found_query {
        Some(query) => Pick::Query(query),
        None if part == b"#" => Pick::Count,
        None if hash => Pick::Nothing,
        None => Pick::Index(index(part)),
    };
    ArrayStep { pick, rest }
}

fn index(part: &[u8]) -> Option<usize> {
    let digits = !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(part).ok()?.parse().ok()).flatten()
}

/// A dot before a modifier or a multipath is a pipe.
fn after_dot(path: &[u8]) -> Rest<'_> {
    let pipe = match byte(path, 0) {
        b'@' => {
            let length = path.iter().take_while(|found| !matches!(found, b'.' | b'|' | b':')).count();
            modifiers::named(span(path, 1, length)).is_some()
        }
        first => matches!(first, b'{' | b'['),
    };
    if pipe { Rest::Pipe(path) } else { Rest::Inside(path) }
}

/// Splits a path that is applied to each element at the pipe that applies to all of them together.
pub(super) fn split_at_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.contains(&b'|') {
        return None;
    }
    if byte(path, 0) == b'{' {
        let end = if byte(path, 1) == b'"' { quoted(path, 1).end } else { closing(path, 2) };
        return (byte(path, end) == b'|').then(|| (span(path, 0, end), tail(path, end + 1)));
    }
    let mut at = 0;
    while let Some(found) = path.get(at) {
        match found {
            b'\\' => at += 1,
            b'|' => return Some((span(path, 0, at), tail(path, at + 1))),
            b'.' if byte(path, at + 1) == b'#' => {
                // Upstream's surprise: a pipe right after `.#` does not split.
                let bracket = matches!(byte(path, at + 2), b'[' | b'(');
                at = if bracket { selector_end(path, at + 2)? } else { at + 3 };
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index after the selector whose bracket opens at `start`; only brackets of its kind count.
fn selector_end(path: &[u8], start: usize) -> Option<usize> {
    let open = byte(path, start);
    let close = if open == b'[' { b']' } else { b')' };
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&found) = path.get(at) {
        if found == b'\\' {
            at += 1;
        } else if found == b'"' {
            at = quoted(path, at).end;
            continue;
        } else if found == open {
            depth += 1;
        } else if found == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        }
        at += 1;
    }
    None
}
