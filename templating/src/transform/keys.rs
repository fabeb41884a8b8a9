//! Decides what a store's key is called in a Secret: conversion, collisions, and which keys are valid (spec eso-core 2.5).

use std::collections::BTreeMap;

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::limits::MAX_KEY_BYTES;

/// `conversionStrategy` of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConversionStrategy {
    /// Characters that are not allowed become `_`.
    #[default]
    Default,
    /// They become `_U`, their code point in lower-case hexadecimal with at least four digits, and `_`.
    Unicode,
}

impl ConversionStrategy {
    /// The word as it stands in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::Unicode => "Unicode",
        }
    }
}

/// Why keys cannot be used, in upstream's words. Key names are not secret and are shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Two keys become the same one.
    #[error("error applying conversion strategy {} to keys: secret name collision during conversion: {key}", .strategy.as_str())]
    Collision {
        /// The strategy that was applied.
        strategy: ConversionStrategy,
        /// The converted key.
        key: String,
    },
    /// A key is longer than [`MAX_KEY_BYTES`].
    #[error(
        "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): key has length {length} but max \
         is {MAX_KEY_BYTES}: (following is truncated): {start}"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// Its beginning.
        start: String,
    },
    /// A key has a character that is not allowed.
    #[error(
        "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): key has invalid character \
         {character}, only alphanumeric, '-', '.' and '_' are allowed: {key}"
    )]
    InvalidCharacter {
        /// The character.
        character: char,
        /// The key.
        key: String,
    },
}

/// The map with its keys converted.
///
/// # Errors
///
/// [`KeyError::Collision`] if two keys become the same one.
pub fn convert<V>(
    strategy: ConversionStrategy,
    values: BTreeMap<String, V>,
) -> Result<BTreeMap<String, V>, KeyError> {
    let mut out = BTreeMap::new();
    for (key, value) in values {
        let key = converted(strategy, &key);
        if out.contains_key(&key) {
            return Err(KeyError::Collision { strategy, key });
        }
        out.insert(key, value);
    }
    Ok(out)
}

/// One key, converted.
pub fn converted(strategy: ConversionStrategy, key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for character in key.chars() {
        match strategy {
            _ if is_allowed(character) => out.push(character),
            ConversionStrategy::Default => out.push('_'),
            ConversionStrategy::Unicode => {
                out.extend(format!("_U{:04x}_", u32::from(character)).chars());
            }
        }
    }
    out
}

/// The key that [`ConversionStrategy::Unicode`] was applied to: `_U`, four or five hexadecimal digits of either case
/// and `_` become the character. What PushSecrets call `ReverseUnicode` (spec eso-core 4.3). A number that is no
/// character becomes U+FFFD, as in Go.
pub fn restored(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut rest = key;
    while let Some(start) = rest.find("_U") {
        let (before, from_mark) = rest.split_at(start);
        out.push_str(before);
        let digits = from_mark.get(2..).unwrap_or_default();
        let count = digits.bytes().take_while(u8::is_ascii_hexdigit).take(6).count();
        let code = digits.get(..count).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let after = digits.get(count..).and_then(|after| after.strip_prefix('_'));
        match (code, after) {
            (Some(code), Some(after)) if (4..=5).contains(&count) => {
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = after;
            }
            _ => {
                out.push_str("_U");
                rest = digits;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The map without an empty key, if all other keys are valid. Letters and digits of every script count as valid
/// here; the API server refuses those outside ASCII later.
///
/// # Errors
///
/// [`KeyError::TooLong`] or [`KeyError::InvalidCharacter`] for the first bad key in sorted order.
pub fn valid_keys<V>(mut values: BTreeMap<String, V>) -> Result<BTreeMap<String, V>, KeyError> {
    values.remove("");
    for key in values.keys() {
        if key.len() > MAX_KEY_BYTES {
            let start = key.get(..key.floor_char_boundary(MAX_KEY_BYTES)).unwrap_or_default().to_owned();
            return Err(KeyError::TooLong { length: key.len(), start });
        }
        if let Some(character) = key.chars().find(|character| !is_allowed(*character)) {
            return Err(KeyError::InvalidCharacter { character, key: key.clone() });
        }
    }
    Ok(values)
}

/// Letters and digits as Go's `unicode.IsLetter` and `unicode.IsNumber` know them: Rust's own notion of an
/// alphabetic character is wider.
fn is_allowed(character: char) -> bool {
    use GeneralCategory as Category;
    character.is_ascii_alphanumeric()
        || matches!(character, '-' | '.' | '_')
        || matches!(
            get_general_category(character),
            Category::UppercaseLetter
                | Category::LowercaseLetter
                | Category::TitlecaseLetter
                | Category::ModifierLetter
                | Category::OtherLetter
                | Category::DecimalNumber
                | Category::LetterNumber
                | Category::OtherNumber
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converted_keys_can_be_restored() {
        for key in ["a/b c", "é", "😀x", "plain", "_U", "_U002f", "a__U", ""] {
            assert_eq!(restored(&converted(ConversionStrategy::Unicode, key)), key, "{key}");
        }
        for (key, expected) in [
            ("a_U002f_b", "a/b"),
            ("_U002F__U1f600_", "/😀"),
            ("_U2f_", "_U2f_"),
            ("_U01f600_", "_U01f600_"),
            ("_Ud800_", "\u{fffd}"),
            ("_U_U002f_", "_U/"),
        ] {
            assert_eq!(restored(key), expected, "{key}");
        }
    }

    fn map(keys: &[&str]) -> BTreeMap<String, u8> {
        keys.iter().map(|key| ((*key).to_owned(), 0)).collect()
    }

    fn keys(strategy: ConversionStrategy, keys: &[&str]) -> Vec<String> {
        convert(strategy, map(keys)).unwrap().into_keys().collect()
    }

    #[test]
    fn forbidden_characters_become_underscores_or_code_points() {
        let given = ["/foo/bar", "c d", "e:f", "ok.k-e_y", "\u{1f600}"];
        assert_eq!(keys(ConversionStrategy::Default, &given), ["_", "_foo_bar", "c_d", "e_f", "ok.k-e_y"]);
        assert_eq!(
            keys(ConversionStrategy::Unicode, &given),
            ["_U002f_foo_U002f_bar", "_U1f600_", "c_U0020_d", "e_U003a_f", "ok.k-e_y"]
        );
    }

    #[test]
    fn letters_and_digits_of_every_script_stay_and_marks_do_not() {
        assert_eq!(converted(ConversionStrategy::Default, "schlüssel漢字½Ⅷ"), "schlüssel漢字½Ⅷ");
        assert_eq!(converted(ConversionStrategy::Default, "\u{928}\u{940}"), "\u{928}_");
    }

    #[test]
    fn two_keys_that_become_the_same_are_an_error() {
        let error = convert(ConversionStrategy::Default, map(&["a/b", "a b"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error applying conversion strategy Default to keys: secret name collision during conversion: a_b"
        );
        assert_eq!(keys(ConversionStrategy::Unicode, &["a/b", "a b"]).len(), 2);
    }

    #[test]
    fn an_empty_key_is_dropped_and_bad_ones_are_named() {
        assert_eq!(valid_keys(map(&["", "b", "ü"])).unwrap(), map(&["b", "ü"]));
        let slash = valid_keys(map(&["a/b"])).unwrap_err().to_string();
        assert_eq!(
            slash,
            "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): key has invalid character /, \
             only alphanumeric, '-', '.' and '_' are allowed: a/b"
        );
        assert!(valid_keys(map(&["k".repeat(MAX_KEY_BYTES).as_str()])).is_ok());
        let long = valid_keys(map(&["ü".repeat(MAX_KEY_BYTES).as_str()])).unwrap_err();
        assert_eq!(long, KeyError::TooLong { length: 506, start: "ü".repeat(126) });
    }
}
