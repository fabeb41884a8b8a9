//! Decides what a fetched value decodes to (spec eso-core 2.5): base64 with the exact leniency of Go's decoder.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// `decodingStrategy` of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecodingStrategy {
    /// The value stays as it is.
    #[default]
    None,
    /// Base64 in either alphabet if it is that, else the value itself. Never fails.
    Auto,
    /// Base64 with `+` and `/`, with padding.
    Base64,
    /// Base64 with `-` and `_`, with padding.
    Base64URL,
}

impl DecodingStrategy {
    /// The word as it stands in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Auto => "Auto",
            Self::Base64 => "Base64",
            Self::Base64URL => "Base64URL",
        }
    }
}

/// Why a value was not decoded, in upstream's words. Names the strategy, the key if it was one of a map, and the
/// place; never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error applying decoding strategy {strategy} to data: {}illegal base64 data at input byte {at}", in_key(.key.as_deref()), strategy = .strategy.as_str())]
pub struct DecodeError {
    /// The strategy that was asked for.
    pub strategy: DecodingStrategy,
    /// The key whose value it was; `None` for a single value.
    pub key: Option<String>,
    /// Index of the byte at which decoding gave up.
    pub at: usize,
}

fn in_key(key: Option<&str>) -> String {
    key.map(|key| format!("failure decoding key {key}: ")).unwrap_or_default()
}

/// The decoded value.
///
/// # Errors
///
/// The value is not base64 of the strategy's alphabet.
pub fn decode(strategy: DecodingStrategy, value: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let decoded = match strategy {
        DecodingStrategy::None => return Ok(value.to_vec()),
        DecodingStrategy::Auto => {
            return Ok(base64(value, Alphabet::Standard)
                .or_else(|_| base64(value, Alphabet::Url))
                .unwrap_or_else(|_| value.to_vec()));
        }
        DecodingStrategy::Base64 => base64(value, Alphabet::Standard),
        DecodingStrategy::Base64URL => base64(value, Alphabet::Url),
    };
    decoded.map_err(|at| DecodeError { strategy, key: None, at })
}

/// Every value of a map decoded; the keys stay.
///
/// # Errors
///
/// As [`decode`], for the first key in sorted order.
pub fn decode_map(
    strategy: DecodingStrategy,
    values: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, DecodeError> {
    values
        .iter()
        .map(|(key, value)| match decode(strategy, value) {
            Ok(value) => Ok((key.clone(), value)),
            Err(error) => Err(DecodeError { key: Some(key.clone()), ..error }),
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Standard,
    Url,
}

impl Alphabet {
    fn bits(self, byte: u8) -> Option<u32> {
        let bits = match (byte, self) {
            (b'A'..=b'Z', _) => byte - b'A',
            (b'a'..=b'z', _) => byte - b'a' + 26,
            (b'0'..=b'9', _) => byte - b'0' + 52,
            (b'+', Self::Standard) | (b'-', Self::Url) => 62,
            (b'/', Self::Standard) | (b'_', Self::Url) => 63,
            _ => return None,
        };
        Some(u32::from(bits))
    }
}

/// Go's decoder: line ends are skipped anywhere, padding is required, bits beyond the last byte are ignored. The
/// error is the index that Go names.
fn base64(text: &[u8], alphabet: Alphabet) -> Result<Vec<u8>, usize> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3));
    let mut group = 0_u32;
    let mut count = 0_usize;
    let mut bytes = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    while let Some((at, byte)) = bytes.next() {
        if let Some(bits) = alphabet.bits(byte) {
            group = group << 6 | bits;
            count += 1;
            if count == 4 {
                out.extend_from_slice(group.to_be_bytes().get(1..).unwrap_or_default());
                (group, count) = (0, 0);
            }
            continue;
        }
        if byte != b'=' || count < 2 {
            return Err(at);
        }
        if count == 2 {
            match bytes.next() {
                Some((_, b'=')) => {}
                // Go names the byte before the one that should have been the second `=`.
                Some((at, _)) => return Err(at - 1),
                None => return Err(text.len()),
            }
        }
        if let Some((at, _)) = bytes.next() {
            return Err(at);
        }
        let group = (group << (6 * (4 - count))).to_be_bytes();
        out.extend_from_slice(group.get(1..count).unwrap_or_default());
        return Ok(std::mem::take(&mut out));
    }
    // Go names the place where the unfinished group begins, counted back from the end, line ends included.
    if count == 0 { Ok(std::mem::take(&mut out)) } else { Err(text.len() - count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(strategy: DecodingStrategy, text: &str) -> Result<Vec<u8>, usize> {
        decode(strategy, text.as_bytes()).map_err(|error| error.at)
    }

    #[test]
    fn base64_follows_gos_decoder() {
        // Expectations from Go 1.26, encoding/base64 StdEncoding.
        let cases: [(&str, Result<&[u8], usize>); 27] = [
            ("aGVsbG8gfj8=", Ok(b"hello ~?")),
            ("", Ok(b"")),
            ("aGVs\nbG8=", Ok(b"hello")),
            ("aGVsbG8=\r\n", Ok(b"hello")),
            ("aGVsbG\r\n8\n=", Ok(b"hello")),
            ("aGVsbA=\n=", Ok(b"hell")),
            ("aGVsbG9=", Ok(b"hello")),
            ("YQBi", Ok(b"a\0b")),
            ("test", Ok(b"\xb5\xeb-")),
            ("not base64 !", Err(3)),
            ("aGVsbG8", Err(4)),
            ("aGVs bG8=", Err(4)),
            ("-__-Pw==", Err(0)),
            ("%%", Err(0)),
            ("a", Err(0)),
            ("ab", Err(0)),
            ("abc", Err(0)),
            ("ab\nc\n", Err(2)),
            ("a===", Err(1)),
            ("ab=", Err(3)),
            ("ab=c", Err(2)),
            ("ab=\n", Err(4)),
            ("abc=d", Err(4)),
            ("ab==\nd", Err(5)),
            ("abc==", Err(4)),
            ("=", Err(0)),
            ("\n\n", Ok(b"")),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(DecodingStrategy::Base64, text), expected.map(<[u8]>::to_vec), "{text:?}");
        }
        assert_eq!(decoded(DecodingStrategy::Base64URL, "-__-Pw=="), Ok(b"\xfb\xff\xfe?".to_vec()));
        assert_eq!(decoded(DecodingStrategy::Base64URL, "a+b="), Err(1));
    }

    #[test]
    fn auto_tries_both_alphabets_and_never_fails() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"aGVsbG8gfj8=", b"hello ~?"),
            (b"-__-Pw==", b"\xfb\xff\xfe?"),
            (b"aGVsbG8", b"aGVsbG8"),
            (b"not base64 !", b"not base64 !"),
            (b"\xff\x00", b"\xff\x00"),
        ];
        for (value, expected) in cases {
            assert_eq!(decode(DecodingStrategy::Auto, value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn errors_read_as_upstreams_and_name_the_key() {
        let single = decode(DecodingStrategy::Base64, b"%%").unwrap_err();
        assert_eq!(
            single.to_string(),
            "error applying decoding strategy Base64 to data: illegal base64 data at input byte 0"
        );
        let values =
            BTreeMap::from([("a".to_owned(), b"aGVsbG8=".to_vec()), ("b".to_owned(), b"%%".to_vec())]);
        let of_map = decode_map(DecodingStrategy::Base64, &values).unwrap_err();
        assert_eq!(
            of_map.to_string(),
            "error applying decoding strategy Base64 to data: failure decoding key b: illegal base64 data at input byte 0"
        );
        assert_eq!(decode_map(DecodingStrategy::None, &values).unwrap(), values);
    }
}
