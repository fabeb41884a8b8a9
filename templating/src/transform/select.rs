//! Decides what of a store's payload is meant: the whole document, one property, or the members of a map.

use zeroize::Zeroizing;

use super::gjson::{self, GjsonError, Value};
use crate::json::{Escape, Json, JsonFault, Node, Numbers, float_text, printed, read};

/// The order in which a property is looked up in a JSON payload (spec eso-providers F).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyOrder {
    /// A top-level member of exactly that name wins, then the gjson path.
    LiteralThenPath,
    /// Only the gjson path.
    PathOnly,
    /// Only a top-level member of that name.
    LiteralOnly,
    /// Only the gjson path, and what is no text keeps its JSON text.
    RawPath,
}

/// The families of spec eso-providers F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonMap {
    /// The object is decoded and printed again: keys sorted, compact, `<`, `>` and `&` escaped as Go does;
    /// numbers of a map lose digits above 2^53, as upstream's do.
    Reserialised,
    /// Strings are unquoted, every other value keeps its text.
    RawText,
    /// Every value of a map is printed again as JSON, strings with their quotes and without HTML escapes; a whole
    /// document keeps its text.
    Quoted,
}

/// Why nothing could be selected. Never shows a part of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A map is wanted, and the payload is not JSON.
    #[error("{0}")]
    NotJson(#[from] JsonFault),
    /// A map is wanted, and the payload is another kind of JSON value.
    #[error("expected a JSON object, found {found}")]
    NotAnObject {
        /// The kind of value found: `array`, `string`, …
        found: &'static str,
    },
    /// A member of the map cannot be represented.
    #[error("member {member:?}: {fault}")]
    Member {
        /// The member's name.
        member: String,
        /// What is wrong with its value.
        fault: JsonFault,
    },
    /// The property's path breaks a limit.
    #[error("property cannot be looked up: {0}")]
    Path(#[from] GjsonError),
}

/// The whole payload as bytes: what an entry without a property gets.
///
/// A JSON object of the [`JsonMap::Reserialised`] family is printed again, numbers with their own text;
/// everything else stays as it is.
pub fn whole(document: &[u8], map: JsonMap) -> Vec<u8> {
    match map {
        JsonMap::RawText | JsonMap::Quoted => document.to_vec(),
        JsonMap::Reserialised => reserialised(document).unwrap_or_else(|| document.to_vec()),
    }
}

/// The bytes of one property, or `None` if the payload does not have it.
///
/// # Errors
///
/// [`SelectError::Path`] if the path breaks a limit. A payload that is not JSON has no properties.
pub fn property(
    document: &[u8],
    name: &str,
    order: PropertyOrder,
    map: JsonMap,
) -> Result<Option<Vec<u8>>, SelectError> {
    if matches!(order, PropertyOrder::LiteralThenPath | PropertyOrder::LiteralOnly) {
        let literal = match map {
            JsonMap::Reserialised => member(document, name),
            JsonMap::RawText | JsonMap::Quoted => found(&gjson::get(document, &gjson::escaped(name))?),
        };
        if literal.is_some() || order == PropertyOrder::LiteralOnly {
            return Ok(literal);
        }
    }
    if order == PropertyOrder::RawPath {
        let value = gjson::get(document, name)?;
        let raw = value.exists() && value.kind() != gjson::Kind::String;
        return Ok(if raw { Some(value.raw().to_vec()) } else { found(&value) });
    }
    // Upstream's path runs over the printed object, so what it cuts out is sorted and escaped too.
    let printed =
        if map == JsonMap::Reserialised { reserialised(document).map(Zeroizing::new) } else { None };
    let document = printed.as_ref().map_or(document, |printed| printed.as_slice());
    Ok(found(&gjson::get(document, name)?))
}

/// The members of the payload as keys and values, sorted by key: what `dataFrom.extract` gets. `null` is empty.
///
/// # Errors
///
/// The payload is not a JSON object (`null` counts as an empty one), or a number is out of range.
pub fn fields(document: &[u8], map: JsonMap) -> Result<Vec<(String, Vec<u8>)>, SelectError> {
    let members = match read(document)?.value {
        Json::Object(members) => members,
        Json::Null => return Ok(Vec::new()),
        other => return Err(SelectError::NotAnObject { found: other.kind() }),
    };
    members
        .into_iter()
        .map(|(name, node)| {
            let value = match map {
                JsonMap::RawText => Ok(raw_bytes(&node)),
                JsonMap::Quoted => printed(&node.value, Escape::Keep, Numbers::AsFloat),
                JsonMap::Reserialised => value_bytes(&node.value, Numbers::AsFloat),
            };
            match value {
                Ok(value) => Ok((name, value)),
                Err(fault) => Err(SelectError::Member { member: name, fault }),
            }
        })
        .collect()
}

/// The value-to-bytes table of spec eso-providers F.
pub(super) fn value_bytes(value: &Json<'_>, numbers: Numbers) -> Result<Vec<u8>, JsonFault> {
    Ok(match value {
        Json::Null => Vec::new(),
        Json::Bool(truth) => truth.to_string().into_bytes(),
        Json::Number(text) if numbers == Numbers::AsWritten => text.as_bytes().to_vec(),
        Json::Number(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => float_text(number).into_bytes(),
            _ => return Err(JsonFault::NumberRange),
        },
        Json::Text(text) => text.as_bytes().to_vec(),
        Json::List(_) | Json::Object(_) => printed(value, Escape::Html, numbers)?,
    })
}

fn raw_bytes(node: &Node<'_>) -> Vec<u8> {
    match &node.value {
        Json::Null => Vec::new(),
        Json::Text(text) => text.as_bytes().to_vec(),
        Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => node.raw.to_vec(),
    }
}

fn reserialised(document: &[u8]) -> Option<Vec<u8>> {
    let node = read(document).ok()?;
    match node.value {
        Json::Object(_) => printed(&node.value, Escape::Html, Numbers::AsWritten).ok(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => None,
    }
}

fn member(document: &[u8], name: &str) -> Option<Vec<u8>> {
    let Json::Object(members) = read(document).ok()?.value else { return None };
    value_bytes(&members.get(name)?.value, Numbers::AsWritten).ok()
}

fn found(value: &Value<'_>) -> Option<Vec<u8>> {
    value.exists().then(|| value.text())
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
