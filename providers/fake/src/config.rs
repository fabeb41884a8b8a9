//! `spec.provider.fake`: the entries themselves.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};
use strongroom_provider_api::SecretBytes;

/// Settings of the fake provider (spec eso-providers D).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FakeConfig {
    /// The entries.
    // Of two whose key and version joined are the same text the later one counts, as upstream.
    pub data: Vec<Entry>,
    /// What a check of the store gives: 0 ready, 1 unknown, 2 error.
    pub validation_result: Option<ValidationResult>,
}

/// One entry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its remote key.
    pub key: String,
    /// Its value.
    #[serde(deserialize_with = "secret_text")]
    #[schemars(with = "String")]
    pub value: SecretBytes,
    /// Its version; an entry without one is read where no version is asked for.
    // So that the schema has no default for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// `validationResult`: 0 ready, 1 unknown, anything else an error.
pub type ValidationResult = i32;

/// Text, wiped on drop. Serde's own message would repeat a value of another type.
fn secret_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretBytes, D::Error> {
    // Not `deserialize_string`: that refuses other types before the visitor sees them.
    deserializer.deserialize_any(SecretText)
}

struct SecretText;

const NOT_TEXT: &str = "data[].value must be text; put it in quotes";

impl Visitor<'_> for SecretText {
    type Value = SecretBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretBytes, E> {
        Ok(SecretBytes::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<SecretBytes, E> {
        Ok(SecretBytes::from(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretBytes, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretBytes, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretBytes, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretBytes, E> {
        Err(E::custom(NOT_TEXT))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(data: &Value) -> Result<FakeConfig, String> {
        serde_json::from_value(json!({ "data": data })).map_err(|error| error.to_string())
    }

    #[test]
    fn the_schema_asks_for_entries_with_a_key_and_a_value_as_upstreams_does() {
        let schema = serde_json::to_value(schemars::schema_for!(FakeConfig)).unwrap();
        assert_eq!(schema["required"], json!(["data"]));
        let entry = &schema["$defs"]["Entry"];
        assert_eq!(entry["required"], json!(["key", "value"]));
        assert_eq!(entry["properties"]["key"]["default"], Value::Null);
    }

    #[test]
    fn debug_names_keys_and_never_values() {
        let data = json!([{ "key": "a", "value": "canary", "version": "v1" }]);
        let debug = format!("{:?}", config(&data).unwrap());
        assert!(debug.contains("\"a\"") && !debug.contains("canary"), "{debug}");
    }

    #[test]
    fn a_value_that_is_no_text_is_refused_without_being_repeated() {
        for (value, shown) in
            [(json!(5701), "57"), (json!(-5701), "57"), (json!(5.5), "5"), (json!(true), "true")]
        {
            let error = config(&json!([{ "key": "a", "value": value }])).unwrap_err();
            assert!(error.contains("data[].value") && !error.contains(shown), "{error}");
        }
    }
}
