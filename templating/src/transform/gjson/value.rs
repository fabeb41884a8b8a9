//! `Value`: one result of a gjson path, and its text.

use std::borrow::Cow;
use std::fmt;

use super::scan::{balanced, byte, number_end, quoted, span, tail, word_end};
use crate::json::float_text;

/// What kind of value a path led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`, or nothing at all: see [`Value::exists`].
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number.
    Number,
    /// A string.
    String,
    /// An object or an array.
    Json,
}

/// What a gjson path led to.
#[derive(Clone, PartialEq, Eq)]
pub struct Value<'a> {
    kind: Kind,
    raw: Cow<'a, [u8]>,
}

impl<'a> Value<'a> {
    /// Nothing was found.
    pub(super) const MISSING: Value<'static> = Value { kind: Kind::Null, raw: Cow::Borrowed(&[]) };

    pub(super) fn new(kind: Kind, raw: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { kind, raw: raw.into() }
    }

    /// The kind of value.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The value as it stands in the document, or as the path built it. It may be the document's whole rest.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// False if the path led nowhere. A JSON `null` exists.
    pub fn exists(&self) -> bool {
        self.kind != Kind::Null || !self.raw.is_empty()
    }

    /// The value as text: strings unescaped, `null` and nothing empty, objects and arrays as they stand, a
    /// number that is not a plain integer as the 64-bit float nearest to it, without exponent (spec
    /// eso-providers F, row 40).
    pub fn text(&self) -> Vec<u8> {
        match self.kind {
            Kind::Null => Vec::new(),
            Kind::False => b"false".to_vec(),
            Kind::True => b"true".to_vec(),
            Kind::Number => number_text(&self.raw),
            Kind::String => string_text(&self.raw),
            Kind::Json => self.raw.to_vec(),
        }
    }

    pub(super) fn number(&self) -> f64 {
        number(&self.raw)
    }

    pub(super) fn is_object(&self) -> bool {
        self.kind == Kind::Json && byte(&self.raw, 0) == b'{'
    }

    pub(super) fn is_array(&self) -> bool {
        self.kind == Kind::Json && byte(&self.raw, 0) == b'['
    }

    pub(super) fn into_raw(self) -> Cow<'a, [u8]> {
        self.raw
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        Value { kind: self.kind, raw: Cow::Owned(self.raw.into_owned()) }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.kind, self.raw.len())
    }
}

/// The first value in `text`; an object or array takes the whole rest.
pub(super) fn parsed(text: Cow<'_, [u8]>) -> Value<'_> {
    let Some(start) = text.iter().position(|found| *found > b' ') else { return Value::MISSING };
    let Some((kind, end)) = outline(&text, start) else { return Value::MISSING };
    let end = if kind == Kind::Json { text.len() } else { end };
    match text {
        Cow::Borrowed(text) => Value::new(kind, span(text, start, end)),
        Cow::Owned(text) => Value::new(kind, span(&text, start, end).to_vec()),
    }
}

/// The first value at or after `start`, whatever stands before it, and the index after it.
pub(super) fn next(text: &[u8], start: usize) -> Option<(Value<'_>, usize)> {
    (start..text.len())
        .find_map(|at| outline(text, at).map(|(kind, end)| (Value::new(kind, span(text, at, end)), end)))
}

/// Kind and end of the value that starts exactly at `start`, if one does.
pub(super) fn outline(text: &[u8], start: usize) -> Option<(Kind, usize)> {
    match byte(text, start) {
        b'{' | b'[' => Some((Kind::Json, balanced(text, start))),
        b'"' => Some((Kind::String, quoted(text, start).end)),
        b't' => Some((Kind::True, word_end(text, start))),
        b'f' => Some((Kind::False, word_end(text, start))),
        b'n' if matches!(byte(text, start + 1), b'u' | 0) => Some((Kind::Null, word_end(text, start))),
        b'n' | b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N' => {
            Some((Kind::Number, number_end(text, start)))
        }
        _ => None,
    }
}

/// The float nearest to the number's text; 0 for what is none.
pub(super) fn number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn number_text(raw: &[u8]) -> Vec<u8> {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    if digits.iter().all(u8::is_ascii_digit) { raw.to_vec() } else { float_text(number(raw)).into_bytes() }
}

fn string_text(raw: &[u8]) -> Vec<u8> {
    let found = quoted(raw, 0);
    let inner = span(raw, 1, if found.closed { found.end - 1 } else { found.end });
    if found.escaped { unescaped(inner) } else { inner.to_vec() }
}

/// The text with its escapes resolved. It ends at the first control character or unknown escape.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&found) = text.get(at) {
        at += 1;
        if found < b' ' {
            break;
        }
        if found != b'\\' {
            out.push(found);
            continue;
        }
        let plain = match byte(text, at) {
            same @ (b'\\' | b'/' | b'"') => same,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let Some((character, length)) = code_point(tail(text, at + 1)) else { break };
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += 1 + length;
                continue;
            }
            _ => break,
        };
        out.push(plain);
        at += 1;
    }
    out
}

/// The character written as hexadecimal digits at the start of `text`, and the bytes it takes. After any
/// surrogate a following escape is taken as its partner.
fn code_point(text: &[u8]) -> Option<(char, usize)> {
    let first = hex4(text.get(..4)?);
    let mut length = 4;
    let mut code = first;
    if (0xd800..0xe000).contains(&first) && text.len() >= 10 && text.get(4..6) == Some(br"\u") {
        let second = hex4(span(text, 6, 10));
        length = 10;
        let pair = first < 0xdc00 && (0xdc00..0xe000).contains(&second);
        code = if pair { 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00) } else { 0xfffd };
    }
    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), length))
}

fn hex4(digits: &[u8]) -> u32 {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return 0;
    }
    std::str::from_utf8(digits).ok().and_then(|text| u32::from_str_radix(text, 16).ok()).unwrap_or_default()
}
