//! What a SyncPolicy tells of itself: conditions, and the write where something differs.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource as _;
use serde_json::{Value, json};
use strongroom_crds::conditions::{STATUS_FALSE, STATUS_TRUE};
use strongroom_crds::{Condition, PolicyCondition, PolicyReason, SyncPolicy, SyncPolicyStatus};

use super::Attached;
use crate::context::Context;
use crate::kube_io::{ApiError, ApiFailure, ObjectKey};
use crate::rollout::Rolled;
use crate::schedule::{Backoff, Next};

/// So many objects are named in a message.
const NAMED: usize = 5;

/// The status of a policy as it is stored, and the version it is stored in.
#[derive(Clone, Debug)]
pub struct Written {
    /// The status.
    pub status: SyncPolicyStatus,
    version: Option<String>,
}

impl Written {
    /// That of `policy`.
    pub(super) fn of(policy: &SyncPolicy) -> Self {
        Self {
            status: policy.status.clone().unwrap_or_default(),
            version: policy.meta().resource_version.clone(),
        }
    }

    /// Writes `status` under `key` if it differs from what is stored. The next look sees it at once.
    ///
    /// # Errors
    /// A refused or failed request; also where the policy has changed meanwhile, so that what was decided from it no longer
    /// counts.
    pub async fn write(
        &mut self,
        context: &Context,
        key: &ObjectKey,
        status: SyncPolicyStatus,
    ) -> Result<(), ApiError> {
        if self.status == status {
            return Ok(());
        }
        let stored =
            context.cluster.patch_policy_status(key, self.version.as_deref(), &patch(&status)).await?;
        self.version.clone_from(&stored.meta().resource_version);
        self.status = status;
        // Not newer means that the watch was faster. A change of the status alone is nobody else's business.
        let _ = context.policies.mirror.put(key.clone(), self.version.as_deref(), stored);
        Ok(())
    }
}

/// How `policy` stands, told on top of what its status says `before`.
pub(super) fn told(
    before: &SyncPolicyStatus,
    policy: &SyncPolicy,
    fault: Option<&str>,
    attached: &Attached,
    rolled: Option<Rolled>,
    now: Timestamp,
) -> SyncPolicyStatus {
    let mut status = before.clone();
    status.observed_generation = policy.meta().generation;
    let (accepted, reason, message) = accepted(policy, fault, attached);
    set(&mut status, PolicyCondition::Accepted, accepted, reason, &message, now);
    if attached.overruled.is_empty() {
        remove(&mut status, PolicyCondition::Conflicted);
    } else {
        let told = attached.overruled.iter().map(|(field, name, by)| {
            format!("{} of ExternalSecret {name:?} is said by the older SyncPolicy {by:?}", field.as_str())
        });
        let told = list(told);
        set(&mut status, PolicyCondition::Conflicted, true, PolicyReason::Overruled, &told, now);
    }
    match policy.spec.pause.as_ref().filter(|_| fault.is_none()) {
        Some(pause) if pause.until > now => {
            let until = pause.until.strftime("%Y-%m-%dT%H:%M:%SZ");
            let reason = pause.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let text = format!("until {until}{reason}");
            set(&mut status, PolicyCondition::Paused, true, PolicyReason::Paused, &text, now);
        }
        Some(_) => {
            let text = "the pause is over";
            set(&mut status, PolicyCondition::Paused, false, PolicyReason::PauseExpired, text, now);
        }
        None => remove(&mut status, PolicyCondition::Paused),
    }
    match rolled {
        Some(rolled) => {
            status.restart = Some(rolled.status);
            let holds = rolled.reason == PolicyReason::UpToDate;
            set(&mut status, PolicyCondition::TargetsRestarted, holds, rolled.reason, &rolled.message, now);
        }
        None if policy.spec.restart.is_none() => {
            status.restart = None;
            remove(&mut status, PolicyCondition::TargetsRestarted);
        }
        None => {}
    }
    status
}

fn accepted(policy: &SyncPolicy, fault: Option<&str>, attached: &Attached) -> (bool, PolicyReason, String) {
    if let Some(fault) = fault {
        return (false, PolicyReason::Invalid, fault.to_owned());
    }
    if !attached.missing.is_empty() {
        let missing = attached.missing.iter().map(|name| format!("there is no ExternalSecret {name:?}"));
        return (!attached.is_empty(), PolicyReason::TargetNotFound, list(missing));
    }
    if attached.is_empty() && policy.spec.selector.is_some() {
        return (true, PolicyReason::Accepted, "no ExternalSecret has these labels yet".to_owned());
    }
    (true, PolicyReason::Accepted, format!("attached to {} ExternalSecrets", attached.len()))
}

/// The first few, and how many more there are.
pub fn list(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<_> = texts.collect();
    let more = texts.len().saturating_sub(NAMED);
    let text = texts.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{text}; and {more} more") } else { text }
}

/// When to look again after a write that failed.
pub(super) fn unwritten(key: &ObjectKey, error: &ApiError) -> Next {
    match error.failure() {
        ApiFailure::NotFound => return Next::Forget,
        // Somebody was faster, and the watch is about to tell.
        ApiFailure::Conflict => tracing::debug!(policy = %key, %error, "a SyncPolicy changed meanwhile"),
        _ => tracing::warn!(policy = %key, %error, "the status of a SyncPolicy could not be written"),
    }
    Next::Retry { backoff: Backoff::OUTAGE, at_least: error.retry_after().unwrap_or_default() }
}

/// A merge patch takes away only what is named.
fn patch(status: &SyncPolicyStatus) -> Value {
    let mut patch = json!(status);
    if let Some(fields) = patch.as_object_mut() {
        fields.entry("restart").or_insert(Value::Null);
        fields.entry("conditions").or_insert(Value::Null);
    }
    if let Some(restart) = patch.get_mut("restart").and_then(Value::as_object_mut) {
        for optional in ["secrets", "lastChange", "workloads"] {
            restart.entry(optional).or_insert(Value::Null);
        }
    }
    patch
}

fn remove(status: &mut SyncPolicyStatus, kind: PolicyCondition) {
    status.conditions.retain(|condition| condition.type_ != kind.as_str());
}

/// The transition time moves only when the status flips.
fn set(
    status: &mut SyncPolicyStatus,
    kind: PolicyCondition,
    holds: bool,
    reason: PolicyReason,
    message: &str,
    now: Timestamp,
) {
    let holds = if holds { STATUS_TRUE } else { STATUS_FALSE };
    let place = status.conditions.iter().position(|condition| condition.type_ == kind.as_str());
    let old = place.and_then(|place| status.conditions.get(place)).filter(|old| old.status == holds);
    // As the API keeps times: to the second.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let condition = Condition {
        type_: kind.to_string(),
        status: holds.to_owned(),
        reason: Some(reason.to_string()),
        message: Some(message.to_owned()),
        last_transition_time: old.map_or(Some(Time(now)), |old| old.last_transition_time.clone()),
    };
    match place.and_then(|place| status.conditions.get_mut(place)) {
        Some(old) => *old = condition,
        None => status.conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crds::RestartStatus;

    use super::*;

    #[test]
    fn a_condition_keeps_its_place_and_its_time_until_it_flips() {
        let mut status = SyncPolicyStatus::default();
        let at = |second| Timestamp::constant(second, 7);
        set(&mut status, PolicyCondition::Accepted, true, PolicyReason::Accepted, "a", at(1));
        set(&mut status, PolicyCondition::Conflicted, true, PolicyReason::Overruled, "b", at(1));
        set(&mut status, PolicyCondition::Accepted, true, PolicyReason::Accepted, "c", at(2));
        set(&mut status, PolicyCondition::Conflicted, false, PolicyReason::Overruled, "d", at(3));
        let shown = status.conditions.iter().map(|condition| {
            let since = condition.last_transition_time.as_ref().map(|time| time.0.as_second());
            (condition.type_.as_str(), condition.message.as_deref().unwrap_or_default(), since)
        });
        assert_eq!(shown.collect::<Vec<_>>(), [("Accepted", "c", Some(1)), ("Conflicted", "d", Some(3))]);
        remove(&mut status, PolicyCondition::Conflicted);
        assert_eq!(status.conditions.len(), 1);
    }

    #[test]
    fn what_is_no_longer_told_is_taken_away() {
        assert_eq!(patch(&SyncPolicyStatus::default()), json!({ "restart": null, "conditions": null }));
        let status =
            SyncPolicyStatus { restart: Some(RestartStatus::default()), ..SyncPolicyStatus::default() };
        let all = json!({ "secrets": null, "lastChange": null, "workloads": null });
        assert_eq!(patch(&status)["restart"], all);
    }

    #[test]
    fn long_lists_are_cut() {
        let texts = |count| (0..count).map(|number: usize| number.to_string());
        assert_eq!(list(texts(2)), "0; 1");
        assert_eq!(list(texts(8)), "0; 1; 2; 3; 4; and 3 more");
    }
}
