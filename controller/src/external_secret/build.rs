//! Hop 6: from payloads to the Secret as it should be. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use strongroom_crds::{CreationPolicy, DeletionPolicy, ExternalSecretSpec};
use strongroom_provider_api::SecretBytes;

use super::desired::{Desired, desired};
use super::fetch::{Fetched, Found};
use super::gather::Observed;
use super::shape;
use super::sources::{Ask, Entry};
use crate::error::{Refusal, SyncError};

/// The API server's limit for all values of a Secret together.
const LARGEST_SECRET: usize = 1024 * 1024;

/// What is to become of the target.
#[derive(Clone, Debug)]
pub(super) enum Built {
    /// It should look like this.
    Target {
        /// The target.
        desired: Box<Desired>,
        /// One text for each entry that the stores do not have.
        missing: Vec<String>,
    },
    /// There is no data; it stays as it is.
    Retain,
    /// There is no data; it goes.
    Delete,
}

/// The target that the fetched payloads make (spec eso-core 2.5, 2.7, 2.9).
///
/// # Errors
/// Data that cannot be shaped as asked ([`SyncError::Data`], with the entry), and a result that may not be
/// written ([`SyncError::Rendered`], [`SyncError::Object`]).
pub(super) fn build(
    observed: &Observed,
    spec: &ExternalSecretSpec,
    fetched: Vec<Fetched>,
) -> Result<Built, SyncError> {
    let mut data = BTreeMap::new();
    let mut missing = Vec::new();
    for Fetched { source, dialect, found } in fetched {
        let shaped = match found {
            Found::Nothing => {
                missing.push(missing_text(&source.entry));
                continue;
            }
            Found::One(payload) => match &source.ask {
                Ask::Value { secret_key, remote } => shape::value(secret_key, remote, &payload, dialect),
                Ask::Members { remote, rewrite } => shape::members(remote, rewrite, &payload, dialect),
                Ask::Matches { .. } => continue,
            },
            Found::Many(payloads) => match &source.ask {
                Ask::Matches { find, rewrite } => shape::matches(find, rewrite, &payloads, dialect),
                Ask::Value { .. } | Ask::Members { .. } => continue,
            },
        };
        let heeds_absence = spec.target.deletion_policy != DeletionPolicy::Retain;
        match shaped {
            Ok(shaped) => data.extend(shaped),
            Err(shape::ShapeError::Missing(_)) if heeds_absence => missing.push(missing_text(&source.entry)),
            Err(error) => {
                let (entry, message) = (source.entry.to_string(), error.to_string());
                return Err(SyncError::Data { entry, store: source.store, message });
            }
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
    check_rendered(&data)?;
    Ok(Built::Target { desired: Box::new(desired(observed, spec, data)), missing })
}

/// What this version cannot do yet is refused before a store is asked or anything is written.
///
/// # Errors
/// [`SyncError::Unsupported`] names the field.
pub(super) fn check_supported(spec: &ExternalSecretSpec) -> Result<(), SyncError> {
    let unsupported = |field: &str| SyncError::Unsupported(format!("{field} is not built in yet"));
    let target = &spec.target;
    if target.template.is_some() {
        return Err(unsupported("spec.target.template"));
    }
    if target.manifest.is_some() {
        return Err(unsupported("spec.target.manifest"));
    }
    Ok(())
}

/// The rules of the API server, checked here so that the message can name the key.
fn check_rendered(data: &BTreeMap<String, SecretBytes>) -> Result<(), SyncError> {
    let legal = |key: &str| {
        !matches!(key, "." | "..")
            && !key.starts_with("..")
            && key.len() <= 253
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if let Some(key) = data.keys().find(|key| !legal(key)) {
        return Err(SyncError::Rendered(format!("{key:?} cannot be a key of a Secret")));
    }
    let size: usize = data.values().map(SecretBytes::len).sum();
    if size > LARGEST_SECRET {
        let largest = data.iter().max_by_key(|(_, value)| value.len());
        let largest = largest
            .map_or(String::new(), |(key, value)| format!("; largest: {key:?}, {} bytes", value.len()));
        return Err(SyncError::Rendered(format!(
            "the Secret would hold {size} bytes, the API server takes at most {LARGEST_SECRET}{largest}"
        )));
    }
    Ok(())
}

fn missing_text(entry: &Entry) -> String {
    let mut text = "secret does not exist at provider using ".to_owned();
    let _ = match entry {
        Entry::Data { index, key } => write!(text, "spec.data[{index}] (key={key})"),
        Entry::Extract { index } | Entry::Find { index } => write!(text, "spec.dataFrom[{index}]"),
    };
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kube::core::DeserializeGuard;
    use serde_json::{Value, json};
    use strongroom_crds::names;
    use strongroom_provider_api::{Dialect, EmptySearch, JsonMap, MissingProperty, Payload, PropertyOrder};

    use super::super::sources::sources;
    use super::*;
    use crate::hash;
    use crate::kube_io::{NamespaceView, ObjectKey};

    const DIALECT: Dialect = Dialect {
        property: PropertyOrder::LiteralThenPath,
        map: JsonMap::Reserialised,
        missing_property: MissingProperty::InvalidPayload,
        empty_search: EmptySearch::NoData,
        find_converts_keys: false,
    };

    fn observed(name: &str, spec: &Value) -> Observed {
        let object = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": "ns", "uid": "1", "labels": { "app": "web" } },
            "spec": spec,
        });
        Observed {
            key: ObjectKey::new("ns", name),
            object: Arc::new(DeserializeGuard(Ok(serde_json::from_value(object).unwrap()))),
            target: None,
            namespace: Arc::new(NamespaceView::default()),
            retemplated: None,
            refreshed: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// Builds `spec` with one answer for each source: a text, or nothing.
    fn built(spec: &Value, answers: &[Option<&str>]) -> Result<Built, SyncError> {
        let observed = observed("es", spec);
        let spec = observed.spec().unwrap();
        let sources = sources("ns", spec)?;
        assert_eq!(sources.len(), answers.len());
        let fetched = sources.into_iter().zip(answers).map(|(source, answer)| Fetched {
            source,
            dialect: DIALECT,
            found: answer.map_or(Found::Nothing, |text| Found::One(Arc::new(Payload::bytes(text)))),
        });
        build(&observed, spec, fetched.collect())
    }

    fn data(built: Result<Built, SyncError>) -> Vec<(String, String)> {
        let Ok(Built::Target { desired, .. }) = built else { panic!("{built:?}") };
        let text = |value: &SecretBytes| value.expose_str().unwrap().to_owned();
        desired.data.iter().map(|(key, value)| (key.clone(), text(value))).collect()
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
        let Built::Target { desired, missing } = built else { panic!("{built:?}") };
        assert_eq!(desired.data.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(missing, ["secret does not exist at provider using spec.data[1] (key=y)"]);
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

    #[test]
    fn what_the_api_server_would_refuse_is_refused_here_with_the_key() {
        let entries = json!([{ "secretKey": "a", "remoteRef": { "key": "x" } }]);
        let large = "x".repeat(LARGEST_SECRET + 1);
        let error = built(&spec("Retain", &entries, &json!([])), &[Some(&large)]).unwrap_err();
        assert!(error.to_string().contains(r#"largest: "a", 1048577 bytes"#), "{error}");
        let members = json!([{ "extract": { "key": "x" } }]);
        let error = built(&spec("Retain", &json!([]), &members), &[Some(r#"{"ü":"1"}"#)]).unwrap_err();
        assert!(error.to_string().contains(r#""ü" cannot be a key"#), "{error}");
    }

    #[test]
    fn metadata_of_the_external_secret_is_copied_and_ours_added() {
        let entries = json!([{ "secretKey": "foo", "remoteRef": { "key": "x" } }]);
        let built = built(&spec("Retain", &entries, &json!([])), &[Some("value1")]).unwrap();
        let Built::Target { desired, .. } = built else { panic!("{built:?}") };
        let secret = super::super::render::created(&desired);
        let labels = secret.metadata.labels.unwrap();
        assert_eq!(labels["app"], "web");
        assert_eq!(labels[names::LABEL_MANAGED], "true");
        assert_eq!(labels[names::LABEL_CREATED_BY], hash::text("ns/es"));
        let expected = hash::data([("foo", b"value1".as_slice())].into_iter());
        assert_eq!(secret.metadata.annotations.unwrap()[names::ANNOTATION_DATA_HASH], expected);
    }

    #[test]
    fn what_cannot_be_done_yet_is_named() {
        for (field, target) in [
            ("spec.target.template", json!({ "template": { "data": { "a": "b" } } })),
            ("spec.target.manifest", json!({ "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } })),
        ] {
            let observed = observed("es", &json!({ "target": target }));
            let error = check_supported(observed.spec().unwrap()).unwrap_err();
            assert_eq!(error.to_string(), format!("Unsupported: {field} is not built in yet"));
        }
    }
}
