//! Tags that AWS keeps beside an entry; one of them says whose it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

/// The tag of what we wrote, as upstream's.
pub(crate) const MARK: (&str, &str) = ("managed-by", "external-secrets");

/// Tags by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Option<Vec<Tag>>")]
pub(crate) struct Tags(pub(crate) BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl From<Option<Vec<Tag>>> for Tags {
    fn from(tags: Option<Vec<Tag>>) -> Self {
        Self(tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
    }
}

impl Tags {
    /// Whether what carries them is ours.
    pub(crate) fn are_ours(&self) -> bool {
        self.0.get(MARK.0).is_some_and(|value| value == MARK.1)
    }

    /// # Errors
    /// `Conflict` where what carries them is not ours.
    pub(crate) fn check_ours(&self) -> Result<()> {
        let message = "secret not managed by external-secrets";
        self.are_ours().then_some(()).ok_or_else(|| Error::new(ErrorKind::Conflict, "write", message))
    }

    /// Whether all of `wanted` are among them.
    pub(crate) fn hold(&self, wanted: &BTreeMap<String, String>) -> bool {
        wanted.iter().all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// A JSON object, sorted: what `metadataPolicy: Fetch` gives.
    pub(crate) fn document(&self) -> SecretBytes {
        json!(self.0).to_string().into()
    }

    /// `wanted` and our mark, as AWS takes tags.
    pub(crate) fn marked(wanted: &BTreeMap<String, String>) -> Value {
        let mut all = wanted.clone();
        all.insert(MARK.0.to_owned(), MARK.1.to_owned());
        Self(all).listed()
    }

    /// As AWS takes tags.
    pub(crate) fn listed(&self) -> Value {
        self.0.iter().map(|(name, value)| json!({ "Key": name, "Value": value })).collect()
    }

    /// What must be set, and which names must go, so that they become `wanted` and our mark. AWS's own tags stay.
    pub(crate) fn difference(&self, wanted: &BTreeMap<String, String>) -> (Self, BTreeSet<String>) {
        let set = wanted.iter().filter(|(name, value)| self.0.get(*name) != Some(*value));
        let set = set.map(|(name, value)| (name.clone(), value.clone())).collect();
        let is_theirs = |name: &&String| {
            *name != MARK.0 && !name.starts_with("aws:") && !wanted.contains_key(name.as_str())
        };
        (Self(set), self.0.keys().filter(is_theirs).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_not_wanted_go_but_not_ours_nor_the_clouds() {
        let found: Tags = serde_json::from_value(json!([
            { "Key": "managed-by", "Value": "external-secrets" },
            { "Key": "aws:cloudformation:stack-name", "Value": "x" },
            { "Key": "old", "Value": "1" },
            { "Key": "same", "Value": "1" },
            { "Key": "other", "Value": "1" },
        ]))
        .unwrap();
        assert!(found.are_ours() && found.document().expose_str().unwrap().contains(r#""old":"1""#));
        let wanted = [("same", "1"), ("other", "2"), ("new", "1")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let (set, gone) = found.difference(&wanted);
        assert_eq!(set.0.keys().collect::<Vec<_>>(), ["new", "other"]);
        assert_eq!(gone.into_iter().collect::<Vec<_>>(), ["old"]);
        assert!(!serde_json::from_value::<Tags>(Value::Null).unwrap().are_ours());
    }
}
