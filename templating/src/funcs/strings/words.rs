//! Owns snakecase, kebabcase and camelcase: how a name falls into words.

use crate::funcs::arguments::{spend_building, text};
use crate::funcs::runes::{
    REPLACEMENT, first_rune, is_letter, is_number, is_punctuation, is_space, is_upper, lower, push, runes,
    upper,
};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value};

pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    of("snakecase", |scope, arguments| separated(scope, arguments, '_')),
    of("kebabcase", |scope, arguments| separated(scope, arguments, '-')),
    of("camelcase", camelcase),
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Text], rest: None, call }
}

/// What a word consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing, or bytes that are no characters.
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// First of the characters of Chinese, Japanese and Korean, which have no case and so form no alphabet.
const FIRST_IDEOGRAPH: char = '\u{3400}';

fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || is_space(character)
}

fn is_alphabet(character: char) -> bool {
    is_letter(character)
        && !matches!(character, FIRST_IDEOGRAPH..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}')
}

fn is_lower_alphabet(character: char) -> bool {
    is_alphabet(character) && !is_upper(character)
}

fn is_other(character: char) -> bool {
    !is_connector(character) && !is_alphabet(character) && !is_number(character) && !is_punctuation(character)
}

/// The next character and its length together with the bytes before it that are none. At the end of the text the
/// previous character counts on.
fn next_valid(text: &[u8], previous: char) -> (char, usize) {
    let mut size = 0;
    while let Some((character, length)) = first_rune(from(text, size)) {
        size += length;
        if character != REPLACEMENT {
            return (character, size);
        }
    }
    (previous, size)
}

fn from(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// A walk over the words of a text.
struct Words<'t> {
    kind: Kind,
    word: &'t [u8],
    rest: &'t [u8],
}

/// How far a run of characters goes.
struct Run {
    end: usize,
    /// Length of its last character.
    last: usize,
    /// The character that ended it, or its own last one.
    stopped_at: char,
}

/// The characters from `start` on that belong together with `previous`.
fn run(text: &[u8], start: usize, previous: char, belongs: impl Fn(char) -> bool) -> Run {
    let mut run = Run { end: start, last: 0, stopped_at: previous };
    while run.end < text.len() {
        let (character, size) = next_valid(from(text, run.end), run.stopped_at);
        run.stopped_at = character;
        if !belongs(character) {
            break;
        }
        run.end += size;
        run.last = size;
    }
    run
}

/// The kind of the first word, and where it ends.
fn first_word(text: &[u8]) -> (Kind, usize) {
    let (first, size) = next_valid(text, REPLACEMENT);
    let all = |kind, belongs: fn(char) -> bool| (kind, run(text, size, first, belongs).end);
    match first {
        REPLACEMENT => (Kind::Invalid, size),
        _ if is_connector(first) => all(Kind::Connector, is_connector),
        _ if is_punctuation(first) => all(Kind::Punctuation, is_punctuation),
        _ if is_upper(first) => (Kind::Upper, upper_end(text, first, size)),
        _ if is_alphabet(first) => all(Kind::Alphabet, is_lower_alphabet),
        _ if is_number(first) => all(Kind::Number, is_number),
        _ => all(Kind::Other, is_other),
    }
}

/// Where a word that starts with a capital ends: `First`, `HTTP`, but of `HTTPServer` only `HTTP`.
fn upper_end(text: &[u8], first: char, size: usize) -> usize {
    let (second, _) = next_valid(from(text, size), first);
    if is_upper(second) {
        let capitals = run(text, size, first, is_upper);
        let is_next_word = capitals.end < text.len() && is_alphabet(capitals.stopped_at);
        return if is_next_word { capitals.end - capitals.last } else { capitals.end };
    }
    if is_alphabet(second) { run(text, size, first, is_lower_alphabet).end } else { size }
}

impl<'t> Words<'t> {
    fn of(text: &'t [u8]) -> Self {
        let mut words = Self { kind: Kind::Invalid, word: &[], rest: text };
        words.advance();
        words
    }

    fn advance(&mut self) {
        let (kind, end) = if self.rest.is_empty() { (Kind::Invalid, 0) } else { first_word(self.rest) };
        (self.word, self.rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.kind = kind;
    }

    fn is_one_of(&self, kinds: &[Kind]) -> bool {
        kinds.contains(&self.kind)
    }
}

fn separated(scope: &mut Scope<'_>, arguments: &[Value], connector: char) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(3))?;
    scope.spend_steps(text.len() / 8)?;
    Ok(Value::text(lower_words(text, connector)))
}

/// The words in lower case with connectors between them. A number stays with the word before it, unless small
/// letters follow it.
fn lower_words(text: &[u8], connector: char) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len() + text.len() / 4);
    let mut words = Words::of(text);
    while !words.rest.is_empty() {
        let (kind, word) = (words.kind, words.word);
        if kind != Kind::Connector {
            append(&mut output, kind, word, connector);
        }
        words.advance();
        match kind {
            Kind::Number => after_number(&mut output, &mut words, connector),
            Kind::Connector => append(&mut output, kind, word, connector),
            Kind::Punctuation => {}
            Kind::Invalid | Kind::Upper | Kind::Alphabet | Kind::Other => {
                after_letters(&mut output, &mut words, connector);
            }
        }
    }
    append(&mut output, words.kind, words.word, connector);
    output
}

/// Small letters and numbers belong to the number before them.
fn after_number(output: &mut Vec<u8>, words: &mut Words<'_>, connector: char) {
    while words.is_one_of(&[Kind::Alphabet, Kind::Number]) {
        append(output, words.kind, words.word, connector);
        words.advance();
    }
    if !words.is_one_of(&[Kind::Invalid, Kind::Punctuation, Kind::Connector]) {
        push(output, connector);
    }
}

fn after_letters(output: &mut Vec<u8>, words: &mut Words<'_>, connector: char) {
    let needs_connector = |words: &Words<'_>| !words.is_one_of(&[Kind::Connector, Kind::Punctuation]);
    if words.kind != Kind::Number {
        if needs_connector(words) {
            push(output, connector);
        }
        return;
    }
    if words.rest.is_empty() {
        return;
    }
    let number = words.word;
    words.advance();
    if words.kind == Kind::Alphabet {
        push(output, connector);
        append(output, Kind::Number, number, connector);
        after_number(output, words, connector);
        return;
    }
    append(output, Kind::Number, number, connector);
    if needs_connector(words) {
        push(output, connector);
    }
}

fn append(output: &mut Vec<u8>, kind: Kind, word: &[u8], connector: char) {
    if !matches!(kind, Kind::Upper | Kind::Connector) {
        output.extend_from_slice(word);
        return;
    }
    for (character, _) in runes(word) {
        let written = if is_connector(character) {
            connector
        } else if is_upper(character) {
            lower(character)
        } else {
            character
        };
        push(output, written);
    }
}

fn camelcase(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(3).saturating_add(4))?;
    Ok(Value::text(pascal(text)))
}

/// Every word with a capital and without connectors, but for the leading ones and all but one of several.
fn pascal(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut characters = runes(text).map(|(character, _)| character);
    let mut current = None;
    let mut is_capital_word = false;
    for character in characters.by_ref() {
        current = Some(character);
        if !is_connector(character) {
            is_capital_word = is_upper(character);
            current = Some(upper(character));
            break;
        }
        push(&mut output, character);
    }
    let Some(mut current) = current else { return output };
    for next in characters {
        let previous = std::mem::replace(&mut current, next);
        if is_connector(previous) && is_connector(next) {
            push(&mut output, previous);
        } else if is_connector(previous) {
            is_capital_word = is_upper(next);
            current = upper(next);
        } else {
            if is_capital_word && is_upper(next) {
                current = lower(next);
            } else {
                is_capital_word = false;
            }
            push(&mut output, previous);
        }
    }
    // The last connector of a text of nothing else comes out twice, as in Go.
    push(&mut output, current);
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, run, text};

    #[test]
    fn names_fall_into_words_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("snakecase", vec![text("FirstName")], gives("first_name")),
                ("snakecase", vec![text("HTTPServer")], gives("http_server")),
                ("snakecase", vec![text("http2xx")], gives("http_2xx")),
                ("snakecase", vec![text("HTTP20xOK")], gives("http_20x_ok")),
                ("snakecase", vec![text("Bld4Floor3rd")], gives("bld4_floor_3rd")),
                ("snakecase", vec![text("ID3v2Tag JSONData")], gives("id_3v2_tag_json_data")),
                ("snakecase", vec![text("A_B-C D")], gives("a_b_c_d")),
                ("snakecase", vec![text("é世界A")], gives("é_世界_a")),
                ("snakecase", vec![text("a1B2")], gives("a1_b2")),
                ("snakecase", vec![text("1A")], gives("1_a")),
                ("snakecase", vec![text("AB1C")], gives("ab1_c")),
                ("snakecase", vec![text(b"A\xffB\xffc_")], gives("a_�b�c_")),
                ("snakecase", vec![text("x.y/Z")], gives("x.y/z")),
                ("snakecase", vec![text("_Ab__c_")], gives("_ab__c_")),
                ("snakecase", vec![text("²x①")], gives("²x①")),
                ("snakecase", vec![text("")], gives("")),
                ("snakecase", vec![text(b"\xff\xff")], gives(b"\xff\xff")),
                ("snakecase", vec![text(b"-\xff-")], gives("_�_")),
                ("snakecase", vec![text("aB9")], gives("a_b9")),
                ("kebabcase", vec![text("FirstName")], gives("first-name")),
                ("kebabcase", vec![text("HTTPServer")], gives("http-server")),
                ("kebabcase", vec![text("http2xx")], gives("http-2xx")),
                ("kebabcase", vec![text("HTTP20xOK")], gives("http-20x-ok")),
                ("kebabcase", vec![text("Bld4Floor3rd")], gives("bld4-floor-3rd")),
                ("kebabcase", vec![text("ID3v2Tag JSONData")], gives("id-3v2-tag-json-data")),
                ("kebabcase", vec![text("A_B-C D")], gives("a-b-c-d")),
                ("kebabcase", vec![text("é世界A")], gives("é-世界-a")),
                ("kebabcase", vec![text("a1B2")], gives("a1-b2")),
                ("kebabcase", vec![text("1A")], gives("1-a")),
                ("kebabcase", vec![text("AB1C")], gives("ab1-c")),
                ("kebabcase", vec![text(b"A\xffB\xffc_")], gives("a-�b�c-")),
                ("kebabcase", vec![text("x.y/Z")], gives("x.y/z")),
                ("kebabcase", vec![text("_Ab__c_")], gives("-ab--c-")),
                ("kebabcase", vec![text("²x①")], gives("²x①")),
                ("kebabcase", vec![text("")], gives("")),
                ("kebabcase", vec![text(b"\xff\xff")], gives(b"\xff\xff")),
                ("kebabcase", vec![text(b"-\xff-")], gives("-�-")),
                ("kebabcase", vec![text("aB9")], gives("a-b9")),
                ("camelcase", vec![text("http_server")], gives("HttpServer")),
                ("camelcase", vec![text("no-reply to.me")], gives("NoReplyTo.me")),
                ("camelcase", vec![text("___a")], gives("___A")),
                ("camelcase", vec![text("___")], gives("____")),
                ("camelcase", vec![text("a__b")], gives("A_B")),
                ("camelcase", vec![text("HELLO_WORLD")], gives("HelloWorld")),
                ("camelcase", vec![text("héllo_Wörld")], gives("HélloWörld")),
                ("camelcase", vec![text("a")], gives("A")),
                ("camelcase", vec![text("")], gives("")),
                ("camelcase", vec![text(b"\xffa_\xffb")], gives("�a�b")),
                ("camelcase", vec![text("_")], gives("__")),
            ],
        );
    }
}
