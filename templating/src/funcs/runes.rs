//! Reads bytes as Go reads strings, character by character, and knows Go's classes and cases of characters.
//!
//! The tables are those of the Rust version in use, a little newer than Go's: characters that are younger than
//! Unicode 15 may have another class here.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What stands for a byte that is not part of a character.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// The characters with their lengths in bytes. Every byte that is not part of one gives a [`REPLACEMENT`] of
/// length 1.
pub(super) fn runes(text: &[u8]) -> impl Iterator<Item = (char, usize)> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|character| (character, character.len_utf8()));
        valid.chain(chunk.invalid().iter().map(|_| (REPLACEMENT, 1)))
    })
}

/// The first character with its length, in time that does not grow with the text.
pub(super) fn first_rune(text: &[u8]) -> Option<(char, usize)> {
    // `utf8_chunks` looks at all that is valid before it gives anything.
    runes(text.get(..text.len().min(4))?).next()
}

/// The last character with its length, in time that does not grow with the text: `utf8.DecodeLastRune`.
pub(super) fn last_rune(text: &[u8]) -> Option<(char, usize)> {
    let is_whole = |length: &usize| {
        let end = text.get(text.len().checked_sub(*length)?..)?;
        let character = std::str::from_utf8(end).ok()?.chars().next()?;
        (character.len_utf8() == *length).then_some((character, *length))
    };
    (1..=4).find_map(|length| is_whole(&length)).or_else(|| text.last().map(|_| (REPLACEMENT, 1)))
}

/// The characters with the places where they start.
pub(super) fn indexed(text: &[u8]) -> impl Iterator<Item = (usize, char, usize)> {
    runes(text).scan(0, |at, (character, length)| {
        let start = *at;
        *at += length;
        Some((start, character, length))
    })
}

/// The text with every character replaced by another; what is not UTF-8 becomes U+FFFD on the way.
pub(super) fn mapped(text: &[u8], mut each: impl FnMut(char) -> char) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    for (character, _) in runes(text) {
        push(&mut output, each(character));
    }
    output
}

/// Appends a character as UTF-8.
pub(super) fn push(output: &mut Vec<u8>, character: char) {
    output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// `unicode.IsSpace`.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace()
}

/// `unicode.IsUpper`.
pub(super) fn is_upper(character: char) -> bool {
    get_general_category(character) == GeneralCategory::UppercaseLetter
}

/// `unicode.IsLower`.
pub(super) fn is_lower(character: char) -> bool {
    get_general_category(character) == GeneralCategory::LowercaseLetter
}

/// `unicode.IsTitle`.
pub(super) fn is_title(character: char) -> bool {
    get_general_category(character) == GeneralCategory::TitlecaseLetter
}

/// `unicode.IsLetter`.
pub(super) fn is_letter(character: char) -> bool {
    matches!(
        get_general_category(character),
        GeneralCategory::UppercaseLetter
            | GeneralCategory::LowercaseLetter
            | GeneralCategory::TitlecaseLetter
            | GeneralCategory::ModifierLetter
            | GeneralCategory::OtherLetter
    )
}

/// `unicode.IsDigit`.
pub(super) fn is_digit(character: char) -> bool {
    get_general_category(character) == GeneralCategory::DecimalNumber
}

/// `unicode.IsNumber`.
pub(super) fn is_number(character: char) -> bool {
    matches!(
        get_general_category(character),
        GeneralCategory::DecimalNumber | GeneralCategory::LetterNumber | GeneralCategory::OtherNumber
    )
}

/// `unicode.IsPunct`.
pub(super) fn is_punctuation(character: char) -> bool {
    matches!(
        get_general_category(character),
        GeneralCategory::ConnectorPunctuation
            | GeneralCategory::DashPunctuation
            | GeneralCategory::OpenPunctuation
            | GeneralCategory::ClosePunctuation
            | GeneralCategory::InitialPunctuation
            | GeneralCategory::FinalPunctuation
            | GeneralCategory::OtherPunctuation
    )
}

/// `unicode.ToUpper`: always one character, so `ß` stays.
pub(super) fn upper(character: char) -> char {
    let moved = |by: u32| char::from_u32(u32::from(character) + by).unwrap_or(character);
    match character {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => moved(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => moved(9),
        // Their capitals are younger than Go's tables.
        '\u{19b}' | '\u{264}' => character,
        _ => single(character, character.to_uppercase()),
    }
}

/// `unicode.ToLower`: always one character.
pub(super) fn lower(character: char) -> char {
    if character == '\u{130}' { 'i' } else { single(character, character.to_lowercase()) }
}

/// `unicode.ToTitle`: as upper case, but for digraphs and Georgian.
pub(super) fn title(character: char) -> char {
    match character {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => character,
        _ => upper(character),
    }
}

fn single(character: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_one_replacement_each() {
        let read: Vec<_> = runes(b"a\xe2\x82\xff\xc3\xa9").collect();
        assert_eq!(read, [('a', 1), (REPLACEMENT, 1), (REPLACEMENT, 1), (REPLACEMENT, 1), ('é', 2)]);
        let starts: Vec<_> = indexed(b"\xc3\xa9\xffa").map(|(at, ..)| at).collect();
        assert_eq!(starts, [0, 2, 3]);
    }

    #[test]
    fn cases_are_those_of_single_characters() {
        // Expectations from Go 1.26, unicode.ToUpper, ToLower and ToTitle.
        for (from, to_upper, to_lower, to_title) in [
            ('ß', 'ß', 'ß', 'ß'),
            ('ŉ', 'ŉ', 'ŉ', 'ŉ'),
            ('ﬁ', 'ﬁ', 'ﬁ', 'ﬁ'),
            ('ı', 'I', 'ı', 'I'),
            ('İ', 'İ', 'i', 'İ'),
            ('ſ', 'S', 'ſ', 'S'),
            ('ǆ', 'Ǆ', 'ǆ', 'ǅ'),
            ('ǲ', 'Ǳ', 'ǳ', 'ǲ'),
            ('ა', 'Ა', 'ა', 'ა'),
            ('ᾳ', 'ᾼ', 'ᾳ', 'ᾼ'),
            ('ᾼ', 'ᾼ', 'ᾳ', 'ᾼ'),
            ('ᾀ', 'ᾈ', 'ᾀ', 'ᾈ'),
            ('Σ', 'Σ', 'σ', 'Σ'),
            ('ς', 'Σ', 'ς', 'Σ'),
            ('K', 'K', 'k', 'K'),
        ] {
            assert_eq!((upper(from), lower(from), title(from)), (to_upper, to_lower, to_title), "{from}");
        }
    }
}
