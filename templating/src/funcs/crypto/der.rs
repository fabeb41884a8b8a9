//! DER (X.690) as far as keys, certificates and key stores need it: a reader that never panics and a writer.

use zeroize::Zeroizing;

/// One encoded value. Wiped, because it may be a private key.
pub(super) type Der = Zeroizing<Vec<u8>>;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const BMP_STRING: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Reads one element after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// An element that was read.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// The tag `[number]` of a constructed, context-specific element.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, if the bytes hold one with a definite, minimal length and a short tag.
    pub(super) fn element(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if tag & 0x1f == 0x1f {
            return None;
        }
        if first >= 0x80 {
            let digits = usize::from(first & 0x7f);
            if !(1..=4).contains(&digits) {
                return None;
            }
            let (bytes, after) = rest.split_at_checked(digits)?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if length < 0x80 || bytes.first() == Some(&0) {
                return None;
            }
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Element { tag, content })
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.optional(tag)
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.element().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element.content)
    }

    /// A reader of what is inside the next element, which must have this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self::new)
    }

    /// The next element as a number that is not negative, without leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.expect(INTEGER)?;
        if content.first()? & 0x80 != 0 {
            return None;
        }
        Some(without_leading_zeros(content))
    }

    /// The next element as a number that is not negative and fits.
    pub(super) fn small(&mut self) -> Option<u32> {
        let digits = self.unsigned()?;
        (digits.len() <= 4).then(|| digits.iter().fold(0, |value, digit| value << 8 | u32::from(*digit)))
    }
}

/// The content of `bytes` if they are exactly one element with this tag.
pub(super) fn sole(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let content = reader.expect(tag)?;
    reader.is_empty().then_some(content)
}

/// The number's significant digits.
pub(super) fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

/// An element with the parts as its content.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Der {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut der = Zeroizing::new(Vec::with_capacity(length + 6));
    der.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        der.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let digits = without_leading_zeros(&bytes);
        der.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
        der.extend_from_slice(digits);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// An element whose parts are encoded values.
pub(super) fn constructed(tag: u8, parts: &[Der]) -> Der {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
    element(tag, &parts)
}

pub(super) fn sequence(parts: &[Der]) -> Der {
    constructed(SEQUENCE, parts)
}

/// An `INTEGER` of a number that is not negative.
pub(super) fn unsigned(digits: &[u8]) -> Der {
    let digits = without_leading_zeros(digits);
    let sign: &[u8] = if digits.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    element(INTEGER, &[sign, digits])
}

/// A `PrintableString` if the text can be one, otherwise a `UTF8String`.
pub(super) fn text(text: &str) -> Der {
    let is_printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    let tag = if text.bytes().all(is_printable) { PRINTABLE_STRING } else { UTF8_STRING };
    element(tag, &[text.as_bytes()])
}

/// A `BIT STRING` of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Der {
    element(BIT_STRING, &[&[0], bytes])
}

/// An `AlgorithmIdentifier`: the object identifier's content and the encoded parameters, if any.
pub(super) fn algorithm(oid: &[u8], parameters: Option<Der>) -> Der {
    let oid = element(OID, &[oid]);
    match parameters {
        Some(parameters) => sequence(&[oid, parameters]),
        None => sequence(&[oid]),
    }
}

pub(super) fn null() -> Der {
    element(NULL, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_survive_the_round_trip() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let der = element(OCTET_STRING, &[&content]);
            assert_eq!(sole(&der, OCTET_STRING), Some(content.as_slice()), "{length}");
        }
    }

    #[test]
    fn what_is_not_der_is_not_read() {
        let wrong: [&[u8]; 7] = [
            b"",
            b"\x04",
            b"\x04\x05abcd",
            b"\x04\x80ab\0\0",
            b"\x04\x81\x01a",
            b"\x04\x82\0\x81a",
            b"\x1f\x01\x01a",
        ];
        for bytes in wrong {
            assert!(Reader::new(bytes).element().is_none(), "{bytes:?}");
        }
        assert_eq!(sole(b"\x04\x01ab", OCTET_STRING), None, "something is left");
    }

    #[test]
    fn a_number_is_never_negative() {
        assert_eq!(unsigned(&[0, 0, 0x80]).as_slice(), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[]).as_slice(), [2, 1, 0]);
        assert_eq!(Reader::new(&[2, 1, 0x80]).unsigned(), None);
        assert_eq!(Reader::new(&[2, 2, 1, 0]).small(), Some(256));
    }
}
