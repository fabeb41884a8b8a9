//! Owns the strict JSON of this crate: documents as Go's encoding/json reads and prints them, with each number's text kept.

mod marshal;
mod print;
mod read;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub(crate) use marshal::{Layout, marshalled, to_value};
pub(crate) use print::{Escape, Numbers, append_quoted, float_json, float_text, printed};
pub(crate) use read::read;

/// One value of a document, with the text it was written as.
pub(crate) struct Node<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) value: Json<'a>,
}

/// What a value is.
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The number's own text, a valid JSON number.
    Number(&'a str),
    Text(Zeroizing<String>),
    List(Vec<Node<'a>>),
    /// Sorted by name; of members with the same name the last one counts, as in a Go map.
    Object(BTreeMap<String, Node<'a>>),
}

impl Json<'_> {
    /// The kind of value, as a word for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

/// Why a document is not JSON. Says where, never what stands there: the document is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text is not JSON from this byte on.
    #[error("invalid JSON at byte {0}")]
    Syntax(usize),
    /// Arrays and objects are nested deeper than [`MAX_DEPTH`](crate::limits::MAX_DEPTH).
    #[error("JSON nested deeper than {max} levels", max = crate::limits::MAX_DEPTH)]
    TooDeep,
    /// A number is outside the range of a 64-bit float.
    #[error("a JSON number is out of range")]
    NumberRange,
}
