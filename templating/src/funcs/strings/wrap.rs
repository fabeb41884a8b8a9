//! Owns wrap and wrapWith: lines of so many bytes, broken at spaces.

use memchr::{memchr, memrchr};

use crate::funcs::arguments::{int, spend_building, spend_reading, text};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{IntKind, Type, Value};

const INT: Type = Type::Int(IntKind::Int);

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "wrap", params: &[INT, Type::Text], rest: None, call: wrap },
    Function { name: "wrapWith", params: &[INT, Type::Text, Type::Text], rest: None, call: wrap_with },
];

/// What becomes of a word that is longer than a line.
#[derive(Clone, Copy)]
enum LongWord {
    Kept,
    Broken,
}

fn wrap(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (width, text) = (int(arguments, 0)?, text(arguments, 1)?);
    wrapped(scope, text, width, b"\n", LongWord::Kept)
}

fn wrap_with(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (width, separator, text) = (int(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    let separator = if separator.is_empty() { b"\n" } else { separator };
    wrapped(scope, text, width, separator, LongWord::Broken)
}

fn wrapped(
    scope: &mut Scope<'_>,
    text: &[u8],
    width: i64,
    separator: &[u8],
    long_word: LongWord,
) -> Result<Value, Failure> {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    spend_reading(scope, text.len())?;
    spend_building(scope, text.len())?;
    let mut output = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        spend_building(scope, separator.len())?;
        let (line, after) = next_line(rest, width, long_word);
        output.extend_from_slice(line);
        if let Some(after) = after {
            output.extend_from_slice(separator);
            rest = after;
        } else {
            rest = &[];
        }
    }
    output.extend_from_slice(rest);
    Ok(Value::text(output))
}

/// The next line of a text that is longer than the width, and what follows it if there is a break.
fn next_line(text: &[u8], width: usize, long_word: LongWord) -> (&[u8], Option<&[u8]>) {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let whole = text.len();
    if let Some(space) = memrchr(b' ', part(0, width + 1)) {
        return (part(0, space), Some(part(space + 1, whole)));
    }
    match long_word {
        LongWord::Broken => (part(0, width), Some(part(width, whole))),
        LongWord::Kept => match memchr(b' ', part(width, whole)) {
            Some(space) => (part(0, width + space), Some(part(width + space + 1, whole))),
            None => (text, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, int, run, text};

    #[test]
    fn lines_break_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                (
                    "wrap",
                    vec![int(10), text("the quick brown fox jumps over the lazy dog")],
                    gives("the quick\nbrown fox\njumps over\nthe lazy\ndog"),
                ),
                ("wrap", vec![int(5), text("abcdefghijkl mn")], gives("abcdefghijkl\nmn")),
                ("wrap", vec![int(5), text("abcdefghijkl")], gives("abcdefghijkl")),
                ("wrap", vec![int(0), text("ab cd")], gives("ab\ncd")),
                ("wrap", vec![int(3), text("ab\ncd ef gh")], gives("ab\ncd\nef\ngh")),
                ("wrap", vec![int(5), text("")], gives("")),
                (
                    "wrapWith",
                    vec![int(5), text("|"), text("abcdefghijkl mn op")],
                    gives("abcde|fghij|kl mn|op"),
                ),
                ("wrapWith", vec![int(-1), text("|"), text("ab cd")], gives("a|b|c|d")),
                ("wrapWith", vec![int(5), text(""), text("abcdefghij")], gives("abcde\nfghij")),
                (
                    "wrapWith",
                    vec![int(4), text("--"), text("héé→世界")],
                    gives(b"h\xc3\xa9\xc3--\xa9\xe2\x86\x92--\xe4\xb8\x96\xe7--\x95\x8c"),
                ),
                (
                    "wrapWith",
                    vec![int(7), text("\n"), text("  leading spaces and  double")],
                    gives("leading\nspaces\nand \ndouble"),
                ),
            ],
        );
    }
}
