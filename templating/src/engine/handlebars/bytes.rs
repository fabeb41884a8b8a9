//! Carries bytes that are not UTF-8 through an engine whose values are text.
//!
//! Such a byte becomes one character of a private range (U+10FF00 and up), and back when it is written. A real
//! character of that range is carried byte by byte too, so nothing is ambiguous.

/// The character that stands for byte 0.
const FIRST: u32 = 0x10_ff00;

/// The bytes as text of the engine.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if stands_for(character).is_some() {
                out.extend(character.encode_utf8(&mut [0; 4]).bytes().filter_map(stand_in));
            } else {
                out.push(character);
            }
        }
        out.extend(chunk.invalid().iter().copied().filter_map(stand_in));
    }
    out
}

/// Appends the bytes that a text of the engine means.
pub(super) fn append(out: &mut Vec<u8>, text: &[u8]) {
    for character in text.utf8_chunks().flat_map(|chunk| chunk.valid().chars()) {
        match stands_for(character) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// True if a text has characters of the private range.
pub(super) fn has_stand_ins(text: &str) -> bool {
    text.chars().any(|character| stands_for(character).is_some())
}

fn stand_in(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte))
}

fn stands_for(character: char) -> Option<u8> {
    u32::from(character).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_survives() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        for bytes in [&all[..], "text é 😀".as_bytes(), "\u{10ff41}".as_bytes(), b"\xff\xfe\x00", b""] {
            let mut back = Vec::new();
            append(&mut back, text(bytes).as_bytes());
            assert_eq!(back, bytes);
        }
    }
}
