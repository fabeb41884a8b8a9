//! Decides what bytes a JSON value stands for, by upstream's rules (spec eso-providers D and F).

use serde_json::Value;
use strongroom_provider_api::SecretBytes;
use strongroom_provider_kit::go_json::{self, Numbers};

/// The bytes of what a JSONPath met: of a list its first element; `None` where that is empty.
///
/// A number is printed without decimals, as upstream prints it: 1.7 becomes 2. Users' Secrets depend on it.
pub(crate) fn bytes(value: &Value) -> Option<SecretBytes> {
    Some(match value {
        Value::Null => SecretBytes::default(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Number(number) => format!("{:.0}", number.as_f64()?).into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => return bytes(items.first()?),
        Value::Object(_) => go_json::printed(value, Numbers::Floats),
    })
}

/// The bytes of a member of a map: a number with all its digits.
pub(crate) fn member(value: &Value) -> SecretBytes {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or_default().to_string().into(),
        Value::Array(_) => go_json::printed(value, Numbers::Floats),
        other => bytes(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json_path::JsonPath;

    fn text(value: &Value) -> Option<String> {
        bytes(value).map(|bytes| bytes.expose_str().unwrap().to_owned())
    }

    fn at(path: &str, document: &Value) -> Option<String> {
        text(&JsonPath::parse(path).unwrap().value(document).unwrap())
    }

    #[test]
    fn row_36_an_object_is_given_as_json() {
        let document = json!({ "result": { "thesecret": { "one": "secret-value" } } });
        assert_eq!(at("$.result.thesecret", &document).as_deref(), Some(r#"{"one":"secret-value"}"#));
    }

    #[test]
    fn row_37_of_a_list_the_first_element_is_given() {
        let document = json!({ "secrets": [{ "name": 123 }, { "name": 456 }] });
        assert_eq!(at("$..name", &document).as_deref(), Some("123"));
    }

    #[test]
    fn row_38_a_filter_without_match_gives_nothing() {
        let document = json!({ "secrets": [{ "name": "y", "value": 1 }] });
        assert_eq!(at(r#"$.secrets[?@.name=="x"].value"#, &document), None);
    }

    #[test]
    fn single_values_are_printed_as_upstream_prints_them() {
        for (value, expected) in [
            (json!(1.7), "2"),
            (json!(2.5), "2"),
            (json!(9_007_199_254_740_993_i64), "9007199254740992"),
            (json!(true), "true"),
            (json!(null), ""),
            (json!("<a&b>"), "<a&b>"),
        ] {
            assert_eq!(text(&value).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_object_is_printed_as_go_prints_it() {
        let document: Value = serde_json::from_str(
            r#"{"b":1.0,"a":"<&>","c":[1e21,1e-7,1.5,12345678901234567890,null,false]}"#,
        )
        .unwrap();
        let expected =
            r#"{"a":"\u003c\u0026\u003e","b":1,"c":[1e+21,1e-7,1.5,12345678901234567000,null,false]}"#;
        assert_eq!(text(&document).as_deref(), Some(expected));
    }
}
