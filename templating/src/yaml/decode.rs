//! Decides what a document holds: aliases, merge keys, tags and keys resolved as go-yaml v2 and sigs.k8s.io/yaml do.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::YamlFault;
use super::resolve::{Resolved, resolved};
use super::tree::{Node, Scalar, Tree};
use crate::limits::{MAX_DEPTH, MAX_YAML_BYTES, MAX_YAML_NODES};
use crate::value::general;

/// About what a value takes besides its text.
const NODE_BYTES: usize = 64;

/// A decoded node.
pub(super) enum Yaml {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// From `!!binary` it may be any bytes.
    Text(Zeroizing<Vec<u8>>),
    List(Vec<Yaml>),
    /// Keys that are not text are written as text; the last of several with one name counts.
    Map(BTreeMap<String, Yaml>),
}

/// What the first document in the text holds; nothing if it is empty.
pub(super) fn decoded(document: &[u8]) -> Result<Yaml, YamlFault> {
    measured(document).map(|(yaml, _)| yaml)
}

/// Together with about how many bytes it takes.
pub(super) fn measured(document: &[u8]) -> Result<(Yaml, usize), YamlFault> {
    let tree = Tree::of(document)?;
    let Some(root) = tree.root else { return Ok((Yaml::Null, 0)) };
    let mut decoder = Decoder { tree: &tree, nodes: 0, bytes: 0, through: Vec::new() };
    let yaml = decoder.node(root, 0)?;
    Ok((yaml, decoder.bytes + decoder.nodes * NODE_BYTES))
}

struct Decoder<'a> {
    tree: &'a Tree,
    /// How much has been decoded, counting what several aliases stand for each time.
    nodes: usize,
    bytes: usize,
    /// The anchored nodes that are being decoded for an alias.
    through: Vec<usize>,
}

impl<'a> Decoder<'a> {
    fn at(&self, place: usize) -> Result<&'a Node, YamlFault> {
        self.tree.nodes.get(place).ok_or(YamlFault::Syntax("unknown anchor referenced"))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), YamlFault> {
        self.nodes += 1;
        self.bytes += bytes;
        if self.nodes > MAX_YAML_NODES || self.bytes > MAX_YAML_BYTES {
            return Err(YamlFault::TooLarge);
        }
        Ok(())
    }

    fn node(&mut self, place: usize, depth: usize) -> Result<Yaml, YamlFault> {
        if depth > MAX_DEPTH {
            return Err(YamlFault::TooDeep);
        }
        self.spend(0)?;
        match self.at(place)? {
            Node::Scalar(scalar) => self.scalar(scalar),
            Node::List(items) => {
                items.iter().map(|&item| self.node(item, depth + 1)).collect::<Result<_, _>>().map(Yaml::List)
            }
            Node::Map(members) => {
                let mut entries = BTreeMap::new();
                self.members(members, &mut entries, depth + 1)?;
                Ok(Yaml::Map(entries))
            }
            Node::Alias(target) => {
                self.enter(*target)?;
                let value = self.node(*target, depth + 1)?;
                self.through.pop();
                Ok(value)
            }
        }
    }

    fn enter(&mut self, target: usize) -> Result<(), YamlFault> {
        if self.through.contains(&target) {
            return Err(YamlFault::Syntax("anchor value contains itself"));
        }
        self.through.push(target);
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar) -> Result<Yaml, YamlFault> {
        self.spend(scalar.text.len())?;
        let text = || Yaml::Text(Zeroizing::new(scalar.text.as_bytes().to_vec()));
        let found = match scalar.tag.as_deref() {
            None if scalar.plain => resolved(&scalar.text, true),
            Some("binary") => {
                let compact: Zeroizing<String> = Zeroizing::new(scalar.text.replace(['\n', '\r'], ""));
                let bytes = STANDARD.decode(compact.as_bytes());
                return bytes
                    .map(|bytes| Yaml::Text(Zeroizing::new(bytes)))
                    .map_err(|_| YamlFault::Syntax("!!binary value contains invalid base64 data"));
            }
            Some(tag @ ("bool" | "int" | "float" | "null" | "timestamp")) => {
                tagged(tag, resolved(&scalar.text, tag == "timestamp"))?
            }
            _ => Resolved::Text,
        };
        Ok(match found {
            Resolved::Null => Yaml::Null,
            Resolved::Bool(truth) => Yaml::Bool(truth),
            Resolved::Int(number) => Yaml::Int(number),
            Resolved::Float(number) => Yaml::Float(number),
            Resolved::Timestamp | Resolved::Text => text(),
        })
    }

    fn members(
        &mut self,
        members: &[usize],
        entries: &mut BTreeMap<String, Yaml>,
        depth: usize,
    ) -> Result<(), YamlFault> {
        for pair in members.chunks_exact(2) {
            let &[key, value] = pair else { continue };
            match self.at(key)? {
                Node::Scalar(scalar) if is_merge(scalar) => self.merge(value, entries, depth)?,
                _ => {
                    let name = key_text(self.node(key, depth)?)?;
                    let value = self.node(value, depth)?;
                    entries.insert(name, value);
                }
            }
        }
        Ok(())
    }

    /// The entries of a map, or of several, of which the first wins.
    fn merge(
        &mut self,
        place: usize,
        entries: &mut BTreeMap<String, Yaml>,
        depth: usize,
    ) -> Result<(), YamlFault> {
        if depth > MAX_DEPTH {
            return Err(YamlFault::TooDeep);
        }
        self.spend(0)?;
        let wanted = YamlFault::Syntax("map merge requires map or sequence of maps as the value");
        match self.at(place)? {
            Node::Map(members) => self.members(members, entries, depth + 1),
            Node::Alias(target) => {
                let Node::Map(members) = self.at(*target)? else { return Err(wanted) };
                self.enter(*target)?;
                self.members(members, entries, depth + 1)?;
                self.through.pop();
                Ok(())
            }
            Node::List(items) => {
                for &item in items.iter().rev() {
                    let target = match self.at(item)? {
                        Node::Alias(target) => *target,
                        _ => item,
                    };
                    if !matches!(self.at(target)?, Node::Map(_)) {
                        return Err(wanted);
                    }
                    self.merge(item, entries, depth + 1)?;
                }
                Ok(())
            }
            Node::Scalar(_) => Err(wanted),
        }
    }
}

fn is_merge(scalar: &Scalar) -> bool {
    *scalar.text == "<<" && (scalar.plain || scalar.tag.as_deref() == Some("merge"))
}

/// A scalar with a tag must be what the tag says; a whole number is a float, too.
fn tagged(tag: &str, found: Resolved) -> Result<Resolved, YamlFault> {
    let fits = match found {
        Resolved::Null => tag == "null",
        Resolved::Bool(_) => tag == "bool",
        Resolved::Int(_) => tag == "int",
        Resolved::Float(_) => tag == "float",
        Resolved::Timestamp => tag == "timestamp",
        Resolved::Text => false,
    };
    match found {
        _ if fits => Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        Resolved::Int(number) if tag == "float" && i64::try_from(number).is_ok() => {
            Ok(Resolved::Float(number as f64))
        }
        _ => Err(YamlFault::Syntax("cannot decode a value as its tag says")),
    }
}

fn key_text(key: Yaml) -> Result<String, YamlFault> {
    Ok(match key {
        Yaml::Text(text) => String::from_utf8_lossy(&text).into_owned(),
        Yaml::Bool(truth) => truth.to_string(),
        Yaml::Int(number) if i64::try_from(number).is_ok() => number.to_string(),
        Yaml::Float(number) => match short_float(number).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            text => text.to_owned(),
        },
        Yaml::Null | Yaml::Int(_) => return Err(YamlFault::UnsupportedKey),
        Yaml::List(_) | Yaml::Map(_) => return Err(YamlFault::Syntax("invalid map key")),
    })
}

/// The fewest digits that name the 32-bit float nearest to the number.
pub(super) fn short_float(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are what upstream keeps")]
    let short = number as f32;
    if !short.is_finite() {
        return general(f64::from(short));
    }
    // The digits are few enough that a 64-bit float has the same shortest ones.
    general(format!("{short:e}").parse().unwrap_or(number))
}
