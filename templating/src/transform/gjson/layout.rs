//! `@pretty` and `@ugly`: decides where white space stands between the parts of a document.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::eval::{Work, each};
use super::scan::{quoted, span};
use super::value::{Kind, Value, parsed};

/// How `@pretty` lays a document out.
pub(super) struct Layout {
    pub(super) sort_keys: bool,
    pub(super) indent: Vec<u8>,
    pub(super) prefix: Vec<u8>,
    /// Longest line for an array on one line, in bytes.
    pub(super) width: i64,
}

impl Default for Layout {
    fn default() -> Self {
        Self { sort_keys: false, indent: b"  ".to_vec(), prefix: Vec::new(), width: 80 }
    }
}

/// The document without white space between its parts.
pub(super) fn ugly(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&found) = text.get(at) {
        let end = if found == b'"' { quoted(text, at).end } else { at + 1 };
        if found > b' ' {
            out.extend_from_slice(span(text, at, end));
        }
        at = end;
    }
    out
}

/// The document on several lines, with a line end after it.
pub(super) fn pretty(work: &mut Work, text: &[u8], layout: &Layout) -> Vec<u8> {
    let value = parsed(Cow::Borrowed(text));
    let mut printer = Printer { out: layout.prefix.clone(), line: 0, layout };
    printer.value(work, &value, 0);
    if !printer.out.is_empty() {
        printer.out.push(b'\n');
    }
    printer.out
}

struct Printer<'l> {
    out: Vec<u8>,
    /// Where the last line begins.
    line: usize,
    layout: &'l Layout,
}

impl Printer<'_> {
    fn value(&mut self, work: &mut Work, value: &Value<'_>, level: usize) {
        if value.kind() != Kind::Json {
            self.out.extend_from_slice(value.raw());
            return;
        }
        if value.is_array() && self.on_one_line(work, value) {
            return;
        }
        work.deeper((), |work| self.lines(work, value, level));
    }

    fn lines(&mut self, work: &mut Work, value: &Value<'_>, level: usize) {
        if !work.scanned(value.raw().len()) {
            return;
        }
        let object = value.is_object();
        let mut members: Vec<(Option<&[u8]>, Value<'_>)> = Vec::new();
        each(value, |name, member| members.push((name, member)));
        if object && self.layout.sort_keys {
            members.sort_by(|one, other| order(one, other));
        }
        self.out.push(if object { b'{' } else { b'[' });
        for (index, (name, member)) in members.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.new_line(level + 1);
            if let Some(name) = name {
                self.out.extend_from_slice(name);
                self.out.extend_from_slice(b": ");
            }
            self.value(work, member, level + 1);
            let margin =
                self.layout.indent.len().saturating_mul(level + 1).saturating_add(self.layout.prefix.len());
            if !work.built(margin) {
                return;
            }
        }
        if !members.is_empty() {
            self.new_line(level);
        }
        self.out.push(if object { b'}' } else { b']' });
    }

    fn new_line(&mut self, level: usize) {
        self.line = self.out.len();
        self.out.push(b'\n');
        self.out.extend_from_slice(&self.layout.prefix);
        for _ in 0..level {
            self.out.extend_from_slice(&self.layout.indent);
        }
    }

    /// Prints the array on this line if it has no objects in it and there is room.
    fn on_one_line(&mut self, work: &mut Work, value: &Value<'_>) -> bool {
        let column = i64::try_from(self.out.len() - self.line).unwrap_or(i64::MAX);
        let room = self.layout.width.saturating_sub(column);
        if self.layout.width <= 0 || room <= 3 {
            return false;
        }
        let mut line = Vec::new();
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let fits = one_line(work, value, room, &mut line) && line.len() <= room;
        if fits {
            self.out.extend_from_slice(&line);
        }
        fits
    }
}

/// Members stand in the order of their names, and with the same name in that of their values.
fn order(one: &(Option<&[u8]>, Value<'_>), other: &(Option<&[u8]>, Value<'_>)) -> Ordering {
    let name =
        |member: &(Option<&[u8]>, Value<'_>)| Value::new(Kind::String, member.0.unwrap_or_default()).text();
    let numbers = || one.1.number().partial_cmp(&other.1.number()).unwrap_or(Ordering::Equal);
    name(one).cmp(&name(other)).then_with(|| rank(one.1.kind()).cmp(&rank(other.1.kind()))).then_with(|| {
        match one.1.kind() {
            Kind::Number => numbers(),
            Kind::String => one.1.text().cmp(&other.1.text()),
            Kind::Null | Kind::False | Kind::True | Kind::Json => one.1.raw().cmp(other.1.raw()),
        }
    })
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Null => 0,
        Kind::False => 1,
        Kind::Number => 2,
        Kind::String => 3,
        Kind::True => 4,
        Kind::Json => 5,
    }
}

fn one_line(work: &mut Work, value: &Value<'_>, room: usize, out: &mut Vec<u8>) -> bool {
    if value.is_object() || out.len() > room {
        return false;
    }
    if value.kind() != Kind::Json {
        out.extend_from_slice(value.raw());
        return true;
    }
    out.push(b'[');
    let mut fits = true;
    let mut first = true;
    work.deeper((), |work| {
        each(value, |_, item| {
            if !fits {
                return;
            }
            if !first {
                out.extend_from_slice(b", ");
            }
            first = false;
            fits = one_line(work, &item, room, out);
        });
    });
    out.push(b']');
    fits
}
