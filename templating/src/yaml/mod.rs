//! Owns YAML: what rendered documents and `fromYaml` read, and what `toYaml` writes. It is the YAML 1.1 of go-yaml
//! v2, by way of JSON as sigs.k8s.io/yaml goes.

mod cursor;
mod decode;
mod emit;
mod order;
mod resolve;
mod scalar;
mod scan_property;
mod scan_scalar;
mod scanner;
mod timestamp;
mod tree;

use std::collections::BTreeMap;

use crate::json::float_json;
use crate::value::{Text, Value, general};
use decode::{Yaml, decoded, measured, short_float};

/// Why a document cannot be used. Says where, never what stands there: the document is a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlFault {
    /// The text is not YAML.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Syntax(&'static str),
    /// The text is not YAML from this line on.
    #[error("error converting YAML to JSON: yaml: line {line}: {reason}")]
    SyntaxAt {
        /// Counted from 1.
        line: usize,
        /// What the parser expected.
        reason: &'static str,
    },
    /// Lists, maps and aliases are nested deeper than [`MAX_DEPTH`](crate::limits::MAX_DEPTH).
    #[error("YAML nested deeper than {max} levels", max = crate::limits::MAX_DEPTH)]
    TooDeep,
    /// The document, or what its aliases stand for, is larger than
    /// [`MAX_YAML_BYTES`](crate::limits::MAX_YAML_BYTES) or has more than
    /// [`MAX_YAML_NODES`](crate::limits::MAX_YAML_NODES) values.
    #[error("the YAML document is too large")]
    TooLarge,
    /// A key that is null, or too large a number.
    #[error("error converting YAML to JSON: unsupported map key")]
    UnsupportedKey,
    /// A float that JSON cannot express.
    #[error("error converting YAML to JSON: json: unsupported value: {0}")]
    NotFinite(String),
    /// A list, a map or a scalar where something else is needed.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    )]
    WrongKind {
        /// JSON's name of what stands there.
        found: &'static str,
        /// Go's name of what should stand there.
        wanted: &'static str,
    },
}

/// The pairs of a document that maps names to texts, sorted by name. What is not text becomes it: numbers in
/// decimal (`010` is 8), floats with 32 bits, `yes` and its like `true`, null empty. An empty document has no pairs
/// (spec 7.3).
///
/// # Errors
/// When the document is not YAML, not a map, or a value is a list or a map. Callers put
/// `could not unmarshal template to 'map[string][]byte': ` before it.
pub fn key_values(document: &[u8]) -> Result<Vec<(String, Vec<u8>)>, YamlFault> {
    let wrong = |found, wanted| YamlFault::WrongKind { found, wanted };
    let members = match decoded(document)? {
        Yaml::Null => return Ok(Vec::new()),
        Yaml::Map(members) => members,
        other => {
            let found = json_kind(&other);
            value_of(other)?;
            return Err(wrong(found, "map[string]string"));
        }
    };
    let mut pairs = Vec::with_capacity(members.len());
    for (name, value) in members {
        let text = match value {
            Yaml::Null => Vec::new(),
            Yaml::Bool(truth) => truth.to_string().into_bytes(),
            Yaml::Int(number) => number.to_string().into_bytes(),
            Yaml::Float(number) => short_float(number).into_bytes(),
            Yaml::Text(text) => lossy(&text).into_bytes(),
            other @ (Yaml::List(_) | Yaml::Map(_)) => return Err(wrong(json_kind(&other), "string")),
        };
        pairs.push((name, text));
    }
    Ok(pairs)
}

/// What a rendered text becomes that is set at a path of a target: a number, a bool, a list, a map, a text, or null
/// if it is empty (spec 7.5). Nothing if the text is not YAML: then the text itself is the value.
pub fn typed(document: &[u8]) -> Option<serde_json::Value> {
    json_of(decoded(document).ok()?)
}

fn json_of(yaml: Yaml) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    Some(match yaml {
        Yaml::Null => Json::Null,
        Yaml::Bool(truth) => Json::Bool(truth),
        Yaml::Int(number) => json_number(&number.to_string())?,
        Yaml::Float(number) if number.is_finite() => json_number(&float_json(number))?,
        Yaml::Float(_) => return None,
        Yaml::Text(text) => Json::String(lossy(&text)),
        Yaml::List(items) => Json::Array(items.into_iter().map(json_of).collect::<Option<_>>()?),
        Yaml::Map(members) => {
            let members = members.into_iter().map(|(name, value)| Some((name, json_of(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
    })
}

/// A whole number if it fits in an `i64`, as `3.0` does, otherwise a float.
fn json_number(text: &str) -> Option<serde_json::Value> {
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => serde_json::Number::from_f64(text.parse().ok()?).map(serde_json::Value::Number),
    }
}

/// What `fromYaml` gives: a map whose numbers are floats, and about how many bytes it takes.
///
/// # Errors
/// When the document is not YAML or not a map.
pub(crate) fn map_of(document: &[u8]) -> Result<(Value, usize), YamlFault> {
    match measured(document)? {
        (Yaml::Null, bytes) => Ok((Value::map(BTreeMap::new()), bytes)),
        (map @ Yaml::Map(_), bytes) => Ok((value_of(map)?, bytes)),
        (other, _) => {
            let found = json_kind(&other);
            value_of(other)?;
            Err(YamlFault::WrongKind { found, wanted: "map[string]interface {}" })
        }
    }
}

fn value_of(yaml: Yaml) -> Result<Value, YamlFault> {
    Ok(match yaml {
        Yaml::Null => Value::Nil,
        Yaml::Bool(truth) => Value::Bool(truth),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        Yaml::Int(number) => Value::Float(number as f64),
        Yaml::Float(number) if number.is_finite() => Value::Float(number),
        Yaml::Float(number) => return Err(YamlFault::NotFinite(general(number))),
        Yaml::Text(text) => Value::text(lossy(&text)),
        Yaml::List(items) => Value::list(items.into_iter().map(value_of).collect::<Result<_, _>>()?),
        Yaml::Map(members) => {
            let entries =
                members.into_iter().map(|(name, value)| Ok((Text::from(name.as_str()), value_of(value)?)));
            Value::map(entries.collect::<Result<_, YamlFault>>()?)
        }
    })
}

/// The text with U+FFFD for every byte that is not UTF-8, as on the way through JSON.
fn lossy(text: &[u8]) -> String {
    let mut valid = String::new();
    for chunk in text.utf8_chunks() {
        valid.push_str(chunk.valid());
        valid.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    valid
}

/// The JSON text of a value as YAML without a line break at the end. JSON is read as YAML, as upstream does: a key of
/// more than 1024 characters is none.
///
/// # Errors
/// When the JSON text is not YAML.
pub(crate) fn written(json: &[u8]) -> Result<Vec<u8>, YamlFault> {
    let mut text = emit::emitted(&decoded(json)?);
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    Ok(text)
}

fn json_kind(yaml: &Yaml) -> &'static str {
    match yaml {
        Yaml::Null => "null",
        Yaml::Bool(_) => "bool",
        Yaml::Int(_) | Yaml::Float(_) => "number",
        Yaml::Text(_) => "string",
        Yaml::List(_) => "array",
        Yaml::Map(_) => "object",
    }
}

#[cfg(test)]
mod tests;
