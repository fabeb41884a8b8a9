//! JSONPath as upstream's library has it (PaesslerAG's dialect): a path without choices gives one value or a fault,
//! a path with choices gives the list of what it meets.

mod parse;
mod walk;

use serde_json::Value;

/// Longest path, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Deepest nesting of filters and parentheses.
const MAX_DEPTH: usize = 32;

/// Most values that one evaluation may look at: `$..*..*` looks at each many times.
const MAX_STEPS: usize = 200_000;

/// A path that was read.
#[derive(Clone, Debug)]
pub(crate) struct JsonPath {
    segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Clone, Debug)]
enum Segment {
    /// Children that the selector names.
    Child(Selector),
    /// The same at any depth, the value itself included.
    Deep(Selector),
}

#[derive(Clone, Debug)]
enum Selector {
    Name(String),
    Index(i64),
    All,
    Several(Vec<Selector>),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Expression),
}

/// What a filter asks.
#[derive(Clone, Debug)]
enum Expression {
    Literal(Value),
    /// A path from the element (`@`).
    Here(Vec<Segment>),
    /// A path from the document (`$`).
    Root(Vec<Segment>),
    Not(Box<Expression>),
    Both(Box<Expression>, Box<Expression>),
    Either(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a path gives nothing. Names places in the path and keys that stand in it, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// The text is no path.
    #[error("not a JSONPath: {0} at position {1}")]
    Syntax(&'static str, usize),
    /// It breaks a limit.
    #[error("the JSONPath {0}")]
    Limit(&'static str),
    /// A key that the path names is not there.
    #[error("unknown key {0}")]
    UnknownKey(String),
    /// An index that the path names is not there.
    #[error("index {0} is out of bounds or not of a list")]
    UnknownIndex(i64),
}

impl JsonPath {
    /// The value at the path in `document`; a list of values if the path has choices.
    ///
    /// # Errors
    /// A path without choices that leads nowhere; a limit that is broken.
    pub(crate) fn value(&self, document: &Value) -> Result<Value, PathError> {
        walk::value(&self.segments, document)
    }
}

impl Selector {
    /// True if it can meet any number of values.
    fn has_choices(&self) -> bool {
        match self {
            Self::Name(_) | Self::Index(_) => false,
            Self::All | Self::Several(_) | Self::Slice { .. } | Self::Filter(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(path: &str, document: &Value) -> Result<Value, PathError> {
        JsonPath::parse(path)?.value(document)
    }

    #[test]
    fn paths_without_choices_give_one_value() {
        let document = json!({ "a": { "b c": [10, { "d": true }] }, "e-f": null });
        for (path, expected) in [
            ("$", document.clone()),
            ("$.a['b c'][0]", json!(10)),
            ("$.a[\"b c\"][-1].d", json!(true)),
            ("$['e-f']", json!(null)),
            ("$.e-f", json!(null)),
        ] {
            assert_eq!(at(path, &document), Ok(expected), "{path}");
        }
        assert_eq!(at("$.a.x", &document), Err(PathError::UnknownKey("x".to_owned())));
        assert_eq!(at("$.a['b c'][7]", &document), Err(PathError::UnknownIndex(7)));
        assert_eq!(at("$.a.b", &json!({ "a": 1 })), Err(PathError::UnknownKey("b".to_owned())));
    }

    #[test]
    fn paths_with_choices_give_a_list() {
        let document = json!({ "s": [{ "n": "x", "v": 1 }, { "n": "y", "v": 2 }, { "n": "z" }], "n": "top" });
        for (path, expected) in [
            ("$.s[*].n", json!(["x", "y", "z"])),
            ("$.s.*.v", json!([1, 2])),
            ("$..v", json!([1, 2])),
            ("$..n", json!(["top", "x", "y", "z"])),
            ("$.s[0,2].n", json!(["x", "z"])),
            ("$.s[1:].n", json!(["y", "z"])),
            ("$.s[:-1].n", json!(["x", "y"])),
            ("$.s[::2].n", json!(["x", "z"])),
            ("$.s[0]['n','v']", json!(["x", 1])),
        ] {
            assert_eq!(at(path, &document), Ok(expected), "{path}");
        }
    }

    #[test]
    fn filters_choose_by_the_element() {
        let document = json!({ "want": "y", "s": [
            { "n": "x", "v": 1 }, { "n": "y", "v": 2, "on": true }, { "n": "it's", "v": 3, "on": false },
        ]});
        for (path, expected) in [
            (r#"$.s[?@.n=="y"].v"#, json!([2])),
            (r#"$.s[?(@.n == "y")].v"#, json!([2])),
            (r"$.s[?(@.n == 'it\'s')].v", json!([3])),
            ("$.s[?(@.v >= 2 && @.v != 3)].n", json!(["y"])),
            ("$.s[?(@.v < 2 || @.v > 2)].n", json!(["x", "it's"])),
            ("$.s[?(@.on)].n", json!(["y"])),
            ("$.s[?(!@.on)].n", json!(["x", "it's"])),
            ("$.s[?(@.n == $.want)].v", json!([2])),
            (r#"$.s[?(@.n == "none")].v"#, json!([])),
        ] {
            assert_eq!(at(path, &document), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_with_its_place() {
        for path in
            ["", "a.b", "$.", "$[", "$[?", "$.a[?(@.b ==)]", "$[?@.a=~'x']", "$.a b", "$['a", "$[1.5]"]
        {
            assert!(matches!(JsonPath::parse(path), Err(PathError::Syntax(..))), "{path}");
        }
    }

    #[test]
    fn limits_hold() {
        let deep = format!("$[?{}@.a{}]", "(".repeat(100), ")".repeat(100));
        assert!(matches!(JsonPath::parse(&deep), Err(PathError::Limit(_))));
        assert!(matches!(JsonPath::parse(&format!("${}", ".a".repeat(MAX_BYTES))), Err(PathError::Limit(_))));
        let document = Value::from(vec![Value::from(vec![Value::from(vec![1; 100]); 50]); 50]);
        assert!(matches!(at("$..*", &document), Err(PathError::Limit(_))));
    }
}
