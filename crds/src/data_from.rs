//! Owns `dataFrom[]`: many entries at once, found or extracted or generated, and the rewriting of their keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::remote_ref::{ConversionStrategy, DecodingStrategy, NullBytePolicy, RemoteRef};
use crate::source_ref::SourceRef;

/// One element of `dataFrom`: one of extract, find and `sourceRef.generatorRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// All fields of one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// All entries that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// Operations on the keys found, in order; where there are any, keys are not converted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<Rewrite>,
    /// The store or generator to draw from, in place of `spec.secretStoreRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which entries of a store to take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// Where to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the name must look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// Tags that an entry must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// How to turn characters that a Secret's key cannot hold. Absent means Default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How to decode the values. Absent means None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value with a NUL byte is an error. Absent means Ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// What the name of an entry must look like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindName {
    /// An unanchored regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<String>,
}

/// One operation on the keys: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Rewrite {
    /// Unite the members of all values, which must be JSON objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
    /// Replace matches of a regular expression in each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RegexpRewrite>,
    /// Render each key through a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

/// How values are united.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    /// Key of the united value; needed by strategy JSON, ignored otherwise.
    #[serde(default)]
    pub into: String,
    /// Keys that win over the others, the last one most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<String>,
    /// What a key of `priority` that does not exist means.
    #[serde(default)]
    pub priority_policy: PriorityPolicy,
    /// What two members of one name mean.
    #[serde(default)]
    pub conflict_policy: ConflictPolicy,
    /// What becomes of the union.
    #[serde(default)]
    pub strategy: MergeStrategy,
}

/// What a key of `priority` that does not exist means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PriorityPolicy {
    /// Nothing.
    IgnoreNotFound,
    /// An error.
    #[default]
    Strict,
}

/// What two members of one name mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConflictPolicy {
    /// The later one wins.
    Ignore,
    /// An error.
    #[default]
    Error,
}

/// What becomes of the united members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// They replace all keys.
    #[default]
    Extract,
    /// They become one JSON object under `into`; the other keys stay.
    #[serde(rename = "JSON")]
    Json,
}

/// Replace matches of a regular expression in each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegexpRewrite {
    /// The regular expression.
    pub source: String,
    /// What replaces a match; `$1` and `${name}` stand for groups.
    pub target: String,
}

/// Render each key through a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transform {
    /// A Go template; `.value` is the key.
    pub template: String,
}
