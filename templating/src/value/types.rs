//! Go's types as far as templates can tell them apart: what parameters take and what containers hold.

/// The type of a parameter, or of what a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `interface {}`: everything.
    Any,
    Bool,
    Int(IntKind),
    /// `float64`
    Float,
    /// `string`
    Text,
    /// A type of its own that is a string, by its Go name: a text constant of the template is of it, and a `string`
    /// is not. The function gets a [`Value::Text`](super::Value::Text).
    NamedText(&'static str),
    /// `[]byte`
    Bytes,
    List(Element),
    Map(Element),
    /// A type with methods, by its Go name, for example `time.Time`.
    Object(&'static str),
}

/// What a list or a map holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// `interface {}`
    Any,
    /// `string`
    Text,
    /// `int`
    Int,
    /// `[]interface {}`
    AnyList,
}

/// Go's whole-number types.
#[expect(dead_code, reason = "complete, though no function gives one of the small ones")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntKind {
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}
