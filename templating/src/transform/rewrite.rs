//! `dataFrom[].rewrite`: decides the keys, and for `merge` also the values, of a fetched map (spec eso-core 2.5).

use std::collections::BTreeMap;
use std::fmt;

use regex::{Captures, Regex};

use super::go_regex::{PatternError, compiled};
use super::select::value_bytes;
use crate::engine::go_template::{Delimiters, Environment, MissingKey, TemplateError, compile};
use crate::json::{Escape, Json, JsonFault, Node, Numbers, printed, read};
use crate::limits::MAX_REWRITTEN_KEY_BYTES;

/// Keys and values on their way from a store to a Secret.
pub type Fields = BTreeMap<String, Vec<u8>>;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Replaces every match in every key.
    Regexp {
        /// What to look for, in Go's syntax.
        source: String,
        /// What to put there: `$1`, `${name}` and `$$` as in Go.
        target: String,
    },
    /// Renders every key through a Go template, as `.value`; the delimiters are always Go's own.
    Transform {
        /// The template.
        template: String,
    },
    /// Joins values that are JSON objects.
    Merge(Merge),
}

/// How values are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// What becomes of the union.
    pub strategy: MergeStrategy,
    /// The key that the union goes under, for [`MergeStrategy::Json`].
    pub into: String,
    /// Keys that are joined last, in this order, so that they win.
    pub priority: Vec<String>,
    /// What a priority key that is not in the map means.
    pub priority_policy: PriorityPolicy,
    /// What a member that two values have means.
    pub conflict_policy: ConflictPolicy,
}

/// `merge.strategy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The union's members replace the whole map.
    #[default]
    Extract,
    /// The union is added as one JSON object.
    Json,
}

/// `merge.priorityPolicy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityPolicy {
    /// An absent priority key is an error.
    #[default]
    Strict,
    /// It is passed over.
    IgnoreNotFound,
}

/// `merge.conflictPolicy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// A member in two values is an error, whatever the priority.
    #[default]
    Error,
    /// The later value wins.
    Ignore,
}

/// An operation that failed, in upstream's words. Key and member names are shown, values never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error applying rewrite to keys: failed rewrite operation[{index}]: {reason}")]
pub struct RewriteError {
    /// Which operation, from 0.
    pub index: usize,
    /// Why it failed.
    pub reason: RewriteFault,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteFault {
    /// The expression is not usable.
    #[error("regexp failed with failed to compile: {0}")]
    Pattern(#[from] PatternError),
    /// The template is none, or cannot be rendered.
    #[error("transform failed with {0}")]
    Template(#[from] TemplateError),
    /// A key grew beyond [`MAX_REWRITTEN_KEY_BYTES`].
    #[error("rewrite failed with a key longer than {MAX_REWRITTEN_KEY_BYTES} bytes")]
    KeyTooLong,
    /// A priority key is not in the map.
    #[error("merge failed with key {0:?} not found in input map")]
    UnknownPriority(String),
    /// A value is not JSON.
    #[error("merge failed with failed to unmarshal JSON: key {key:?}: {fault}")]
    NotJson {
        /// The value's key.
        key: String,
        /// What is wrong with it.
        fault: JsonFault,
    },
    /// A value is JSON, but no object.
    #[error("merge failed with failed to unmarshal JSON: key {key:?}: expected a JSON object, found {found}")]
    NotAnObject {
        /// The value's key.
        key: String,
        /// The kind of value found.
        found: &'static str,
    },
    /// A number is beyond the range of a 64-bit float.
    #[error("merge failed with failed to unmarshal JSON: member {member:?}: {fault}")]
    Member {
        /// The member's name.
        member: String,
        /// What is wrong with it.
        fault: JsonFault,
    },
    /// Two values have these members.
    #[error("merge failed with conflicts: {}", .0.join(", "))]
    Conflicts(Vec<String>),
    /// [`MergeStrategy::Json`] without a key to put the union under.
    #[error("merge failed with missing 'into' field")]
    MissingInto,
}

/// The map after all operations, in order.
///
/// # Errors
///
/// The first operation that fails.
pub fn rewrite(
    operations: &[Rewrite],
    fields: Fields,
    environment: &mut Environment<'_>,
) -> Result<Fields, RewriteError> {
    operations.iter().enumerate().try_fold(fields, |fields, (index, operation)| {
        let outcome = match operation {
            Rewrite::Regexp { source, target } => renamed(source, target, fields),
            Rewrite::Transform { template } => transformed(template, fields, environment),
            Rewrite::Merge(merge) => merged(merge, fields),
        };
        outcome.map_err(|reason| RewriteError { index, reason })
    })
}

/// Renames in sorted order of the old keys: of two that get the same name, the last one stays. (Upstream's order
/// is random.)
fn renamed(source: &str, target: &str, fields: Fields) -> Result<Fields, RewriteFault> {
    let regex = compiled(source)?;
    let target = Target::new(target);
    let mut out = Fields::new();
    for (key, value) in fields {
        out.insert(target.replaced(&regex, &key)?, value);
    }
    Ok(out)
}

/// Renders in sorted order of the old keys: of two that get the same name, the last one stays.
fn transformed(
    template: &str,
    fields: Fields,
    environment: &mut Environment<'_>,
) -> Result<Fields, RewriteFault> {
    let template = compile(template, &Delimiters::default())?;
    let mut out = Fields::new();
    for (key, value) in fields {
        let data = BTreeMap::from([("value".to_owned(), key.into_bytes())]);
        let rendered = template.render_with(&data, environment, MissingKey::NoValue)?;
        if rendered.len() > MAX_REWRITTEN_KEY_BYTES {
            return Err(RewriteFault::KeyTooLong);
        }
        out.insert(String::from_utf8_lossy(&rendered).into_owned(), value);
    }
    Ok(out)
}

/// What a match is replaced with.
struct Target<'t>(Vec<Piece<'t>>);

enum Piece<'t> {
    Text(&'t str),
    /// A group by number or name; one that does not exist is empty.
    Group(&'t str),
}

impl<'t> Target<'t> {
    /// Go's rules: `$name` takes letters, digits and underscores for as long as there are any, `${name}` ends at
    /// the brace, `$$` is a dollar, and any other dollar is itself.
    fn new(template: &'t str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            pieces.push(Piece::Text(before));
            if let Some(after) = after.strip_prefix('$') {
                pieces.push(Piece::Text("$"));
                rest = after;
                continue;
            }
            let (name, next) = group_name(after);
            pieces.push(if name.is_empty() { Piece::Text("$") } else { Piece::Group(name) });
            rest = next;
        }
        pieces.push(Piece::Text(rest));
        Self(pieces)
    }

    fn replaced(&self, regex: &Regex, key: &str) -> Result<String, RewriteFault> {
        let mut out = String::with_capacity(key.len());
        let mut at = 0;
        for found in regex.captures_iter(key) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(key.get(at..whole.start()).unwrap_or_default());
            for piece in &self.0 {
                out.push_str(match piece {
                    Piece::Text(text) => text,
                    Piece::Group(name) => group(&found, name),
                });
            }
            if out.len() > MAX_REWRITTEN_KEY_BYTES {
                return Err(RewriteFault::KeyTooLong);
            }
            at = whole.end();
        }
        out.push_str(key.get(at..).unwrap_or_default());
        Ok(out)
    }
}

/// The group name after a dollar and what follows it; no name if the dollar is itself.
fn group_name(text: &str) -> (&str, &str) {
    let is_word = |character: char| character == '_' || character.is_alphanumeric();
    let (braced, inner) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = inner.find(|character| !is_word(character)).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if !braced {
        return (name, after);
    }
    match after.strip_prefix('}') {
        Some(after) if !name.is_empty() => (name, after),
        _ => ("", text),
    }
}

fn group<'k>(found: &Captures<'k>, name: &str) -> &'k str {
    let is_number =
        name.bytes().all(|digit| digit.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let matched =
        if is_number { name.parse().ok().and_then(|number| found.get(number)) } else { found.name(name) };
    matched.map_or("", |matched| matched.as_str())
}

fn merged(merge: &Merge, fields: Fields) -> Result<Fields, RewriteFault> {
    let (union, conflicts) = union(merge, &fields)?;
    if merge.conflict_policy == ConflictPolicy::Error && !conflicts.is_empty() {
        return Err(RewriteFault::Conflicts(conflicts));
    }
    match merge.strategy {
        MergeStrategy::Extract => union
            .into_iter()
            .map(|(member, node)| match value_bytes(&node.value, Numbers::AsFloat) {
                Ok(value) => Ok((member, value)),
                Err(fault) => Err(RewriteFault::Member { member, fault }),
            })
            .collect(),
        MergeStrategy::Json if merge.into.is_empty() => Err(RewriteFault::MissingInto),
        MergeStrategy::Json => {
            let joined = printed(&Json::Object(union), Escape::Keep, Numbers::AsFloat)
                .map_err(|fault| RewriteFault::Member { member: merge.into.clone(), fault })?;
            let mut out = fields;
            out.insert(merge.into.clone(), joined);
            Ok(out)
        }
    }
}

type Union<'f> = BTreeMap<String, Node<'f>>;

/// All members of all values, and the names of those that more than one value has.
fn union<'f>(merge: &Merge, fields: &'f Fields) -> Result<(Union<'f>, Vec<String>), RewriteFault> {
    let rest = fields.keys().filter(|key| !merge.priority.contains(key));
    let mut union = Union::new();
    let mut conflicts = Vec::new();
    for key in rest.chain(&merge.priority) {
        let Some(value) = fields.get(key) else {
            match merge.priority_policy {
                PriorityPolicy::IgnoreNotFound => continue,
                PriorityPolicy::Strict => return Err(RewriteFault::UnknownPriority(key.clone())),
            }
        };
        let node = read(value).map_err(|fault| RewriteFault::NotJson { key: key.clone(), fault })?;
        let members = match node.value {
            Json::Object(members) => members,
            Json::Null => continue,
            other => return Err(RewriteFault::NotAnObject { key: key.clone(), found: other.kind() }),
        };
        for (member, node) in members {
            if union.contains_key(&member) && !conflicts.contains(&member) {
                conflicts.push(member.clone());
            }
            union.insert(member, node);
        }
    }
    conflicts.sort_unstable();
    Ok((union, conflicts))
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} pieces)", self.0.len())
    }
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
