//! `html`, `js` and `urlquery`.

use super::super::buffer::Buffer;
use super::print::joined;
use crate::funcs::{Failure, Scope};
use crate::value::{Value, is_printable};

/// Most bytes that one byte becomes: `\u003C`, or the six of an escaped character.
const LONGEST: usize = 6;

const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";

/// The number in so many hexadecimal digits.
fn hexadecimal<const DIGITS: usize>(number: u32) -> [u8; DIGITS] {
    let mut text = [b'0'; DIGITS];
    let mut rest = number;
    for place in text.iter_mut().rev() {
        *place =
            usize::try_from(rest & 15).ok().and_then(|digit| HEXADECIMAL.get(digit)).copied().unwrap_or(b'0');
        rest >>= 4;
    }
    text
}

/// `\u003C`: four digits, or as many as the character needs.
fn code(output: &mut Buffer, character: char) {
    output.extend(b"\\u");
    match u32::from(character) {
        number @ ..0x1_0000 => output.extend(&hexadecimal::<4>(number)),
        number @ ..0x10_0000 => output.extend(&hexadecimal::<5>(number)),
        number => output.extend(&hexadecimal::<6>(number)),
    }
}

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
                '<' | '>' | '&' | '=' | ..' ' if character != ' ' => code(&mut output, character),
                _ if character.is_ascii() || is_printable(character) => {
                    output.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => code(&mut output, character),
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
            other => {
                output.push(b'%');
                output.extend(&hexadecimal::<2>(u32::from(*other)));
            }
        }
    }
    Ok(Value::text(output.take()))
}
