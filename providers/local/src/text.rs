//! Encodings of bytes as text that the `base64` crate does not know: hex and base32.

use zeroize::Zeroizing;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// RFC 4648 base32, padded with `=`.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut block = [0; 8];
        for (place, byte) in block.iter_mut().skip(3).zip(group) {
            *place = *byte;
        }
        let number = u64::from_be_bytes(block);
        // Bits of the group, in digits of five.
        let digits = (group.len() * 8).div_ceil(5);
        for digit in 0..8 {
            let index = usize::try_from(number >> (35 - 5 * digit) & 31).unwrap_or_default();
            let letter = BASE32.get(index).copied().unwrap_or(b'=');
            text.push(char::from(if digit < digits { letter } else { b'=' }));
        }
    }
    text
}

/// The bytes of RFC 4648 base32 text without padding; `None` if it is not that. Left-over bits are dropped, and so is a
/// last group of 1, 3 or 6 letters, which no bytes give: upstream's decoder takes such text, and skips that group.
pub(crate) fn from_base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut rest, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let digit = BASE32.iter().position(|known| *known == letter)?;
        rest = rest << 5 | u32::try_from(digit).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(rest >> bits & 0xff).ok()?);
            rest &= (1 << bits) - 1;
        }
    }
    if matches!(text.len() % 8, 1 | 3 | 6) {
        bytes.truncate(text.len() / 8 * 5);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_gives_the_vectors_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY======"),
            ("fo", "MZXQ===="),
            ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI======"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
            let back = from_base32(text.trim_end_matches('=')).unwrap();
            assert_eq!(back.as_slice(), plain.as_bytes());
        }
        for (text, plain) in [
            ("JBSWY3DPE", "Hello"),
            ("JBSWY3DPEH", "Hello!"),
            ("JBSWY3DPEHP", "Hello"),
            ("JBSWY3DPEHPK3P", "Hello"),
            ("M", ""),
            ("MZX", ""),
            ("MZXW6Y", ""),
        ] {
            assert_eq!(from_base32(text).unwrap().as_slice(), plain.as_bytes(), "{text}");
        }
        assert_eq!(from_base32("MZ1"), None);
        assert_eq!(from_base32("M1"), None);
        assert_eq!(from_base32("my"), None);
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(hex(&[0, 0x9f, 0xff]), "009fff");
    }
}
