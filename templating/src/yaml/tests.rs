use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::*;

/// What apimachinery's and sigs.k8s.io/yaml's `Unmarshal` and `Marshal` did, one case a line.
const RECORDED: &str = include_str!("cases.jsonl");

fn recorded(field: &str) -> Vec<(String, Json)> {
    let cases = RECORDED.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    cases.filter_map(|case| Some((case[field].as_str()?.to_owned(), case))).collect()
}

#[test]
fn pairs_are_those_of_the_recorded_documents() {
    for (document, case) in recorded("document") {
        match key_values(document.as_bytes()) {
            Ok(pairs) => {
                let texts = pairs.into_iter().map(|(name, text)| (name, String::from_utf8(text).unwrap()));
                let pairs: BTreeMap<String, String> = texts.collect();
                assert_eq!(serde_json::to_value(pairs).unwrap(), case["pairs"], "{document:?}");
            }
            Err(fault) => {
                let expected = case["fault"].as_str().unwrap_or_else(|| panic!("{document:?}: {fault}"));
                // Upstream's text goes on with the value here.
                let shown = fault.to_string();
                let values = ["unknown anchor", "map key", "cannot decode", "contains itself"];
                let same = shown == expected
                    || values.iter().any(|text| shown.contains(text) && expected.contains(text));
                let line =
                    shown.contains("undefined tag handle") && expected.contains("undefined tag handle");
                assert!(same || line || shown.contains("tag says"), "{document:?}: {shown}, not {expected}");
            }
        }
    }
}

#[test]
fn typed_values_are_those_of_the_recorded_documents() {
    for (document, case) in recorded("document") {
        assert_eq!(typed(document.as_bytes()).as_ref(), case.get("typed"), "{document:?}");
    }
}

#[test]
fn values_are_written_as_recorded() {
    for (json, case) in recorded("json") {
        let text = written(json.as_bytes()).unwrap_or_default();
        assert_eq!(String::from_utf8(text).unwrap(), case["yaml"].as_str().unwrap(), "{json}");
    }
}

#[test]
fn invalid_utf8_is_refused() {
    let reason = |document: &[u8]| key_values(document).unwrap_err().to_string();
    assert_eq!(reason(b"a: \xff"), "error converting YAML to JSON: yaml: invalid leading UTF-8 octet");
    assert_eq!(reason(b"a: \xc3"), "error converting YAML to JSON: yaml: incomplete UTF-8 octet sequence");
    assert_eq!(reason(b"a: \xc3("), "error converting YAML to JSON: yaml: invalid trailing UTF-8 octet");
    assert_eq!(reason(b"a: \x00"), "error converting YAML to JSON: yaml: control characters are not allowed");
}

#[test]
fn bytes_of_a_binary_scalar_that_are_no_text_become_replacement_characters() {
    let read = |document: &[u8]| key_values(document).unwrap().remove(0).1;
    assert_eq!(read(b"a: !!binary /w=="), "\u{fffd}".as_bytes());
    assert_eq!(read(b"a: !!binary AAD/"), "\0\0\u{fffd}".as_bytes());
    assert_eq!(read(b"a: !!binary w7zDvA=="), "\u{fc}\u{fc}".as_bytes());
}

#[test]
fn faults_do_not_show_what_stands_there() {
    for document in ["a: *s3cret", "a: !!int s3cret", "[s3cret]: a", "a: 's3cret", "- s3cret", "a: b: s3cret"]
    {
        let fault = key_values(document.as_bytes()).unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains("s3cret"), "{document}");
    }
}

#[test]
fn documents_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(typed(nested(200).as_bytes()).is_some());
    assert_eq!(key_values(nested(300).as_bytes()), Err(YamlFault::TooDeep));
    let ladder: Vec<String> = (0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(key_values(ladder.concat().as_bytes()), Err(YamlFault::TooDeep));
    assert_eq!(key_values(&vec![b'a'; 5 * 1024 * 1024]), Err(YamlFault::TooLarge));
    assert_eq!(key_values(format!("a: [{}]", "1,".repeat(500_000)).as_bytes()), Err(YamlFault::TooLarge));
    let chain: Vec<String> = (1..400).map(|at| format!("a{at}: &a{at} [*a{}]\n", at - 1)).collect();
    assert_eq!(key_values(format!("a0: &a0 [x]\n{}", chain.concat()).as_bytes()), Err(YamlFault::TooDeep));
    assert_eq!(key_values(b"a: &a {b: *a}"), Err(YamlFault::Syntax("anchor value contains itself")));
}
