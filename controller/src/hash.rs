//! The hashes that upstream's objects carry, bit-exact: a difference would make every Secret look altered
//! (spec eso-core 2.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use sha3::{Digest, Sha3_224};

/// Lower-case hex SHA3-224 of `text`.
pub fn text(text: &str) -> String {
    bytes(text.as_bytes())
}

/// Lower-case hex SHA3-224 of `bytes`.
pub fn bytes(bytes: &[u8]) -> String {
    hex(Sha3_224::digest(bytes).as_slice())
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

/// Hash of what a target that is not a Secret holds: `.spec`, or `.data` where there is no spec; nothing if it has
/// neither.
pub fn manifest(object: &Value) -> Option<String> {
    let part = ["spec", "data"].iter().find_map(|part| object.get(part).filter(|part| !part.is_null()))?;
    let mut printed = String::new();
    go_print(&mut printed, part);
    Some(text(&printed))
}

/// Go's `%v` of decoded JSON.
fn go_print(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::String(text) => out.push_str(text),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&go_float(float)),
            None => out.push_str(&number.to_string()),
        },
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                go_print(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push_str("map[");
            let sorted: BTreeMap<_, _> = members.iter().collect();
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                out.push_str(key);
                out.push(':');
                go_print(out, member);
            }
            out.push(']');
        }
    }
}

/// Go's `%v` of a float: the shortest digits, with an exponent from 1e+06 up and below 1e-4.
fn go_float(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
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
    use serde_json::json;

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
    fn a_manifest_is_printed_as_go_does() {
        let printed = |value: Value| {
            let mut out = String::new();
            go_print(&mut out, &value);
            out
        };
        let value = json!({ "b": [1, "x", null, true], "a": { "f": 1.5, "g": 1e21, "h": 1e-7, "i": 1e6 } });
        assert_eq!(printed(value), "map[a:map[f:1.5 g:1e+21 h:1e-07 i:1e+06] b:[1 x <nil> true]]");
        let (spec, data) =
            (json!({ "spec": { "a": 1 }, "data": {} }), json!({ "spec": null, "data": { "a": 1 } }));
        assert_eq!(manifest(&spec), Some(text("map[a:1]")));
        assert_eq!(manifest(&data), manifest(&spec));
        assert_eq!(manifest(&json!({ "status": {} })), None);
    }

    #[test]
    fn every_byte_is_printed_in_decimal() {
        for byte in 0..=255_u8 {
            assert_eq!(decimal(byte, &mut [0; 3]), byte.to_string().as_bytes());
        }
    }
}
