//! One page for each kind of the API, with every field of its schema, and an index of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Files;
use super::pages::{cell, codes, text};

/// Kinds that are stored, and that nothing acts on yet.
const NOT_SERVED: &[&str] = &["ClusterExternalSecret"];

/// An object with at least so many fields is told once; where it occurs again, the page says where it was told.
const WORTH_FOLDING: usize = 3;

/// One kind.
struct Kind<'d> {
    name: &'d str,
    group: &'d str,
    version: &'d str,
    scope: &'d str,
    short: Vec<&'d str>,
    schema: &'d Value,
    /// Whether it is a generator that is built in.
    built_in: bool,
}

/// Where an object was told: file and heading of the page, and the path in it.
type Told = HashMap<String, (String, String)>;

/// The pages of all kinds that say something of their fields, and `index.md`, which names all kinds.
pub(super) fn pages(described: &Value) -> Result<Files> {
    let definitions = described.get("definitions").and_then(Value::as_array).context("no definitions")?;
    let mut kinds = definitions.iter().map(kind).collect::<Result<Vec<_>>>()?;
    let built_in = described.get("generators").and_then(Value::as_array).context("no generators")?;
    for kind in &mut kinds {
        kind.built_in = built_in.iter().any(|name| name == kind.name);
    }
    kinds.sort_by_key(|kind| (order(kind), kind.name));
    let mut told = Told::new();
    let mut pages = Files::new();
    for kind in kinds.iter().filter(|kind| is_told(kind)) {
        pages.insert(file(kind), page(kind, &mut told));
    }
    pages.insert("index.md".to_owned(), index(&kinds));
    Ok(pages)
}

fn kind(definition: &Value) -> Result<Kind<'_>> {
    let spec = definition.get("spec").context("a definition without spec")?;
    let names = spec.get("names").context("a definition without names")?;
    let version = spec.pointer("/versions/0").context("a definition without versions")?;
    let short = names.get("shortNames").and_then(Value::as_array).into_iter().flatten();
    Ok(Kind {
        name: text(names, "kind")?,
        group: text(spec, "group")?,
        version: text(version, "name")?,
        scope: text(spec, "scope")?,
        short: short.filter_map(Value::as_str).collect(),
        schema: version.pointer("/schema/openAPIV3Schema").context("a definition without a schema")?,
        built_in: false,
    })
}

/// What others repeat comes first.
fn order(kind: &Kind<'_>) -> usize {
    let first = ["ExternalSecret", "SecretStore", "ClusterSecretStore"];
    let generators = kind.group.starts_with("generators.");
    first
        .iter()
        .position(|&it| it == kind.name)
        .unwrap_or(3 + usize::from(generators) + usize::from(kind.name == "ClusterGenerator"))
}

/// Whether there is anything to tell: the schema of a generator that is not built in knows no field.
fn is_told(kind: &Kind<'_>) -> bool {
    kind.built_in || fields(kind.schema).any(|(_, schema)| fields(schema).next().is_some())
}

fn file(kind: &Kind<'_>) -> String {
    format!("{}.md", kind.name.to_lowercase())
}

fn index(kinds: &[Kind<'_>]) -> String {
    let mut page = "# Kinds\n\nEvery kind of the API, with the page of its fields.\n\n\
                    | kind | API | short | what it is |\n| --- | --- | --- | --- |\n"
        .to_owned();
    let (told, rest): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| is_told(kind));
    for kind in told {
        let api = format!("`{}/{}`", kind.group, kind.version);
        let _ = writeln!(
            page,
            "| [{}]({}) | {api} | {} | {} |",
            kind.name,
            file(kind),
            codes(kind.short.iter().copied()),
            cell(&said(kind))
        );
    }
    if !rest.is_empty() {
        let _ = writeln!(
            page,
            "\nThe generators that are not built in have no page: {}. Their objects are accepted whatever their `spec` \
             says.",
            codes(rest.iter().map(|kind| kind.name))
        );
    }
    page
}

/// What a kind is, and whether anything acts on it.
fn said(kind: &Kind<'_>) -> String {
    let note = if NOT_SERVED.contains(&kind.name) { " Nothing acts on it yet." } else { "" };
    format!("{}{note}", meaning(kind.schema))
}

fn page(kind: &Kind<'_>, told: &mut Told) -> String {
    let mut page = format!("# {}\n\n{}\n\n", kind.name, said(kind));
    let _ = write!(page, "`apiVersion: {}/{}`, {}", kind.group, kind.version, kind.scope.to_lowercase());
    if !kind.short.is_empty() {
        let _ = write!(page, "; `kubectl` knows it as {}, too", codes(kind.short.iter().copied()));
    }
    page += ".\n";
    for (name, schema) in fields(kind.schema) {
        if ["apiVersion", "kind", "metadata"].contains(&name) {
            continue;
        }
        let mut rows = Rows { kind, told, text: String::new() };
        let place = rows.place(schema, name);
        let _ = writeln!(page, "\n## {name}\n");
        let said = meaning(schema);
        if !said.is_empty() {
            let _ = writeln!(page, "{said}\n");
        }
        if let Some((file, path)) = place {
            let _ = writeln!(page, "The fields are those of [`{path}`]({file}).");
            continue;
        }
        rows.of_object(name, schema);
        if rows.text.is_empty() {
            page += "There are no fields.\n";
        } else {
            page += "| field | type | default | meaning |\n| --- | --- | --- | --- |\n";
            page += &rows.text;
        }
    }
    page
}

/// The rows of one table.
struct Rows<'r> {
    kind: &'r Kind<'r>,
    told: &'r mut Told,
    text: String,
}

impl Rows<'_> {
    /// The fields of the object at `path`, those of members after the member itself.
    fn of_object(&mut self, path: &str, schema: &Value) {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let (known, opaque): (Vec<_>, Vec<_>) = fields(schema).partition(|(_, schema)| !is_opaque(schema));
        for (name, schema) in known {
            self.of_field(&format!("{path}.{name}"), schema, required.contains(&name));
        }
        if !opaque.is_empty() {
            let names = codes(opaque.iter().map(|(name, _)| *name));
            let _ = writeln!(
                self.text,
                "| `{path}.*` | object | | not built in, whatever they say is accepted: {names} |"
            );
        }
    }

    fn of_field(&mut self, path: &str, schema: &Value, required: bool) {
        let (inner, suffix) = innermost(schema);
        let nested = fields(inner).next().is_some();
        let place = nested.then(|| self.place(inner, &format!("{path}{suffix}"))).flatten();
        let mut said = vec![cell(&meaning(schema))];
        let values = schema.get("enum").or_else(|| inner.get("enum")).and_then(Value::as_array);
        if let Some(values) = values {
            said.push(format!("One of {}", codes(values.iter().filter_map(Value::as_str))));
        }
        if let Some((file, path)) = &place {
            said.push(format!("Fields as those of [`{path}`]({file})"));
        }
        said.retain(|text| !text.is_empty());
        let said = format!("{}{}", if required { "**Required.** " } else { "" }, said.join(". "));
        let default = schema.get("default").map(plain).filter(|text| !text.is_empty());
        let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
        let _ = writeln!(self.text, "| `{path}` | {} | {default} | {said} |", type_of(schema));
        if nested && place.is_none() {
            self.of_object(&format!("{path}{suffix}"), inner);
        }
    }

    /// Where this object has been told already; if it has not, it is from now on, at `path`.
    fn place(&mut self, schema: &Value, path: &str) -> Option<(String, String)> {
        if size(schema) < WORTH_FOLDING {
            return None;
        }
        let fields: Vec<(&str, &Value)> = fields(schema).collect();
        let shape = format!("{fields:?}{:?}", schema.get("required"));
        let told = self.told.get(&shape).cloned();
        if told.is_none() {
            self.told.insert(shape, (file(self.kind), path.to_owned()));
        }
        told
    }
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let sorted: BTreeMap<&str, &Value> =
        properties.into_iter().flatten().map(|(name, it)| (name.as_str(), it)).collect();
    sorted.into_iter()
}

/// How many fields there are in an object, at any depth.
fn size(schema: &Value) -> usize {
    fields(schema).map(|(_, schema)| 1 + size(innermost(schema).0)).sum()
}

/// The object inside lists and maps, and how its place is written.
fn innermost(schema: &Value) -> (&Value, String) {
    let inside = |key: &str| schema.get(key).filter(|inner| inner.is_object());
    let (inner, mark) = match (inside("items"), inside("additionalProperties")) {
        (Some(items), _) => (items, "[]"),
        (None, Some(values)) => (values, ".*"),
        (None, None) => return (schema, String::new()),
    };
    let (innermost, suffix) = innermost(inner);
    (innermost, format!("{mark}{suffix}"))
}

/// An object of which nothing is known, not even what it is for.
fn is_opaque(schema: &Value) -> bool {
    schema.get("description").is_none() && is_open(schema) && schema.get("properties").is_none()
}

fn is_open(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

fn type_of(schema: &Value) -> String {
    let inside = |key: &str| schema.get(key).filter(|inner| inner.is_object()).map(type_of);
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return "integer or string".to_owned();
    }
    match (schema.get("type").and_then(Value::as_str), schema.get("format").and_then(Value::as_str)) {
        (Some("array"), _) => format!("list of {}", inside("items").unwrap_or_else(|| "anything".to_owned())),
        (Some("object"), _) => {
            inside("additionalProperties").map_or("object".to_owned(), |it| format!("map of {it}"))
        }
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("string"), Some("byte")) => "base64".to_owned(),
        (Some(plain), _) => plain.to_owned(),
        (None, _) => "anything".to_owned(),
    }
}

fn meaning(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default().trim();
    // A source for those who read the code.
    match text.split_once(" (spec ") {
        Some((before, after)) => format!("{before}{}", after.split_once(')').map_or("", |(_, rest)| rest)),
        None => text.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described() -> Value {
        let reference = json!({ "type": "object", "description": "A reference.", "required": ["name"], "properties": {
            "name": { "type": "string", "description": "Its name." },
            "key": { "type": "string" },
            "kind": { "type": "string", "enum": ["A", "B"], "default": "A", "description": "a|b" } } });
        let definition = |kind: &str, spec: Value| {
            json!({ "spec": {
                "group": "g", "scope": "Namespaced", "names": { "kind": kind, "shortNames": ["x"] },
                "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": {
                    "description": format!("A {kind}."),
                    "properties": { "kind": { "type": "string" }, "spec": spec } } } }] } })
        };
        let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let first =
            json!({ "properties": { "refs": { "type": "array", "items": reference }, "other": open } });
        let second = json!({ "properties": { "ref": reference } });
        let kinds = [
            definition("Beta", second.clone()),
            definition("Alpha", first),
            definition("Gone", open.clone()),
            definition("Gamma", second),
            definition("Delta", open),
        ];
        json!({ "definitions": kinds, "generators": ["Delta"] })
    }

    #[test]
    fn every_field_is_told_with_type_default_values_and_whether_it_is_required() {
        let page = &pages(&described()).unwrap()["alpha.md"];
        for row in [
            "| `spec.refs` | list of object |  |  |",
            "| `spec.refs[].name` | string |  | **Required.** Its name |",
            "| `spec.refs[].kind` | string | `A` | a\\|b. One of `A`, `B` |",
            "| `spec.*` | object | | not built in, whatever they say is accepted: `other` |",
        ] {
            assert!(page.lines().any(|line| line == row), "{row} is not in\n{page}");
        }
        assert!(!page.contains("`kind`"), "what every object has is not told");
    }

    #[test]
    fn what_was_told_is_referred_to() {
        let page = &pages(&described()).unwrap()["beta.md"];
        assert!(
            page.contains(
                "| `spec.ref` | object |  | A reference. Fields as those of [`spec.refs[]`](alpha.md) |"
            ),
            "{page}"
        );
        assert!(!page.contains("spec.ref.name"));
        let page = &pages(&described()).unwrap()["gamma.md"];
        assert!(page.contains("## spec\n\nThe fields are those of [`spec`](beta.md).\n"), "{page}");
    }

    #[test]
    fn the_index_names_every_kind_and_a_kind_without_fields_has_no_page() {
        let pages = pages(&described()).unwrap();
        let names: Vec<&str> = pages.keys().map(String::as_str).collect();
        assert_eq!(names, ["alpha.md", "beta.md", "delta.md", "gamma.md", "index.md"]);
        let index = &pages["index.md"];
        assert!(index.contains("| [Alpha](alpha.md) | `g/v1` | `x` | A Alpha |"), "{index}");
        assert!(index.contains("not built in have no page: `Gone`."), "{index}");
    }
}
