//! Restarts of workloads when the content of a Secret has changed: debounced, paced, once for each change.
//!
//! Whether a workload has to be restarted follows from the policy's status, from the Secrets as they are and from the
//! workload; memory holds only for how long a change has been waited with. A restart is written into the status *before* it
//! is carried out, under the time that the workload will show: after a crash it is carried out once more, with no effect if
//! it had been. Nothing of this is kept at the workload, where `kubectl rollout undo` and GitOps tools put back what was.

mod compare;
mod found;
mod step;
#[cfg(test)]
mod tests;
mod window;

pub use window::Windows;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Resource as _;
use strongroom_crds::conditions::{EventReason, STATUS_TRUE};
use strongroom_crds::{
    ExternalSecret, PolicyCondition, PolicyReason, RestartPolicy, RestartStatus, SyncPolicy,
};

use crate::context::Context;
use crate::external_secret;
use crate::kube_io::{ApiError, EventKind, ObjectKey, Subject};
use crate::policies::{Written, duration, list};
use crate::schedule::{Backoff, Next, RESYNC};
use compare::{Content, compare};
use found::Found;
use step::Notes;

/// Default of `spec.restart.debounce`.
const DEBOUNCE: Duration = Duration::from_secs(10);
/// Default of `spec.restart.minInterval`.
const MIN_INTERVAL: Duration = Duration::from_mins(1);
/// How a look that did not find a workload is repeated.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(5) };

/// What came of a look.
#[derive(Clone, Debug)]
pub struct Rolled {
    /// What is to be remembered.
    pub status: RestartStatus,
    /// How the targets stand.
    pub reason: PolicyReason,
    /// The same for a person.
    pub message: String,
    /// When to look again.
    pub next: Next,
}

/// Looks whether the content of the targets of `external_secrets`, names in the policy's namespace, has changed, and
/// restarts what the policy says, if it is time. `written` is the policy's status as it is stored.
///
/// # Errors
/// The status could not be written: nothing was restarted.
pub async fn roll(
    context: &Context,
    policy: &SyncPolicy,
    restart: &RestartPolicy,
    external_secrets: &[String],
    written: &mut Written,
) -> Result<Rolled, ApiError> {
    let key = ObjectKey::of(policy.meta());
    let windows = &context.policies.windows;
    let min_interval = duration(restart.min_interval.as_deref(), MIN_INTERVAL);
    let mut status = written.status.restart.clone().unwrap_or_default();
    let contents = contents(context, &key.namespace, external_secrets);
    let compared = compare(&status.secrets, &contents, &windows.uids(&key));
    status.secrets = compared.secrets;
    let debounce = duration(restart.debounce.as_deref(), DEBOUNCE);
    let window = windows.watch(&key, &contents, compared.changed, debounce, context.clock.now());
    let now = context.clock.now();
    step::retain(&mut status, &restart.targets);
    if let window::Verdict::Over { changed, since } = &window {
        step::commit(&mut status, changed, *since, &restart.targets, (now, min_interval));
    }
    let mut notes = Notes::default();
    if step::is_any_due(&status) || is_unsure(policy) {
        let found = Found::look(context, &key.namespace, &restart.targets).await;
        notes = step::resolve(&mut status, &restart.targets, &found);
        step::begin(&mut status, now, min_interval);
    }
    if status.workloads.iter().any(|workload| workload.restarting.is_some()) {
        let mut begun = written.status.clone();
        begun.restart = Some(status.clone());
        written.write(context, &key, begun).await?;
    }
    if matches!(window, window::Verdict::Over { .. }) {
        windows.close(&key);
    }
    carry_out(context, &key.namespace, &mut status, &mut notes).await;
    notes.wait = step::wait(&status, now, min_interval);
    post(context, &key.namespace, external_secrets, &status, &notes).await;
    let (reason, message) = told(&notes, now);
    let next = next(&notes, window.wait());
    Ok(Rolled { status, reason, message, next })
}

/// The targets of `external_secrets` that are Secrets, by name, and what they hold if they exist.
fn contents(context: &Context, namespace: &str, external_secrets: &[String]) -> Vec<Content> {
    let target = |name: &String| {
        let key = ObjectKey::new(namespace, name);
        let object = context.external_secrets.get(&key)?;
        object.0.as_ref().ok().filter(|object| object.spec.target.is_secret())?;
        let target = external_secret::target_key(&key, &object);
        let digest = context.secrets.get(&target);
        Some(Content {
            secret: target.name,
            found: digest.map(|digest| (digest.uid.clone(), digest.hash.clone())),
        })
    };
    external_secrets.iter().filter_map(target).collect()
}

/// True if it is not known that all is well with the policy as it is now.
fn is_unsure(policy: &SyncPolicy) -> bool {
    let status = policy.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    status.and_then(|status| status.observed_generation) != policy.meta().generation
        || !conditions.any(|condition| {
            condition.type_ == PolicyCondition::TargetsRestarted.as_str() && condition.status == STATUS_TRUE
        })
}

/// Carries out what has begun.
async fn carry_out(context: &Context, namespace: &str, status: &mut RestartStatus, notes: &mut Notes) {
    for place in (0..status.workloads.len()).rev() {
        let Some(workload) = status.workloads.get(place) else { continue };
        let (Some(at), Some(name)) = (workload.restarting, workload.name.clone()) else { continue };
        let (kind, uid) = (workload.kind, workload.uid.clone().unwrap_or_default());
        let key = ObjectKey::new(namespace, name);
        let outcome = context.cluster.restart_workload(kind, &key, &uid, at).await;
        context.metrics.workload_restarted(kind, outcome.is_ok());
        match &outcome {
            Ok(()) => tracing::info!(workload = %key, kind = kind.as_str(), "restarted"),
            Err(error) => tracing::warn!(workload = %key, kind = kind.as_str(), %error, "not restarted"),
        }
        step::end(status, place, outcome, context.clock.now(), notes);
    }
}

/// Tells the ExternalSecrets whose targets changed what came of it.
async fn post(
    context: &Context,
    namespace: &str,
    external_secrets: &[String],
    status: &RestartStatus,
    notes: &Notes,
) {
    let Some(change) = &status.last_change else { return };
    if notes.restarted.is_empty() && notes.refused.is_empty() {
        return;
    }
    for name in external_secrets {
        let key = ObjectKey::new(namespace, name);
        let Some(object) = context.external_secrets.get(&key) else { continue };
        let target = external_secret::target_key(&key, &object);
        if !change.secrets.contains(&target.name) {
            continue;
        }
        let subject = Subject {
            api_version: ExternalSecret::api_version(&()).into_owned(),
            kind: ExternalSecret::kind(&()).into_owned(),
            uid: object.meta().uid.clone().unwrap_or_default(),
            resource_version: object.meta().resource_version.clone().unwrap_or_default(),
            key,
        };
        if !notes.restarted.is_empty() {
            let restarted = list(notes.restarted.iter().cloned());
            let text = format!("the content of Secret {:?} changed; restarted: {restarted}", target.name);
            let events = &context.policies.events;
            events.post(&subject, EventKind::Normal, EventReason::RolloutRestarted, &text).await;
        }
        if !notes.refused.is_empty() {
            let refused = list(notes.refused.iter().cloned());
            let text = format!("the content of Secret {:?} changed; not restarted: {refused}", target.name);
            let events = &context.policies.events;
            events.post(&subject, EventKind::Warning, EventReason::RolloutRestartFailed, &text).await;
        }
    }
}

fn told(notes: &Notes, now: Timestamp) -> (PolicyReason, String) {
    let texts = |texts: &[String]| list(texts.iter().cloned());
    if !notes.refused.is_empty() {
        return (PolicyReason::RestartFailed, texts(&notes.refused));
    }
    if !notes.missing.is_empty() {
        return (PolicyReason::WorkloadNotFound, texts(&notes.missing));
    }
    match notes.wait.and_then(|wait| SignedDuration::try_from(wait).ok()) {
        Some(wait) => {
            let at = (now + wait).strftime("%Y-%m-%dT%H:%M:%SZ");
            (PolicyReason::RestartPending, format!("restarted a moment ago; the next restart is at {at}"))
        }
        None => (PolicyReason::UpToDate, "no restart is due".to_owned()),
    }
}

fn next(notes: &Notes, window: Option<Duration>) -> Next {
    let wait = if notes.refused.is_empty() { window.into_iter().chain(notes.wait).min() } else { window };
    match wait {
        Some(wait) => Next::After(wait),
        None if !notes.refused.is_empty() => {
            Next::Retry { backoff: Backoff::OUTAGE, at_least: Duration::ZERO }
        }
        None if !notes.missing.is_empty() => Next::Retry { backoff: AGAIN, at_least: Duration::ZERO },
        None => Next::After(RESYNC),
    }
}
