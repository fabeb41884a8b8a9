//! Reading of what the cluster shows: conditions, events, data.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::cluster::{Cluster, Kind};

/// A condition of an object's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The machine word.
    pub reason: String,
    /// The text for people.
    pub message: String,
    /// When the status last changed, as written.
    pub since: String,
}

/// Events of one kind about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub class: String,
    /// The machine word.
    pub reason: String,
    /// The text for people.
    pub message: String,
    /// Which component reported it.
    pub component: String,
    /// How often it happened.
    pub count: u64,
}

/// The `Ready` condition, or why there is none to be read.
pub fn ready(object: &Value) -> Result<Condition> {
    let conditions = object["status"]["conditions"].as_array().context("there are no conditions yet")?;
    let mut of_type = conditions.iter().filter(|condition| condition["type"] == "Ready");
    let condition = of_type.next().context("there is no Ready condition yet")?;
    ensure!(of_type.next().is_none(), "there are two Ready conditions");
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    Ok(Condition {
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
        since: text("lastTransitionTime"),
    })
}

/// The events about an object, in the namespace where they belong (cluster-wide objects have theirs in `default`).
pub async fn events(cluster: &Cluster, kind: Kind, namespace: &str, name: &str) -> Result<Vec<Event>> {
    let place = if kind.is_namespaced() { namespace } else { "default" };
    let all = cluster.list(Kind::Event, place, "").await?;
    let about = |event: &&Value| {
        let object = &event["involvedObject"];
        object["kind"] == kind.name() && object["name"] == name
    };
    Ok(all.iter().filter(about).map(event_from).collect())
}

fn event_from(event: &Value) -> Event {
    let text = |place: &str| event.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
    let source = text("/source/component");
    let count = |place: &str| event.pointer(place).and_then(Value::as_u64).unwrap_or(1);
    Event {
        class: text("/type"),
        reason: text("/reason"),
        message: text("/message"),
        component: if source.is_empty() { text("/reportingComponent") } else { source },
        count: count("/count").max(count("/series/count")),
    }
}

/// How often events with this reason happened.
pub fn occurrences(events: &[Event], reason: &str) -> u64 {
    events.iter().filter(|event| event.reason == reason).map(|event| event.count).sum()
}

/// The decoded data of a Secret.
pub fn data(secret: &Value) -> Result<BTreeMap<String, Vec<u8>>> {
    let Some(entries) = secret["data"].as_object() else { return Ok(BTreeMap::new()) };
    entries
        .iter()
        .map(|(key, value)| Ok((key.clone(), STANDARD.decode(value.as_str().unwrap_or_default())?)))
        .collect()
}

/// The data of a Secret that holds only text.
pub fn text_data(secret: &Value) -> Result<BTreeMap<String, String>> {
    data(secret)?.into_iter().map(|(key, value)| Ok((key, String::from_utf8(value)?))).collect()
}

/// Labels or annotations (`field`) of an object.
pub fn metadata_map(object: &Value, field: &str) -> BTreeMap<String, String> {
    let entries = object["metadata"][field].as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// `metadata.resourceVersion`.
pub fn resource_version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

/// `status.refreshTime` as written; empty before the first sync.
pub fn refresh_time(object: &Value) -> String {
    object["status"]["refreshTime"].as_str().unwrap_or_default().to_owned()
}
