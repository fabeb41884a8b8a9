//! One value of a folder: its place in the tree, where it comes from, and its JSON text, with every digit.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

use super::FolderPath;
use crate::engine::answer;

/// Objects deeper than this stay text.
const DEPTH: usize = 32;

/// What becomes of objects and lists in values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Nested {
    /// A key for each member.
    #[default]
    Flatten,
    /// One text.
    #[serde(rename = "JSON")]
    Json,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for Nested {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Nested".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Flatten", "JSON"] })
    }
}

/// One value.
#[derive(Debug)]
pub(super) struct Leaf {
    /// The parts of its key.
    pub(super) place: Vec<String>,
    /// Entry and member, for a person.
    pub(super) origin: String,
    /// Its JSON text.
    pub(super) json: SecretBytes,
}

/// The values in `body`, the JSON text of the entry `name` below `path`.
///
/// # Errors
/// `InvalidPayload` where it is no object.
pub(super) fn leaves(path: &FolderPath, nested: Nested, name: &str, body: &SecretBytes) -> Result<Vec<Leaf>> {
    let whole = format!("{}{name}/", path.prefix.as_deref().unwrap_or_default());
    let place: Vec<String> =
        whole.split('/').filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect();
    let entry = [path.path.trim_matches('/'), name].join("/");
    let root = Leaf { place, origin: entry.trim_start_matches('/').to_owned(), json: body.clone() };
    let mut out = Vec::new();
    for member in members(&root)? {
        flatten(member, nested, 0, &mut out)?;
    }
    Ok(out)
}

fn flatten(leaf: Leaf, nested: Nested, depth: usize, out: &mut Vec<Leaf>) -> Result<()> {
    let holds = matches!(leaf.json.expose(), [b'{' | b'[', ..]);
    if nested == Nested::Json || !holds || depth >= DEPTH {
        out.push(leaf);
        return Ok(());
    }
    for member in members(&leaf)? {
        flatten(member, nested, depth + 1, out)?;
    }
    Ok(())
}

/// The members of an object, or the elements of a list by their number.
fn members(leaf: &Leaf) -> Result<Vec<Leaf>> {
    let json = leaf.json.expose();
    let named: Vec<(String, &RawValue)> = if json.starts_with(b"[") {
        let elements: Vec<&RawValue> = answer::parsed(json)?;
        elements.into_iter().enumerate().map(|(number, value)| (number.to_string(), value)).collect()
    } else if json.starts_with(b"{") {
        answer::parsed::<answer::Members<'_>>(json)?.into_pairs()
    } else {
        let message = "an entry is not the text of an object";
        return Err(Error::new(ErrorKind::InvalidPayload, "read the folder", message));
    };
    let leaf_of = |(name, value): (String, &RawValue)| Leaf {
        place: leaf.place.iter().cloned().chain([name.clone()]).collect(),
        origin: format!("{}: {name}", leaf.origin),
        json: SecretBytes::from(answer::compact(value)),
    };
    Ok(named.into_iter().map(leaf_of).collect())
}
