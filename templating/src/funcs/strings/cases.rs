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
