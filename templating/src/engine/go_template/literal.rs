//! Decides what Go's constants mean: quoted text, characters and numbers.

/// The contents of text in double quotes or backquotes; nothing if an escape is wrong.
pub(super) fn unquoted(literal: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = literal.split_first()?;
    let (_, body) = rest.split_last()?;
    if *quote == b'`' {
        return Some(body.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    let mut output = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        let (unit, after) = unit(rest, *quote)?;
        match unit {
            Unit::Byte(byte) => output.push(byte),
            Unit::Character(character) => {
                output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = after;
    }
    Some(output)
}

/// The number of a character constant, quotes included.
pub(super) fn character(literal: &[u8]) -> Option<i64> {
    let (unit, rest) = unit(literal.get(1..)?, b'\'')?;
    if rest != b"'" {
        return None;
    }
    Some(match unit {
        Unit::Byte(byte) => i64::from(byte),
        Unit::Character(character) => i64::from(u32::from(character)),
    })
}

/// What one element of a quoted text stands for.
enum Unit {
    Byte(u8),
    Character(char),
}

fn unit(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (first, rest) = text.split_first()?;
    match *first {
        b'\\' => escape(rest, quote),
        b'\n' => None,
        byte if byte == quote => None,
        byte if byte.is_ascii() => Some((Unit::Byte(byte), rest)),
        _ => {
            let window = text.get(..text.len().min(4))?;
            let valid = window.utf8_chunks().next()?.valid().chars().next();
            let character = valid.unwrap_or(char::REPLACEMENT_CHARACTER);
            let length = if valid.is_some() { character.len_utf8() } else { 1 };
            Some((Unit::Character(character), text.get(length..)?))
        }
    }
}

/// What follows a backslash.
fn escape(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (kind, rest) = text.split_first()?;
    let byte = match kind {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'\'' | b'"' if *kind == quote => quote,
        b'x' => {
            let (number, rest) = digits(rest, 2, 16)?;
            return Some((Unit::Byte(u8::try_from(number).ok()?), rest));
        }
        b'u' | b'U' => {
            let (number, rest) = digits(rest, if *kind == b'u' { 4 } else { 8 }, 16)?;
            return Some((Unit::Character(char::from_u32(number)?), rest));
        }
        b'0'..=b'7' => {
            let (number, rest) = digits(text, 3, 8)?;
            return Some((Unit::Byte(u8::try_from(number).ok()?), rest));
        }
        _ => return None,
    };
    Some((Unit::Byte(byte), rest))
}

fn digits(text: &[u8], count: usize, base: u32) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0_u32;
    for digit in digits {
        number = number.checked_mul(base)?.checked_add(char::from(*digit).to_digit(base)?)?;
    }
    Some((number, rest))
}

/// A number without a type: what it is as each kind of number, if it can be that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) unsigned: Option<u64>,
    pub(super) float: Option<f64>,
    /// True if it is a float where no type is asked for.
    pub(super) is_written_as_float: bool,
}

/// A character constant as a number.
pub(super) fn rune(value: i64) -> Number {
    Number {
        int: Some(value),
        unsigned: u64::try_from(value).ok(),
        #[expect(clippy::cast_precision_loss, reason = "characters are small")]
        float: Some(value as f64),
        is_written_as_float: false,
    }
}

/// The number of a literal, or what is wrong with it.
pub(super) fn number(literal: &[u8]) -> Result<Number, &'static str> {
    const ILLEGAL: &str = "not a number";
    let text = std::str::from_utf8(literal).map_err(|_| ILLEGAL)?;
    if text.ends_with('i') {
        return Err("complex numbers are not supported");
    }
    let is_hexadecimal = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X"));
    // -0xE is a float to Go, as it looks for the prefix at the very beginning.
    let is_written_as_float =
        text.contains(['p', 'P']) || (!is_hexadecimal && text.contains(['.', 'e', 'E']));
    if let Some((negative, magnitude)) = integer(text) {
        let number = of_integer(negative, magnitude, is_written_as_float);
        // Go reads unsigned numbers without a sign.
        let has_sign = text.starts_with('+') && magnitude != 0;
        return Ok(Number { unsigned: number.unsigned.filter(|_| !has_sign), ..number });
    }
    let float = float(text).ok_or(ILLEGAL)?;
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err("number is too large");
    }
    #[expect(clippy::cast_possible_truncation, reason = "a saturated result is refused by the next line")]
    let int = Some(float as i64).filter(|_| float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as above")]
    let unsigned =
        Some(float as u64).filter(|_| float.fract() == 0.0 && (0.0..2.0 * TWO_TO_63).contains(&float));
    Ok(Number { int, unsigned, float: Some(float), is_written_as_float })
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

fn of_integer(negative: bool, magnitude: u64, is_written_as_float: bool) -> Number {
    let signed = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    let int = i64::try_from(signed).ok();
    let unsigned = u64::try_from(signed).ok();
    #[expect(clippy::cast_precision_loss, reason = "Go rounds a constant in the same way")]
    let float = (int.is_some() || unsigned.is_some()).then_some(signed as f64);
    Number { int, unsigned, float, is_written_as_float }
}

/// A whole number: sign and magnitude.
fn integer(text: &str) -> Option<(bool, u64)> {
    let (negative, unsigned) = sign(text);
    let (base, digits) = prefix(unsigned);
    if digits.is_empty() || !underscores_are_right(unsigned) {
        return None;
    }
    let digits = digits.replace('_', "");
    if digits.starts_with(['+', '-']) {
        return None;
    }
    // "0" alone, and a leading 0 as the older octal form.
    let magnitude =
        if digits.is_empty() && base == 8 { 0 } else { u64::from_str_radix(&digits, base).ok()? };
    let fits = !negative || magnitude <= 1 << 63;
    fits.then_some((negative, magnitude))
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn prefix(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix('0').filter(|rest| !rest.is_empty()) else { return (10, text) };
    let mut after = rest.chars();
    match after.next() {
        Some('x' | 'X') => (16, after.as_str()),
        Some('o' | 'O') => (8, after.as_str()),
        Some('b' | 'B') => (2, after.as_str()),
        _ => (8, rest),
    }
}

/// Underscores may stand between digits, and after a prefix.
fn underscores_are_right(text: &str) -> bool {
    let (base, rest) = prefix(text);
    let has_prefix = base != 10 && !rest.is_empty() && text.len() - rest.len() == 2;
    let rest = if has_prefix { rest } else { text };
    let mut before_is_digit = has_prefix;
    let mut after_underscore = false;
    for character in rest.chars() {
        let is_digit = character.is_ascii_digit() || (base == 16 && character.is_ascii_hexdigit());
        if character == '_' {
            if !before_is_digit {
                return false;
            }
            after_underscore = true;
        } else if after_underscore && !is_digit {
            return false;
        } else {
            after_underscore = false;
        }
        before_is_digit = is_digit;
    }
    !after_underscore
}

fn float(text: &str) -> Option<f64> {
    let (negative, unsigned) = sign(text);
    if !underscores_are_right(unsigned) || unsigned.starts_with(['+', '-']) {
        return None;
    }
    let plain = unsigned.replace('_', "");
    let hexadecimal = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X"));
    let magnitude = match hexadecimal {
        Some(digits) => hexadecimal_float(digits)?,
        None => plain.parse().ok()?,
    };
    let finite = magnitude < f64::INFINITY;
    finite.then_some(if negative { -magnitude } else { magnitude })
}

/// `1.8p3`: the power of two is required.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut power: i32 = exponent.parse::<i32>().ok()?.clamp(-5000, 5000);
    let mut bits = 0_u64;
    for (at, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let value = u64::from(digit.to_digit(16)?);
        let in_fraction = at >= whole.len();
        if bits >> 58 == 0 {
            bits = bits << 4 | value;
            power -= if in_fraction { 4 } else { 0 };
        } else {
            // Too small to count, except that the number is not exactly between two others.
            bits |= u64::from(value != 0);
            power += if in_fraction { 0 } else { 4 };
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounding to the nearest float is what is wanted")]
    let rounded = bits as f64;
    // In two steps: the first must not overflow where the second brings the number back.
    Some(rounded * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_what_they_mean_in_go() {
        assert_eq!(unquoted(br#""a\n\x41\101\u00e9\U0001F600\"""#).unwrap(), "a\nAAé😀\"".as_bytes());
        assert_eq!(unquoted(b"`a\\n\r\nb`").unwrap(), b"a\\n\nb");
        assert_eq!(unquoted(b"\"\xff\"").unwrap(), "\u{fffd}".as_bytes());
        for wrong in [r#""\q""#, r#""\'""#, r#""\x4""#, r#""\400""#, r#""\ud800""#] {
            assert!(unquoted(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert_eq!(character(br"'\''"), Some(39));
        assert_eq!(character("'é'".as_bytes()), Some(0xe9));
        assert_eq!(character(b"''"), None);
        assert_eq!(character(b"'ab'"), None);
    }

    #[test]
    fn numbers_are_what_they_are_in_go() {
        for (text, int, is_float) in [
            ("0", Some(0), false),
            ("-0", Some(0), false),
            ("012", Some(10), false),
            ("0o12", Some(10), false),
            ("0x_1F", Some(31), false),
            ("1_000", Some(1000), false),
            ("0b11", Some(3), false),
            ("1e3", Some(1000), true),
            ("1.5", None, true),
            (".5", None, true),
            ("0x1p4", Some(16), true),
            ("9223372036854775808", None, false),
            ("1e19", None, true),
        ] {
            let number = number(text.as_bytes()).unwrap();
            assert_eq!((number.int, number.is_written_as_float), (int, is_float), "{text}");
        }
        assert_eq!(number(b"0x1.8p1").unwrap().float, Some(3.0));
        for wrong in
            ["089", "1__0", "_1", "1_", "0x", "+", ".", "1e999", "0x1.8", "18446744073709551616", "2i"]
        {
            assert!(number(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
