//! Owns the functions whose result is random: characters, an order, an identifier.

use crate::funcs::arguments::{int, spend_building, text};
use crate::funcs::runes::{push, runes};
use crate::funcs::{Failure, Function, Random, Scope};
use crate::value::{IntKind, Type, Value};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    of("randAlphaNum", |scope, arguments| characters(scope, arguments, |byte| byte.is_ascii_alphanumeric())),
    of("randAlpha", |scope, arguments| characters(scope, arguments, |byte| byte.is_ascii_alphabetic())),
    of("randNumeric", |scope, arguments| characters(scope, arguments, |byte| byte.is_ascii_digit())),
    of("randAscii", |scope, arguments| characters(scope, arguments, |byte| (b' '..=b'~').contains(&byte))),
    Function { name: "shuffle", params: &[Type::Text], rest: None, call: shuffle },
    Function { name: "uuidv4", params: &[], rest: None, call: uuidv4 },
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Int(IntKind::Int)], rest: None, call }
}

/// So many characters of the ASCII ones that may stand, all equally likely; nothing for a negative number.
fn characters(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    may_stand: fn(u8) -> bool,
) -> Result<Value, Failure> {
    let count = usize::try_from(int(arguments, 0)?).unwrap_or_default();
    spend_building(scope, count)?;
    // Most of the drawn bytes are thrown away.
    scope.spend_steps(count / 4)?;
    let mut output = Vec::with_capacity(count);
    let mut drawn = [0; 64];
    while output.len() < count {
        scope.random.fill(&mut drawn);
        let usable = drawn.iter().map(|byte| byte & 0x7f).filter(|byte| may_stand(*byte));
        output.extend(usable.take(count - output.len()));
    }
    Ok(Value::text(output))
}

/// The characters in any order, all equally likely.
fn shuffle(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(8))?;
    scope.spend_steps(text.len())?;
    let mut characters: Vec<_> = runes(text).map(|(character, _)| character).collect();
    for at in (1..characters.len()).rev() {
        characters.swap(at, below(scope.random, at + 1));
    }
    let mut output = Vec::with_capacity(text.len());
    for character in characters {
        push(&mut output, character);
    }
    Ok(Value::text(output))
}

/// A number below the bound, all equally likely.
fn below(random: &mut dyn Random, bound: usize) -> usize {
    // Drawn again in the last, incomplete range: it would favour small numbers.
    let usable = usize::MAX - usize::MAX % bound;
    loop {
        let mut bytes = [0; size_of::<usize>()];
        random.fill(&mut bytes);
        let drawn = usize::from_ne_bytes(bytes);
        if drawn < usable {
            return drawn % bound;
        }
    }
}

/// A random identifier of RFC 9562, version 4.
fn uuidv4(scope: &mut Scope<'_>, _: &[Value]) -> Result<Value, Failure> {
    spend_building(scope, 36)?;
    scope.spend_steps(4)?;
    let mut bytes = [0; 16];
    scope.random.fill(&mut bytes);
    let random = u128::from_be_bytes(bytes);
    let version_and_variant = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{version_and_variant:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts = parts.map(|(from, to)| digits.get(from..to).unwrap_or_default());
    Ok(Value::text(parts.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{called, int, text};

    fn given(name: &str, arguments: &[Value]) -> String {
        match called(FUNCTIONS, name, arguments) {
            Ok(Value::Text(text)) => String::from_utf8(text.to_vec()).unwrap(),
            outcome => panic!("{name}: {outcome:?}"),
        }
    }

    #[test]
    fn characters_are_of_their_set_and_all_of_it() {
        for (name, may_stand, size) in [
            ("randAlphaNum", char::is_ascii_alphanumeric as fn(&char) -> bool, 62),
            ("randAlpha", |character| character.is_ascii_alphabetic(), 52),
            ("randNumeric", |character| character.is_ascii_digit(), 10),
            ("randAscii", |character| (' '..='~').contains(character), 95),
        ] {
            let text = given(name, &[int(2_000)]);
            assert_eq!(text.len(), 2_000, "{name}");
            assert!(text.chars().all(|character| may_stand(&character)), "{name}: {text}");
            let mut found: Vec<_> = text.chars().collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), size, "{name}");
            assert_eq!(given(name, &[int(-1)]), "", "{name}");
            let too_many = called(FUNCTIONS, name, &[int(1_000_000_000)]);
            assert!(matches!(too_many, Err(Failure::Limit(_))), "{name}");
        }
    }

    #[test]
    fn shuffling_keeps_the_characters() {
        let shuffled = given("shuffle", &[text("abcdefgé世")]);
        assert_ne!(shuffled, "abcdefgé世");
        let mut sorted: Vec<_> = shuffled.chars().collect();
        sorted.sort_unstable();
        assert_eq!(String::from_iter(sorted), "abcdefgé世");
        assert_eq!(given("shuffle", &[text(b"\xff")]), "\u{fffd}");
    }

    #[test]
    fn an_identifier_says_version_and_variant() {
        // The source counts 1, 8, 15, …: in hexadecimal 01 08 0f 16 1d 24 2b 32 39 40 47 4e 55 5c 63 6a.
        assert_eq!(given("uuidv4", &[]), "01080f16-1d24-4b32-b940-474e555c636a");
    }
}
