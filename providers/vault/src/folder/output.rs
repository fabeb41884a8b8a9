//! The values of a folder as the fields of a Secret: nothing is written over anything else.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};
use zeroize::Zeroizing;

use super::FolderSpec;
use super::leaf::Leaf;
use crate::engine::answer;

/// What stands between the parts of a key, unless the spec says something else.
const SEPARATOR: &str = "_";

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Format {
    /// One key for each value.
    #[default]
    Keys,
    /// The tree as JSON.
    #[serde(rename = "JSON")]
    Json,
    /// The tree as YAML.
    #[serde(rename = "YAML")]
    Yaml,
    /// Lines of `NAME="value"`.
    Env,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for Format {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FolderFormat".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Keys", "JSON", "YAML", "Env"] })
    }
}

/// A tree of values.
enum Node {
    Leaf(Leaf),
    Branch(BTreeMap<String, Node>),
}

/// The fields that `spec` makes of `leaves`.
///
/// # Errors
/// `InvalidPayload` where two values have the same key, or one cannot be written: both are named.
pub(super) fn fields(spec: &FolderSpec, leaves: Vec<Leaf>) -> Result<Vec<(String, SecretBytes)>> {
    let separator = spec.separator.as_deref().unwrap_or(SEPARATOR);
    let (usual, text) = match spec.format {
        Format::Keys => {
            let flat = flat(leaves, separator)?.into_iter();
            return flat.map(|(name, leaf)| Ok((name, value(&leaf)?))).collect();
        }
        Format::Env => ("secrets.env", env(flat(leaves, separator)?)?),
        Format::Json => {
            let mut out = Zeroizing::new(Vec::new());
            json(&tree(leaves)?, &mut out);
            ("secrets.json", out)
        }
        Format::Yaml => {
            let mut out = Zeroizing::new(Vec::new());
            yaml(&tree(leaves)?, 0, &mut out);
            ("secrets.yaml", out)
        }
    };
    let key = spec.key.as_deref().unwrap_or(usual);
    Ok(vec![(key.to_owned(), SecretBytes::from(text))])
}

/// The values by their keys.
fn flat(leaves: Vec<Leaf>, separator: &str) -> Result<BTreeMap<String, Leaf>> {
    let mut flat: BTreeMap<String, Leaf> = BTreeMap::new();
    for leaf in leaves {
        let name = leaf.place.join(separator);
        if let Some(other) = flat.get(&name) {
            return Err(clash(&name, &other.origin, &leaf.origin));
        }
        flat.insert(name, leaf);
    }
    Ok(flat)
}

fn tree(leaves: Vec<Leaf>) -> Result<Node> {
    let mut root = BTreeMap::new();
    for leaf in leaves {
        let place = leaf.place.clone();
        if let Some((last, way)) = place.split_last() {
            plant(&mut root, way, last, leaf)?;
        }
    }
    Ok(Node::Branch(root))
}

fn plant(branch: &mut BTreeMap<String, Node>, way: &[String], last: &str, leaf: Leaf) -> Result<()> {
    let shown = |leaf: &Leaf| leaf.place.join("/");
    let Some((next, way)) = way.split_first() else {
        if let Some(other) = branch.get(last) {
            return Err(clash(&shown(&leaf), other.origin(), &leaf.origin));
        }
        branch.insert(last.to_owned(), Node::Leaf(leaf));
        return Ok(());
    };
    match branch.entry(next.clone()).or_insert_with(|| Node::Branch(BTreeMap::new())) {
        Node::Branch(below) => plant(below, way, last, leaf),
        Node::Leaf(other) => Err(clash(&shown(&*other), &other.origin, &leaf.origin)),
    }
}

impl Node {
    /// Where one of its values comes from.
    fn origin(&self) -> &str {
        match self {
            Self::Leaf(leaf) => &leaf.origin,
            Self::Branch(below) => below.values().next().map(Self::origin).unwrap_or_default(),
        }
    }
}

fn clash(key: &str, one: &str, other: &str) -> Error {
    let message = format!("{one:?} and {other:?} both become {key:?}: a prefix keeps them apart");
    Error::new(ErrorKind::InvalidPayload, "read the folder", message)
}

/// A string as it is, everything else as its JSON text.
fn value(leaf: &Leaf) -> Result<SecretBytes> {
    let raw: &RawValue = answer::parsed(leaf.json.expose())?;
    answer::text(raw)
}

fn json(node: &Node, out: &mut Vec<u8>) {
    let below = match node {
        Node::Leaf(leaf) => return out.extend_from_slice(leaf.json.expose()),
        Node::Branch(below) => below,
    };
    out.push(b'{');
    for (place, (name, node)) in below.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(quoted(name).as_bytes());
        out.push(b':');
        json(node, out);
    }
    out.push(b'}');
}

/// YAML holds JSON: names and values are written as that, and branches as lines.
fn yaml(node: &Node, depth: usize, out: &mut Vec<u8>) {
    let Node::Branch(below) = node else { return };
    for (name, node) in below {
        out.extend(std::iter::repeat_n(b' ', 2 * depth));
        out.extend_from_slice(quoted(name).as_bytes());
        match node {
            Node::Leaf(leaf) => {
                out.extend_from_slice(b": ");
                out.extend_from_slice(leaf.json.expose());
                out.push(b'\n');
            }
            Node::Branch(_) => {
                out.extend_from_slice(b":\n");
                yaml(node, depth + 1, out);
            }
        }
    }
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// Lines that a shell and a dotenv file read alike: what is special between double quotes is escaped.
fn env(flat: BTreeMap<String, Leaf>) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::new());
    for (name, leaf) in flat {
        let legal = name.bytes().enumerate().all(|(place, byte)| {
            byte == b'_' || byte.is_ascii_alphabetic() || (place > 0 && byte.is_ascii_digit())
        });
        if !legal || name.is_empty() {
            let message = format!("{name:?}, of {:?}, is not the name of a variable", leaf.origin);
            return Err(Error::new(ErrorKind::InvalidPayload, "read the folder", message));
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        for byte in value(&leaf)?.expose() {
            match byte {
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'"' | b'\\' | b'$' | b'`' => out.extend_from_slice(&[b'\\', *byte]),
                _ => out.push(*byte),
            }
        }
        out.extend_from_slice(b"\"\n");
    }
    Ok(out)
}
