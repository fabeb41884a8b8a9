//! Hop 6: from payloads to the data that they make. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use strongroom_crds::{CreationPolicy, DeletionPolicy, ExternalSecretSpec};
use strongroom_provider_api::SecretBytes;

use super::account;
use super::fetch::{Fetched, Found};
use super::generate::Made;
use super::shape;
use super::sources::{Ask, Entry};
use crate::error::{Refusal, SyncError};
use crate::generators::GeneratorError;
use crate::hash;
use crate::telemetry::Read;

/// What is to become of the target.
#[derive(Clone, Debug)]
pub(super) enum Built {
    /// It is made from this.
    Data {
        /// Data by key.
        data: BTreeMap<String, SecretBytes>,
        /// One text for each entry that the stores do not have.
        missing: Vec<String>,
    },
    /// There is no data; it stays as it is.
    Retain,
    /// There is no data; it goes.
    Delete,
}

/// What one entry gave, shaped.
#[derive(Debug)]
pub(super) struct Part {
    rank: (bool, usize),
    /// Data by key, or the text about an entry that the store does not have.
    shaped: Result<shape::Shaped, String>,
    /// What was read for it.
    reads: Vec<Read>,
}

/// The parts that the fetched payloads make.
///
/// # Errors
/// Data that cannot be shaped as asked ([`SyncError::Data`], with the entry).
pub(super) fn stored(
    spec: &ExternalSecretSpec,
    fetched: Vec<Fetched>,
    now: Timestamp,
) -> Result<Vec<Part>, SyncError> {
    let heeds_absence = spec.target.deletion_policy != DeletionPolicy::Retain;
    let mut parts = Vec::with_capacity(fetched.len());
    for Fetched { source, dialect, found } in fetched {
        let rank = source.entry.rank();
        let reads = account::reads(&source, &found);
        let shaped = match found {
            Found::Nothing => {
                parts.push(Part { rank, shaped: Err(missing_text(&source.entry)), reads });
                continue;
            }
            Found::One(payload) => match &source.ask {
                Ask::Value { secret_key, remote } => shape::value(secret_key, remote, &payload, dialect),
                Ask::Members { remote, rewrite } => shape::members(remote, rewrite, &payload, dialect, now),
                Ask::Matches { .. } => continue,
            },
            Found::Many(payloads) => match &source.ask {
                Ask::Matches { find, rewrite } => shape::matches(find, rewrite, &payloads, dialect, now),
                Ask::Value { .. } | Ask::Members { .. } => continue,
            },
        };
        let shaped = match shaped {
            Ok(shaped) => Ok(shaped),
            Err(shape::ShapeError::Missing(..)) if heeds_absence => Err(missing_text(&source.entry)),
            Err(error) => {
                let (entry, message) = (source.entry.to_string(), error.to_string());
                return Err(SyncError::Data { entry, store: source.store, message });
            }
        };
        parts.push(Part { rank, shaped, reads });
    }
    Ok(parts)
}

/// What was read for the parts, in their order; they forget it.
pub(super) fn take_reads(parts: &mut [Part]) -> Vec<Read> {
    parts.iter_mut().flat_map(|part| std::mem::take(&mut part.reads)).collect()
}

/// One text for what the parts hold: the same for the same, and another for anything else.
pub(super) fn fingerprint(parts: &[Part]) -> String {
    let mut all = String::new();
    for Part { rank: (single, index), shaped, .. } in parts {
        let part = match shaped {
            Ok(shaped) => hash::data(shaped.iter().map(|(key, value)| (key.as_str(), value.expose()))),
            Err(missing) => hash::text(missing),
        };
        let _ = writeln!(all, "{single}/{index}/{}/{part}", shaped.is_ok());
    }
    hash::text(&all)
}

/// The parts that generators made: rewritten, but neither converted nor decoded (spec eso-core 2.5).
///
/// # Errors
/// Keys that cannot be those of a Secret, and rewrites that fail.
pub(super) fn generated(made: &[Made], now: Timestamp) -> Result<Vec<Part>, SyncError> {
    let part = |made: &Made| {
        let shaped = shape::generated(&made.generated.fields, &made.source.rewrite, now);
        let shaped = shaped.map_err(|error| made.failed(GeneratorError::Data(error.to_string())))?;
        Ok(Part { rank: made.source.entry().rank(), shaped: Ok(shaped), reads: Vec::new() })
    };
    made.iter().map(part).collect()
}

/// What the parts make together, the later ones over the earlier, and what the deletion policy says where there is
/// no data (spec eso-core 2.5, 2.7).
///
/// # Errors
/// There is no data, and the deletion policy cannot be carried out.
pub(super) fn build(spec: &ExternalSecretSpec, mut parts: Vec<Part>) -> Result<Built, SyncError> {
    parts.sort_by_key(|part| part.rank);
    let mut data = BTreeMap::new();
    let mut missing = Vec::new();
    for part in parts {
        match part.shaped {
            Ok(shaped) => data.extend(shaped),
            Err(text) => missing.push(text),
        }
    }
    if data.is_empty() {
        match spec.target.deletion_policy {
            DeletionPolicy::Retain => return Ok(Built::Retain),
            DeletionPolicy::Delete if spec.target.creation_policy == CreationPolicy::Owner => {
                return Ok(Built::Delete);
            }
            DeletionPolicy::Delete => {
                let reason = "deletionPolicy Delete needs creationPolicy Owner".to_owned();
                return Err(SyncError::Refused(Refusal::NotOurs(reason)));
            }
            DeletionPolicy::Merge => {}
        }
    }
    Ok(Built::Data { data, missing })
}

fn missing_text(entry: &Entry) -> String {
    let mut text = "secret does not exist at provider using ".to_owned();
    let _ = match entry {
        // Upstream names the wrong list, and people look for its text.
        Entry::Data { index, key } => write!(text, "spec.dataFrom[{index}] (key={key})"),
        Entry::Extract { index } | Entry::Find { index } | Entry::Generator { index } => {
            write!(text, "spec.dataFrom[{index}]")
        }
    };
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use strongroom_provider_api::{
        Dialect, EmptySearch, FindRule, JsonMap, MissingProperty, Payload, PropertyOrder,
    };

    use super::super::sources::sources;
    use super::*;

    const DIALECT: Dialect = Dialect {
        property: PropertyOrder::LiteralThenPath,
        map: JsonMap::Reserialised,
        missing_property: MissingProperty::InvalidPayload,
        empty_search: EmptySearch::NoData,
        find: FindRule::Free,
        find_converts_keys: false,
    };

    /// Builds `spec` with one answer for each source: a text, or nothing.
    fn built(spec: &Value, answers: &[Option<&str>]) -> Result<Built, SyncError> {
        let spec: ExternalSecretSpec = serde_json::from_value(spec.clone()).unwrap();
        let sources = sources("ns", &spec)?.stores;
        assert_eq!(sources.len(), answers.len());
        let fetched = sources.into_iter().zip(answers).map(|(source, answer)| Fetched {
            source,
            dialect: DIALECT,
            found: answer.map_or(Found::Nothing, |text| Found::One(Arc::new(Payload::bytes(text)))),
        });
        build(&spec, stored(&spec, fetched.collect(), Timestamp::UNIX_EPOCH)?)
    }

    fn data(built: Result<Built, SyncError>) -> Vec<(String, String)> {
        let Ok(Built::Data { data, .. }) = built else { panic!("{built:?}") };
        let text = |value: &SecretBytes| value.expose_str().unwrap().to_owned();
        data.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    fn spec(deletion_policy: &str, data: &Value, data_from: &Value) -> Value {
        json!({
            "secretStoreRef": { "name": "s" },
            "target": { "deletionPolicy": deletion_policy },
            "data": data,
            "dataFrom": data_from,
        })
    }

    #[test]
    fn data_wins_over_data_from_and_later_over_earlier() {
        let spec = spec(
            "Retain",
            &json!([{ "secretKey": "c", "remoteRef": { "key": "x", "property": "p" } }]),
            &json!([{ "extract": { "key": "first" } }, { "extract": { "key": "second" } }]),
        );
        let answers =
            [Some(r#"{"a":"1","b":"1","c":"1"}"#), Some(r#"{"b":"2","c":"2"}"#), Some(r#"{"p":"3"}"#)];
        let expected =
            [("a", "1"), ("b", "2"), ("c", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(data(built(&spec, &answers)), expected);
    }

    #[test]
    fn what_is_gone_is_left_out_and_told() {
        let entries = json!([
            { "secretKey": "a", "remoteRef": { "key": "x" } },
            { "secretKey": "b", "remoteRef": { "key": "y" } },
        ]);
        let built = built(&spec("Delete", &entries, &json!([])), &[Some("1"), None]).unwrap();
        let Built::Data { data, missing } = built else { panic!("{built:?}") };
        assert_eq!(data.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(missing, ["secret does not exist at provider using spec.dataFrom[1] (key=y)"]);
    }

    #[test]
    fn no_data_at_all_follows_the_deletion_policy() {
        let entries = json!([{ "secretKey": "a", "remoteRef": { "key": "x" } }]);
        assert!(matches!(built(&spec("Delete", &entries, &json!([])), &[None]), Ok(Built::Delete)));
        assert!(matches!(built(&spec("Retain", &json!([]), &json!([])), &[]), Ok(Built::Retain)));
        assert!(data(built(&spec("Merge", &entries, &json!([])), &[None])).is_empty());
    }

    #[test]
    fn an_absent_property_names_entry_store_and_property_and_no_value() {
        let entries = json!([{ "secretKey": "a", "remoteRef": { "key": "x", "property": "nosuch" } }]);
        let error =
            built(&spec("Retain", &entries, &json!([])), &[Some(r#"{"other":"canary"}"#)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"error processing spec.data[0] (key: x), err: SecretStore "s": InvalidData: cannot find secret data for key: "nosuch""#
        );
    }
}
