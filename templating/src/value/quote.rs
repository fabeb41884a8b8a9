//! Decides how text looks inside Go quotes, and which characters are printable.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What `strconv.Quote` gives: double quotes, with escapes for what is not printable or not UTF-8.
pub(crate) fn quoted(text: &[u8]) -> Vec<u8> {
    quoted_with(text, Charset::Unicode)
}

/// Which characters may stand in quotes without an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Every printable one.
    Unicode,
    /// Printable ASCII.
    Ascii,
}

/// What `strconv.Quote` or `strconv.QuoteToASCII` gives.
pub(crate) fn quoted_with(text: &[u8], charset: Charset) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len() + 2);
    output.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            append_escaped(&mut output, character, '"', charset);
        }
        for byte in chunk.invalid() {
            output.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    output.push(b'"');
    output
}

/// What `strconv.QuoteRune` or `strconv.QuoteRuneToASCII` gives.
pub(crate) fn quoted_character(character: char, charset: Charset) -> Vec<u8> {
    let mut output = vec![b'\''];
    append_escaped(&mut output, character, '\'', charset);
    output.push(b'\'');
    output
}

fn append_escaped(output: &mut Vec<u8>, character: char, quote: char, charset: Charset) {
    let plain = match charset {
        Charset::Unicode => is_printable(character),
        Charset::Ascii => character.is_ascii() && is_printable(character),
    };
    let mut utf8 = [0; 4];
    let short = match character {
        '\\' => r"\\",
        '\'' if quote == '\'' => r"\'",
        '"' if quote == '"' => "\\\"",
        '\x07' => r"\a",
        '\x08' => r"\b",
        '\x0c' => r"\f",
        '\n' => r"\n",
        '\r' => r"\r",
        '\t' => r"\t",
        '\x0b' => r"\v",
        _ if plain => character.encode_utf8(&mut utf8),
        ..' ' | '\x7f' => return append_hexadecimal(output, "\\x", character, 2),
        ..='\u{ffff}' => return append_hexadecimal(output, "\\u", character, 4),
        _ => return append_hexadecimal(output, "\\U", character, 8),
    };
    output.extend_from_slice(short.as_bytes());
}

fn append_hexadecimal(output: &mut Vec<u8>, start: &str, character: char, digits: u32) {
    output.extend_from_slice(start.as_bytes());
    let code = u32::from(character);
    let digit = |place: u32| char::from_digit((code >> (4 * place)) % 16, 16).unwrap_or_default() as u8;
    output.extend((0..digits).rev().map(digit));
}

/// What `unicode.IsPrint` says: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        ..'\u{a0}' => false,
        _ => is_assigned(character) && is_visible(get_general_category(character)),
    }
}

fn is_visible(category: GeneralCategory) -> bool {
    !matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    )
}

/// True unless the character is newer than Go 1.26, which knows Unicode 15.0: the table of categories is of 16.0.
pub(crate) fn is_assigned(character: char) -> bool {
    let after = NEWER.partition_point(|range| *range.end() < character);
    NEWER.get(after).is_none_or(|range| character < *range.start())
}

/// Characters that Unicode 15.1 and 16.0 added.
const NEWER: &[std::ops::RangeInclusive<char>] = &[
    '\u{897}'..='\u{897}',
    '\u{1b4e}'..='\u{1b4f}',
    '\u{1b7f}'..='\u{1b7f}',
    '\u{1c89}'..='\u{1c8a}',
    '\u{2427}'..='\u{2429}',
    '\u{2ffc}'..='\u{2fff}',
    '\u{31e4}'..='\u{31e5}',
    '\u{31ef}'..='\u{31ef}',
    '\u{a7cb}'..='\u{a7cd}',
    '\u{a7da}'..='\u{a7dc}',
    '\u{105c0}'..='\u{105f3}',
    '\u{10d40}'..='\u{10d65}',
    '\u{10d69}'..='\u{10d85}',
    '\u{10d8e}'..='\u{10d8f}',
    '\u{10ec2}'..='\u{10ec4}',
    '\u{10efc}'..='\u{10efc}',
    '\u{11380}'..='\u{11389}',
    '\u{1138b}'..='\u{1138b}',
    '\u{1138e}'..='\u{1138e}',
    '\u{11390}'..='\u{113b5}',
    '\u{113b7}'..='\u{113c0}',
    '\u{113c2}'..='\u{113c2}',
    '\u{113c5}'..='\u{113c5}',
    '\u{113c7}'..='\u{113ca}',
    '\u{113cc}'..='\u{113d5}',
    '\u{113d7}'..='\u{113d8}',
    '\u{113e1}'..='\u{113e2}',
    '\u{116d0}'..='\u{116e3}',
    '\u{11bc0}'..='\u{11be1}',
    '\u{11bf0}'..='\u{11bf9}',
    '\u{11f5a}'..='\u{11f5a}',
    '\u{13460}'..='\u{143fa}',
    '\u{16100}'..='\u{16139}',
    '\u{16d40}'..='\u{16d79}',
    '\u{18cff}'..='\u{18cff}',
    '\u{1cc00}'..='\u{1ccf9}',
    '\u{1cd00}'..='\u{1ceb3}',
    '\u{1e5d0}'..='\u{1e5fa}',
    '\u{1e5ff}'..='\u{1e5ff}',
    '\u{1f8b2}'..='\u{1f8bb}',
    '\u{1f8c0}'..='\u{1f8c1}',
    '\u{1fa89}'..='\u{1fa89}',
    '\u{1fa8f}'..='\u{1fa8f}',
    '\u{1fabe}'..='\u{1fabe}',
    '\u{1fac6}'..='\u{1fac6}',
    '\u{1fadc}'..='\u{1fadc}',
    '\u{1fadf}'..='\u{1fadf}',
    '\u{1fae9}'..='\u{1fae9}',
    '\u{1fbcb}'..='\u{1fbef}',
    '\u{2ebf0}'..='\u{2ee5d}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_escaped() {
        let text = "a\0\u{200b}é😀\u{a0}\"\\\x7f\u{2028}\u{e0001}\n".as_bytes();
        let expected = r#""a\x00\u200bé😀\u00a0\"\\\x7f\u2028\U000e0001\n""#;
        assert_eq!(String::from_utf8(quoted(text)).unwrap(), expected);
        assert_eq!(quoted(b"\xff\xe2\x82"), br#""\xff\xe2\x82""#);
        assert_eq!(quoted_with("é'".as_bytes(), Charset::Ascii), br#""\u00e9'""#);
        assert_eq!(quoted_character('\'', Charset::Unicode), br"'\''");
    }

    #[test]
    fn exactly_the_characters_that_go_prints_are_printable() {
        let printable = ('\0'..=char::MAX).filter(|character| is_printable(*character));
        let (count, sum) = printable.fold((0, 0_u64), |(count, sum), character| {
            (count + 1, sum.wrapping_mul(31).wrapping_add(u64::from(u32::from(character))))
        });
        // Counted with Go 1.26's unicode.IsPrint.
        assert_eq!((count, sum), (148_998, 11_005_349_497_113_234_412));
    }
}
