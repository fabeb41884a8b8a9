//! Decides how a document is laid out: byte for byte as go-yaml v2 writes it.

use super::decode::Yaml;
use super::order::sorted;
use super::scalar::{Scalar, Style};
use crate::value::general;

const INDENT: usize = 2;
/// Longest key that is written on the line of its value.
const MAX_SIMPLE_KEY: usize = 128;

/// The document as YAML, with a line break at its end.
pub(super) fn emitted(yaml: &Yaml) -> Vec<u8> {
    let mut emitter = Emitter { out: Vec::new(), column: 0, whitespace: true, indention: true, indent: None };
    emitter.node(yaml, Place::default());
    emitter.indent = None;
    emitter.write_indent();
    emitter.out
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// It is a value of a map.
    in_map: bool,
    /// It is a key on the line of its value.
    simple_key: bool,
}

/// Where the output stands.
pub(super) struct Emitter {
    pub(super) out: Vec<u8>,
    /// Characters on the line so far.
    pub(super) column: usize,
    /// The last character was a blank, or a line began.
    pub(super) whitespace: bool,
    /// Only blanks and indicators stand on the line so far.
    pub(super) indention: bool,
    /// Nothing before the outermost node.
    indent: Option<usize>,
}

impl Emitter {
    fn node(&mut self, yaml: &Yaml, place: Place) {
        match yaml {
            Yaml::Null => self.scalar(&Scalar::plain("null"), place),
            Yaml::Bool(truth) => self.scalar(&Scalar::plain(if *truth { "true" } else { "false" }), place),
            Yaml::Int(number) => self.scalar(&Scalar::plain(&number.to_string()), place),
            Yaml::Float(number) => self.scalar(&Scalar::plain(&general(*number)), place),
            Yaml::Text(text) => self.scalar(&Scalar::of(&String::from_utf8_lossy(text)), place),
            Yaml::List(items) if items.is_empty() => self.empty("[", "]"),
            Yaml::Map(members) if members.is_empty() => self.empty("{", "}"),
            Yaml::List(items) => self.list(items, place),
            Yaml::Map(members) => {
                self.map(sorted(members.iter().map(|(name, member)| (name.as_str(), member)).collect()));
            }
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.write_indicator(open, true, true, false);
        self.write_indicator(close, false, false, false);
    }

    /// A list inside a map stands at the indent of its key.
    fn list(&mut self, items: &[Yaml], place: Place) {
        let outer = self.indent;
        self.indent = match outer {
            None => Some(0),
            Some(indent) if place.in_map && !self.indention => Some(indent),
            Some(indent) => Some(indent + INDENT),
        };
        for item in items {
            self.write_indent();
            self.write_indicator("-", true, false, true);
            self.node(item, Place::default());
        }
        self.indent = outer;
    }

    fn map(&mut self, members: Vec<(&str, &Yaml)>) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        for (name, member) in members {
            self.write_indent();
            let key = Scalar::of(name);
            if key.is_on_one_line() && name.len() <= MAX_SIMPLE_KEY {
                self.scalar(&key, Place { in_map: true, simple_key: true });
                self.write_indicator(":", false, false, false);
            } else {
                self.write_indicator("?", true, false, true);
                self.scalar(&key, Place { in_map: true, simple_key: false });
                self.write_indent();
                self.write_indicator(":", true, false, true);
            }
            self.node(member, Place { in_map: true, simple_key: false });
        }
        self.indent = outer;
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, place: Place) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        let may_break = !place.simple_key;
        match scalar.style(place.simple_key) {
            Style::Plain => self.write_plain(scalar.text, may_break),
            Style::SingleQuoted => self.write_single_quoted(scalar.text, may_break),
            Style::DoubleQuoted => self.write_double_quoted(scalar.text, may_break),
            Style::Literal => self.write_literal(scalar.text),
        }
        self.indent = outer;
    }

    /// Goes to the indent, on a new line unless this one has only blanks up to it.
    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    pub(super) fn write_indicator(
        &mut self,
        indicator: &str,
        needs_whitespace: bool,
        is_whitespace: bool,
        is_indention: bool,
    ) {
        if needs_whitespace && !self.whitespace {
            self.put(' ');
        }
        for character in indicator.chars() {
            self.put(character);
        }
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    pub(super) fn put(&mut self, character: char) {
        self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    pub(super) fn put_break(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
    }
}
