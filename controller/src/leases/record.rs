//! A lease as it is recorded, and requests about its record.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use strongroom_crds::conditions::{ConditionType, STATUS_FALSE, STATUS_TRUE};
use strongroom_crds::{Condition, RecordedLease, RecordedParent, SecretLease, SecretLeaseStatus};
use strongroom_provider_api::{Lease, LeaseEnd, LeaseParent};

use crate::context::Context;
use crate::kube_io::{ApiError, ObjectKey, Watched};

/// `lease` as it is recorded.
pub(super) fn recorded(lease: &Lease) -> RecordedLease {
    let end = match lease.end {
        LeaseEnd::Renewable => "Renewable",
        LeaseEnd::Fixed => "Fixed",
        LeaseEnd::Rotated => "Rotated",
    };
    RecordedLease {
        id: lease.id.clone(),
        issued: lease.issued,
        expires: lease.expires,
        end: end.to_owned(),
        replace: lease.replace,
        parent: lease.parent.as_ref().map(|parent| RecordedParent {
            accessor: parent.accessor.clone(),
            expires: parent.expires,
            renewable: parent.renewable,
        }),
    }
}

/// What is recorded, as its generator knows it.
pub(super) fn lease(recorded: &RecordedLease) -> Lease {
    Lease {
        id: recorded.id.clone(),
        issued: recorded.issued,
        expires: recorded.expires,
        end: match recorded.end.as_str() {
            "Renewable" => LeaseEnd::Renewable,
            "Rotated" => LeaseEnd::Rotated,
            _ => LeaseEnd::Fixed,
        },
        replace: recorded.replace,
        parent: recorded.parent.as_ref().map(|parent| LeaseParent {
            accessor: parent.accessor.clone(),
            expires: parent.expires,
            renewable: parent.renewable,
        }),
    }
}

/// The status of `record`, to be changed.
pub(super) fn status(record: &SecretLease) -> SecretLeaseStatus {
    record.status.clone().unwrap_or_default()
}

/// Says in `status` whether the lease is kept alive. Gives whether that is news.
pub(super) fn set_ready(
    status: &mut SecretLeaseStatus,
    ready: bool,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> bool {
    let text = if ready { STATUS_TRUE } else { STATUS_FALSE };
    let type_ = ConditionType::Ready.as_str();
    let old = status.conditions.iter().position(|condition| condition.type_ == type_);
    let old = old.map(|place| status.conditions.remove(place));
    let same = old.as_ref().filter(|old| old.status == text);
    let condition = Condition {
        type_: type_.to_owned(),
        status: text.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: same.map_or(Some(Time(now)), |old| old.last_transition_time.clone()),
    };
    let news = old.as_ref() != Some(&condition);
    status.conditions.push(condition);
    news
}

/// Writes the status of `key`; gone already is fine.
pub(super) async fn write_status(
    context: &Context,
    key: &ObjectKey,
    status: &SecretLeaseStatus,
) -> Result<(), ApiError> {
    let value = patch(status);
    if let Some(stored) = context.cluster.patch_lease_status(key, &value).await? {
        remember(context, stored);
    }
    Ok(())
}

/// A merge patch takes away only what is named.
fn patch(status: &SecretLeaseStatus) -> serde_json::Value {
    const OPTIONAL: [(&str, &[&str]); 4] = [
        ("", &["superseded", "revokeAt", "renewed", "renewals", "lease", "inputs", "rules", "keeper"]),
        ("/lease", &["id", "expires", "replace", "parent"]),
        ("/lease/parent", &["expires"]),
        ("/rules", &["renewAt"]),
    ];
    let mut value = json!(status);
    for (place, fields) in OPTIONAL {
        if let Some(object) = value.pointer_mut(place).and_then(serde_json::Value::as_object_mut) {
            for field in fields {
                object.entry(*field).or_insert(serde_json::Value::Null);
            }
        }
    }
    value
}

/// Puts our own write where the next reader looks, and has its time noted.
pub(super) fn remember(context: &Context, stored: SecretLease) {
    let key = ObjectKey::of(&stored.metadata);
    context.lease_owners.note(&stored.spec.owner.uid, &key);
    let version = stored.metadata.resource_version.clone();
    let watched: Watched<SecretLease> = Watched(Ok(stored));
    let new = watched.clone();
    if let Ok(old) = context.leases.put(key.clone(), version.as_deref(), watched) {
        super::watch(context, &key, old.as_deref(), Some(&new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_the_same_after_it_was_recorded() {
        for end in [LeaseEnd::Renewable, LeaseEnd::Fixed, LeaseEnd::Rotated] {
            let given = Lease {
                id: Some("id".to_owned()),
                issued: Timestamp::UNIX_EPOCH,
                expires: Timestamp::from_second(60).ok(),
                end,
                replace: Timestamp::from_second(40).ok(),
                parent: Some(LeaseParent { accessor: "a".to_owned(), expires: None, renewable: true }),
            };
            let stored = serde_json::to_value(recorded(&given)).unwrap();
            assert_eq!(lease(&serde_json::from_value(stored).unwrap()), given);
        }
    }

    #[test]
    fn what_a_status_no_longer_says_is_taken_away_wherever_it_stands() {
        let rules = strongroom_crds::LeaseRules { renew_at: None, ..strongroom_crds::LeaseRules::default() };
        let parent = RecordedParent { accessor: "a".to_owned(), expires: None, renewable: true };
        let lease = RecordedLease {
            id: None,
            issued: Timestamp::UNIX_EPOCH,
            expires: None,
            end: "Renewable".to_owned(),
            replace: None,
            parent: Some(parent),
        };
        let status =
            SecretLeaseStatus { rules: Some(rules), lease: Some(lease), ..SecretLeaseStatus::default() };
        let patch = patch(&status);
        for place in ["/rules/renewAt", "/lease/id", "/lease/parent/expires", "/keeper", "/renewed"] {
            assert_eq!(patch.pointer(place), Some(&serde_json::Value::Null), "{place}: {patch}");
        }
        assert_eq!(patch["rules"]["revokeOn"], "Always");
    }

    #[test]
    fn a_condition_keeps_the_time_at_which_it_flipped() {
        let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(9).unwrap());
        let mut status = SecretLeaseStatus::default();
        assert!(set_ready(&mut status, true, "Renewed", "a", first));
        assert!(!set_ready(&mut status, true, "Renewed", "a", later));
        assert!(set_ready(&mut status, true, "Renewed", "b", later));
        assert_eq!(status.conditions[0].last_transition_time, Some(Time(first)));
        assert!(set_ready(&mut status, false, "Refused", "c", later));
        assert_eq!(status.conditions[0].last_transition_time, Some(Time(later)));
        assert_eq!(status.conditions.len(), 1);
    }
}
