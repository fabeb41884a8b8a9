//! The status of an ExternalSecret: what it says, whether that is worth a write, and the write.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource as _;
use serde_json::json;
use strongroom_crds::conditions::{ConditionType, STATUS_FALSE, STATUS_TRUE};
use strongroom_crds::{Condition, ExternalSecret, ExternalSecretReason, ExternalSecretStatus};

use super::gather::Observed;
use super::watch;
use crate::context::Context;
use crate::error::SyncError;
use crate::kube_io::{ApiError, ApiFailure, ObjectKey, Watched};
use crate::schedule::Next;

/// What the installed CustomResourceDefinition lets through of what upstream's does not have. Found out by
/// writing; it only ever gets less.
#[derive(Debug, Default)]
pub struct StatusSchema {
    without_generation: AtomicBool,
    without_synced: AtomicBool,
}

/// When objects were last refreshed, where that is later than their status says. Written by `report`.
#[derive(Debug, Default)]
pub struct Refreshed(Mutex<HashMap<ObjectKey, (String, Timestamp)>>);

impl Refreshed {
    /// The object `uid` under `key` was refreshed, and its status does not say so.
    fn note(&self, key: &ObjectKey, uid: &str, when: Timestamp) {
        let entry = (uid.to_owned(), when);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), entry);
    }

    /// When that was, if it is later than the status says.
    pub fn get(&self, key: &ObjectKey, uid: &str) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(of, _)| of == uid).map(|(_, when)| *when)
    }

    /// The status says it, or the object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Sets the Ready condition.
pub(super) fn set_ready(
    status: &mut ExternalSecretStatus,
    ready: bool,
    reason: ExternalSecretReason,
    message: &str,
    now: Timestamp,
) {
    set(status, ConditionType::Ready, ready, reason.as_str(), message, now);
}

/// Sets the condition that tells the last attempt, or takes it away where it is not wanted.
pub(super) fn set_synced(
    context: &Context,
    status: &mut ExternalSecretStatus,
    attempt: Result<(), &SyncError>,
    next: Option<Duration>,
    now: Timestamp,
) {
    let wanted =
        context.settings.synced_condition && !context.status_schema.without_synced.load(Ordering::Relaxed);
    if !wanted {
        status.conditions.retain(|condition| condition.type_ != ConditionType::Synced.as_str());
        return;
    }
    let next = next.and_then(|wait| SignedDuration::try_from(wait).ok()).map(|wait| seconds(now + wait));
    let (reason, message) = match (attempt, next) {
        (Ok(()), Some(next)) => ("Synced", format!("next refresh at {next}")),
        (Ok(()), None) => ("Synced", "the next sync is at the next change".to_owned()),
        (Err(error), Some(next)) => (error.reason(), format!("{error}; next attempt by {next}")),
        (Err(error), None) => (error.reason(), format!("{error}; next attempt at the next change")),
    };
    set(status, ConditionType::Synced, attempt.is_ok(), reason, &message, now);
}

/// The generation that the status speaks of, for `kubectl wait` and kstatus; nothing where the schema would drop
/// it.
pub(super) fn set_generation(context: &Context, status: &mut ExternalSecretStatus, observed: &Observed) {
    let known = !context.status_schema.without_generation.load(Ordering::Relaxed);
    status.observed_generation = observed.meta().generation.filter(|_| known);
}

/// True if `status` says what `old` does, but for times.
pub(super) fn differs_in_times_only(status: &ExternalSecretStatus, old: &ExternalSecretStatus) -> bool {
    let timeless = |status: &ExternalSecretStatus| {
        let mut status = ExternalSecretStatus { refresh_time: None, ..status.clone() };
        for condition in &mut status.conditions {
            if condition.type_ == ConditionType::Synced.as_str() {
                condition.message = None;
            }
        }
        status
    };
    timeless(status) == timeless(old)
}

/// True if a refresh was recorded less than `--status-time-interval` ago.
pub(super) fn is_recent(context: &Context, observed: &Observed) -> bool {
    let Some(Time(written)) = &observed.status().refresh_time else { return false };
    let age = observed.now.duration_since(*written);
    !age.is_negative() && age.unsigned_abs() < context.settings.status_time_interval
}

/// Remembers a refresh that no status tells.
pub(super) fn note_refresh(context: &Context, observed: &Observed) {
    context.refreshed.note(&observed.key, observed.uid(), observed.now);
}

/// Writes `status` and shows it to the next attempt at once.
///
/// # Errors
/// When to try again.
pub(super) async fn write(
    context: &Context,
    observed: &Observed,
    status: &ExternalSecretStatus,
) -> Result<(), Next> {
    let mut written = patch(context, observed, status).await;
    if is_refused(&written) && status.conditions.iter().any(is_synced) {
        tracing::warn!("the CustomResourceDefinition does not know the condition Synced; it is left out");
        context.status_schema.without_synced.store(true, Ordering::Relaxed);
        let mut known = status.clone();
        known.conditions.retain(|condition| !is_synced(condition));
        written = patch(context, observed, &known).await;
    }
    match written {
        Ok(object) => {
            note_schema(context, status, &object);
            context.refreshed.forget(&observed.key);
            remember(context, object);
            Ok(())
        }
        Err(error) if error.failure() == ApiFailure::NotFound => Err(Next::Forget),
        Err(error) => {
            tracing::warn!(object = %observed.key, %error, "the status could not be written");
            Err(SyncError::Write(error).next())
        }
    }
}

/// Puts an object that the API server just gave us into the mirror. An edit that it brings along and that the
/// watch has not told of yet is heeded here: the watch's event will be dropped as overtaken.
pub(super) fn remember(context: &Context, object: Watched<ExternalSecret>) {
    let key = ObjectKey::of(object.meta());
    let version = object.meta().resource_version.clone();
    // Not newer means that the watch was faster.
    if let Ok(Some(old)) = context.external_secrets.put(key.clone(), version.as_deref(), object) {
        let new = context.external_secrets.get(&key);
        watch::external_secret(context, &key, Some(&old), new.as_deref());
    }
}

async fn patch(
    context: &Context,
    observed: &Observed,
    status: &ExternalSecretStatus,
) -> Result<Watched<ExternalSecret>, ApiError> {
    context.cluster.patch_status::<ExternalSecret>(&observed.key, &json!(status)).await
}

fn is_refused(written: &Result<Watched<ExternalSecret>, ApiError>) -> bool {
    written.as_ref().is_err_and(|error| error.failure() == ApiFailure::Invalid)
}

fn is_synced(condition: &Condition) -> bool {
    condition.type_ == ConditionType::Synced.as_str()
}

/// A field that the schema does not know is dropped without a word.
fn note_schema(context: &Context, sent: &ExternalSecretStatus, object: &Watched<ExternalSecret>) {
    let stored = object.0.as_ref().ok().and_then(|object| object.status.as_ref());
    if sent.observed_generation.is_some() && stored.is_some_and(|status| status.observed_generation.is_none())
    {
        context.status_schema.without_generation.store(true, Ordering::Relaxed);
    }
}

/// Sets one condition, Ready first; the transition time moves only when the status flips (spec eso-core 2.10).
fn set(
    status: &mut ExternalSecretStatus,
    kind: ConditionType,
    holds: bool,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let holds = if holds { STATUS_TRUE } else { STATUS_FALSE };
    let place = status.conditions.iter().position(|condition| condition.type_ == kind.as_str());
    let old = place.map(|index| status.conditions.remove(index));
    let since =
        old.filter(|old| old.status == holds).and_then(|old| old.last_transition_time).unwrap_or(Time(now));
    let condition = Condition {
        type_: kind.to_string(),
        status: holds.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(since),
    };
    let place = if kind == ConditionType::Ready { 0 } else { status.conditions.len() };
    status.conditions.insert(place, condition);
}

/// To the second, as all times of the API are.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::app::context_over;
    use crate::external_secret::gather::gather;

    const OBJECT: &str = r#"{
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "es", "namespace": "ns", "uid": "1", "generation": 3, "resourceVersion": "1" },
        "spec": {}
    }"#;

    /// An API server with upstream's definition: it refuses the condition, and drops the generation without a
    /// word.
    fn upstream(body: &Value) -> (u16, Value) {
        let status = &body["status"];
        let conditions = status["conditions"].as_array().unwrap();
        if conditions.iter().any(|condition| condition["type"] == "Synced") {
            let refusal = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "reason": "Invalid", "message": "Unsupported value", "code": 422 });
            return (422, refusal);
        }
        let mut object: Value = serde_json::from_str(OBJECT).unwrap();
        object["metadata"]["resourceVersion"] = "2".into();
        object["status"] = status.clone();
        object["status"].as_object_mut().unwrap().remove("observedGeneration");
        (200, object)
    }

    #[tokio::test]
    async fn with_upstreams_definitions_the_status_is_written_without_what_they_lack() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let context = context_over(&["--enable-synced-condition"], move |_, path, body| {
            assert_eq!(path, "/apis/external-secrets.io/v1/namespaces/ns/externalsecrets/es/status");
            log.lock().unwrap().push(body.clone());
            upstream(body)
        });
        let key = ObjectKey::new("ns", "es");
        let object = serde_json::from_str(OBJECT).unwrap();
        context.external_secrets.put(key.clone(), Some("1"), object).unwrap();
        for attempt in 0..2 {
            let observed = gather(&context, &key).unwrap();
            let mut status = observed.status();
            set_ready(&mut status, true, ExternalSecretReason::SecretSynced, "secret synced", observed.now);
            set_synced(&context, &mut status, Ok(()), None, observed.now);
            set_generation(&context, &mut status, &observed);
            write(&context, &observed, &status).await.unwrap();
            let stored = context.external_secrets.get(&key).unwrap();
            let conditions = &stored.0.as_ref().unwrap().status.as_ref().unwrap().conditions;
            let types: Vec<_> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
            assert_eq!(types, ["Ready"], "attempt {attempt}");
        }
        let asked = asked.lock().unwrap();
        let of = |index: usize| {
            (
                asked[index]["status"]["conditions"].as_array().unwrap().len(),
                asked[index]["status"]["observedGeneration"].clone(),
            )
        };
        assert_eq!(asked.len(), 3, "refused once, then written twice");
        assert_eq!([of(0), of(1), of(2)], [(2, json!(3)), (1, json!(3)), (1, json!(null))]);
    }

    #[test]
    fn a_condition_keeps_its_time_until_its_status_flips_and_ready_stands_first() {
        let mut status = ExternalSecretStatus::default();
        let at = |second| Timestamp::constant(second, 0);
        set(&mut status, ConditionType::Synced, true, "Synced", "", at(1));
        set(&mut status, ConditionType::Ready, true, "SecretSynced", "", at(1));
        set(&mut status, ConditionType::Synced, false, "LoginFailed", "", at(2));
        set(&mut status, ConditionType::Ready, true, "SecretSynced", "again", at(2));
        let shown: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| {
                let since = condition.last_transition_time.as_ref().map(|time| time.0.as_second());
                (condition.type_.as_str(), condition.status.as_str(), since)
            })
            .collect();
        assert_eq!(shown, [("Ready", "True", Some(1)), ("Synced", "False", Some(2))]);
    }

    #[test]
    fn a_remembered_refresh_belongs_to_one_object() {
        let refreshed = Refreshed::default();
        let key = ObjectKey::new("ns", "es");
        refreshed.note(&key, "old", Timestamp::UNIX_EPOCH);
        assert_eq!(refreshed.get(&key, "old"), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(refreshed.get(&key, "recreated"), None);
    }
}
