//! What policies say about an object that nothing is done for: it is paused, or its data is older than it may be. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use strongroom_crds::conditions::{ConditionType, STATUS_FALSE, STATUS_TRUE, secret_message};
use strongroom_crds::{Condition, ExternalSecretReason, ExternalSecretStatus};

use super::gather::Observed;
use super::status;
use crate::policies::Paused;

/// How the message about stale data begins.
const STALE: &str = "stale: ";
/// What is added to a message while the object is paused.
const PAUSED: &str = "; paused until ";

/// The pause that the object is in.
pub(super) fn paused(observed: &Observed) -> Option<&Paused> {
    observed.ruled.pause.as_ref().filter(|pause| observed.now < pause.until)
}

/// When the data was fetched.
pub(super) fn refreshed(observed: &Observed) -> Option<Timestamp> {
    let told = observed.status().refresh_time.map(|time| time.0);
    told.max(observed.refreshed)
}

/// True if the data is older than a policy lets it be.
pub(super) fn is_stale(observed: &Observed) -> bool {
    let Some(max) = observed.ruled.max_staleness else { return false };
    let age = refreshed(observed).map(|refreshed| observed.now.duration_since(refreshed));
    age.is_some_and(|age| !age.is_negative() && age.unsigned_abs() >= max)
}

/// `wait`, but no longer than until a pause ends, or until data that was `refreshed` then is too old.
pub(super) fn next_look(observed: &Observed, refreshed: Timestamp, wait: Duration) -> Duration {
    let pause = paused(observed).map(|pause| pause.until);
    let max = observed.ruled.max_staleness.and_then(|max| SignedDuration::try_from(max).ok());
    let stale = max.and_then(|max| refreshed.checked_add(max).ok());
    let ends = pause.into_iter().chain(stale).map(|end| end.duration_since(observed.now));
    ends.filter(SignedDuration::is_positive).map(SignedDuration::unsigned_abs).fold(wait, Duration::min)
}

/// True if only a policy has turned this Ready condition to False: that asks for no attempt.
pub(super) fn is_marked_stale(condition: &Condition) -> bool {
    condition.type_ == ConditionType::Ready.as_str()
        && condition.message.as_deref().is_some_and(|message| message.starts_with(STALE))
}

/// Says in the Ready condition whether the object is paused and whether its data is too old; takes back what no longer
/// holds. `reasons` are those of a target that is in step and of one that is not. Gives whether the object is ready, if
/// that has changed.
pub(super) fn tell(
    status: &mut ExternalSecretStatus,
    observed: &Observed,
    paused: Option<&Paused>,
    (synced, failed): (ExternalSecretReason, ExternalSecretReason),
) -> Option<bool> {
    let ready = |condition: &&Condition| condition.type_ == ConditionType::Ready.as_str();
    let old = status.conditions.iter().find(ready).cloned();
    let suffix = paused.map(suffix).unwrap_or_default();
    let alone = suffix.trim_start_matches("; ");
    let Some(old) = old else {
        // It was never synced, and will not be for a while.
        paused?;
        status::set_ready(status, false, failed, alone, observed.now);
        return Some(false);
    };
    let was_ready = old.status == STATUS_TRUE;
    let text = old.message.clone().unwrap_or_default();
    if text.starts_with(PAUSED.trim_start_matches("; ")) {
        // Still never synced; if it may be now, the sync has the next word.
        if paused.is_some() {
            status::set_ready(status, false, failed, alone, observed.now);
        }
        return None;
    }
    let base = text.split(PAUSED).next().unwrap_or_default();
    let marked = is_marked_stale(&old);
    let stale = is_stale(observed);
    let (is_ready, reason, base) = if stale && was_ready {
        (false, Some(failed), format!("{STALE}{}", age(observed)))
    } else if marked && !stale {
        (true, Some(synced), secret_message::SYNCED.to_owned())
    } else {
        (was_ready, None, base.to_owned())
    };
    let message = format!("{base}{suffix}");
    if message == text && is_ready == was_ready {
        return None;
    }
    let place =
        status.conditions.iter_mut().find(|condition| condition.type_ == ConditionType::Ready.as_str())?;
    place.message = Some(message);
    if let Some(reason) = reason {
        if is_ready { STATUS_TRUE } else { STATUS_FALSE }.clone_into(&mut place.status);
        place.reason = Some(reason.to_string());
        place.last_transition_time = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(observed.now));
    }
    (is_ready != was_ready).then_some(is_ready)
}

fn age(observed: &Observed) -> String {
    let since =
        refreshed(observed).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let max = observed.ruled.max_staleness.unwrap_or_default();
    format!("the data is of {since}, and a SyncPolicy lets it be {max:?} old")
}

fn suffix(paused: &Paused) -> String {
    let until = paused.until.strftime("%Y-%m-%dT%H:%M:%SZ");
    let reason = paused.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{PAUSED}{until} by SyncPolicy {:?}{reason}", paused.policy)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::kube_io::{NamespaceView, ObjectKey, Watched};
    use crate::policies::Ruled;

    const REFRESHED: Timestamp = Timestamp::constant(1_767_225_600, 0);
    const REASONS: (ExternalSecretReason, ExternalSecretReason) =
        (ExternalSecretReason::SecretSynced, ExternalSecretReason::SecretSyncedError);

    /// An object that was refreshed a minute ago.
    fn observed(status: &ExternalSecretStatus, ruled: Ruled) -> Observed {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "ns", "uid": "1" }, "spec": {}, "status": status,
        });
        Observed {
            key: ObjectKey::new("ns", "es"),
            object: Arc::new(Watched(Ok(serde_json::from_value(object).unwrap()))),
            target: None,
            namespace: Arc::new(NamespaceView::default()),
            retemplated: None,
            asked: None,
            lease_ends: false,
            refreshed: None,
            seen: tokio::time::Instant::now(),
            ruled,
            now: REFRESHED + SignedDuration::from_mins(1),
        }
    }

    fn ready(message: &str) -> ExternalSecretStatus {
        let condition =
            json!({ "type": "Ready", "status": "True", "reason": "SecretSynced", "message": message });
        serde_json::from_value(json!({ "refreshTime": REFRESHED.to_string(), "conditions": [condition] }))
            .unwrap()
    }

    fn pause(seconds: i64) -> Ruled {
        let until = REFRESHED + SignedDuration::from_secs(seconds);
        let pause = Paused { until, reason: Some("freeze".to_owned()), policy: "p".to_owned() };
        Ruled { pause: Some(pause), ..Ruled::default() }
    }

    fn staleness(seconds: u64) -> Ruled {
        Ruled { max_staleness: Some(Duration::from_secs(seconds)), ..Ruled::default() }
    }

    fn told(status: &ExternalSecretStatus, ruled: Ruled) -> (Option<bool>, ExternalSecretStatus, String) {
        let observed = observed(status, ruled);
        let mut status = status.clone();
        let ready = tell(&mut status, &observed, paused(&observed), REASONS);
        let condition = &status.conditions[0];
        let text = format!(
            "{} {} {}",
            condition.status,
            condition.reason.as_deref().unwrap_or_default(),
            condition.message.as_deref().unwrap_or_default()
        );
        (ready, status, text)
    }

    #[test]
    fn a_pause_is_told_once_and_taken_back_when_it_is_over() {
        let (ready_now, paused, text) = told(&ready("secret synced"), pause(3600));
        let wanted =
            r#"True SecretSynced secret synced; paused until 2026-01-01T01:00:00Z by SyncPolicy "p": freeze"#;
        assert_eq!((ready_now, text.as_str()), (None, wanted));
        assert_eq!(told(&paused, pause(3600)).1, paused, "no second write");
        assert_eq!(told(&paused, pause(60)).2, "True SecretSynced secret synced");
        assert_eq!(told(&paused, Ruled::default()).2, "True SecretSynced secret synced");
    }

    #[test]
    fn what_was_never_synced_and_may_not_be_is_not_ready() {
        let (ready_now, status, text) = told(&ExternalSecretStatus::default(), pause(3600));
        assert_eq!(ready_now, Some(false));
        let wanted = r#"False SecretSyncedError paused until 2026-01-01T01:00:00Z by SyncPolicy "p": freeze"#;
        assert_eq!(text, wanted);
        assert_eq!(told(&status, pause(3600)).1, status, "no second write");
        assert_eq!(told(&status, pause(7200)).2, wanted.replace("01:00:00", "02:00:00"));
    }

    #[test]
    fn data_that_is_too_old_is_not_ready_until_the_policy_says_otherwise() {
        let (ready_now, stale, text) = told(&ready("secret synced"), staleness(60));
        assert_eq!(ready_now, Some(false));
        assert!(
            text.starts_with("False SecretSyncedError stale: the data is of 2026-01-01T00:00:00Z"),
            "{text}"
        );
        assert!(is_marked_stale(&stale.conditions[0]));
        assert_eq!(told(&stale, staleness(60)).1, stale, "no second write");
        let (ready_now, _, text) = told(&stale, staleness(61));
        assert_eq!((ready_now, text.as_str()), (Some(true), "True SecretSynced secret synced"));
        let both = Ruled { pause: pause(3600).pause, ..staleness(60) };
        assert!(told(&stale, both).2.contains("old; paused until"));
    }

    #[test]
    fn nothing_is_said_where_no_policy_says_anything() {
        let status = ready("secret synced");
        assert_eq!(told(&status, Ruled::default()).1, status);
        let none = ExternalSecretStatus::default();
        let observed = observed(&none, Ruled::default());
        let mut status = none.clone();
        assert_eq!(tell(&mut status, &observed, None, REASONS), None);
        assert_eq!(status, none);
    }

    #[test]
    fn the_next_look_is_when_the_pause_ends_or_the_data_grows_too_old() {
        let hour = Duration::from_hours(1);
        let look = |ruled| next_look(&observed(&ready(""), ruled), REFRESHED, hour).as_secs();
        assert_eq!((look(pause(90)), look(staleness(100)), look(Ruled::default())), (30, 40, 3600));
        assert_eq!((look(pause(30)), look(staleness(30))), (3600, 3600), "what is over asks for nothing");
    }
}
