//! Owns base64, base32 and hexadecimal. What cannot be decoded gives the text of Go's error as its value.

use super::arguments::{spend_building, text};
use super::{Failure, Function, Scope};
use crate::value::{Type, Value, is_printable};

pub(super) const FUNCTIONS: &[Function] = &[
    of("b64enc", |scope, arguments| encoded(scope, arguments, &BASE64)),
    of("b64dec", |scope, arguments| decoded(scope, arguments, base64_decoded)),
    of("b32enc", |scope, arguments| encoded(scope, arguments, &BASE32)),
    of("b32dec", |scope, arguments| decoded(scope, arguments, base32_decoded)),
    of("hexdec", |scope, arguments| decoded(scope, arguments, hexadecimal_decoded)),
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Text], rest: None, call }
}

/// A way to write bytes with padding.
struct Alphabet {
    digits: &'static [u8],
    /// What each byte stands for as a digit.
    values: [u8; 256],
    bits: u32,
    /// Digits of a full group.
    group: usize,
}

static BASE64: Alphabet =
    Alphabet::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, 4);
static BASE32: Alphabet = Alphabet::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5, 8);

/// The value of a byte that is no digit.
const NO_DIGIT: u8 = u8::MAX;

const PADDING: u8 = b'=';

impl Alphabet {
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "computed by the compiler, which refuses an index out of bounds"
    )]
    const fn new(digits: &'static [u8], bits: u32, group: usize) -> Self {
        let mut values = [NO_DIGIT; 256];
        let mut at = 0;
        while at < digits.len() {
            values[digits[at] as usize] = at as u8;
            at += 1;
        }
        Self { digits, values, bits, group }
    }

    fn digit(&self, byte: u8) -> Option<u64> {
        let value = self.values.get(usize::from(byte)).copied().filter(|value| *value != NO_DIGIT)?;
        Some(u64::from(value))
    }

    /// The bytes that the first digits of a group hold; incomplete ones are dropped.
    fn append(&self, output: &mut Vec<u8>, digits: &[u64]) {
        let mut bits = 0;
        let mut held = 0_u64;
        for digit in digits {
            held = held << self.bits | digit;
            bits += self.bits;
            if let Some(left) = bits.checked_sub(8) {
                bits = left;
                output.push((held >> left & 0xff) as u8);
            }
        }
    }
}

fn encoded(scope: &mut Scope<'_>, arguments: &[Value], alphabet: &Alphabet) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(2).saturating_add(alphabet.group))?;
    let bytes_of_group = alphabet.group * alphabet.bits as usize / 8;
    let mut output = Vec::with_capacity(text.len().div_ceil(bytes_of_group) * alphabet.group);
    for group in text.chunks(bytes_of_group) {
        let held = group.iter().fold(0_u64, |held, byte| held << 8 | u64::from(*byte));
        let missing = bytes_of_group - group.len();
        let held = held << (8 * missing);
        let used = (8 * group.len()).div_ceil(alphabet.bits as usize);
        for at in 0..alphabet.group {
            let shift = alphabet.bits as usize * (alphabet.group - 1 - at);
            let digit = usize::try_from(held >> shift & ((1 << alphabet.bits) - 1)).unwrap_or_default();
            let digit = alphabet.digits.get(digit).filter(|_| at < used);
            output.push(digit.copied().unwrap_or(PADDING));
        }
    }
    Ok(Value::text(output))
}

fn decoded(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    decode: fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(2))?;
    Ok(decode(text).map_or_else(Value::text, Value::text))
}

/// Line breaks are no part of the encoding. The number in the error is that of the byte in the text.
fn base64_decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let mut output = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut places = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let mut group = Vec::with_capacity(BASE64.group);
    for (at, byte) in places.by_ref() {
        if let Some(digit) = BASE64.digit(byte) {
            group.push(digit);
            if group.len() == BASE64.group {
                BASE64.append(&mut output, &group);
                group.clear();
            }
            continue;
        }
        if byte != PADDING || group.len() < 2 {
            return corrupt(at);
        }
        if group.len() == 2 {
            match places.next() {
                None => return corrupt(text.len()),
                Some((_, PADDING)) => {}
                Some((next, _)) => return corrupt(next - 1),
            }
        }
        if let Some((next, _)) = places.next() {
            return corrupt(next);
        }
        BASE64.append(&mut output, &group);
        return Ok(output);
    }
    // Without the padding Go counts back from the end, over the line breaks too.
    if group.is_empty() { Ok(output) } else { corrupt(text.len() - group.len()) }
}

/// Line breaks are no part of the encoding, and the number in the error does not count them.
fn base32_decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base32 data at input byte {at}"));
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let mut output = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let mut group = Vec::with_capacity(BASE32.group);
    for (at, byte) in text.iter().copied().enumerate() {
        let rest = text.get(at + 1..).unwrap_or_default();
        if byte == PADDING && group.len() >= 2 && rest.len() < BASE32.group {
            let wanted = BASE32.group - 1 - group.len();
            if rest.len() < wanted {
                return corrupt(text.len());
            }
            if let Some(wrong) = rest.iter().take(wanted).position(|byte| *byte != PADDING) {
                return corrupt(at + wrong);
            }
            if matches!(group.len(), 3 | 6) {
                return corrupt(at);
            }
            BASE32.append(&mut output, &group);
            return Ok(output);
        }
        let Some(digit) = BASE32.digit(byte) else { return corrupt(at) };
        group.push(digit);
        if group.len() == BASE32.group {
            BASE32.append(&mut output, &group);
            group.clear();
        }
    }
    if group.is_empty() { Ok(output) } else { corrupt(text.len() - group.len()) }
}

fn hexadecimal_decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(|| invalid_byte(byte));
    let mut output = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks(2) {
        let mut value = 0;
        for byte in pair {
            value = value << 4 | digit(*byte)?;
        }
        if pair.len() == 1 {
            return Err("encoding/hex: odd length hex string".to_owned());
        }
        output.push(u8::try_from(value).unwrap_or_default());
    }
    Ok(output)
}

fn invalid_byte(byte: u8) -> String {
    let character = char::from(byte);
    let shown = if is_printable(character) { format!(" '{character}'") } else { String::new() };
    format!("encoding/hex: invalid byte: U+{byte:04X}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, run, text};

    #[test]
    fn encodings_and_their_errors_are_those_of_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("b64enc", vec![text("")], gives("")),
                ("b64enc", vec![text("f")], gives("Zg==")),
                ("b64enc", vec![text("fo")], gives("Zm8=")),
                ("b64enc", vec![text("foo")], gives("Zm9v")),
                ("b64enc", vec![text("foob")], gives("Zm9vYg==")),
                ("b64enc", vec![text("fooba")], gives("Zm9vYmE=")),
                ("b64enc", vec![text(b"\x00\xff\xfe")], gives("AP/+")),
                ("b32enc", vec![text("")], gives("")),
                ("b32enc", vec![text("f")], gives("MY======")),
                ("b32enc", vec![text("fo")], gives("MZXQ====")),
                ("b32enc", vec![text("foo")], gives("MZXW6===")),
                ("b32enc", vec![text("foob")], gives("MZXW6YQ=")),
                ("b32enc", vec![text("fooba")], gives("MZXW6YTB")),
                ("b32enc", vec![text(b"\x00\xff\xfe")], gives("AD774===")),
                ("b64dec", vec![text("Zm9v")], gives("foo")),
                ("b64dec", vec![text("Zg==")], gives("f")),
                ("b64dec", vec![text("Zg")], gives("illegal base64 data at input byte 0")),
                ("b64dec", vec![text("Zg=")], gives("illegal base64 data at input byte 3")),
                ("b64dec", vec![text("Zg=x")], gives("illegal base64 data at input byte 2")),
                ("b64dec", vec![text("Z")], gives("illegal base64 data at input byte 0")),
                ("b64dec", vec![text("Z===")], gives("illegal base64 data at input byte 1")),
                ("b64dec", vec![text("====")], gives("illegal base64 data at input byte 0")),
                ("b64dec", vec![text("Zm9v=")], gives("illegal base64 data at input byte 4")),
                ("b64dec", vec![text("Zm9v\nZg\r=\n=\n")], gives("foof")),
                ("b64dec", vec![text("Zg==Zg==")], gives("illegal base64 data at input byte 4")),
                ("b64dec", vec![text("a-_/")], gives("illegal base64 data at input byte 1")),
                ("b64dec", vec![text("Zh==")], gives("f")),
                ("b64dec", vec![text("Zm\n9")], gives("illegal base64 data at input byte 1")),
                ("b64dec", vec![text("Zm9vé")], gives("illegal base64 data at input byte 4")),
                ("b32dec", vec![text("MZXW6===")], gives("foo")),
                ("b32dec", vec![text("MZXW6YTB")], gives("fooba")),
                ("b32dec", vec![text("MY======")], gives("f")),
                ("b32dec", vec![text("MZXQ====")], gives("fo")),
                ("b32dec", vec![text("MZXQ==")], gives("illegal base32 data at input byte 6")),
                ("b32dec", vec![text("mzxq====")], gives("illegal base32 data at input byte 0")),
                ("b32dec", vec![text("MZ\nXW6\r===")], gives("foo")),
                ("b32dec", vec![text("MZXW6")], gives("illegal base32 data at input byte 0")),
                ("b32dec", vec![text("MZXW6=== ")], gives("foo")),
                ("b32dec", vec![text("M=======")], gives("illegal base32 data at input byte 1")),
                ("b32dec", vec![text("MZX=====")], gives("illegal base32 data at input byte 3")),
                ("b32dec", vec![text("MZXW6YT=")], gives("foob")),
                ("b32dec", vec![text("MZXW6Y==")], gives("illegal base32 data at input byte 6")),
                ("b32dec", vec![text("MZXW6===MZXW6===")], gives("illegal base32 data at input byte 5")),
                ("b32dec", vec![text("MZXQ===A")], gives("illegal base32 data at input byte 6")),
                ("b32dec", vec![text("M")], gives("illegal base32 data at input byte 0")),
                ("hexdec", vec![text("616263")], gives("abc")),
                ("hexdec", vec![text("00FF")], gives(b"\x00\xff")),
                ("hexdec", vec![text("0")], gives("encoding/hex: odd length hex string")),
                ("hexdec", vec![text("0g")], gives("encoding/hex: invalid byte: U+0067 'g'")),
                ("hexdec", vec![text("zz")], gives("encoding/hex: invalid byte: U+007A 'z'")),
                ("hexdec", vec![text("61 62")], gives("encoding/hex: invalid byte: U+0020 ' '")),
                ("hexdec", vec![text("é")], gives("encoding/hex: invalid byte: U+00C3 'Ã'")),
                ("hexdec", vec![text("\0")], gives("encoding/hex: invalid byte: U+0000")),
                ("hexdec", vec![text("g")], gives("encoding/hex: invalid byte: U+0067 'g'")),
            ],
        );
    }
}
