//! Decides how a generated JSON schema becomes one that Kubernetes calls structural.

use kube::core::schema::StructuralSchemaRewriter;
use schemars::Schema;
use schemars::transform::Transform;
use serde_json::{Map, Value, json};

const OPEN: &str = "x-kubernetes-preserve-unknown-fields";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";

/// Keywords that schemars writes and Kubernetes does not know.
const FOREIGN: [&str; 7] =
    ["$schema", "title", "examples", "deprecated", "readOnly", "writeOnly", "uniqueItems"];

/// A provider's schema in structural form.
pub(crate) fn structural(schema: Value) -> Value {
    let rewritten = match Schema::try_from(schema) {
        Ok(mut schema) => {
            StructuralSchemaRewriter.transform(&mut schema);
            schema.to_value()
        }
        Err(_) => Value::Bool(true),
    };
    without_null(rewritten)
}

/// The schema without any mention of null: upstream's has none, so that a null counts as absent and is pruned. With
/// `nullable`, `aws: null` beside `vault: {}` would count as a second property.
pub(crate) fn without_null(schema: Value) -> Value {
    let Value::Object(mut node) = schema else {
        return json!({ OPEN: true });
    };
    node.remove("nullable");
    for keyword in FOREIGN {
        node.remove(keyword);
    }
    absorb_optional(&mut node);
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(types)) = node.get("type") {
        let proper = types.iter().find(|it| *it != "null").cloned();
        node.insert("type".to_owned(), proper.unwrap_or_else(|| "object".into()));
    }
    let format = node.get("format").and_then(Value::as_str).unwrap_or_default();
    if format.starts_with("uint") || matches!(format, "int" | "int8" | "int16") {
        node.remove("format");
    }
    close_additional(&mut node);
    mark_selector(&mut node);
    if !["type", OPEN, INT_OR_STRING].iter().any(|it| node.contains_key(*it)) {
        let marker =
            if node.contains_key("properties") { ("type", "object".into()) } else { (OPEN, true.into()) };
        node.insert(marker.0.to_owned(), marker.1);
    }
    descend(&mut node);
    Value::Object(node)
}

/// Replaces `anyOf: [T, null]`, as an optional enum gives, by T; what the node says itself wins.
fn absorb_optional(node: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = node.get("anyOf") else { return };
    let [only] = variants.iter().filter(|it| !is_null(it)).collect::<Vec<_>>()[..] else { return };
    if variants.len() == 1 {
        return;
    }
    let Value::Object(only) = only.clone() else { return };
    node.remove("anyOf");
    for (keyword, value) in only {
        node.entry(keyword).or_insert(value);
    }
    node.remove("nullable");
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|it| it == "null")
        || schema.get("enum").is_some_and(|it| *it == json!([null]))
        || schema.get("const").is_some_and(Value::is_null)
}

/// Kubernetes has no boolean `additionalProperties` beside `properties`: it prunes by itself.
fn close_additional(node: &mut Map<String, Value>) {
    if let Some(Value::Bool(open)) = node.get("additionalProperties").cloned() {
        node.remove("additionalProperties");
        if open {
            node.insert(OPEN.to_owned(), true.into());
        }
    }
}

/// A label selector is applied as a whole, as upstream marks it.
fn mark_selector(node: &mut Map<String, Value>) {
    let Some(Value::Object(members)) = node.get_mut("properties") else { return };
    if members.len() != 2 || !members.contains_key("matchLabels") {
        return;
    }
    let Some(Value::Object(expressions)) = members.get_mut("matchExpressions") else { return };
    expressions.insert("x-kubernetes-list-type".to_owned(), "atomic".into());
    if let Some(Value::Object(values)) =
        expressions.get_mut("items").and_then(|it| it.pointer_mut("/properties/values"))
    {
        values.insert("x-kubernetes-list-type".to_owned(), "atomic".into());
    }
    node.insert("x-kubernetes-map-type".to_owned(), "atomic".into());
}

fn descend(node: &mut Map<String, Value>) {
    if let Some(Value::Object(members)) = node.get_mut("properties") {
        for schema in members.values_mut() {
            *schema = without_null(schema.take());
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = node.get_mut(keyword) {
            *schema = without_null(schema.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use schemars::generate::SchemaSettings;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Settings {
        /// Which one.
        level: Option<Level>,
        port: Option<u16>,
        nested: Option<Nested>,
        title: String,
        free: Option<Value>,
        headers: std::collections::BTreeMap<String, String>,
        choice: Choice,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Level {
        /// Low.
        Low,
        /// High.
        High,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Nested {
        name: Option<String>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    #[serde(rename_all = "camelCase")]
    enum Choice {
        Token { path: String },
        Nothing {},
    }

    fn generated() -> Value {
        let settings = SchemaSettings::openapi3().with(|it| {
            it.inline_subschemas = true;
            it.meta_schema = None;
        });
        settings.into_generator().into_root_schema_for::<Settings>().to_value()
    }

    #[test]
    fn a_providers_schema_becomes_structural() {
        let schema = structural(generated());
        let members = &schema["properties"];
        assert_eq!(schema["type"], "object");
        assert_eq!(schema.get("title"), None);
        assert_eq!(schema.get("additionalProperties"), None);
        assert_eq!(members["level"]["type"], "string");
        assert_eq!(members["level"]["enum"], json!(["Low", "High"]));
        assert_eq!(members["level"]["description"], "Which one.");
        assert_eq!(members["level"].get("anyOf"), None);
        assert_eq!(members["port"]["type"], "integer");
        assert_eq!(members["port"].get("format"), None);
        assert_eq!(members["nested"]["type"], "object");
        assert_eq!(members["nested"]["properties"]["name"]["type"], "string");
        assert_eq!(members["title"]["type"], "string", "a property may be called title");
        assert_eq!(members["free"][OPEN], true);
        assert_eq!(members["headers"]["additionalProperties"]["type"], "string");
        assert_eq!(members["choice"]["properties"]["token"]["type"], "object");
        assert!(members["choice"]["oneOf"].is_array());
        assert!(!schema.to_string().contains("nullable"));
    }

    #[test]
    fn what_is_no_schema_becomes_an_open_one() {
        assert_eq!(structural(json!("odd")), json!({ OPEN: true }));
        assert_eq!(structural(json!(true)), json!({ OPEN: true }));
    }
}
