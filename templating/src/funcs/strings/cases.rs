//! Owns the functions that change the case of letters.

use crate::funcs::arguments::{spend_building, text};
use crate::funcs::runes::{
    is_digit, is_letter, is_lower, is_space, is_title, is_upper, lower, mapped, title, upper,
};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    of("upper", |scope, arguments| changed(scope, arguments, upper)),
    of("lower", |scope, arguments| changed(scope, arguments, lower)),
    of("title", |scope, arguments| changed(scope, arguments, titles())),
    of("untitle", |scope, arguments| changed(scope, arguments, untitles())),
    of("swapcase", |scope, arguments| changed(scope, arguments, swaps())),
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Text], rest: None, call }
}

fn changed(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    each: impl FnMut(char) -> char,
) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    // A character may grow to three bytes.
    spend_building(scope, text.len().saturating_mul(3))?;
    Ok(Value::text(mapped(text, each)))
}

/// The first letter of every word in title case. Words end at what is neither letter, digit nor underscore; outside
/// ASCII only at spaces.
fn titles() -> impl FnMut(char) -> char {
    let mut previous = ' ';
    move |character| {
        let is_first = is_separator(previous);
        previous = character;
        if is_first { title(character) } else { character }
    }
}

fn is_separator(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_alphanumeric() && character != '_';
    }
    !is_letter(character) && !is_digit(character) && is_space(character)
}

/// The first character of every word, between spaces, in lower case.
fn untitles() -> impl FnMut(char) -> char {
    let mut is_first = true;
    move |character| {
        let was_first = is_first;
        is_first = is_space(character);
        if was_first && !is_first { lower(character) } else { character }
    }
}

/// Upper case becomes lower case and the other way round; at the start of a word lower case becomes title case.
fn swaps() -> impl FnMut(char) -> char {
    let mut after_space = true;
    move |character| {
        if is_upper(character) || is_title(character) {
            after_space = false;
            return lower(character);
        }
        if !is_lower(character) {
            after_space = is_space(character);
            return character;
        }
        if std::mem::take(&mut after_space) { title(character) } else { upper(character) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, run, text};

    #[test]
    fn cases_change_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("upper", vec![text("hello wörld o'neil x-y 3d_e")], gives("HELLO WÖRLD O'NEIL X-Y 3D_E")),
                ("upper", vec![text("ǆ ß ŉ ı İ ſ")], gives("Ǆ ß ŉ I İ S")),
                ("upper", vec![text("É Ü\u{2003}éA")], gives("É Ü\u{2003}ÉA")),
                ("upper", vec![text(b"a\xff\xe2\x82")], gives("A���")),
                ("upper", vec![text("")], gives("")),
                ("lower", vec![text("hello wörld o'neil x-y 3d_e")], gives("hello wörld o'neil x-y 3d_e")),
                ("lower", vec![text("ǆ ß ŉ ı İ ſ")], gives("ǆ ß ŉ ı i ſ")),
                ("lower", vec![text("É Ü\u{2003}éA")], gives("é ü\u{2003}éa")),
                ("lower", vec![text(b"a\xff\xe2\x82")], gives("a���")),
                ("lower", vec![text("")], gives("")),
                ("title", vec![text("hello wörld o'neil x-y 3d_e")], gives("Hello Wörld O'Neil X-Y 3d_e")),
                ("title", vec![text("ǆ ß ŉ ı İ ſ")], gives("ǅ ß ŉ I İ S")),
                ("title", vec![text("É Ü\u{2003}éA")], gives("É Ü\u{2003}ÉA")),
                ("title", vec![text(b"a\xff\xe2\x82")], gives("A���")),
                ("title", vec![text("")], gives("")),
                ("untitle", vec![text("hello wörld o'neil x-y 3d_e")], gives("hello wörld o'neil x-y 3d_e")),
                ("untitle", vec![text("ǆ ß ŉ ı İ ſ")], gives("ǆ ß ŉ ı i ſ")),
                ("untitle", vec![text("É Ü\u{2003}éA")], gives("é ü\u{2003}éA")),
                ("untitle", vec![text(b"a\xff\xe2\x82")], gives("a���")),
                ("untitle", vec![text("")], gives("")),
                ("swapcase", vec![text("hello wörld o'neil x-y 3d_e")], gives("HELLO WÖRLD O'NEIL X-Y 3D_E")),
                ("swapcase", vec![text("ǆ ß ŉ ı İ ſ")], gives("ǅ ß ŉ I i S")),
                ("swapcase", vec![text("É Ü\u{2003}éA")], gives("é ü\u{2003}Éa")),
                ("swapcase", vec![text(b"a\xff\xe2\x82")], gives("A���")),
                ("swapcase", vec![text("")], gives("")),
            ],
        );
    }
}
