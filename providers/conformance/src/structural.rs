//! Decides whether a schema can stand in a CRD: Kubernetes calls such a schema structural.

use serde_json::{Map, Value};

/// Keywords that Kubernetes does not know or that make a schema not structural. `nullable` is allowed there,
/// but upstream's schemas have none, so that a null counts as absent.
const FORBIDDEN: [&str; 10] = [
    "$ref",
    "$schema",
    "$defs",
    "definitions",
    "nullable",
    "const",
    "dependencies",
    "deprecated",
    "patternProperties",
    "readOnly",
];

/// Keywords that may stand in place of a type.
const UNTYPED: [&str; 2] = ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"];

/// Keywords whose schemas only restrict what is specified beside them.
const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// What keeps `schema` from standing in a CRD, each with its path; empty where nothing does.
pub fn structural_faults(schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check("schema", schema, &mut faults);
    faults
}

fn check(path: &str, node: &Value, faults: &mut Vec<String>) {
    let Some(node) = node.as_object() else {
        faults.push(format!("{path} is no object"));
        return;
    };
    let forbidden = FORBIDDEN.iter().filter(|keyword| node.contains_key(**keyword));
    faults.extend(forbidden.map(|keyword| format!("{path} has {keyword}")));
    if is_enumeration(node) {
        return;
    }
    let typed = node.get("type").is_some_and(Value::is_string);
    if !typed && !UNTYPED.iter().any(|keyword| node.contains_key(*keyword)) {
        faults.push(format!("{path} has no type"));
    }
    if node.get("type").is_some_and(|of| of == "array") && !node.contains_key("items") {
        faults.push(format!("{path} is an array without items"));
    }
    let open = node.get("additionalProperties").is_some_and(|open| *open != false);
    if open && node.contains_key("properties") {
        faults.push(format!("{path} has both properties and additionalProperties"));
    }
    for junctor in JUNCTORS {
        for branch in node.get(junctor).and_then(Value::as_array).into_iter().flatten() {
            check_branch(&format!("{path}.{junctor}"), branch, node, faults);
        }
    }
    for (name, child) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        check(&format!("{path}.{name}"), child, faults);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = node.get(keyword).filter(|child| !child.is_boolean()) {
            check(&format!("{path}.{keyword}"), child, faults);
        }
    }
}

/// A choice of single values, each with its own description: what schemars makes of an enum with documented
/// variants. The printed CRD has one `enum` in its place.
fn is_enumeration(node: &Map<String, Value>) -> bool {
    let one_value = |branch: &Value| {
        let plain = |keyword: &str| matches!(keyword, "type" | "enum" | "description");
        branch.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() == 1)
            && branch.as_object().is_some_and(|branch| branch.keys().all(|keyword| plain(keyword)))
    };
    let branches = node.get("oneOf").and_then(Value::as_array);
    !node.contains_key("type") && branches.is_some_and(|branches| branches.iter().all(one_value))
}

/// A branch may restrict, but not specify: no types, and no property that is not specified beside it.
fn check_branch(path: &str, branch: &Value, beside: &Map<String, Value>, faults: &mut Vec<String>) {
    let specifying = ["type", "default", "additionalProperties", "nullable", "description", "title"];
    let found = specifying.iter().filter(|keyword| branch.get(**keyword).is_some());
    faults.extend(found.map(|keyword| format!("{path} has {keyword}")));
    let specified = beside.get("properties");
    for (name, _) in branch.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if specified.and_then(|specified| specified.get(name)).is_none() {
            faults.push(format!("{path} knows {name}, which is not specified beside it"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_structural_schema_has_no_faults() {
        let schema = json!({
            "type": "object",
            "properties": {
                "list": { "type": "array", "items": { "type": "string", "enum": ["a", "b"] } },
                "map": { "type": "object", "additionalProperties": { "type": "integer" } },
                "documented": { "oneOf": [
                    { "type": "string", "enum": ["a"], "description": "A." },
                    { "type": "string", "enum": ["b"] },
                ] },
                "any": { "x-kubernetes-preserve-unknown-fields": true },
            },
            "oneOf": [{ "required": ["list"] }, { "properties": { "map": { "minProperties": 1 } } }],
        });
        assert_eq!(structural_faults(&schema), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let table = [
            (json!(true), "schema is no object"),
            (json!({}), "schema has no type"),
            (json!({ "type": ["string", "null"] }), "schema has no type"),
            (json!({ "type": "string", "nullable": true }), "schema has nullable"),
            (json!({ "type": "object", "properties": { "a": {} } }), "schema.a has no type"),
            (json!({ "type": "object", "properties": { "a": { "$ref": "#/b" } } }), "schema.a has $ref"),
            (json!({ "type": "array", "items": { "enum": ["a"] } }), "schema.items has no type"),
            (json!({ "type": "array" }), "schema is an array without items"),
            (
                json!({ "type": "object", "additionalProperties": {} }),
                "schema.additionalProperties has no type",
            ),
            (json!({ "type": "string", "anyOf": [{ "type": "string" }] }), "schema.anyOf has type"),
            (json!({ "oneOf": [{ "type": "string", "enum": ["a"] }, {}] }), "schema has no type"),
            (
                json!({ "type": "object", "oneOf": [{ "properties": { "a": {} } }] }),
                "schema.oneOf knows a, which is not specified beside it",
            ),
            (
                json!({ "type": "object", "properties": {}, "additionalProperties": { "type": "string" } }),
                "schema has both properties and additionalProperties",
            ),
        ];
        for (schema, fault) in table {
            let faults = structural_faults(&schema);
            assert!(faults.iter().any(|found| found == fault), "{fault}: {faults:?}");
        }
    }
}
