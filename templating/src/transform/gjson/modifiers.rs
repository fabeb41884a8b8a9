//! `@name` and `@name:argument`: what the modifiers of a gjson path make of a value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::eval::{Work, each};
use super::layout::{Layout, pretty, ugly};
use super::scan::{balanced, byte, span, tail};
use super::value::{Kind, Value, parsed};
use crate::json::{Escape, append_quoted, read};

/// A modifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    This,
    Valid,
    Pretty,
    Ugly,
    Reverse,
    Flatten,
    Join,
    Keys,
    Values,
    ToStr,
    FromStr,
    Group,
    Dig,
}

/// The modifier of that name (without `@`).
pub(super) fn named(name: &[u8]) -> Option<Modifier> {
    Some(match name {
        b"this" => Modifier::This,
        b"valid" => Modifier::Valid,
        b"pretty" => Modifier::Pretty,
        b"ugly" => Modifier::Ugly,
        b"reverse" => Modifier::Reverse,
        b"flatten" => Modifier::Flatten,
        b"join" => Modifier::Join,
        b"keys" => Modifier::Keys,
        b"values" => Modifier::Values,
        b"tostr" => Modifier::ToStr,
        b"fromstr" => Modifier::FromStr,
        b"group" => Modifier::Group,
        b"dig" => Modifier::Dig,
        _ => return None,
    })
}

/// True if `text` is JSON.
pub(super) fn valid(text: &[u8]) -> bool {
    read(text).is_ok()
}

/// What the modifier at the start of `path` makes of `text`, and the path after it. `None` if there is no such
/// modifier.
pub(super) fn applied<'a, 'p>(
    work: &mut Work,
    text: &'a [u8],
    path: &'p [u8],
) -> Option<(Cow<'a, [u8]>, &'p [u8])> {
    let end = path.iter().position(|found| matches!(found, b':' | b'|' | b'.')).unwrap_or(path.len());
    let modifier = named(span(path, 1, end))?;
    let (argument, rest) =
        if byte(path, end) == b':' { argument(tail(path, end + 1)) } else { (&[][..], tail(path, end)) };
    work.scanned(text.len());
    let result = result(work, modifier, text, argument);
    if let Cow::Owned(bytes) = &result {
        work.built(bytes.len());
    }
    Some((result, rest))
}

/// The argument at the start of `text`, and what follows it. A JSON value ends by itself, other text at a pipe.
fn argument(text: &[u8]) -> (&[u8], &[u8]) {
    let end = if matches!(byte(text, 0), b'{' | b'[' | b'"') {
        balanced(text, 0)
    } else {
        let mut at = 0;
        while at < text.len() && byte(text, at) != b'|' {
            at =
                if matches!(byte(text, at), b'{' | b'[' | b'"' | b'(') { balanced(text, at) } else { at + 1 };
        }
        at
    };
    (span(text, 0, end), tail(text, end))
}

fn result<'a>(work: &mut Work, modifier: Modifier, text: &'a [u8], argument: &[u8]) -> Cow<'a, [u8]> {
    match modifier {
        Modifier::This => Cow::Borrowed(text),
        Modifier::Valid if valid(text) => Cow::Borrowed(text),
        Modifier::Pretty => Cow::Owned(pretty(work, text, &layout(argument))),
        Modifier::Ugly => Cow::Owned(ugly(text)),
        Modifier::Reverse => reversed(text),
        Modifier::Flatten => flat(work, text, option(argument, b"deep")),
        Modifier::Join => joined(text, option(argument, b"preserve")),
        Modifier::Keys => Cow::Owned(keys(text)),
        Modifier::Values => values(text),
        Modifier::ToStr => {
            let mut out = Vec::with_capacity(text.len() + 2);
            append_quoted(&mut out, text, Escape::Html);
            Cow::Owned(out)
        }
        Modifier::FromStr if valid(text) => Cow::Owned(parsed(Cow::Borrowed(text)).text()),
        Modifier::Valid | Modifier::FromStr => Cow::Borrowed(&[]),
        Modifier::Group => Cow::Owned(grouped(text)),
        Modifier::Dig => {
            let mut list = List::new(b'[');
            dig(work, &parsed(Cow::Borrowed(text)), argument, &mut list);
            Cow::Owned(list.closed(b']'))
        }
    }
}

/// A list or object under construction.
struct List(Vec<u8>);

impl List {
    fn new(open: u8) -> Self {
        Self(vec![open])
    }

    fn add(&mut self, name: Option<&[u8]>, raw: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        if let Some(name) = name {
            self.0.extend_from_slice(name);
            self.0.push(b':');
        }
        self.0.extend_from_slice(raw);
    }

    fn closed(mut self, close: u8) -> Vec<u8> {
        self.0.push(close);
        self.0
    }
}

/// A member of the argument that is `true`.
fn option(argument: &[u8], name: &[u8]) -> bool {
    let argument = parsed(Cow::Borrowed(argument));
    let mut set = false;
    each(&argument, |found, value| {
        if found.is_some_and(|found| Value::new(Kind::String, found).text() == name) {
            set = value.kind() == Kind::True;
        }
    });
    set
}

fn layout(argument: &[u8]) -> Layout {
    let argument = parsed(Cow::Borrowed(argument));
    let mut layout = Layout::default();
    each(&argument, |name, value| {
        let Some(name) = name else { return };
        match Value::new(Kind::String, name).text().as_slice() {
            b"sortKeys" => layout.sort_keys = value.kind() == Kind::True,
            b"indent" => layout.indent = white(&value),
            b"prefix" => layout.prefix = white(&value),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`as` saturates, and any huge width means one line"
            )]
            b"width" => layout.width = value.number() as i64,
            _ => {}
        }
    });
    layout
}

/// Only white space may stand between the parts of a document.
fn white(value: &Value<'_>) -> Vec<u8> {
    value.text().into_iter().filter(|found| matches!(found, b' ' | b'\t' | b'\n' | b'\r')).collect()
}

fn reversed(text: &[u8]) -> Cow<'_, [u8]> {
    let value = parsed(Cow::Borrowed(text));
    if value.kind() != Kind::Json {
        return Cow::Borrowed(text);
    }
    let mut members = Vec::new();
    each(&value, |name, value| members.push((name, value.raw().to_vec())));
    let object = value.is_object();
    let mut list = List::new(if object { b'{' } else { b'[' });
    for (name, raw) in members.iter().rev() {
        list.add(*name, raw);
    }
    Cow::Owned(list.closed(if object { b'}' } else { b']' }))
}

fn flat<'a>(work: &mut Work, text: &'a [u8], deep: bool) -> Cow<'a, [u8]> {
    let value = parsed(Cow::Borrowed(text));
    if !value.is_array() {
        return Cow::Borrowed(text);
    }
    let mut list = List::new(b'[');
    each(&value, |_, value| {
        if !value.is_array() {
            list.add(None, value.raw());
            return;
        }
        let inner = if deep {
            work.deeper(Vec::new(), |work| flat(work, value.raw(), true).into_owned())
        } else {
            value.raw().to_vec()
        };
        let inner = unwrapped(&inner).trim_ascii();
        if !inner.is_empty() {
            list.add(None, inner);
        }
    });
    Cow::Owned(list.closed(b']'))
}

/// What stands between the brackets.
fn unwrapped(raw: &[u8]) -> &[u8] {
    let raw = raw.trim_ascii();
    span(raw, 1, raw.len().saturating_sub(1))
}

fn joined(text: &[u8], preserve: bool) -> Cow<'_, [u8]> {
    let value = parsed(Cow::Borrowed(text));
    if !value.is_array() {
        return Cow::Borrowed(text);
    }
    let mut list = List::new(b'{');
    let mut order: Vec<Vec<u8>> = Vec::new();
    let mut values: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    each(&value, |_, object| {
        if !object.is_object() {
            return;
        }
        if preserve {
            let inner = unwrapped(object.raw());
            if !inner.is_empty() {
                list.add(None, inner);
            }
            return;
        }
        each(&object, |name, value| {
            let name = Value::new(Kind::String, name.unwrap_or_default()).text();
            if values.insert(name.clone(), value.raw().to_vec()).is_none() {
                order.push(name);
            }
        });
    });
    for name in order {
        let mut quoted = Vec::new();
        append_quoted(&mut quoted, &name, Escape::Html);
        list.add(Some(&quoted), values.get(&name).map(Vec::as_slice).unwrap_or_default());
    }
    Cow::Owned(list.closed(b'}'))
}

fn keys(text: &[u8]) -> Vec<u8> {
    let value = parsed(Cow::Borrowed(text));
    let mut list = List::new(b'[');
    each(&value, |name, _| list.add(None, name.unwrap_or(b"null")));
    list.closed(b']')
}

fn values(text: &[u8]) -> Cow<'_, [u8]> {
    let value = parsed(Cow::Borrowed(text));
    if value.is_array() {
        return Cow::Borrowed(text);
    }
    let mut list = List::new(b'[');
    each(&value, |_, value| list.add(None, value.raw()));
    Cow::Owned(list.closed(b']'))
}

/// An object of arrays becomes an array of objects.
fn grouped(text: &[u8]) -> Vec<u8> {
    let value = parsed(Cow::Borrowed(text));
    if !value.is_object() {
        return Vec::new();
    }
    let mut groups: Vec<List> = Vec::new();
    each(&value, |name, list| {
        if !list.is_array() {
            return;
        }
        let mut index = 0;
        each(&list, |_, item| {
            if index == groups.len() {
                groups.push(List::new(b'{'));
            }
            if let Some(group) = groups.get_mut(index) {
                group.add(name, item.raw());
            }
            index += 1;
        });
    });
    let mut list = List::new(b'[');
    for group in groups {
        list.add(None, &group.closed(b'}'));
    }
    list.closed(b']')
}

/// Adds what `path` leads to in the value and in everything inside it.
fn dig(work: &mut Work, value: &Value<'_>, path: &[u8], list: &mut List) {
    if !work.scanned(value.raw().len()) {
        return;
    }
    let found = work.get(value.raw(), path);
    if found.exists() && work.built(found.raw().len()) {
        list.add(None, found.raw());
    }
    if value.kind() != Kind::Json {
        return;
    }
    work.deeper((), |work| each(value, |_, member| dig(work, &member, path, list)));
}
