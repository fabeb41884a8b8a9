//! What the life of leases has to tell in events: when credentials were issued or replaced, and what went wrong.
//! Never a lease's id, and nothing about a renewal that went well.

use jiff::Timestamp;
use kube::Resource as _;
use strongroom_crds::conditions::EventReason;
use strongroom_crds::{ExternalSecret, SecretLease};

use super::due::Why;
use crate::context::Context;
use crate::kube_io::{EventKind, ObjectKey, Subject};

/// A lease whose place others have taken.
pub(super) struct Replaced {
    /// The name of its record.
    pub record: String,
    /// When it is revoked; `None` if it is not.
    pub revoked: Option<Timestamp>,
    /// Why it could not be kept alive; empty if it could.
    pub why: String,
}

/// New credentials are in use: `new` are the records, of which only those that are `Some` in the end are named.
pub(super) async fn issued(
    context: &Context,
    namespace: &str,
    owner: &str,
    new: &[(String, Option<Timestamp>)],
    replaced: &[Replaced],
) {
    if new.is_empty() {
        return;
    }
    let name = |(record, end): &(String, Option<Timestamp>)| match end {
        Some(end) => format!("SecretLease {record:?}, until {} if it is not renewed", seconds(*end)),
        None => format!("SecretLease {record:?}, without an end"),
    };
    let new = new.iter().map(name).collect::<Vec<_>>().join("; ");
    let (reason, message) = if replaced.is_empty() {
        (EventReason::LeaseIssued, format!("credentials were issued: {new}"))
    } else {
        let old = |old: &Replaced| {
            let goes = match old.revoked {
                Some(at) => format!("is revoked at {}", seconds(at)),
                None => "ends by itself".to_owned(),
            };
            let why = if old.why.is_empty() { String::new() } else { format!(" ({})", old.why) };
            format!("SecretLease {:?} {goes}{why}", old.record)
        };
        let old = replaced.iter().map(old).collect::<Vec<_>>().join("; ");
        (EventReason::LeaseReplaced, format!("other credentials are in use: {new}; before: {old}"))
    };
    let Some(subject) = owner_of(context, namespace, owner) else { return };
    context.lease_events.post(&subject, EventKind::Normal, reason, &message).await;
}

/// The login from which a lease hangs cannot be kept alive.
pub(super) async fn parent_ends(context: &Context, key: &ObjectKey, record: &SecretLease) {
    let message = format!("SecretLease {:?}: {}", key.name, Why::Parent.message());
    let Some(subject) = owner_of(context, &key.namespace, &record.spec.owner.name) else { return };
    context.lease_events.post(&subject, EventKind::Warning, EventReason::LeaseParentEnds, &message).await;
}

/// A lease could not be revoked. Told about its owner, or about the record where that is gone.
pub(super) async fn not_revoked(context: &Context, key: &ObjectKey, record: &SecretLease, why: &str) {
    let message = format!("SecretLease {:?} was not revoked: {why}", key.name);
    let subject = owner_of(context, &key.namespace, &record.spec.owner.name)
        .filter(|subject| subject.uid == record.spec.owner.uid)
        .unwrap_or_else(|| Subject {
            api_version: SecretLease::api_version(&()).into_owned(),
            kind: SecretLease::kind(&()).into_owned(),
            key: key.clone(),
            uid: record.metadata.uid.clone().unwrap_or_default(),
            resource_version: record.metadata.resource_version.clone().unwrap_or_default(),
        });
    context.lease_events.post(&subject, EventKind::Warning, EventReason::LeaseRevokeFailed, &message).await;
}

fn owner_of(context: &Context, namespace: &str, name: &str) -> Option<Subject> {
    let key = ObjectKey::new(namespace, name);
    let object = context.external_secrets.get(&key)?;
    Some(Subject {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        uid: object.meta().uid.clone().unwrap_or_default(),
        resource_version: object.meta().resource_version.clone().unwrap_or_default(),
        key,
    })
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
