//! Owns the functions that take something away from a text: ends, a part, spaces, all but the initials.

use std::collections::HashSet;

use crate::funcs::arguments::{int, raised, spend_building, spend_reading, text};
use crate::funcs::runes::{first_rune, is_space, last_rune, push, runes};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{IntKind, Type, Value};

const INT: Type = Type::Int(IntKind::Int);

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    of("trim", &[Type::Text], trim),
    of("trimall", &[Type::Text, Type::Text], trim_all),
    of("trimAll", &[Type::Text, Type::Text], trim_all),
    of("trimSuffix", &[Type::Text, Type::Text], trim_suffix),
    of("trimPrefix", &[Type::Text, Type::Text], trim_prefix),
    of("trunc", &[INT, Type::Text], trunc),
    of("substr", &[INT, INT, Type::Text], substr),
    of("abbrev", &[INT, Type::Text], abbrev),
    of("abbrevboth", &[INT, INT, Type::Text], abbrev_both),
    of("nospace", &[Type::Text], nospace),
    of("initials", &[Type::Text], initials),
];

const fn of(
    name: &'static str,
    params: &'static [Type],
    call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>,
) -> Function {
    Function { name, params, rest: None, call }
}

fn trim(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len())?;
    Ok(Value::text(trimmed(text, is_space)))
}

/// The text without the characters at both ends that `falls`.
fn trimmed(text: &[u8], falls: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((_, length)) = first_rune(rest).filter(|(character, _)| falls(*character)) {
        rest = rest.get(length..).unwrap_or_default();
    }
    while let Some((_, length)) = last_rune(rest).filter(|(character, _)| falls(*character)) {
        rest = rest.get(..rest.len() - length).unwrap_or_default();
    }
    rest
}

fn trim_all(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (set, text) = (text(arguments, 0)?, text(arguments, 1)?);
    spend_building(scope, text.len())?;
    scope.spend_steps(set.len() / 16)?;
    let set: HashSet<_> = runes(set).map(|(character, _)| character).collect();
    Ok(Value::text(trimmed(text, |character| set.contains(&character))))
}

fn trim_suffix(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (suffix, text) = (text(arguments, 0)?, text(arguments, 1)?);
    spend_building(scope, text.len())?;
    Ok(Value::text(text.strip_suffix(suffix).unwrap_or(text)))
}

fn trim_prefix(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (prefix, text) = (text(arguments, 0)?, text(arguments, 1)?);
    spend_building(scope, text.len())?;
    Ok(Value::text(text.strip_prefix(prefix).unwrap_or(text)))
}

/// The first bytes, or with a negative count the last ones.
fn trunc(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (count, text) = (int(arguments, 0)?, text(arguments, 1)?);
    let bytes = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let part = if count < 0 {
        text.get(text.len().saturating_sub(bytes)..)
    } else {
        text.get(..bytes.min(text.len()))
    };
    let part = part.unwrap_or(text);
    spend_building(scope, part.len())?;
    Ok(Value::text(part))
}

/// The bytes from the first number up to the second. A negative start is the start; a negative end, or one behind
/// the end, is the end.
fn substr(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (start, end, text) = (int(arguments, 0)?, int(arguments, 1)?, text(arguments, 2)?);
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (start, end) = match (start, end) {
        (..0, _) => (0, end),
        (_, ..0) => (start, length),
        _ => (start, end.min(length)),
    };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some(part) = range.and_then(|(start, end)| text.get(start..end)) else {
        return raised("slice bounds out of range");
    };
    spend_building(scope, part.len())?;
    Ok(Value::text(part))
}

fn abbrev(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (width, text) = (int(arguments, 0)?, text(arguments, 1)?);
    spend_building(scope, text.len())?;
    Ok(Value::text(if width < 4 { text.to_vec() } else { abbreviated(text, 0, width) }))
}

fn abbrev_both(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (left, right, text) = (int(arguments, 0)?, int(arguments, 1)?, text(arguments, 2)?);
    spend_building(scope, text.len())?;
    let is_too_narrow = right < 4 || left > 0 && right < 7;
    Ok(Value::text(if is_too_narrow { text.to_vec() } else { abbreviated(text, left, right) }))
}

const ELLIPSIS: &[u8] = b"...";

/// At most `width` bytes of the text, with an ellipsis where something is missing. `offset` is a byte that should
/// be seen; up to 4 nothing is left out at the start.
fn abbreviated(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if length <= width {
        return text.to_vec();
    }
    let room = usize::try_from(width - 3).unwrap_or_default();
    let offset = offset.min(length);
    // Wraps around with the smallest number, as in Go.
    let is_far = length.wrapping_sub(offset) < width - 3;
    let offset = if is_far { length - (width - 3) } else { offset };
    let (start, end) = (text.get(..room), text.get(text.len().saturating_sub(room)..));
    if offset <= 4 {
        return [start.unwrap_or_default(), ELLIPSIS].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < length {
        let middle = text.get(usize::try_from(offset).unwrap_or_default()..).unwrap_or_default();
        return [ELLIPSIS, &abbreviated(middle, 0, width - 3)].concat();
    }
    [ELLIPSIS, end.unwrap_or_default()].concat()
}

/// The text without spaces. Works on bytes, which it takes for Latin-1 as soon as there is a space.
fn nospace(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(2))?;
    let is_kept = |byte: &u8| !is_space(char::from(*byte));
    if text.iter().all(is_kept) {
        return Ok(Value::text(text));
    }
    let mut output = Vec::with_capacity(text.len());
    for byte in text.iter().copied().filter(is_kept) {
        push(&mut output, char::from(byte));
    }
    Ok(Value::text(output))
}

/// The first byte of every word, taken for Latin-1.
fn initials(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_reading(scope, text.len())?;
    spend_building(scope, text.len())?;
    let mut output = Vec::new();
    let mut after_space = true;
    for character in text.iter().copied().map(char::from) {
        if !is_space(character) && after_space {
            push(&mut output, character);
        }
        after_space = is_space(character);
    }
    Ok(Value::text(output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{fails, gives, int, run, text};

    #[test]
    fn what_is_cut_off_is_what_go_cuts_off() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("trim", vec![text(" \t\u{a0}x y\u{2003}\n")], gives("x y")),
                ("trim", vec![text(b"\xa0x\x85")], gives(b"\xa0x\x85")),
                ("trim", vec![text(" ")], gives("")),
                ("trim", vec![text("")], gives("")),
                ("trimAll", vec![text("$"), text("$5.00$")], gives("5.00")),
                ("trimall", vec![text("ab"), text("abcba")], gives("c")),
                ("trimAll", vec![text(""), text("x")], gives("x")),
                ("trimAll", vec![text("→é"), text("→éxé→")], gives("x")),
                ("trimAll", vec![text(b"\xff"), text(b"\xfea\xef\xbf\xbd")], gives("a")),
                ("trimSuffix", vec![text("--"), text("a--")], gives("a")),
                ("trimSuffix", vec![text("x"), text("a")], gives("a")),
                ("trimPrefix", vec![text("he"), text("hello")], gives("llo")),
                ("trimPrefix", vec![text("lo"), text("hello")], gives("hello")),
                ("trunc", vec![int(5), text("héllo")], gives("héll")),
                ("trunc", vec![int(2), text("héllo")], gives(b"h\xc3")),
                ("trunc", vec![int(-2), text("hello")], gives("lo")),
                ("trunc", vec![int(-9), text("hello")], gives("hello")),
                ("trunc", vec![int(0), text("hello")], gives("")),
                ("trunc", vec![int(99), text("hello")], gives("hello")),
                ("substr", vec![int(0), int(2), text("hello")], gives("he")),
                ("substr", vec![int(-1), int(3), text("hello")], gives("hel")),
                ("substr", vec![int(2), int(-1), text("hello")], gives("llo")),
                ("substr", vec![int(2), int(99), text("hello")], gives("llo")),
                ("substr", vec![int(3), int(2), text("hello")], fails()),
                ("substr", vec![int(9), int(10), text("hello")], fails()),
                ("substr", vec![int(-1), int(9), text("hello")], fails()),
                ("substr", vec![int(-1), int(-1), text("hello")], fails()),
                ("substr", vec![int(9), int(-1), text("hello")], fails()),
                ("abbrev", vec![int(3), text("abcdef")], gives("abcdef")),
                ("abbrev", vec![int(5), text("abcdef")], gives("ab...")),
                ("abbrev", vec![int(6), text("abcdef")], gives("abcdef")),
                ("abbrevboth", vec![int(5), int(10), text("1234 5678 9123")], gives("...5678...")),
                ("abbrevboth", vec![int(6), int(8), text("1234 5678 9123 4567")], gives("...67...")),
                ("abbrevboth", vec![int(3), int(6), text("1234 5678 9123")], gives("1234 5678 9123")),
                ("abbrevboth", vec![int(0), int(6), text("1234 5678 9123")], gives("123...")),
                ("abbrevboth", vec![int(100), int(8), text("1234 5678 9123")], gives("... 9123")),
                ("abbrevboth", vec![int(-9_223_372_036_854_775_808), int(6), text("1234 5678")], gives("")),
                ("nospace", vec![text("a b\tc")], gives("abc")),
                ("nospace", vec![text("é b")], gives("Ã©b")),
                ("nospace", vec![text("éb")], gives("éb")),
                ("initials", vec![text("First Try")], gives("FT")),
                ("initials", vec![text("ünder über 4ever")], gives("ÃÃ4")),
                ("initials", vec![text("")], gives("")),
            ],
        );
    }
}
