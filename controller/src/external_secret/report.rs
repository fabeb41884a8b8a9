//! Hop 8: status, event, log line and the next time, from the outcome.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use serde_json::json;
use strongroom_crds::conditions::{
    ConditionType, EventReason, STATUS_FALSE, STATUS_TRUE, event_message, secret_message,
};
use strongroom_crds::{
    Binding, Condition, CreationPolicy, ExternalSecret, ExternalSecretReason, ExternalSecretStatus,
};

use super::apply::{Applied, Written};
use super::due::Cause;
use super::gather::Observed;
use crate::context::Context;
use crate::error::{Refusal, SyncError};
use crate::kube_io::{EventKind, ObjectKey, Subject, Watched};
use crate::schedule::{Next, RESYNC};

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Another controller class looks after it, or it is waiting for something that will call.
    NotOurs,
    /// Nothing was due; look again after so long, or when something changes.
    InStep(Option<Duration>),
    /// A store is new and its first check is under way: no fault yet.
    Waiting,
    /// It was synced.
    Synced {
        /// Why it was due.
        cause: Cause,
        /// What was done.
        synced: Synced,
        /// When the next refresh is due.
        next: Option<Duration>,
    },
    /// There was no data, and the target stays as it is (`deletionPolicy: Retain`).
    Retained {
        /// When the next refresh is due.
        next: Option<Duration>,
    },
    /// There was no data, and the target is gone (`deletionPolicy: Delete`).
    Deleted {
        /// False if it was gone before.
        now: bool,
        /// When the next refresh is due.
        next: Option<Duration>,
    },
    /// The object is gone, or will be without us.
    Gone,
}

/// What a sync did.
#[derive(Debug)]
pub(super) struct Synced {
    /// Whose the target is.
    pub policy: CreationPolicy,
    /// What was written.
    pub applied: Applied,
    /// Keys that the stores no longer have, as texts for events.
    pub missing: Vec<String>,
    /// How many targets under earlier names were deleted.
    pub orphans: usize,
}

/// Reports the outcome and says when to look again.
pub(super) async fn report(
    context: &Context,
    observed: &Observed,
    outcome: Result<Outcome, SyncError>,
) -> Next {
    match outcome {
        Ok(outcome) => succeeded(context, observed, outcome).await,
        Err(error) => failed(context, observed, &error).await,
    }
}

/// What a sync that went well tells.
struct Told {
    reason: ExternalSecretReason,
    message: &'static str,
    events: Vec<(EventReason, String)>,
    /// Whether `status.binding` names the target.
    binds: bool,
    next: Option<Duration>,
}

async fn succeeded(context: &Context, observed: &Observed, outcome: Outcome) -> Next {
    let told = match outcome {
        Outcome::Gone => return Next::Forget,
        Outcome::NotOurs => return Next::After(RESYNC),
        Outcome::InStep(next) => return Next::After(next.unwrap_or(RESYNC)),
        Outcome::Waiting => return Next::After(Duration::from_secs(1)),
        Outcome::Synced { cause, synced, next } => {
            tracing::info!(object = %observed.key, ?cause, written = ?synced.applied.written(), "synced");
            told_of_sync(synced, next)
        }
        Outcome::Retained { next } => Told {
            reason: ExternalSecretReason::SecretSynced,
            message: secret_message::RETAINED,
            events: Vec::new(),
            binds: false,
            next,
        },
        Outcome::Deleted { now, next } => Told {
            reason: ExternalSecretReason::SecretDeleted,
            message: secret_message::DELETED,
            events: now
                .then(|| (EventReason::Deleted, secret_message::DELETED.to_owned()))
                .into_iter()
                .collect(),
            binds: false,
            next,
        },
    };
    context.events.forget(observed.uid());
    context.metrics.synced(&observed.key);
    if let Some(mark) = observed.retemplated {
        context.retemplated.settle(&observed.key, mark);
    }
    let mut status = observed.status();
    set_ready(&mut status, STATUS_TRUE, told.reason, told.message, observed.now);
    status.refresh_time = Some(Time(observed.now));
    status.synced_resource_version = Some(observed.resource_version());
    if told.binds {
        status.binding = Some(Binding { name: observed.target_key().name });
    }
    let (written, ()) =
        tokio::join!(write_status(context, observed, &status), post(context, observed, told.events));
    match written {
        Ok(()) => Next::After(told.next.unwrap_or(RESYNC)),
        Err(next) => next,
    }
}

fn told_of_sync(synced: Synced, next: Option<Duration>) -> Told {
    let Synced { policy, applied, missing, orphans } = synced;
    let missing = missing.into_iter().map(|text| (EventReason::MissingProviderSecret, text));
    let orphan = || (EventReason::Deleted, event_message::ORPHAN_DELETED.to_owned());
    let orphans = std::iter::repeat_with(orphan).take(orphans);
    let events = missing.chain(orphans).chain(write_event(applied)).collect();
    let waits = applied.written() == Written::Waiting;
    let (reason, message) = if waits {
        (ExternalSecretReason::SecretMissing, secret_message::MISSING)
    } else {
        (ExternalSecretReason::SecretSynced, secret_message::SYNCED)
    };
    Told { reason, message, events, binds: !waits && policy != CreationPolicy::None, next }
}

fn write_event(applied: Applied) -> Option<(EventReason, String)> {
    match applied.written() {
        Written::Created => Some((EventReason::Created, event_message::CREATED.to_owned())),
        Written::Updated => Some((EventReason::Updated, event_message::UPDATED.to_owned())),
        Written::Nothing | Written::Waiting => None,
    }
}

async fn post(context: &Context, observed: &Observed, events: Vec<(EventReason, String)>) {
    let subject = subject(observed);
    for (reason, message) in events {
        context.events.post(&subject, EventKind::Normal, reason, &message).await;
    }
}

async fn failed(context: &Context, observed: &Observed, error: &SyncError) -> Next {
    let message = format!("{}: {error}", error.condition_text());
    if matches!(error, SyncError::NamespaceTerminating(_)) {
        // As it should be, and the API server takes no events there.
        tracing::info!(object = %observed.key, reason = error.reason(), "not synced");
    } else {
        tracing::warn!(object = %observed.key, reason = error.reason(), %error, next = %error.next(), "not synced");
        let event = error.to_string();
        context.events.post(&subject(observed), EventKind::Warning, EventReason::UpdateFailed, &event).await;
    }
    context.metrics.failed(&observed.key);
    let mut status = observed.status();
    set_ready(&mut status, STATUS_FALSE, ExternalSecretReason::SecretSyncedError, &message, observed.now);
    if let SyncError::Refused(Refusal::OwnedByOther(_) | Refusal::OwnershipTaken(_)) = error {
        // As upstream: the binding names the target that was meant.
        status.binding = Some(Binding { name: observed.target_key().name });
    }
    if status == observed.status() {
        return error.next();
    }
    match write_status(context, observed, &status).await {
        Ok(()) | Err(Next::Retry { .. } | Next::After(_)) => error.next(),
        Err(Next::Forget) => Next::Forget,
    }
}

/// Writes `status` and shows it to the next attempt at once.
async fn write_status(
    context: &Context,
    observed: &Observed,
    status: &ExternalSecretStatus,
) -> Result<(), Next> {
    let patch = json!(status);
    match context.cluster.patch_status::<ExternalSecret>(&observed.key, &patch).await {
        Ok(object) => {
            remember(context, object);
            Ok(())
        }
        Err(error) if error.failure() == crate::kube_io::ApiFailure::NotFound => Err(Next::Forget),
        Err(error) => {
            tracing::warn!(object = %observed.key, %error, "the status could not be written");
            Err(SyncError::Write(error).next())
        }
    }
}

/// Puts an object that the API server just gave us into the mirror.
pub(super) fn remember(context: &Context, mut object: Watched<ExternalSecret>) {
    object.meta_mut().managed_fields = None;
    let key = ObjectKey::of(object.meta());
    let version = object.meta().resource_version.clone();
    // Not newer means that the watch was faster.
    let _ = context.external_secrets.put(key, version.as_deref(), object);
}

/// Sets the Ready condition; its transition time moves only when the status flips (spec eso-core 2.10).
fn set_ready(
    status: &mut ExternalSecretStatus,
    ready: &str,
    reason: ExternalSecretReason,
    message: &str,
    now: Timestamp,
) {
    let old = status.conditions.iter().position(|condition| condition.type_ == ConditionType::Ready.as_str());
    let old = old.map(|index| status.conditions.remove(index));
    let since =
        old.filter(|old| old.status == ready).and_then(|old| old.last_transition_time).unwrap_or(Time(now));
    status.conditions.insert(
        0,
        Condition {
            type_: ConditionType::Ready.to_string(),
            status: ready.to_owned(),
            reason: Some(reason.as_str().to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: Some(since),
        },
    );
}

fn subject(observed: &Observed) -> Subject {
    Subject {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        key: observed.key.clone(),
        uid: observed.uid().to_owned(),
        resource_version: observed.meta().resource_version.clone().unwrap_or_default(),
    }
}
