//! Label selectors as Kubernetes reads them: which are none, and whom the others match.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

/// Longest name in a key, and longest value.
const MAX_NAME: usize = 63;
/// Longest prefix of a key.
const MAX_PREFIX: usize = 253;

/// True if `selector` matches `labels`; an empty one matches everything.
///
/// # Errors
/// What the API machinery refuses (`LabelSelectorAsSelector`): an operator that is none, `In` and `NotIn` without
/// values, `Exists` and `DoesNotExist` with some, keys and values that no label can have.
pub(super) fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Result<bool, String> {
    for (key, value) in selector.match_labels.iter().flatten() {
        check(key, std::slice::from_ref(value))?;
    }
    for expression in selector.match_expressions.iter().flatten() {
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                return Err(format!("{} of the key {:?} needs values", expression.operator, expression.key));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                return Err(format!(
                    "{} of the key {:?} takes no values",
                    expression.operator, expression.key
                ));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => check(&expression.key, values)?,
            other => return Err(format!("{other:?} is not a valid label selector operator")),
        }
    }
    let selector = Selector::try_from(selector.clone()).map_err(|error| error.to_string())?;
    Ok(selector.matches(labels))
}

fn check(key: &str, values: &[String]) -> Result<(), String> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !is_name(name) || prefix.is_some_and(|prefix| !is_domain(prefix)) {
        return Err(format!("{key:?} is no key of a label"));
    }
    match values.iter().find(|value| !value.is_empty() && !is_name(value)) {
        Some(value) => Err(format!("{value:?} is no value of a label")),
        None => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    let within = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= MAX_NAME
        && text.bytes().all(within)
        && ends.into_iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

fn is_domain(text: &str) -> bool {
    let within = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(within) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= MAX_PREFIX && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome(selector: Value, labels: &[(&str, &str)]) -> Result<bool, String> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        matches(&serde_json::from_value(selector).unwrap(), &labels)
    }

    #[test]
    fn what_kubernetes_refuses_is_no_selector() {
        let expression = |expression: Value| json!({ "matchExpressions": [expression] });
        for (selector, part) in [
            (expression(json!({ "key": "a", "operator": "In" })), "needs values"),
            (expression(json!({ "key": "a", "operator": "NotIn", "values": [] })), "needs values"),
            (expression(json!({ "key": "a", "operator": "Exists", "values": ["x"] })), "takes no values"),
            (
                expression(json!({ "key": "a", "operator": "DoesNotExist", "values": ["x"] })),
                "takes no values",
            ),
            (expression(json!({ "key": "a", "operator": "Near" })), "operator"),
            (expression(json!({ "key": "a b", "operator": "Exists" })), "no key"),
            (expression(json!({ "key": "a", "operator": "In", "values": ["b c"] })), "no value"),
            (json!({ "matchLabels": { "a": "b c" } }), "no value"),
            (json!({ "matchLabels": { "A.b/c": "d" } }), "no key"),
            (json!({ "matchLabels": { "": "d" } }), "no key"),
            (json!({ "matchLabels": { "a": "-" } }), "no value"),
            (json!({ "matchLabels": { "a": "b".repeat(64) } }), "no value"),
        ] {
            let error = outcome(selector.clone(), &[("a", "x")]).unwrap_err();
            assert!(error.contains(part), "{selector}: {error}");
        }
    }

    #[test]
    fn the_others_match_by_labels() {
        let team = [("example.com/team", "a"), ("empty", "")];
        for (selector, expected) in [
            (json!({}), true),
            (json!({ "matchLabels": { "example.com/team": "a", "empty": "" } }), true),
            (json!({ "matchLabels": { "example.com/team": "b" } }), false),
            (json!({ "matchExpressions": [{ "key": "none", "operator": "NotIn", "values": ["a"] }] }), true),
            (json!({ "matchExpressions": [{ "key": "empty", "operator": "Exists" }] }), true),
            (json!({ "matchExpressions": [{ "key": "empty", "operator": "DoesNotExist" }] }), false),
        ] {
            assert_eq!(outcome(selector.clone(), &team), Ok(expected), "{selector}");
        }
    }
}
