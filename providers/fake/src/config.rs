//! `spec.provider.fake`: the entries themselves.

use std::collections::HashSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::Violation;

/// Settings of the fake provider (spec eso-providers D).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FakeConfig {
    /// The entries.
    pub data: Vec<Entry>,
    /// What a check of the store gives: 0 ready, 1 unknown, 2 error.
    pub validation_result: Option<ValidationResult>,
}

/// One entry.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// Its remote key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Its version; an entry without one is read where no version is asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// `validationResult`: 0 ready, 1 unknown, anything else an error.
pub type ValidationResult = i32;

/// Names the key, never the value.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl FakeConfig {
    /// Entries that could never be read: without a key, or a second one of the same key and version.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let mut seen = HashSet::new();
        let mut violations = Vec::new();
        for (index, entry) in self.data.iter().enumerate() {
            let field = format!("data[{index}].key");
            if entry.key.is_empty() {
                violations.push(Violation::new(field, "must not be empty"));
            } else if !seen.insert((&entry.key, &entry.version)) {
                let message = format!("{:?} stands there twice with the same version", entry.key);
                violations.push(Violation::new(field, message));
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, version: &str) -> Entry {
        Entry { key: key.to_owned(), value: "canary".to_owned(), version: version.to_owned() }
    }

    #[test]
    fn entries_that_could_never_be_read_are_named() {
        let data = vec![entry("a", ""), entry("a", "v1"), entry("", ""), entry("a", "v1")];
        let violations = FakeConfig { data, validation_result: None }.violations();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["data[2].key", "data[3].key"]);
    }

    #[test]
    fn debug_names_keys_and_never_values() {
        let debug = format!("{:?}", entry("a", "v1"));
        assert!(debug.contains("\"a\"") && !debug.contains("canary"), "{debug}");
    }
}
