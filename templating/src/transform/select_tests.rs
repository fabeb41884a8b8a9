//! What is selected from a payload, row by row of spec eso-providers F.

use super::*;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn selected(document: &str, name: &str, order: PropertyOrder, map: JsonMap) -> Option<String> {
    property(document.as_bytes(), name, order, map).unwrap().map(text)
}

fn vault(document: &str, name: &str) -> Option<String> {
    selected(document, name, PropertyOrder::LiteralThenPath, JsonMap::Reserialised)
}

fn aws(document: &str, name: &str) -> Option<String> {
    selected(document, name, PropertyOrder::LiteralThenPath, JsonMap::RawText)
}

fn members(document: &str, map: JsonMap) -> Vec<(String, String)> {
    fields(document.as_bytes(), map).unwrap().into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_whole_object_is_sorted_compact_escaped_and_keeps_its_numbers() {
    let document = br#"{ "b" : {"z":1,"a":[ 1.50, 1E+2 ]}, "a" : "<&>" }"#;
    assert_eq!(
        text(whole(document, JsonMap::Reserialised)),
        r#"{"a":"\u003c\u0026\u003e","b":{"a":[1.50,1E+2],"z":1}}"#
    );
    assert_eq!(whole(document, JsonMap::RawText), document);
}

#[test]
fn what_is_not_an_object_stays_as_it_is() {
    for document in [&b"plain"[..], b"[1, 2]", b"\"x\"", b"{\"a\":1} tail", b"", b"\xff\x00"] {
        assert_eq!(whole(document, JsonMap::Reserialised), document);
    }
}

#[test]
fn a_top_level_member_wins_over_the_path() {
    let document = r#"{"access_key":"k","nested":{"foo":"oke","bar":"inner"},"nested.bar":"something different","json_number":42}"#;
    assert_eq!(vault(document, "access_key").as_deref(), Some("k"));
    assert_eq!(vault(document, "nested.foo").as_deref(), Some("oke"));
    assert_eq!(vault(document, "nested.bar").as_deref(), Some("something different"));
    assert_eq!(vault(document, "json_number").as_deref(), Some("42"));
    assert_eq!(vault(document, "nop.doesnt.exist"), None);
    assert_eq!(
        selected(document, "nested.bar", PropertyOrder::PathOnly, JsonMap::RawText).as_deref(),
        Some("inner")
    );
    assert_eq!(selected(document, "nested.foo", PropertyOrder::LiteralOnly, JsonMap::Reserialised), None);
}

#[test]
fn literal_members_with_special_characters_are_found_in_raw_payloads() {
    assert_eq!(aws(r#"{"/shmoo": "bang"}"#, "/shmoo").as_deref(), Some("bang"));
    assert_eq!(aws(r#"{"/shmoo.boom": "bang"}"#, "/shmoo.boom").as_deref(), Some("bang"));
    assert_eq!(aws(r#"{"foobar.baz":"nestedval"}"#, "foobar.baz").as_deref(), Some("nestedval"));
    assert_eq!(aws(r#"{"foobar":{"baz":"nestedval"}}"#, "foobar.baz").as_deref(), Some("nestedval"));
    assert_eq!(aws(r#"{"axb":"no","a*b":"yes"}"#, "a*b").as_deref(), Some("yes"));
    for name in [
        "@this", "#", "!x", "{a}", "[a", "a|b", "..", ".", "a\\b", "q\"", "é", "a b", "#(a)", "a?c", "~",
        "\u{1}",
    ] {
        let document = serde_json::json!({ "other": "no", name: "yes" }).to_string();
        assert_eq!(aws(&document, name).as_deref(), Some("yes"), "{name}");
        assert_eq!(vault(&document, name).as_deref(), Some("yes"), "{name}");
    }
    assert_eq!(aws("------", "INVALPROP"), None);
}

#[test]
fn a_literal_member_of_a_reserialised_payload_follows_the_value_table() {
    let document = r#"{"s":"<a>\n","n":1.50,"big":12345678901234567890,"t":true,"z":null,"o":{"b":1.50,"a":"<"},"l":[1, 2]}"#;
    let expected = [
        ("s", "<a>\n"),
        ("n", "1.50"),
        ("big", "12345678901234567890"),
        ("t", "true"),
        ("z", ""),
        ("o", r#"{"a":"\u003c","b":1.50}"#),
        ("l", "[1,2]"),
    ];
    for (name, value) in expected {
        assert_eq!(vault(document, name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn a_path_into_a_reserialised_payload_cuts_out_printed_text_and_normalises_numbers() {
    let document = r#"{"o":{"p":{"b": 1.50,"a":"<"},"n":1.50,"s":"<"}}"#;
    assert_eq!(vault(document, "o.p").as_deref(), Some(r#"{"a":"\u003c","b":1.50}"#));
    assert_eq!(vault(document, "o.n").as_deref(), Some("1.5"));
    assert_eq!(vault(document, "o.s").as_deref(), Some("<"));
    assert_eq!(aws(document, "o.p").as_deref(), Some(r#"{"b": 1.50,"a":"<"}"#));
}

#[test]
fn numbers_null_and_missing_are_text_as_gjson_gives_them() {
    let document = r#"{"a":1.0,"b":1e3,"c":0.10,"d":12345678901234567890,"e":null,"f":1e400}"#;
    let expected =
        [("a", "1"), ("b", "1000"), ("c", "0.1"), ("d", "12345678901234567890"), ("e", ""), ("f", "+Inf")];
    for (name, value) in expected {
        let found = selected(document, name, PropertyOrder::PathOnly, JsonMap::RawText);
        assert_eq!(found.as_deref(), Some(value), "{name}");
    }
    assert_eq!(selected(document, "g", PropertyOrder::PathOnly, JsonMap::RawText), None);
    assert_eq!(selected("just text", "@this", PropertyOrder::PathOnly, JsonMap::RawText), None);
}

#[test]
fn raw_fields_unquote_strings_and_keep_every_other_text() {
    let document = "{ \"a\" : { \"k\" :  [ 1 ,2 ] } , \"b\" : -0.50e+2,\"s\":\"line\\nbreak \\u00fc \\ud83d\\ude00 \\/\",\"z\":null,\
                    \"e\":{\"k\":\"\\u003c\"},\"t\":true,\"d\":\"1\",\"d\":\"2\",\"\":\"x\"}";
    assert_eq!(
        members(document, JsonMap::RawText),
        pairs(&[
            ("", "x"),
            ("a", "{ \"k\" :  [ 1 ,2 ] }"),
            ("b", "-0.50e+2"),
            ("d", "2"),
            ("e", "{\"k\":\"\\u003c\"}"),
            ("s", "line\nbreak ü 😀 /"),
            ("t", "true"),
            ("z", ""),
        ])
    );
}

#[test]
fn reserialised_fields_print_numbers_as_floats_without_exponent() {
    let document = r#"{"a":2.12,"b":2.1234534153423423,"c":42,"d":true,"e":1e21,"f":9007199254740993,"g":{"z":1.50,"a":"<","e":1e21},"h":null,"i":"acc<ess_&ke.,y","j":[1e-7],"k":1.50}"#;
    assert_eq!(
        members(document, JsonMap::Reserialised),
        pairs(&[
            ("a", "2.12"),
            ("b", "2.1234534153423423"),
            ("c", "42"),
            ("d", "true"),
            ("e", "1000000000000000000000"),
            ("f", "9007199254740992"),
            ("g", r#"{"a":"\u003c","e":1e+21,"z":1.5}"#),
            ("h", ""),
            ("i", "acc<ess_&ke.,y"),
            ("j", "[1e-7]"),
            ("k", "1.5"),
        ])
    );
}

#[test]
fn null_is_an_empty_map_and_anything_else_is_an_error_without_the_value() {
    assert_eq!(members("null", JsonMap::RawText), []);
    let message = |document: &str| fields(document.as_bytes(), JsonMap::RawText).unwrap_err().to_string();
    assert_eq!(message("canary"), "invalid JSON at byte 0");
    assert_eq!(message("[\"canary\"]"), "expected a JSON object, found array");
    assert_eq!(message("{\"a\":\"1\"} canary"), "invalid JSON at byte 10");
    let range = fields(br#"{"a":1e400}"#, JsonMap::Reserialised).unwrap_err().to_string();
    assert_eq!(range, "member \"a\": a JSON number is out of range");
    let long = "a".repeat(crate::limits::MAX_PATH_BYTES + 1);
    let path = property(b"{}", &long, PropertyOrder::PathOnly, JsonMap::RawText).unwrap_err();
    assert_eq!(path, SelectError::Path(GjsonError::TooLong));
}

#[test]
fn a_raw_path_keeps_the_text_of_what_is_no_text() {
    let document = r#"{"spec":{"t":"<x>","n":1.50,"o":{"b": 1},"none":null,"yes":true}}"#;
    let found = |name| selected(document, name, PropertyOrder::RawPath, JsonMap::RawText);
    for (name, text) in [
        ("spec.t", "<x>"),
        ("spec.n", "1.50"),
        ("spec.o", r#"{"b": 1}"#),
        ("spec.none", "null"),
        ("spec.yes", "true"),
    ] {
        assert_eq!(found(name).as_deref(), Some(text), "{name}");
    }
    assert_eq!(found("spec.absent"), None);
}
