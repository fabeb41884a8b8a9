//! `html`, `js` and `urlquery`.

use super::super::buffer::Buffer;
use super::print::joined;
use crate::funcs::{Failure, Scope};
use crate::value::{Value, is_printable};

/// Most bytes that one byte becomes: `\u003C`, or the six of an escaped character.
const LONGEST: usize = 6;

/// The arguments as one text, and the room that its escaped form may take.
fn text(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Vec<u8>, Failure> {
    let values: Vec<Value> = arguments
        .iter()
        .map(|value| match value {
            Value::Nil => Value::text("<no value>"),
            other => other.clone(),
        })
        .collect();
    let text = joined(scope, &values)?.take();
    scope.spend_bytes(text.len().saturating_mul(LONGEST))?;
    Ok(text)
}

pub(super) fn html(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = zeroize::Zeroizing::new(text(scope, arguments)?);
    let mut output = Buffer::default();
    for byte in text.iter() {
        match byte {
            0 => output.extend("\u{fffd}".as_bytes()),
            b'"' => output.extend(b"&#34;"),
            b'\'' => output.extend(b"&#39;"),
            b'&' => output.extend(b"&amp;"),
            b'<' => output.extend(b"&lt;"),
            b'>' => output.extend(b"&gt;"),
            other => output.push(*other),
        }
    }
    Ok(Value::text(output.take()))
}

pub(super) fn js(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = zeroize::Zeroizing::new(text(scope, arguments)?);
    let mut output = Buffer::default();
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => output.extend(br"\\"),
                '\'' => output.extend(br"\'"),
                '"' => output.extend(br#"\""#),
                '<' | '>' | '&' | '=' | ..' ' if character != ' ' => {
                    output.extend(format!("\\u{:04X}", u32::from(character)).as_bytes());
                }
                _ if character.is_ascii() || is_printable(character) => {
                    output.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => output.extend(format!("\\u{:04X}", u32::from(character)).as_bytes()),
            }
        }
        output.extend(chunk.invalid());
    }
    Ok(Value::text(output.take()))
}

pub(super) fn urlquery(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = zeroize::Zeroizing::new(text(scope, arguments)?);
    let mut output = Buffer::default();
    for byte in text.iter() {
        match byte {
            b' ' => output.push(b'+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => output.push(*byte),
            other => output.extend(format!("%{other:02X}").as_bytes()),
        }
    }
    Ok(Value::text(output.take()))
}
