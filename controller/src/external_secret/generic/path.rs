//! `Path`: a dotted path into an object, such as `spec.rules[0].host`, and what is put there (spec eso-core 7.5).

use serde_json::{Map, Value};

/// Highest index: a list is padded up to it.
const LARGEST_INDEX: usize = 10_000;
/// Most steps of a path.
const LONGEST: usize = 64;

/// A place in an object. Never empty, and begins with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Why a text is no path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathFault {
    /// Two dots in a row, or a dot at an end.
    #[error("target path {0:?} has an empty segment")]
    Empty(String),
    /// It begins with an index.
    #[error("target path {0:?} must begin with a key")]
    NoKey(String),
    /// Brackets without a number, or with too large a one.
    #[error("target path {0:?}: an index is a number from 0 to {LARGEST_INDEX} in brackets")]
    Index(String),
    /// More than [`LONGEST`] steps.
    #[error("target path has more than {LONGEST} steps")]
    TooLong,
}

impl Path {
    /// The path of these keys; they may hold dots.
    pub(super) fn keys<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// The path of `key` below this one; the key may hold dots.
    pub(super) fn join(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// Reads a path.
    ///
    /// # Errors
    /// What makes it none.
    pub(super) fn parse(text: &str) -> Result<Self, PathFault> {
        let mut steps = Vec::new();
        for segment in text.split('.') {
            let (key, indices) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
            if key.is_empty() {
                let nothing = if indices.is_empty() { PathFault::Empty } else { PathFault::NoKey };
                return Err(nothing(text.to_owned()));
            }
            steps.push(Step::Key(key.to_owned()));
            for index in indices.split_inclusive(']') {
                let number = index.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                let number = number.and_then(|number| number.parse().ok());
                let number = number.filter(|number| *number <= LARGEST_INDEX);
                steps.push(Step::Index(number.ok_or_else(|| PathFault::Index(text.to_owned()))?));
            }
            if steps.len() > LONGEST {
                return Err(PathFault::TooLong);
            }
        }
        Ok(Self(steps))
    }

    /// True for a path of one key.
    pub(super) fn is_single(&self) -> bool {
        self.0.len() == 1
    }

    /// Puts `value` there; maps and lists on the way are made where they are missing, lists padded with null. What
    /// stands in the way is replaced. `put` decides what becomes of what is there.
    pub(super) fn put(&self, object: &mut Value, put: impl FnOnce(&mut Value)) {
        walk(object, &self.0, put);
    }
}

fn walk(value: &mut Value, steps: &[Step], put: impl FnOnce(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else { return put(value) };
    match step {
        Step::Key(key) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(members) = value {
                walk(members.entry(key.clone()).or_insert(Value::Null), rest, put);
            }
        }
        Step::Index(index) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            if let Value::Array(items) = value {
                if items.len() <= *index {
                    items.resize(index + 1, Value::Null);
                }
                if let Some(item) = items.get_mut(*index) {
                    walk(item, rest, put);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(object: &mut Value, path: &str, value: Value) {
        Path::parse(path).unwrap().put(object, |place| *place = value);
    }

    #[test]
    fn maps_and_lists_on_the_way_are_made() {
        let mut object = json!({ "kind": "K" });
        put(&mut object, "spec.rules[0].from[1].host", json!("a"));
        put(&mut object, "spec.rules[0].port", json!(1));
        let expected =
            json!({ "kind": "K", "spec": { "rules": [{ "from": [null, { "host": "a" }], "port": 1 }] } });
        assert_eq!(object, expected);
        put(&mut object, "spec.rules[0].port", json!(1));
        assert_eq!(object, expected, "the same again changes nothing");
    }

    #[test]
    fn nested_indices_and_case_are_kept() {
        let mut object = json!({});
        put(&mut object, "Matrix[1][0]", json!(true));
        assert_eq!(object, json!({ "Matrix": [null, [true]] }));
    }

    #[test]
    fn what_is_no_path_is_told() {
        for (text, fault) in [
            ("", PathFault::Empty(String::new())),
            ("a..b", PathFault::Empty("a..b".to_owned())),
            ("[0].a", PathFault::NoKey("[0].a".to_owned())),
            ("a[x]", PathFault::Index("a[x]".to_owned())),
            ("a[10001]", PathFault::Index("a[10001]".to_owned())),
            ("a[1", PathFault::Index("a[1".to_owned())),
            ("a[1]b", PathFault::Index("a[1]b".to_owned())),
        ] {
            assert_eq!(Path::parse(text), Err(fault), "{text}");
        }
        assert_eq!(Path::parse(&vec!["a"; 65].join(".")), Err(PathFault::TooLong));
    }
}
