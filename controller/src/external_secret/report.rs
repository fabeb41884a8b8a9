//! Hop 8: status, event, log line and the next time, from the outcome.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use strongroom_crds::conditions::{EventReason, event_message, secret_message};
use strongroom_crds::{Binding, CreationPolicy, ExternalSecret, ExternalSecretReason, ExternalSecretStatus};
use tracing::Instrument as _;

use super::apply::{Applied, Written};
use super::due::{self, Cause};
use super::gather::Observed;
use super::words::Words;
use super::{label, pause, previous, status};
use crate::context::Context;
use crate::error::{Refusal, SyncError};
use crate::kube_io::{EventKind, Subject};
use crate::policies::Paused;
use crate::schedule::{Next, RESYNC};
use crate::telemetry::traces;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Another controller class looks after it, or it is waiting for something that will call.
    NotOurs,
    /// Nothing was due; look again after so long, or when something changes.
    InStep(Option<Duration>),
    /// A policy pauses it.
    Paused(Paused),
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
        /// Why it was due.
        cause: Cause,
        /// When the next refresh is due.
        next: Option<Duration>,
    },
    /// There was no data, and the target is gone (`deletionPolicy: Delete`).
    Deleted {
        /// Why it was due.
        cause: Cause,
        /// False if it was gone before.
        now: bool,
        /// When the next refresh is due.
        next: Option<Duration>,
    },
    /// The object is gone, or will be without us.
    Gone,
}

impl Outcome {
    /// As traces tell it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::NotOurs => "not ours",
            Self::InStep(_) => "in step",
            Self::Paused(_) => "paused",
            Self::Waiting => "waiting",
            Self::Synced { .. } => "synced",
            Self::Retained { .. } => "retained",
            Self::Deleted { .. } => "deleted",
            Self::Gone => "gone",
        }
    }
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

/// Reports the outcome of an attempt after `failures` failed ones, and says when to look again.
pub(super) async fn report(
    context: &Context,
    observed: &Observed,
    outcome: Result<Outcome, SyncError>,
    failures: u32,
) -> Next {
    match outcome {
        Ok(outcome) => succeeded(context, observed, outcome).await,
        Err(error) => failed(context, observed, &error, failures).await,
    }
}

/// What a sync that went well tells.
struct Told {
    reason: ExternalSecretReason,
    message: &'static str,
    events: Vec<(EventReason, String)>,
    /// Whether `status.binding` names the target.
    binds: bool,
    /// Whether the target is as it was before.
    quiet: bool,
    /// Whether the target was not even looked at.
    untouched: bool,
    /// Why it was due.
    cause: Cause,
    next: Option<Duration>,
}

async fn succeeded(context: &Context, observed: &Observed, outcome: Outcome) -> Next {
    let words = Words::of(observed);
    let told = match outcome {
        Outcome::Gone => return Next::Forget,
        Outcome::NotOurs => return Next::After(RESYNC),
        Outcome::InStep(next) => return in_step(context, observed, None, next.unwrap_or(RESYNC)).await,
        Outcome::Paused(paused) => return in_step(context, observed, Some(&paused), RESYNC).await,
        Outcome::Waiting => return Next::After(Duration::from_millis(250)),
        Outcome::Synced { cause, synced, next } => {
            tracing::info!(object = %observed.key, ?cause, written = ?synced.applied.written(), "synced");
            told_of_sync(&words, cause, synced, next)
        }
        Outcome::Retained { cause, next } => Told {
            reason: words.reason(ExternalSecretReason::SecretSynced),
            message: secret_message::RETAINED,
            events: Vec::new(),
            binds: false,
            quiet: true,
            untouched: true,
            cause,
            next,
        },
        Outcome::Deleted { cause, now, next } => Told {
            reason: words.reason(ExternalSecretReason::SecretDeleted),
            message: secret_message::DELETED,
            events: now.then(|| (EventReason::Deleted, words.deleted())).into_iter().collect(),
            binds: false,
            quiet: !now,
            untouched: false,
            cause,
            next,
        },
    };
    context.events.forget(observed.uid());
    context.metrics.synced(&observed.key);
    context.brake.forget(&observed.key);
    if let Some(mark) = observed.retemplated {
        context.retemplated.settle(&observed.key, mark);
    }
    if let Some(ask) = observed.asked {
        context.asked.settle(&observed.key, ask);
    }
    let status = told.status(context, observed);
    let next = pause::next_look(observed, observed.now, told.next.unwrap_or(RESYNC));
    let next = Next::After(previous::next_look(context, observed, next));
    let only_times = status::differs_in_times_only(&status, &observed.status());
    // Who asked for more than the interval does wants to see that it was heard.
    let is_timer = told.cause == Cause::IntervalPassed;
    let nothing_new = told.quiet && told.events.is_empty() && only_times;
    if is_timer && nothing_new && status::is_recent(context, observed) {
        status::note_refresh(context, observed);
        return next;
    }
    if told.untouched && !only_times && may_label(observed, &words) {
        label::put(context, observed).await;
    }
    let (written, ()) = tokio::join!(write(context, observed, &status), post(context, observed, told.events));
    written.err().unwrap_or(next)
}

impl Told {
    /// The status after it.
    fn status(&self, context: &Context, observed: &Observed) -> ExternalSecretStatus {
        let mut status = observed.status();
        status::set_ready(&mut status, true, self.reason, self.message, observed.now);
        status::set_synced(context, &mut status, Ok(()), self.next, observed.now);
        status::set_generation(context, &mut status, observed);
        status.refresh_time = Some(Time(observed.now));
        status.synced_resource_version = Some(observed.resource_version());
        if self.binds {
            status.binding = Some(Binding { name: observed.target_key().name });
        }
        status
    }
}

/// Nothing was due, or nothing may be done. A generation that asked for nothing is acknowledged: who waits for it must not
/// wait in vain. What policies say about it is told.
async fn in_step(context: &Context, observed: &Observed, paused: Option<&Paused>, wait: Duration) -> Next {
    let refreshed = pause::refreshed(observed).unwrap_or(observed.now);
    let next = pause::next_look(observed, refreshed, wait);
    let next = Next::After(previous::next_look(context, observed, next));
    let old = observed.status();
    let mut status = old.clone();
    let asked_for_nothing =
        old.observed_generation.is_some_and(|seen| Some(seen) != observed.meta().generation);
    if asked_for_nothing && paused.is_none() {
        status::set_generation(context, &mut status, observed);
    }
    let failed = Words::of(observed).reason(ExternalSecretReason::SecretSyncedError);
    let synced = Words::of(observed).reason(ExternalSecretReason::SecretSynced);
    if let Some(ready) = pause::tell(&mut status, observed, paused, (synced, failed)) {
        context.metrics.ready(&observed.key, ready);
    }
    if status == old {
        return next;
    }
    status::write(context, observed, &status).await.err().unwrap_or(next)
}

/// Writes the status that tells of work that was done.
async fn write(context: &Context, observed: &Observed, status: &ExternalSecretStatus) -> Result<(), Next> {
    let span = traces::status();
    let written = status::write(context, observed, status).instrument(span.clone()).await;
    traces::ended(&span, written.as_ref().map(|()| "written").map_err(|_| "StatusNotWritten"));
    written
}

fn told_of_sync(words: &Words, cause: Cause, synced: Synced, next: Option<Duration>) -> Told {
    let Synced { policy, applied, missing, orphans } = synced;
    let missing = missing.into_iter().map(|text| (EventReason::MissingProviderSecret, text));
    let orphan = || (EventReason::Deleted, event_message::ORPHAN_DELETED.to_owned());
    let orphans = std::iter::repeat_with(orphan).take(orphans);
    let events = missing.chain(orphans).chain(write_event(words, applied)).collect();
    let waits = applied.written() == Written::Waiting;
    let (reason, message) = if waits {
        (words.reason(ExternalSecretReason::SecretMissing), words.missing())
    } else {
        (words.reason(ExternalSecretReason::SecretSynced), secret_message::SYNCED)
    };
    let binds = !waits && policy != CreationPolicy::None && !words.is_generic();
    let quiet = matches!(applied.written(), Written::Nothing | Written::Waiting);
    let untouched = policy == CreationPolicy::None;
    Told { reason, message, events, binds, quiet, untouched, cause, next }
}

fn write_event(words: &Words, applied: Applied) -> Option<(EventReason, String)> {
    match applied.written() {
        Written::Created => Some((EventReason::Created, words.created())),
        Written::Updated => Some((EventReason::Updated, words.updated())),
        Written::Nothing | Written::Waiting => None,
    }
}

async fn post(context: &Context, observed: &Observed, events: Vec<(EventReason, String)>) {
    let subject = subject(observed);
    for (reason, message) in events {
        context.events.post(&subject, EventKind::Normal, reason, &message).await;
    }
}

async fn failed(context: &Context, observed: &Observed, error: &SyncError, failures: u32) -> Next {
    let words = Words::of(observed);
    let message = format!("{}: {error}", words.condition_text(error));
    if is_terminating(error) {
        // As it should be, and the API server takes no events there.
        tracing::info!(object = %observed.key, reason = error.reason(), "not synced");
    } else {
        let next = error.next();
        if matches!(error, SyncError::Held { .. }) {
            // There may be thousands of them, and none has done anything.
            tracing::debug!(object = %observed.key, reason = error.reason(), %error, %next, "not synced");
        } else {
            tracing::warn!(object = %observed.key, reason = error.reason(), %error, %next, "not synced");
        }
        let event = error.to_string();
        context.events.post(&subject(observed), EventKind::Warning, EventReason::UpdateFailed, &event).await;
    }
    let mut status = observed.status();
    let stays_ready = context.settings.synced_condition
        && error.leaves_target()
        && due::is_fresh(observed)
        && !pause::is_stale(observed);
    context.metrics.failed(&observed.key, error.reason(), stays_ready);
    if !stays_ready {
        let reason = words.reason_of(error);
        status::set_ready(&mut status, false, reason, &message, observed.now);
    }
    let next = error.next();
    status::set_synced(context, &mut status, Err(error), next.at_latest(failures), observed.now);
    status::set_generation(context, &mut status, observed);
    let labels = status != observed.status() && may_label(observed, &words) && !is_terminating(error);
    let exists = (labels && label::put(context, observed).await) || observed.target.is_some();
    if !words.is_generic() && binds(observed, error, exists) {
        status.binding = Some(Binding { name: observed.target_key().name });
    }
    if status == observed.status() {
        return next;
    }
    match write(context, observed, &status).await {
        Ok(()) | Err(Next::Retry { .. } | Next::Held { .. } | Next::After(_)) => next,
        Err(Next::Forget) => Next::Forget,
    }
}

/// As upstream: a target that exists is bound before it is written, whatever becomes of that.
fn binds(observed: &Observed, error: &SyncError, exists: bool) -> bool {
    let writes = observed.spec().is_ok_and(|spec| spec.target.creation_policy != CreationPolicy::None);
    match error {
        SyncError::Refused(Refusal::OwnedByOther(_) | Refusal::OwnershipTaken(_)) => true,
        SyncError::Template(_)
        | SyncError::Rendered(_)
        | SyncError::Write(_)
        | SyncError::Refused(Refusal::Immutable | Refusal::Privileged(_)) => exists && writes,
        _ => false,
    }
}

/// True if there may be a Secret that the mirror does not know because it has not the managed label.
fn may_label(observed: &Observed, words: &Words) -> bool {
    observed.target.is_none() && !observed.is_deleting() && observed.spec().is_ok() && !words.is_generic()
}

fn is_terminating(error: &SyncError) -> bool {
    matches!(error, SyncError::NamespaceTerminating(_))
}

/// The object as events name it.
pub(super) fn subject(observed: &Observed) -> Subject {
    Subject {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        key: observed.key.clone(),
        uid: observed.uid().to_owned(),
        resource_version: observed.meta().resource_version.clone().unwrap_or_default(),
    }
}
