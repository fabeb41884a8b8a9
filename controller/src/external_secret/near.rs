//! Decides which existing names an error suggests for one that does not exist. Names only, never a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::IgnoredAny;
use strongroom_crds::conditions::{ConditionType, STATUS_TRUE};
use strongroom_provider_api::{Content, ErrorKind};
use strongroom_templating::engine::near::near;
use strongroom_templating::transform::select::{self, JsonMap, PropertyOrder};
use zeroize::Zeroizing;

use super::connect::Connected;
use super::gather::Observed;
use super::words::Words;
use crate::error::SyncError;
use crate::stores::StoreId;

const BEGINNING: &str = "; did you mean ";

/// The end of a message about a name that does not exist; empty if none is like it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near(String);

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Near {
    fn of(names: &[String]) -> Self {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        Self(match quoted.as_slice() {
            [] => String::new(),
            [only] => format!("{BEGINNING}{only}?"),
            [first @ .., last] => format!("{BEGINNING}{} or {last}?", first.join(", ")),
        })
    }
}

/// What resembles `property` among the fields of a payload, or where it is a path among the members on its way.
pub(super) fn property(content: &Content, property: &str) -> Near {
    let document = match content {
        Content::Fields(fields) => {
            return Near::of(&near(property, fields.iter().map(|(name, _)| name.as_str())));
        }
        Content::Bytes(bytes) => bytes.expose(),
    };
    Near::of(&on_its_way(document, property))
}

/// What resembles the first step of a path that does not exist, with the steps before it. Where that is the very first,
/// the path may be a name with dots.
fn on_its_way(document: &[u8], path: &str) -> Vec<String> {
    let (mut way, mut document) = (String::new(), Zeroizing::new(document.to_vec()));
    for step in path.split('.') {
        let names = members(&document);
        if !names.contains(step) {
            let similar = |wanted: &str| near(wanted, names.iter().map(String::as_str));
            let found = Some(similar(step)).filter(|found| !found.is_empty() || !way.is_empty());
            let found = found.unwrap_or_else(|| similar(path));
            return found.iter().map(|name| format!("{way}{name}")).collect();
        }
        let inner = select::property(&document, step, PropertyOrder::LiteralOnly, JsonMap::RawText);
        let Ok(Some(inner)) = inner else { break };
        document = Zeroizing::new(inner);
        way = format!("{way}{step}.");
    }
    Vec::new()
}

/// The names of an object's members; none of anything else.
#[expect(clippy::zero_sized_map_values, reason = "only a map can be decoded from an object")]
fn members(document: &[u8]) -> BTreeSet<String> {
    let members = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(document);
    members.map(|members| members.into_keys().collect()).unwrap_or_default()
}

/// `error`, and if a store has no such entry, what resembles it in the same folder, where the store can list.
///
/// The store is asked once for a failure: as long as the object fails in the same way, its condition holds the answer.
pub(super) async fn suggested(
    observed: &Observed,
    stores: &BTreeMap<StoreId, Connected>,
    error: SyncError,
) -> SyncError {
    let (handle, key) = match &error {
        // A search names no entry.
        SyncError::Store { entry, .. } if entry.rsplit('.').next() == Some("find") => return error,
        SyncError::Store { store, error: cause, .. } if cause.kind() == ErrorKind::NotFound => {
            match (stores.get(store), cause.key()) {
                (Some(connected), Some(key)) if connected.handle.capabilities.list => {
                    (&connected.handle, key.to_owned())
                }
                _ => return error,
            }
        }
        _ => return error,
    };
    let near = match told(observed, &error) {
        Some(near) => near,
        None => Near::of(&keys(&key, &handle.names_below(folder(&key).0).await)),
    };
    error.suggesting(near)
}

/// What the object's condition suggests already, if it is about the same failure.
fn told(observed: &Observed, error: &SyncError) -> Option<Near> {
    let status = observed.status();
    let ready = |type_: &str| type_ == ConditionType::Ready.as_str();
    let condition = status.conditions.iter().find(|condition| ready(&condition.type_))?;
    let message = condition.message.as_deref().filter(|_| condition.status != STATUS_TRUE)?;
    let same = format!("{}: {error}", Words::of(observed).condition_text(error));
    let rest = message.strip_prefix(&same)?;
    (rest.is_empty() || rest.starts_with(BEGINNING)).then(|| Near(rest.to_owned()))
}

/// The names in the folder of `key` that resemble it there.
fn keys(key: &str, names: &[String]) -> Vec<String> {
    let (folder, last) = folder(key);
    let inside = |name: &str| match folder {
        Some(folder) => name.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned),
        None => Some(name.to_owned()),
    };
    let inside: BTreeSet<String> = names.iter().filter_map(|name| inside(name)).collect();
    let similar = near(last, inside.iter().map(String::as_str));
    let whole = |name: String| folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
    similar.into_iter().map(whole).collect()
}

/// The folder of a key, and its name there.
fn folder(key: &str) -> (Option<&str>, &str) {
    key.rsplit_once('/').map_or((None, key), |(folder, last)| (Some(folder), last))
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::SecretBytes;

    use super::*;

    fn of_text(text: &str, wanted: &str) -> String {
        property(&Content::Bytes(SecretBytes::from(text)), wanted).to_string()
    }

    #[test]
    fn a_property_is_sought_among_the_names_of_the_payload_and_no_value_is_shown() {
        let text =
            r#"{"password": "canary", "username": "canary", "database": {"password": "canary", "port": 1}}"#;
        for (wanted, said) in [
            ("pasword", r#"; did you mean "password"?"#),
            ("database.pasword", r#"; did you mean "database.password"?"#),
            ("databse.password", r#"; did you mean "database"?"#),
            ("canary", ""),
            ("database.user", ""),
            ("database.port.x", ""),
        ] {
            assert_eq!(of_text(text, wanted), said, "{wanted}");
        }
        assert_eq!(of_text("canary", "canari"), "");
        let fields = [("user".to_owned(), SecretBytes::from("canary"))];
        let fields = Content::Fields(fields.into_iter().collect());
        assert_eq!(property(&fields, "usr").to_string(), r#"; did you mean "user"?"#);
        assert_eq!(property(&fields, "canary").to_string(), "");
    }

    #[test]
    fn a_key_is_sought_in_its_own_folder() {
        let names = ["team/app-one", "team/deep/app-one", "other/app-one", "team/x"].map(str::to_owned);
        assert_eq!(keys("team/ap-one", &names), ["team/app-one"]);
        assert!(keys("teem/app-one", &names).is_empty());
        assert_eq!(keys("top", &["tap".to_owned(), "team/top".to_owned()]), ["tap"]);
    }

    #[test]
    fn a_message_lists_them_as_one_says_it() {
        let said = |names: &[&str]| {
            Near::of(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).to_string()
        };
        assert_eq!(said(&[]), "");
        assert_eq!(said(&["a"]), r#"; did you mean "a"?"#);
        assert_eq!(said(&["a", "b", "c"]), r#"; did you mean "a", "b" or "c"?"#);
    }
}
