//! What a provider can do, and by which rules its payloads are read.

/// What a store can do. The conformance suite runs the cases that apply, and the kernel never calls what is
/// not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Shown as `status.capabilities` of the store, with upstream's words.
    pub access: Access,
    /// `list` works (`dataFrom.find`).
    pub list: bool,
    /// `list` can filter by tags (`find.tags`).
    pub list_tags: bool,
    /// `read` understands [`RemoteKey::version`](crate::RemoteKey::version).
    pub versions: bool,
    /// `read` understands [`Aspect::Metadata`](crate::Aspect::Metadata).
    pub metadata: bool,
    /// `write`, `delete` and `exists` work (PushSecret).
    pub write: bool,
}

/// `status.capabilities` of a store: informational, as upstream (spec eso-providers 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `ReadOnly`
    ReadOnly,
    /// `WriteOnly`
    WriteOnly,
    /// `ReadWrite`
    ReadWrite,
}

impl Access {
    /// The word as it stands in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ReadOnly",
            Self::WriteOnly => "WriteOnly",
            Self::ReadWrite => "ReadWrite",
        }
    }
}

/// How `property`, `extract` and `find` read this provider's payloads (spec eso-providers F). The rules
/// differ between upstream's providers, and users' Secrets depend on them; they are applied outside the
/// provider, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How a property is looked up.
    pub property: PropertyOrder,
    /// How a JSON object becomes keys and values, and how it is printed whole.
    pub map: JsonMap,
    /// What an absent property means.
    pub missing_property: MissingProperty,
    /// What a search that meets no entry at all means, before any filter by name.
    pub empty_search: EmptySearch,
    /// What a search must say, or must not.
    pub find: FindRule,
    /// `find` converts keys before `rewrite` sees them (spec eso-core Q25).
    pub find_converts_keys: bool,
}

/// What a search that meets no entry at all means to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptySearch {
    /// There is no data.
    NoData,
    /// The place that was searched does not exist: an error, unless `deletionPolicy` heeds absence.
    NotFound,
}

/// What a search must say, or must not. A filter by name wins over tags wherever both are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindRule {
    /// A name, tags, both or neither.
    Free,
    /// `find.name` must be there; an empty one matches everything.
    NameNeeded,
    /// `find.tags` must not be there, not even empty or beside a name.
    NoTags,
}

/// The order in which a property is looked up in a JSON payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyOrder {
    /// A top-level member of exactly that name wins, then the gjson path.
    LiteralThenPath,
    /// Only the gjson path.
    PathOnly,
    /// Only a top-level member of that name.
    LiteralOnly,
    /// Only the gjson path, and what is no text keeps its JSON text; where it is to be taken apart and is no object, it
    /// is one member, `value`. The provider gets the property with the key, because it decides who may ask for which.
    RawPath,
    /// The provider selects: it gets the property with the key, and the bytes that it gives are taken as they
    /// are.
    ByProvider,
}

/// The families of spec eso-providers F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonMap {
    /// The object is decoded and printed again: keys sorted, compact, `<`, `>` and `&` escaped as Go does;
    /// numbers of a map lose digits above 2^53, as upstream's do.
    Reserialised,
    /// Strings are unquoted, every other value keeps its text.
    RawText,
    /// Every value of a map is printed again as JSON, so that strings keep their quotes; a whole document keeps
    /// its text.
    Quoted,
}

/// What an absent property means to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingProperty {
    /// The secret does not exist: `deletionPolicy` may act on it.
    NotFound,
    /// The data is not what the user expects: an error, and nothing is deleted.
    InvalidPayload,
}
