//! Decides what number a value of any type is: the rules of spf13/cast, where what cannot be converted is 0.

use crate::value::Value;

/// Why a text is not a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Syntax,
    /// Too large or too small: the nearest number that fits.
    Range(i64),
}

/// Text is read as a Go literal: `0x1f`, `0b1`, `0o17` and `017` have their bases, `1_000` its digits, and what
/// follows a point is cut off.
pub(in crate::funcs) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(truth) => i64::from(*truth),
        #[expect(clippy::cast_possible_truncation, reason = "an unsigned number wraps around, as in Go")]
        Value::Int(number) => number.value as i64,
        Value::Float(number) => truncated(*number),
        Value::Text(text) => parse_int(without_fraction(text), 0).unwrap_or(0),
        Value::Object(object) => object.integer().map_or(0, |number| to_int(&Value::Int(number))),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => 0,
    }
}

/// Text is read as Go's `strconv.ParseFloat` does; what is out of range is 0.
pub(in crate::funcs) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        Value::Int(number) => number.value as f64,
        Value::Float(number) => *number,
        Value::Text(text) => parse_float(text).unwrap_or(0.0),
        Value::Object(object) => object.integer().map_or(0.0, |number| to_float(&Value::Int(number))),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => 0.0,
    }
}

/// What is no number or out of range becomes the smallest one, as on the processors upstream runs on.
fn truncated(number: f64) -> i64 {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "in range: only the fraction is lost")]
    if (-EDGE..EDGE).contains(&number) { number as i64 } else { i64::MIN }
}

/// `12.75` without `.75`; text that is not of that form stays.
fn without_fraction(text: &[u8]) -> &[u8] {
    let Some(point) = text.iter().position(|&byte| byte == b'.') else { return text };
    let (whole, fraction) = text.split_at(point);
    let digits = whole.strip_prefix(b"-").or_else(|| whole.strip_prefix(b"+")).unwrap_or(whole);
    let all_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if !all_digits(digits) || !all_digits(fraction.get(1..).unwrap_or_default()) {
        return text;
    }
    if digits.is_empty() { b"0" } else { whole }
}

/// What Go's `strconv.ParseInt` gives for 64 bits. Base 0 takes the base from the prefix and allows `_` between
/// digits.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Result<i64, Fault> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let size = parse_unsigned(unsigned, base)?;
    let value = if negative { -size } else { size };
    i64::try_from(value).map_err(|_| Fault::Range(if negative { i64::MIN } else { i64::MAX }))
}

/// What Go's `strconv.ParseUint` gives, exact up to beyond 64 bits.
pub(crate) fn parse_unsigned(text: &[u8], base: u32) -> Result<i128, Fault> {
    let (base, digits, grouped) = if base == 0 { based(text) } else { (base, text, false) };
    if digits.is_empty() || (grouped && !is_grouped_well(text)) {
        return Err(Fault::Syntax);
    }
    let mut size = 0_i128;
    for &byte in digits {
        if grouped && byte == b'_' {
            continue;
        }
        let digit = char::from(byte).to_digit(base).ok_or(Fault::Syntax)?;
        // Far beyond any range it does not matter how far.
        size = (size * i128::from(base) + i128::from(digit)).min(i128::from(u64::MAX) + 1);
    }
    Ok(size)
}

/// The base that a prefix names, the digits after it, and whether `_` may stand between them.
fn based(text: &[u8]) -> (u32, &[u8], bool) {
    match text {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest, true),
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest, true),
        [b'0', b'o' | b'O', rest @ ..] | [b'0', rest @ ..] if !rest.is_empty() => (8, rest, true),
        _ => (10, text, true),
    }
}

/// True if every `_` stands between digits or between the prefix of a base and a digit.
fn is_grouped_well(text: &[u8]) -> bool {
    let prefixed = matches!(text, [b'0', b'x' | b'X' | b'b' | b'B' | b'o' | b'O', ..]);
    let hexadecimal = matches!(text, [b'0', b'x' | b'X', ..]);
    let mut after_digit = prefixed;
    let mut pending = false;
    for &byte in text.get(if prefixed { 2 } else { 0 }..).unwrap_or_default() {
        let digit = byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit());
        if byte == b'_' {
            if !after_digit {
                return false;
            }
            pending = true;
        } else if pending && !digit {
            return false;
        } else {
            pending = false;
        }
        after_digit = digit;
    }
    !pending
}

/// What Go's `strconv.ParseFloat` gives for 64 bits; nothing if the text is no number or out of range.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let negative = text.first() == Some(&b'-');
    if [&b"inf"[..], b"infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    if matches!(unsigned, [b'0', b'x' | b'X', ..]) {
        let size = hexadecimal_float(unsigned)?;
        return Some(if negative { -size } else { size });
    }
    let grouped = text.contains(&b'_');
    if grouped && !is_grouped_well(unsigned) {
        return None;
    }
    let plain: String = text.iter().filter(|&&byte| byte != b'_').map(|&byte| char::from(byte)).collect();
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !plain.bytes().all(allowed) {
        return None;
    }
    plain.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `0x1.8p-2`: the exponent is necessary. Digits beyond 64 bits only count for whether there are some.
fn hexadecimal_float(text: &[u8]) -> Option<f64> {
    if text.contains(&b'_') && !is_grouped_well(text) {
        return None;
    }
    let body = std::str::from_utf8(text.get(2..)?).ok()?.replace('_', "");
    let (mantissa, exponent) = body.split_once(['p', 'P'])?;
    let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut bits, mut shift) = (0_u128, 0_i64);
    for (at, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u128::from(digit.to_digit(16)?);
        if bits >> 64 == 0 {
            bits = bits << 4 | digit;
            shift -= if at >= whole.len() { 4 } else { 0 };
        } else {
            bits |= u128::from(digit != 0);
            shift += if at < whole.len() { 4 } else { 0 };
        }
    }
    let number = scaled(bits, exponent.clamp(-100_000, 100_000) + shift);
    number.is_finite().then_some(number)
}

/// `bits` times two to the `power`, rounded once, to the nearest even.
fn scaled(bits: u128, power: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let length = i64::from(128 - bits.leading_zeros());
    // The last place that a float of this size can hold; subnormal ones end at -1074.
    let last = (length + power - 53).max(-1074);
    let drop = last - power;
    let (mut kept, mut place) = (bits, power);
    if drop > 127 {
        return 0.0;
    }
    if drop > 0 {
        let (half, mask) = (1_u128 << (drop - 1), (1_u128 << drop) - 1);
        let rest = bits & mask;
        kept = bits >> drop;
        place = last;
        kept += u128::from(rest > half || (rest == half && kept & 1 == 1));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most 54 bits are left, and the 54th only after a carry"
    )]
    let mut number = kept as f64;
    while place > 0 && number.is_finite() {
        number *= 2.0;
        place -= 1;
    }
    while place < 0 {
        number /= 2.0;
        place += 1;
    }
    number
}
