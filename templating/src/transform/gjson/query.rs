//! `#(…)`: reads a query of a gjson path and decides whether a value meets it.

use std::borrow::Cow;

use super::pattern;
use super::scan::{byte, quoted, span, tail};
use super::value::{Kind, Value, number, unescaped};

/// A condition on the elements of an array.
pub(super) struct Query<'p> {
    /// Where in the element to look; empty for the element itself.
    pub(super) path: &'p [u8],
    comparison: Comparison,
    operand: Cow<'p, [u8]>,
    /// All elements that meet the condition, not only the first.
    pub(super) all: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Anything that is there.
    Present,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
    /// An operator that does not exist: nothing meets it.
    Unknown,
}

impl Query<'static> {
    /// What a query without end amounts to.
    pub(super) const ANY: Self =
        Self { path: &[], comparison: Comparison::Present, operand: Cow::Borrowed(&[]), all: false };
}

/// The query at the start of `path` (`#(` or `#[`), and the index after it.
pub(super) fn query(path: &[u8]) -> Option<(Query<'_>, usize)> {
    let mut at = 2;
    let mut depth = 1_usize;
    let mut operator = None;
    let mut escaped = false;
    loop {
        let found = *path.get(at)?;
        if depth == 1 && operator.is_none() && matches!(found, b'!' | b'=' | b'<' | b'>' | b'%') {
            operator = Some(at);
        }
        match found {
            b'\\' => at += 1,
            b'[' | b'(' => depth += 1,
            b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                let text = quoted(path, at);
                escaped |= text.escaped;
                at = text.end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    let end = at + 1;
    let all = byte(path, end) == b'#';
    let Some(start) = operator else {
        let inner = span(path, 2, at).trim_ascii();
        return Some((Query { path: inner, all, ..Query::ANY }, end));
    };
    let (comparison, length) = comparison(span(path, start, at).trim_ascii());
    let operand = tail(span(path, start, at).trim_ascii(), length).trim_ascii();
    let operand = match operand {
        [b'"', inner @ .., b'"'] if escaped => Cow::Owned(unescaped(inner)),
        [b'"', inner @ .., b'"'] => Cow::Borrowed(inner),
        other => Cow::Borrowed(other),
    };
    Some((Query { path: span(path, 2, start).trim_ascii(), comparison, operand, all }, end))
}

/// The operator at the start of `text`, and its length.
fn comparison(text: &[u8]) -> (Comparison, usize) {
    match text {
        [b'!', b'=', ..] => (Comparison::NotEqual, 2),
        [b'!', b'%', ..] => (Comparison::NotLike, 2),
        [b'<', b'=', ..] => (Comparison::LessOrEqual, 2),
        [b'>', b'=', ..] => (Comparison::GreaterOrEqual, 2),
        [b'=', b'=', ..] => (Comparison::Equal, 2),
        [b'=', ..] => (Comparison::Equal, 1),
        [b'<', ..] => (Comparison::Less, 1),
        [b'>', ..] => (Comparison::Greater, 1),
        [b'%', ..] => (Comparison::Like, 1),
        [b'!', _, ..] => (Comparison::Present, 0),
        _ => (Comparison::Unknown, 1),
    }
}

impl Query<'_> {
    /// Whether what was found at the query's path meets its condition.
    pub(super) fn met_by(&self, found: &Value<'_>) -> bool {
        if let Some(wanted) = self.operand.strip_prefix(b"~") {
            // A condition on truth: the value counts as `true` or `false`, and is compared with `true`.
            let Some(truth) = truth(wanted, found) else { return false };
            return self.comparison == Comparison::Present || self.truth_met(truth, b"true");
        }
        if !found.exists() {
            return false;
        }
        if self.comparison == Comparison::Present {
            return true;
        }
        match found.kind() {
            Kind::String => self.text_met(&found.text()),
            Kind::Number => self.number_met(found.number()),
            Kind::True => self.truth_met(true, &self.operand),
            Kind::False => self.truth_met(false, &self.operand),
            Kind::Null | Kind::Json => false,
        }
    }

    /// Steps that the comparison with `found` may take beyond reading it.
    pub(super) fn cost(&self, found: &Value<'_>) -> usize {
        match self.comparison {
            Comparison::Like | Comparison::NotLike => pattern::cost(found.raw(), &self.operand),
            Comparison::Present
            | Comparison::Equal
            | Comparison::NotEqual
            | Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual
            | Comparison::Unknown => 0,
        }
    }

    fn text_met(&self, text: &[u8]) -> bool {
        let operand: &[u8] = &self.operand;
        match self.comparison {
            Comparison::Present => true,
            Comparison::Equal => text == operand,
            Comparison::NotEqual => text != operand,
            Comparison::Less => text < operand,
            Comparison::LessOrEqual => text <= operand,
            Comparison::Greater => text > operand,
            Comparison::GreaterOrEqual => text >= operand,
            Comparison::Like => pattern::matches(text, operand),
            Comparison::NotLike => !pattern::matches(text, operand),
            Comparison::Unknown => false,
        }
    }

    #[expect(clippy::float_cmp, reason = "gjson compares floats exactly")]
    fn number_met(&self, found: f64) -> bool {
        let operand = number(&self.operand);
        match self.comparison {
            Comparison::Present => true,
            Comparison::Equal => found == operand,
            Comparison::NotEqual => found != operand,
            Comparison::Less => found < operand,
            Comparison::LessOrEqual => found <= operand,
            Comparison::Greater => found > operand,
            Comparison::GreaterOrEqual => found >= operand,
            Comparison::Like | Comparison::NotLike | Comparison::Unknown => false,
        }
    }

    fn truth_met(&self, found: bool, operand: &[u8]) -> bool {
        let same: &[u8] = if found { b"true" } else { b"false" };
        let other: &[u8] = if found { b"false" } else { b"true" };
        match self.comparison {
            Comparison::Present => true,
            Comparison::Equal => operand == same,
            Comparison::NotEqual => operand != same,
            Comparison::Less => !found && operand == other,
            Comparison::LessOrEqual => !found,
            Comparison::Greater => found && operand == other,
            Comparison::GreaterOrEqual => found,
            Comparison::Like | Comparison::NotLike | Comparison::Unknown => false,
        }
    }
}

/// `~true`, `~false`, `~null` and `~*`; `None` for any other word.
fn truth(wanted: &[u8], found: &Value<'_>) -> Option<bool> {
    match wanted {
        b"*" => Some(found.exists()),
        b"null" => Some(found.kind() == Kind::Null),
        b"true" => Some(truthy(found)),
        b"false" => Some(falsy(found)),
        _ => None,
    }
}

fn truthy(found: &Value<'_>) -> bool {
    match found.kind() {
        Kind::True => true,
        Kind::Number => found.number() != 0.0,
        Kind::String => matches!(found.text().to_ascii_lowercase().as_slice(), b"1" | b"t" | b"true"),
        Kind::False | Kind::Null | Kind::Json => false,
    }
}

fn falsy(found: &Value<'_>) -> bool {
    match found.kind() {
        Kind::Null | Kind::False => true,
        Kind::Number => found.number() == 0.0,
        Kind::String => matches!(found.text().to_ascii_lowercase().as_slice(), b"0" | b"f" | b"false"),
        Kind::True | Kind::Json => false,
    }
}
