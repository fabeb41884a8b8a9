//! Writes DER: just what a certificate request needs.

/// Tags that are used.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// `content` under `tag`.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
        out.extend(bytes);
    }
    out.extend_from_slice(content);
    out
}

/// The members of a sequence.
pub(super) fn sequence<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    tagged(SEQUENCE, &members.into_iter().collect::<Vec<_>>().concat())
}

/// A set of one member.
pub(super) fn set_of(member: &[u8]) -> Vec<u8> {
    tagged(SET, member)
}

/// The number zero.
pub(super) fn zero() -> Vec<u8> {
    tagged(INTEGER, &[0])
}

/// Nothing.
pub(super) fn null() -> Vec<u8> {
    tagged(NULL, &[])
}

/// Whole bytes as bits.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(BIT_STRING, &[&[0], bytes].concat())
}

/// Bytes.
pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    tagged(OCTET_STRING, bytes)
}

/// Text.
pub(super) fn utf8(text: &str) -> Vec<u8> {
    tagged(UTF8_STRING, text.as_bytes())
}

/// The object identifier in `dotted`; `None` where it is none.
pub(super) fn oid(dotted: &str) -> Option<Vec<u8>> {
    let arcs = dotted.split('.').map(|arc| arc.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    let [first @ 0..=2, second, rest @ ..] = arcs.as_slice() else { return None };
    if *first < 2 && *second >= 40 {
        return None;
    }
    let mut content = base128(first.checked_mul(40)?.checked_add(*second)?);
    content.extend(rest.iter().flat_map(|arc| base128(*arc)));
    Some(tagged(OID, &content))
}

/// Seven bits a byte, the highest bit set on all but the last.
fn base128(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        out.push(if out.is_empty() { low } else { low | 0x80 });
        number >>= 7;
        if number == 0 {
            out.reverse();
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(tagged(4, &[7; 3]), [4, 3, 7, 7, 7]);
        assert_eq!(tagged(4, &[0; 0x7f])[..2], [4, 0x7f]);
        assert_eq!(tagged(4, &[0; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(tagged(4, &[0; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
        assert_eq!(tagged(4, &[0; 0x100])[..4], [4, 0x82, 0x01, 0x00]);
    }

    #[test]
    fn object_identifiers_are_written_as_x_690_has_them() {
        // X.690, 8.19.5.
        assert_eq!(oid("2.999.3").unwrap(), [6, 3, 0x88, 0x37, 3]);
        assert_eq!(oid("1.2.840.113549").unwrap(), [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        for wrong in ["", "1", "3.1", "1.40.1", "1.2.x", "1..2", "1.2.-3"] {
            assert_eq!(oid(wrong), None, "{wrong}");
        }
    }
}
