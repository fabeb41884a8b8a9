//! What several stories assert: a sync exactly as specified, a failure that tells enough and not too much.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    expected::{self, CREATED_BY, DATA_HASH, MANAGED},
    observed::{self, Condition, metadata_map, occurrences, ready, resource_version},
    story::Story,
};

/// How upstream begins the message of a condition when a value could not be had.
pub(crate) const FETCH_FAILED: &str = "could not get secret data from provider";
/// The finer reasons of our own, of which one follows upstream's text.
const FINER_REASONS: [&str; 13] = [
    "InvalidStoreConfig",
    "LoginFailed",
    "AccessDenied",
    "RemoteKeyMissing",
    "Throttled",
    "StoreUnavailable",
    "Conflict",
    "Unsupported",
    "InvalidData",
    "InternalError",
    "StoreMissing",
    "StoreNotReady",
    "StoreDenied",
];

/// Asserts, for an ExternalSecret that has been synced once into a Secret of its own name, every word of what
/// specification 2.3 to 2.10 say about the Secret, the status and the events.
pub(crate) async fn assert_synced_exactly(story: &Story, name: &str, data: &[(&str, &str)]) -> Result<()> {
    let object = story.synced(name).await?;
    let secret = story.get(Kind::Secret, name).await?;

    let wanted: BTreeMap<String, String> =
        data.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    assert_eq!(observed::text_data(&secret)?, wanted);
    assert_eq!(secret["type"], "Opaque");
    assert!(secret["immutable"] != true, "the Secret is immutable");

    let mut labels = metadata_map(&object, "labels");
    labels.insert(MANAGED.to_owned(), "true".to_owned());
    labels.insert(CREATED_BY.to_owned(), expected::created_by(&story.namespace, name));
    assert_eq!(metadata_map(&secret, "labels"), labels);

    let mut annotations = metadata_map(&object, "annotations");
    let hash = expected::data_hash(data.iter().map(|(key, text)| (*key, text.as_bytes())));
    annotations.insert(DATA_HASH.to_owned(), hash);
    assert_eq!(metadata_map(&secret, "annotations"), annotations);

    assert_eq!(secret["metadata"]["ownerReferences"], owner(&object));
    assert_eq!(managers(&secret)?, [format!("{} Update", expected::field_manager(name))]);
    assert_eq!(secret["metadata"]["finalizers"], Value::Null);
    assert_eq!(object["metadata"]["finalizers"], Value::Null, "there is nothing to clean up");

    assert_eq!(object["status"]["binding"], json!({ "name": name }));
    assert_ne!(observed::refresh_time(&object), "");
    let condition = ready(&object)?;
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "SecretSynced"));
    assert_eq!(condition.message, "secret synced");

    let created = story.event(name, "Created").await?;
    assert_eq!((created.class.as_str(), created.message.as_str()), ("Normal", "secret created"));
    assert_eq!(created.component, "external-secrets");
    let events = story.events(Kind::ExternalSecret, name).await?;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(occurrences(&events, "Created"), 1);
    Ok(())
}

fn owner(object: &Value) -> Value {
    json!([{
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Who wrote an object's fields, and by which operation.
pub(crate) fn managers(object: &Value) -> Result<Vec<String>> {
    let fields = object["metadata"]["managedFields"].as_array().context("no managedFields")?;
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    Ok(fields
        .iter()
        .map(|entry| format!("{} {}", text(&entry["manager"]), text(&entry["operation"])))
        .collect())
}

/// Changes a synced ExternalSecret by a patch that spoils it, and asserts that it fails as it should: the message begins
/// with `beginning`, contains each of `details` and one of our finer reasons, the Warning event has the details too, and
/// the Secret is as it was.
pub(crate) async fn assert_spoiled(
    story: &Story,
    name: &str,
    patch: &Value,
    beginning: &str,
    details: &[&str],
) -> Result<()> {
    let before = story.get(Kind::Secret, name).await?;
    story.patch(Kind::ExternalSecret, name, patch).await?;
    let condition = story.failed(Kind::ExternalSecret, name).await?;
    assert_fetch_failure(&condition, beginning, details);

    let event = story.event(name, "UpdateFailed").await?;
    assert_eq!((event.class.as_str(), event.component.as_str()), ("Warning", "external-secrets"));
    for detail in details {
        assert!(event.message.contains(detail), "the event does not tell {detail:?}: {}", event.message);
    }
    let after = story.get(Kind::Secret, name).await?;
    assert_eq!(resource_version(&after), resource_version(&before), "the Secret was touched");
    Ok(())
}

/// Asserts that a condition tells a failure in upstream's words first, then in ours.
pub(crate) fn assert_fetch_failure(condition: &Condition, beginning: &str, details: &[&str]) {
    let Condition { status, reason, message, .. } = condition;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "SecretSyncedError"), "{message}");
    assert!(message.starts_with(beginning), "{message}");
    for detail in details {
        assert!(message.contains(detail), "the condition does not tell {detail:?}: {message}");
    }
    assert!(FINER_REASONS.iter().any(|finer| message.contains(finer)), "no finer reason: {message}");
}

/// Asserts that a text is in no ExternalSecret, store or event of the story's namespace, nor in the shared controller's log.
pub(crate) async fn assert_never_shown(story: &Story, text: &str) -> Result<()> {
    for kind in [Kind::ExternalSecret, Kind::SecretStore, Kind::Event] {
        for object in story.cluster.list(kind, &story.namespace, "").await? {
            assert!(!object.to_string().contains(text), "{} shows {text}: {object:#}", kind.name());
        }
    }
    let log = std::fs::read_to_string(story.shared_controller_log()?)?;
    let line = log.lines().find(|line| line.contains(text));
    assert!(line.is_none(), "the log shows {text}: {line:?}");
    Ok(())
}
