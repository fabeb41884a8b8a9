//! Where what is seen differs from what was recorded.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::observe::{BASE64, Seen};

/// The classes that are compared. `text` is for people: messages, events, field managers.
const JUDGED: [&str; 2] = ["data", "status"];

/// One stage of an expectation: object → class → observation → value.
type StageExpectation = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;

/// One line for each observation that is not as expected.
pub(crate) fn differences(stage: &str, expected: Option<&StageExpectation>, seen: &Seen) -> Vec<String> {
    let mut missing = Seen::new();
    for (object, classes) in expected.into_iter().flatten() {
        for (_, observations) in classes.iter().filter(|(class, _)| JUDGED.contains(&class.as_str())) {
            for (observation, value) in observations {
                missing.insert((object.clone(), observation.clone()), value.clone());
            }
        }
    }
    let mut lines = Vec::new();
    let mut tell =
        |(object, observation): &(String, String), expected: Option<&Value>, seen: Option<&Value>| {
            let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            lines.push(format!(
                "{stage}: {object} {observation}: expected {}, seen {}",
                text(expected),
                text(seen)
            ));
        };
    for (place, value) in seen {
        let expected = missing.remove(place);
        if !expected.as_ref().is_some_and(|expected| same(place, expected, value)) {
            tell(place, expected.as_ref(), Some(value));
        }
    }
    for (place, value) in &missing {
        tell(place, Some(value), None);
    }
    lines
}

fn same((_, observation): &(String, String), expected: &Value, seen: &Value) -> bool {
    if expected == seen {
        return true;
    }
    match (expected.as_str(), seen.as_str()) {
        (Some(expected), Some(seen)) if observation.starts_with("data/") => bytes(expected) == bytes(seen),
        _ => false,
    }
}

/// What a recorded value stands for: some text with invisible characters is recorded in base64, too.
fn bytes(recorded: &str) -> Vec<u8> {
    let encoded = recorded.strip_prefix(BASE64).and_then(|encoded| STANDARD.decode(encoded).ok());
    encoded.unwrap_or_else(|| recorded.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected() -> StageExpectation {
        serde_json::from_value(json!({ "Secret/es": {
            "data": { "type": "Opaque", "data/k": "base64:4oCo" },
            "text": { "managers": ["someone"] },
        } }))
        .unwrap()
    }

    fn seen(entries: &[(&str, &str)]) -> Seen {
        entries.iter().map(|(name, value)| (("Secret/es".into(), (*name).into()), json!(value))).collect()
    }

    #[test]
    fn text_is_not_judged_and_base64_is_only_a_notation() {
        let seen = seen(&[("type", "Opaque"), ("data/k", "\u{2028}")]);
        assert_eq!(differences("start", Some(&expected()), &seen), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_changed_or_too_much_is_told() {
        let seen = seen(&[("type", "other"), ("data/more", "x")]);
        assert_eq!(
            differences("start", Some(&expected()), &seen),
            [
                r#"start: Secret/es data/more: expected nothing, seen "x""#,
                r#"start: Secret/es type: expected "Opaque", seen "other""#,
                r#"start: Secret/es data/k: expected "base64:4oCo", seen nothing"#,
            ]
        );
    }
}
