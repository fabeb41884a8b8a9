//! The hashes that upstream's objects carry, bit-exact: a difference would make every Secret look altered
//! (spec eso-core 2.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha3::{Digest, Sha3_224};

/// Lower-case hex SHA3-224 of `text`.
pub fn text(text: &str) -> String {
    hex(Sha3_224::digest(text.as_bytes()).as_slice())
}

/// Hash of a Secret's data: the SHA3-224 of Go's print of a `map[string][]byte`. `entries` must be sorted by
/// key, as a `BTreeMap` gives them.
pub fn data<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut sha = Sha3_224::new();
    sha.update(b"map[");
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            sha.update(b" ");
        }
        sha.update(key.as_bytes());
        sha.update(b":[");
        // Bytes are fed in decimal without ever building the whole text: it would be a second, longer-lived
        // copy of the secret.
        for (index, byte) in value.iter().enumerate() {
            if index > 0 {
                sha.update(b" ");
            }
            sha.update(decimal(*byte, &mut [0; 3]));
        }
        sha.update(b"]");
    }
    sha.update(b"]");
    hex(sha.finalize().as_slice())
}

/// Hash of labels and annotations, as it stands in `syncedResourceVersion`.
pub fn metadata(labels: &BTreeMap<String, String>, annotations: &BTreeMap<String, String>) -> String {
    text(&format!("{{annotations:{} labels:{}}}", go_map(annotations), go_map(labels)))
}

fn go_map(map: &BTreeMap<String, String>) -> String {
    let entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("map[{}]", entries.join(" "))
}

fn decimal(byte: u8, buffer: &mut [u8; 3]) -> &[u8] {
    *buffer = [b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10];
    let zeros = usize::from(byte < 100) + usize::from(byte < 10);
    buffer.get(zeros..).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_of(entries: &[(&str, &str)]) -> String {
        data(entries.iter().map(|(key, value)| (*key, value.as_bytes())))
    }

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn upstreams_vectors_are_reproduced() {
        assert_eq!(text("hello there"), "f78681ec611ebaeea0689bff6c7812a83ff98a7faba986d9af76c999");
        assert_eq!(text("default/example"), "5b1224068cc3cca5aa3071e518838346f821fe1761229559d4959980");
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[("bar", "value2"), ("foo", "value1")],
                "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64",
            ),
            (
                &[("password", "p4ss"), ("username", "admin")],
                "023474c9022d28454869c30faf4319e44505f2bdc6f67fc83420462e",
            ),
            (&[], "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"),
            (&[("a", "")], "b4267d3031c382774d3148a47147cc308a0e534ac8381b5d58565df8"),
        ];
        for (entries, expected) in cases {
            assert_eq!(data_of(entries), expected, "{entries:?}");
        }
        assert_eq!(
            metadata(&map(&[]), &map(&[])),
            "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
        );
        assert_eq!(
            metadata(&map(&[("app", "web")]), &map(&[("a", "1"), ("b", "two")])),
            "bebf0a81b34c8ec8e86d07056a63e72d4b9d5d1464f0f34833dc939b"
        );
    }

    #[test]
    fn every_byte_is_printed_in_decimal() {
        for byte in 0..=255_u8 {
            assert_eq!(decimal(byte, &mut [0; 3]), byte.to_string().as_bytes());
        }
    }
}
