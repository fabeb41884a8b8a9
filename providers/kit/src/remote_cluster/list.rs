//! Names of objects, page by page: a search needs no more.

use std::collections::BTreeMap;

use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Result};

use super::{Ask, PAGE_CAP, RemoteCluster, encoded};

/// A list without what the objects hold.
const NAMES_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Names that are asked for at once.
const PAGE: usize = 500;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePage {
    /// The objects.
    pub names: Vec<ObjectName>,
    /// Where the next page begins; empty after the last.
    pub next: String,
}

/// What an object is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ObjectName {
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

#[derive(Deserialize)]
struct List {
    kind: String,
    #[serde(default)]
    metadata: Position,
    /// Null in an empty list.
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position {
    r#continue: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: ObjectName,
}

impl RemoteCluster {
    /// The names of the objects at `path` that carry all of `labels`, from `next` on. `call` is upstream's label value.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), and `InvalidPayload` for a label that would change the selector and for what is no list.
    pub async fn names(
        &self,
        call: &'static str,
        path: &str,
        labels: &BTreeMap<String, String>,
        next: &str,
    ) -> Result<NamePage> {
        let mut path = format!("{path}?limit={PAGE}");
        if !labels.is_empty() {
            if let Some(part) = labels.iter().flat_map(|(name, value)| [name, value]).find(|it| !is_label(it))
            {
                return Err(unusable(format!("{part:?} cannot be part of a label")));
            }
            let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            path = format!("{path}&labelSelector={}", encoded(&pairs.join(",")));
        }
        if !next.is_empty() {
            path = format!("{path}&continue={}", encoded(next));
        }
        let ask = Ask { accept: NAMES_ONLY, cap: PAGE_CAP, ..Ask::get(call, "search", path) };
        let answer = self.answer(&ask).await?;
        let not_a_list = || unusable("the answer is not what a Kubernetes API server gives".to_owned());
        // The parser's own words are dropped: they may quote what it read.
        let list: List = serde_json::from_slice(&answer.body).map_err(|_| not_a_list())?;
        // Anything else that happens to have no items must not pass for an empty list.
        if !list.kind.ends_with("List") {
            return Err(not_a_list());
        }
        let names = list.items.unwrap_or_default().into_iter().map(|item| item.metadata).collect();
        Ok(NamePage { names, next: list.metadata.r#continue })
    }
}

/// A comma or an operator in a selector would ask for something else.
fn is_label(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
}

fn unusable(message: String) -> Error {
    Error::new(ErrorKind::InvalidPayload, "search", message)
}

#[cfg(test)]
mod tests {
    use super::is_label;

    #[test]
    fn a_tag_cannot_change_the_selector() {
        for (tag, legal) in
            [("app.kubernetes.io/name", true), ("a,b", false), ("a!", false), ("a in (b)", false)]
        {
            assert_eq!(is_label(tag), legal, "{tag}");
        }
    }
}
