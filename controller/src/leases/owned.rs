//! The leases of one owner, as its pipeline sees them: whether they stand, recorded, replaced.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use strongroom_crds::conditions::STATUS_FALSE;
use strongroom_crds::secret_lease::FINALIZER_SECRET_LEASE;
use strongroom_crds::{
    LeaseOwner, LeaseState, LeasedGenerator, RecordedLease, SecretLease, SecretLeaseSpec, SecretLeaseStatus,
};
use strongroom_provider_api::{Lease, LeaseEnd};

use super::events::{self, Replaced};
use super::record::{recorded, remember, set_ready, status, write_status};
use super::{due, revoke};
use crate::context::Context;
use crate::generators::{GeneratorHandle, Resolved};
use crate::kube_io::{ApiError, ObjectKey, Watched};
use crate::policies::Ruled;

/// How a record says that the service rotates.
const ROTATED: &str = "Rotated";
/// An end that has moved by so much is the same.
const COUNTED: SignedDuration = SignedDuration::from_secs(2);

/// A lease that was recorded for values that are on their way to their target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    key: ObjectKey,
    /// Where values are read that the service rotates, the record stays, and this is how it goes on.
    again: Option<RecordedLease>,
}

/// The fingerprint of what is in a target besides what was generated, if it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs(pub Option<String>);

/// The records of the owner `uid` in `namespace` that are not being deleted.
fn owned(context: &Context, namespace: &str, uid: &str) -> Vec<(ObjectKey, Arc<Watched<SecretLease>>)> {
    let records = context.lease_owners.of(uid).into_iter().filter(|key| key.namespace == namespace);
    let records = records.filter_map(|key| context.leases.get(&key).map(|record| (key, record)));
    let kept =
        |record: &SecretLease| record.spec.owner.uid == uid && record.metadata.deletion_timestamp.is_none();
    records.filter(|(_, record)| record.0.as_ref().is_ok_and(kept)).collect()
}

/// True if a lease of the owner cannot be kept alive at `now`, so that others must take its place.
pub fn ending(context: &Context, namespace: &str, uid: &str, now: Timestamp) -> bool {
    !context.leases.is_empty()
        && owned(context, namespace, uid)
            .iter()
            .any(|(_, record)| record.0.as_ref().is_ok_and(|record| due::ends(record, now)))
}

/// True if what each of `generators` (with its place in the owner) made is in the target, is leased, holds at `now`, and
/// was made by the generator as it is now: then a refresh has nothing to bring. What a service rotates is read at every
/// refresh, unless something else that is leased would have to be made anew with it. Where the owner draws from stores as
/// well, `inputs` is the fingerprint of what these gave, and must be what it was.
pub fn stand<'a>(
    context: &Context,
    namespace: &str,
    uid: &str,
    generators: impl IntoIterator<Item = (usize, &'a Resolved)>,
    inputs: Option<&str>,
    now: Timestamp,
) -> bool {
    if context.leases.is_empty() {
        return false;
    }
    let owned = owned(context, namespace, uid);
    let mut any_made = false;
    for (place, generator) in generators {
        let snapshot = generator.snapshot();
        let holds = |record: &SecretLease| {
            usize::try_from(record.spec.owner.entry).is_ok_and(|entry| entry == place)
                && record.state() == LeaseState::Active
                && record.spec.generator.snapshot == snapshot
                && inputs.is_none_or(|inputs| known_inputs(record) == Some(inputs))
                && due::end(record.lease()).is_none_or(|end| now < end)
        };
        let mut held = owned.iter().filter_map(|(_, record)| record.0.as_ref().ok());
        let Some(record) = held.find(|record| holds(record)) else { return false };
        any_made |= record.lease().end != ROTATED;
    }
    any_made
}

fn known_inputs(record: &SecretLease) -> Option<&str> {
    record.status.as_ref()?.inputs.as_deref()
}

/// Revokes what others have replaced already, so that there are never more than two generations of credentials. What
/// cannot be revoked now, or by a policy's word must not be, is left to its own time.
pub async fn make_room(context: &Context, namespace: &str, uid: &str) {
    if context.leases.is_empty() {
        return;
    }
    for (key, record) in owned(context, namespace, uid) {
        if let Ok(record) = &record.0
            && record.state() == LeaseState::Superseded
            && record.lease().id.is_some()
            && record.rules().revoke_on.replaces()
        {
            let _ = revoke::revoke(context, &key, record).await;
        }
    }
}

/// Records `lease` of what `generator` made, by `client`, for the `place` of `owner`. The record bears our finalizer from
/// the start, so that no credential is ever forgotten. Values that the service rotates keep one record for all of their
/// life: nothing has to be undone, so nothing is written before they are used.
///
/// # Errors
/// The API server did not store it: the lease must be revoked by the caller.
pub async fn record(
    context: &Context,
    owner: &OwnerReference,
    place: usize,
    generator: &Resolved,
    client: &Arc<GeneratorHandle>,
    lease: &Lease,
) -> Result<Recorded, ApiError> {
    if lease.end == LeaseEnd::Rotated
        && let Some(key) = rotated(context, owner, place, generator)
    {
        context.lease_clients.note(&key, client);
        return Ok(Recorded { key, again: Some(recorded(lease)) });
    }
    let mut record = SecretLease::new(
        "",
        SecretLeaseSpec {
            controller: context.settings.controller_class.clone(),
            owner: LeaseOwner {
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                uid: owner.uid.clone(),
                entry: i64::try_from(place).unwrap_or_default(),
            },
            generator: LeasedGenerator {
                kind: generator.descriptor.kind.to_owned(),
                name: generator.name.clone(),
                snapshot: generator.snapshot(),
            },
            lease: recorded(lease),
        },
    );
    record.metadata = ObjectMeta {
        // The API server adds a few letters, and cuts what is too long.
        generate_name: Some(format!("{}-", owner.name)),
        namespace: Some(generator.namespace.clone()),
        finalizers: Some(vec![FINALIZER_SECRET_LEASE.to_owned()]),
        owner_references: Some(vec![owner.clone()]),
        ..ObjectMeta::default()
    };
    let stored = context.cluster.create_lease(&record).await?;
    let key = ObjectKey::of(&stored.metadata);
    context.lease_clients.note(&key, client);
    remember(context, stored);
    Ok(Recorded { key, again: None })
}

/// The record of what `generator` made for this place before, if the service rotates that.
fn rotated(
    context: &Context,
    owner: &OwnerReference,
    place: usize,
    generator: &Resolved,
) -> Option<ObjectKey> {
    let snapshot = generator.snapshot();
    let goes_on = |record: &SecretLease| {
        record.lease().end == ROTATED
            && record.state() != LeaseState::Superseded
            && usize::try_from(record.spec.owner.entry).is_ok_and(|entry| entry == place)
            && record.spec.generator.snapshot == snapshot
    };
    let mut records = owned(context, &generator.namespace, &owner.uid).into_iter();
    records.find(|(_, record)| record.0.as_ref().is_ok_and(goes_on)).map(|(key, _)| key)
}

/// The lease of a record after its values were read again. The service counts in whole seconds: an end that has moved by
/// one is where it was.
fn moved(record: &SecretLease, again: &RecordedLease) -> RecordedLease {
    let before = record.lease();
    let same = match (before.expires, again.expires) {
        (Some(before), Some(again)) => again.duration_since(before).abs() <= COUNTED,
        (before, again) => before == again,
    };
    if same { before.clone() } else { again.clone() }
}

/// What was `recorded` has reached its target: it is kept alive from now on, and every other lease of the owner ends
/// after the grace time. Or (`used` is `None`) it never will: then it is revoked. `used` holds the fingerprint of what
/// else is in the target, if it has one; `ruled` is what policies say.
///
/// A record that cannot be written now keeps its state: it is settled by the next attempt, or revoked as abandoned.
pub async fn settle(
    context: &Context,
    owner: &ObjectKey,
    uid: &str,
    recorded: &[Recorded],
    used: Option<&Inputs>,
    ruled: &Ruled,
) {
    if context.leases.is_empty() || (used.is_none() && recorded.is_empty()) {
        return;
    }
    let now = context.clock.now();
    let records = owned(context, &owner.namespace, uid);
    let mut all_active = true;
    let mut issued = Vec::new();
    for (key, record) in &records {
        let Ok(record) = &record.0 else { continue };
        let Some(new) = recorded.iter().find(|new| new.key == *key) else { continue };
        let mut wanted = status(record);
        if let Some(Inputs(inputs)) = used {
            in_use(&mut wanted, record, new, inputs.as_ref(), now);
            wanted.rules = ruled.lease.rules;
            if new.again.is_none() && record.lease().end != ROTATED {
                issued.push((key.name.clone(), due::end(record.lease())));
            }
        } else if record.state() == LeaseState::Pending {
            supersede(&mut wanted, now, SignedDuration::ZERO);
        } else {
            // The service's own: nothing was made, and what is in the target is as it was.
            continue;
        }
        if wanted != status(record) {
            all_active &= written(context, key, &wanted).await;
        }
    }
    // While the record of the new ones says that they are on their way, a later attempt replaces all of them.
    if used.is_none() || !all_active {
        return;
    }
    let grace = grace(context, ruled);
    let mut replaced = Vec::new();
    for (key, record) in &records {
        let Ok(record) = &record.0 else { continue };
        let is_new = recorded.iter().any(|new| new.key == *key);
        if is_new || record.state() == LeaseState::Superseded {
            continue;
        }
        let mut wanted = status(record);
        supersede(&mut wanted, now, grace);
        written(context, key, &wanted).await;
        if record.state() != LeaseState::Pending && record.lease().end != ROTATED {
            let revoked = wanted.revoke_at.filter(|_| record.rules().revoke_on.replaces());
            replaced.push(Replaced { record: key.name.clone(), revoked, why: why_not_kept(record) });
        }
    }
    events::issued(context, &owner.namespace, &owner.name, &issued, &replaced).await;
}

/// The values of `record` are in their target.
fn in_use(
    wanted: &mut SecretLeaseStatus,
    record: &SecretLease,
    new: &Recorded,
    inputs: Option<&String>,
    now: Timestamp,
) {
    wanted.state = LeaseState::Active;
    wanted.inputs = inputs.cloned();
    let lease = || record.spec.lease.clone();
    wanted.lease = Some(match &new.again {
        Some(again) => moved(record, again),
        None => wanted.lease.take().unwrap_or_else(lease),
    });
    set_ready(wanted, true, "Leased", "the credentials are in use", now);
}

/// For how long superseded credentials live on: at least while the target's previous values are kept.
fn grace(context: &Context, ruled: &Ruled) -> SignedDuration {
    let grace = ruled.lease.grace.unwrap_or(context.settings.generator_grace);
    let grace = grace.max(ruled.keep_previous.unwrap_or_default());
    SignedDuration::try_from(grace).unwrap_or(SignedDuration::ZERO)
}

/// What the record says about why it could not be kept alive; empty if it could.
fn why_not_kept(record: &SecretLease) -> String {
    let mut conditions = record.status.iter().flat_map(|status| &status.conditions);
    let why = conditions.find(|condition| condition.status == STATUS_FALSE);
    why.and_then(|condition| condition.message.clone()).unwrap_or_default()
}

fn supersede(status: &mut SecretLeaseStatus, now: Timestamp, grace: SignedDuration) {
    status.state = LeaseState::Superseded;
    status.superseded = Some(now);
    status.revoke_at = Some(now.checked_add(grace).unwrap_or(now));
    // Why it could not be kept alive stays to be read.
    let why = status.conditions.iter().find(|condition| condition.status == STATUS_FALSE);
    let why = why.and_then(|condition| condition.message.as_deref()).unwrap_or_default();
    let message = format!("others have taken its place. {why}").trim_end().to_owned();
    set_ready(status, false, "Superseded", &message, now);
}

async fn written(context: &Context, key: &ObjectKey, status: &SecretLeaseStatus) -> bool {
    match write_status(context, key, status).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(lease = %key, %error, "the state of a lease could not be written");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_moved_by_a_second_is_where_it_was() {
        let at = |seconds| Timestamp::from_second(seconds).ok();
        let lease = |expires| RecordedLease {
            id: None,
            issued: Timestamp::UNIX_EPOCH,
            expires,
            end: ROTATED.to_owned(),
            replace: None,
            parent: None,
        };
        let spec = SecretLeaseSpec {
            controller: "default".to_owned(),
            owner: LeaseOwner::default(),
            generator: LeasedGenerator {
                kind: "K".to_owned(),
                name: "g".to_owned(),
                snapshot: serde_json::json!({}),
            },
            lease: lease(at(300)),
        };
        let record = SecretLease::new("l", spec);
        for (again, expected) in [(299, 300), (302, 300), (303, 303), (900, 900)] {
            assert_eq!(moved(&record, &lease(at(again))).expires, at(expected), "{again}");
        }
        assert_eq!(moved(&record, &lease(None)).expires, None);
    }
}
