//! Owns the reference to one entry of a store and the strategies for its bytes and keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One entry of a store: `data[].remoteRef` and `dataFrom[].extract`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// Name of the entry in the store.
    pub key: String,
    /// Which property of the entry to select; what a property is depends on the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Which version of the entry to read; the current one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether to fetch the entry's tags or labels in place of its value. Absent means None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
    /// How to turn characters that a Secret's key cannot hold. Absent means Default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How to decode the value. Absent means None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value with a NUL byte is an error. Absent means Ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// What of an entry is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// Its value.
    #[default]
    None,
    /// Its tags or labels.
    Fetch,
}

/// What becomes of characters that the key of a Secret cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStrategy {
    /// Each becomes `_`.
    #[default]
    Default,
    /// Each becomes `_U`, its code point in hexadecimal, `_`.
    Unicode,
}

/// How a value is decoded before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// Base64, else URL-safe base64, else as it is.
    Auto,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 with padding.
    #[serde(rename = "Base64URL")]
    Base64Url,
    /// Not at all.
    #[default]
    None,
}

/// What a NUL byte in a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NullBytePolicy {
    /// Nothing.
    #[default]
    Ignore,
    /// An error.
    Fail,
}
