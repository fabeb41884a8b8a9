//! What a target held before it changed: kept in a Secret beside it for as long as a policy says, then deleted.
//!
//! A second Secret, so that who reads the target finds in it what the ExternalSecret asks for and nothing else, and no
//! workload is restarted because old values go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use strongroom_crds::conditions::EventReason;
use strongroom_crds::{CreationPolicy, names};

use super::account;
use super::apply::failed;
use super::desired::Desired;
use super::gather::Observed;
use super::privilege;
use super::render::{is_same_object, owned_keys};
use super::report::subject;
use crate::context::Context;
use crate::error::SyncError;
use crate::hash;
use crate::kube_io::{ApiFailure, EventKind, ObjectKey, SecretDigest};
use crate::telemetry::Action;

/// The longest name of a Secret.
const LONGEST_NAME: usize = 253;

/// When a deletion that failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

type Data = BTreeMap<String, ByteString>;

/// Keeps what `existing` holds, if a policy asks for it and `new`, which is about to take its place, has other values.
/// What somebody else wrote into the target is not kept. Where nothing can be kept because of how things are, an event says
/// so, and the target is written all the same: it may hold what is about to expire.
///
/// # Errors
/// A request that failed and is worth another try.
pub(super) async fn keep(
    context: &Context,
    observed: &Observed,
    desired: &Desired,
    existing: &Secret,
    new: &Secret,
) -> Result<(), SyncError> {
    let Some(kept) = observed.ruled.keep_previous else { return Ok(()) };
    let Some(data) = superseded(existing, new, desired) else { return Ok(()) };
    let until = until(observed.now, kept);
    let secret = secret(existing, desired, data, until);
    let key = ObjectKey::of(&secret.metadata);
    let why = if key.name.len() > LONGEST_NAME {
        Some("its name would be too long".to_owned())
    } else if let Err(refusal) = privilege::check(None, &secret) {
        Some(refusal.to_string())
    } else {
        store(context, observed, desired, &key, secret, (until, kept)).await?
    };
    let Some(why) = why else { return Ok(()) };
    let message =
        format!("the previous values of Secret {:?} are not kept in {:?}: {why}", desired.key.name, key.name);
    tracing::warn!(object = %observed.key, secret = %key, %why, "previous values are not kept");
    let reason = EventReason::PreviousNotKept;
    context.events.post(&subject(observed), EventKind::Warning, reason, &message).await;
    Ok(())
}

/// Deletes what is kept for the object if its time is over. What fails is tried again, and holds up nothing.
pub(super) async fn expire(context: &Context, observed: &Observed) {
    let Some((key, digest, until)) = kept(context, observed) else { return };
    if observed.now < until {
        return;
    }
    match context.cluster.delete_secret(&key, &digest.uid).await {
        Ok(by_us) => {
            tracing::info!(object = %observed.key, secret = %key, "previous values are gone");
            if by_us {
                account::deleted(context, observed, "Secret", key.clone());
            }
            // So that nobody looks for it again before the watch tells.
            let _ = context.secrets.remove(&key, None);
        }
        Err(error) => {
            tracing::warn!(object = %observed.key, secret = %key, %error, "previous values are still there");
        }
    }
}

/// `wait`, but no longer than until what is kept for the object has to go.
pub(super) fn next_look(context: &Context, observed: &Observed, wait: Duration) -> Duration {
    let Some((_, _, until)) = kept(context, observed) else { return wait };
    let left = until.duration_since(observed.now);
    wait.min(if left.is_positive() { left.unsigned_abs() } else { AGAIN })
}

/// True if `digest` keeps previous values for the ExternalSecret of this uid.
pub(super) fn is_kept_for(digest: &SecretDigest, uid: &str) -> bool {
    digest.previous_until.is_some() && digest.controller.as_ref().is_some_and(|owner| owner.uid == uid)
}

fn kept(context: &Context, observed: &Observed) -> Option<(ObjectKey, Arc<SecretDigest>, Timestamp)> {
    let key = beside(&observed.target_key());
    let digest = context.secrets.get(&key)?;
    let until = digest.previous_until.filter(|_| is_kept_for(&digest, observed.uid()))?;
    Some((key, digest, until))
}

/// Where the previous values of `target` are kept.
pub(super) fn beside(target: &ObjectKey) -> ObjectKey {
    ObjectKey::new(&target.namespace, format!("{}{}", target.name, names::PREVIOUS_SUFFIX))
}

/// The values of ours in `existing`, if `new` lacks one of them or has another in its place, and if they are as we wrote
/// them. Under the merging policies only keys that we wrote are ours.
fn superseded(existing: &Secret, new: &Secret, desired: &Desired) -> Option<Data> {
    let digest = SecretDigest::of(existing);
    if digest.claimed_hash.as_ref() != Some(&digest.hash) {
        return None;
    }
    let mut data = existing.data.clone().unwrap_or_default();
    if merges(desired) {
        let ours = owned_keys(&existing.metadata, &desired.manager, &["f:data"]);
        data.retain(|key, _| ours.contains(key));
    }
    let stays = |(key, value): (&String, &ByteString)| {
        new.data.as_ref().is_some_and(|new| new.get(key) == Some(value))
    };
    (!data.iter().all(stays)).then_some(data)
}

fn merges(desired: &Desired) -> bool {
    matches!(desired.policy, CreationPolicy::Merge | CreationPolicy::CreateOrMerge)
}

/// As the annotation has it: whole seconds.
fn until(now: Timestamp, kept: Duration) -> Timestamp {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    let until = now.checked_add(kept).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(until.as_second()).unwrap_or(until)
}

fn secret(existing: &Secret, desired: &Desired, data: Data, until: Timestamp) -> Secret {
    let hash = hash::data(data.iter().map(|(key, value)| (key.as_str(), value.0.as_slice())));
    let key = beside(&desired.key);
    // A type that asks for certain keys may not find them all; and nobody is to act as somebody with an old token.
    let token = [names::SECRET_TYPE_SERVICE_ACCOUNT_TOKEN, names::SECRET_TYPE_BOOTSTRAP_TOKEN];
    let type_ = existing.type_.clone().filter(|type_| !merges(desired) && !token.contains(&type_.as_str()));
    Secret {
        metadata: ObjectMeta {
            name: Some(key.name),
            namespace: Some(key.namespace),
            labels: Some(BTreeMap::from([(
                names::LABEL_MANAGED.to_owned(),
                names::MANAGED_VALUE.to_owned(),
            )])),
            annotations: Some(BTreeMap::from([
                (names::ANNOTATION_DATA_HASH.to_owned(), hash),
                (names::ANNOTATION_PREVIOUS_UNTIL.to_owned(), until.to_string()),
            ])),
            owner_references: Some(vec![desired.owner.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        type_: Some(type_.unwrap_or_else(|| "Opaque".to_owned())),
        ..Secret::default()
    }
}

/// Writes `secret` if that is not what is there. Gives why it cannot be written.
async fn store(
    context: &Context,
    observed: &Observed,
    desired: &Desired,
    key: &ObjectKey,
    secret: Secret,
    (until, kept): (Timestamp, Duration),
) -> Result<Option<String>, SyncError> {
    let write = |error| failed(key, error);
    let known = context.secrets.get(key);
    if known.is_some_and(|known| holds(&known, &secret, desired, until, kept)) {
        return Ok(None);
    }
    let manager = &desired.manager;
    let names = secret.data.iter().flat_map(|data| data.keys().cloned()).collect();
    let mut action = Action::Created;
    let created = match context.cluster.create_secret(&secret, manager).await {
        Err(error) if error.failure() == ApiFailure::AlreadyExists => None,
        other => Some(other),
    };
    let stored = match created {
        Some(stored) => stored,
        None => match context.cluster.secret(key).await.map_err(write)? {
            Some(old) if !is_ours(&old, desired) => {
                return Ok(Some("there is a Secret of that name which is not for it".to_owned()));
            }
            Some(old) if old.type_ == secret.type_ => {
                let version = old.metadata.resource_version.clone();
                let metadata = ObjectMeta { resource_version: version, ..secret.metadata };
                action = Action::Updated;
                context.cluster.replace_secret(&Secret { metadata, ..secret }, manager).await
            }
            // The type of a Secret cannot be changed.
            Some(old) => {
                let uid = old.metadata.uid.unwrap_or_default();
                if context.cluster.delete_secret(key, &uid).await.map_err(write)? {
                    account::deleted(context, observed, "Secret", key.clone());
                }
                context.cluster.create_secret(&secret, manager).await
            }
            None => context.cluster.create_secret(&secret, manager).await,
        },
    };
    match stored {
        Ok(stored) => {
            let version = stored.metadata.resource_version.clone();
            let digest = SecretDigest::of(&stored);
            account::kept(context, observed, key, names, Ok((action, &digest)));
            // Not newer means that the watch was faster.
            let _ = context.secrets.put(key.clone(), version.as_deref(), digest);
            Ok(None)
        }
        Err(error) => {
            let refused = matches!(error.failure(), ApiFailure::Invalid | ApiFailure::Forbidden);
            let why = error.to_string();
            let error = write(error);
            account::kept(context, observed, key, names, Err(&error));
            if refused { Ok(Some(why)) } else { Err(error) }
        }
    }
}

/// True if the same values are kept already, and nearly as long: an attempt that failed behind this is made again.
fn holds(known: &SecretDigest, secret: &Secret, desired: &Desired, until: Timestamp, kept: Duration) -> bool {
    let same = secret.annotations().get(names::ANNOTATION_DATA_HASH) == Some(&known.hash);
    let owned = known.controller.as_ref().is_some_and(|owner| is_same(owner, desired));
    let near =
        known.previous_until.is_some_and(|known| until.duration_since(known).unsigned_abs() <= kept / 10);
    same && owned && near
}

fn is_ours(old: &Secret, desired: &Desired) -> bool {
    let digest = SecretDigest::of(old);
    digest.previous_until.is_some() && digest.controller.is_some_and(|owner| is_same(&owner, desired))
}

/// A recreated ExternalSecret takes over what its namesake left.
fn is_same(owner: &OwnerReference, desired: &Desired) -> bool {
    is_same_object(owner, &desired.owner)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use strongroom_provider_api::SecretBytes;

    use super::super::desired::claimed;
    use super::super::render;
    use super::super::template::Content;
    use super::*;
    use crate::app::context_over;
    use crate::kube_io::{NamespaceView, Watched};
    use crate::policies::Ruled;
    use crate::telemetry::{Audit, AuditLog};

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 5);

    type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

    /// A context whose API server has `stored` under the name of what is kept, and what it is asked for.
    fn context(stored: Option<Value>) -> (Context, Seen) {
        let seen = Seen::default();
        let log = Arc::clone(&seen);
        let context = context_over(&[], move |method, path, body| {
            log.lock().unwrap().push((method.to_owned(), path.to_owned(), body.clone()));
            let mut answer = body.clone();
            answer["metadata"]["resourceVersion"] = json!("7");
            match (method, &stored) {
                ("POST", _) if path.ends_with("/events") => (201, answer),
                ("POST", Some(_)) => (409, failure(409, "AlreadyExists")),
                ("GET", Some(stored)) => (200, stored.clone()),
                ("GET", None) => (404, failure(404, "NotFound")),
                _ => (201, answer),
            }
        });
        (context, seen)
    }

    fn failure(code: u16, reason: &str) -> Value {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason })
    }

    fn observed(kept: Option<u64>) -> Observed {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "ns", "uid": "1" }, "spec": {},
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
            ruled: Ruled { keep_previous: kept.map(Duration::from_secs), ..Ruled::default() },
            now: NOW,
        }
    }

    fn desired(policy: CreationPolicy, data: &[(&str, &str)]) -> Desired {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::from(*value)));
        let content = Content { data: data.collect(), ..Content::default() };
        let observed = observed(None);
        Desired { policy, ..claimed(&observed, observed.spec().unwrap(), content) }
    }

    /// The Secret as an earlier sync wrote it, and as this one is about to.
    fn change(
        policy: CreationPolicy,
        old: &[(&str, &str)],
        new: &[(&str, &str)],
    ) -> (Secret, Secret, Desired) {
        let mut existing = render::created(&desired(policy, old));
        let fields =
            old.iter().map(|(key, _)| (format!("f:{key}"), json!({}))).collect::<serde_json::Map<_, _>>();
        let desired = desired(policy, new);
        existing.metadata.managed_fields =
            serde_json::from_value(json!([{ "manager": desired.manager, "fieldsV1": { "f:data": fields } }]))
                .unwrap();
        let new = render::updated(&existing, &desired);
        (existing, new, desired)
    }

    fn kept_data(old: &[(&str, &str)], new: &[(&str, &str)]) -> Option<Vec<String>> {
        let (existing, new, desired) = change(CreationPolicy::Owner, old, new);
        superseded(&existing, &new, &desired).map(|data| data.into_keys().collect())
    }

    #[test]
    fn only_values_that_change_or_go_are_worth_keeping() {
        assert_eq!(kept_data(&[("a", "1"), ("b", "1")], &[("a", "2"), ("b", "1")]).unwrap(), ["a", "b"]);
        assert_eq!(kept_data(&[("a", "1"), ("b", "1")], &[("a", "1")]).unwrap(), ["a", "b"]);
        assert_eq!(kept_data(&[("a", "1")], &[("a", "1"), ("b", "1")]), None, "nothing is lost");
        assert_eq!(kept_data(&[("a", "1")], &[("a", "1")]), None);
        assert_eq!(kept_data(&[], &[("a", "1")]), None);
    }

    #[test]
    fn what_somebody_else_wrote_is_not_kept() {
        let (mut existing, new, desired) = change(CreationPolicy::Owner, &[("a", "1")], &[("a", "2")]);
        existing.data.as_mut().unwrap().insert("a".to_owned(), ByteString(b"edited".to_vec()));
        assert_eq!(superseded(&existing, &new, &desired), None);
        // Beside others, only what is ours.
        let (mut existing, new, desired) = change(CreationPolicy::Merge, &[("a", "1")], &[("a", "2")]);
        existing.data.as_mut().unwrap().insert("theirs".to_owned(), ByteString(b"x".to_vec()));
        let digest = SecretDigest::of(&existing);
        existing.annotations_mut().insert(names::ANNOTATION_DATA_HASH.to_owned(), digest.hash);
        let kept = superseded(&existing, &new, &desired).unwrap();
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn an_old_token_makes_nobody_of_anybody() {
        let (mut existing, _, desired) = change(CreationPolicy::Owner, &[("a", "1")], &[("a", "2")]);
        for (type_, expected) in [
            ("kubernetes.io/tls", "kubernetes.io/tls"),
            (names::SECRET_TYPE_SERVICE_ACCOUNT_TOKEN, "Opaque"),
            (names::SECRET_TYPE_BOOTSTRAP_TOKEN, "Opaque"),
        ] {
            existing.type_ = Some(type_.to_owned());
            let secret = secret(&existing, &desired, Data::new(), NOW);
            assert_eq!(secret.type_.as_deref(), Some(expected));
        }
    }

    async fn kept_by(context: &Context, kept: Option<u64>) {
        let (existing, new, desired) = change(CreationPolicy::Owner, &[("a", "1")], &[("a", "2")]);
        keep(context, &observed(kept), &desired, &existing, &new).await.unwrap();
        context.outbox.emptied().await;
    }

    #[tokio::test]
    async fn without_a_policy_nothing_is_asked_of_anybody() {
        let (context, seen) = context(None);
        kept_by(&context, None).await;
        assert!(seen.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_old_values_are_written_once_and_go_when_their_time_is_over() {
        let (context, seen) = context(None);
        kept_by(&context, Some(60)).await;
        kept_by(&context, Some(60)).await;
        let requests = seen.lock().unwrap().clone();
        assert_eq!(requests.len(), 1, "{requests:?}");
        let (method, path, body) = &requests[0];
        assert_eq!((method.as_str(), path.as_str()), ("POST", "/api/v1/namespaces/ns/secrets"));
        assert_eq!(body["metadata"]["name"], "es-previous");
        assert_eq!(body["data"], json!({ "a": "MQ==" }));
        assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "1");
        assert_eq!(body["metadata"]["annotations"][names::ANNOTATION_PREVIOUS_UNTIL], "2026-01-01T00:01:00Z");
        let hour = Duration::from_hours(1);
        let mut later = observed(None);
        assert_eq!(next_look(&context, &later, hour).as_secs(), 59);
        expire(&context, &later).await;
        assert_eq!(seen.lock().unwrap().len(), 1, "not yet");
        // The policy may be gone by then.
        later.now = NOW + SignedDuration::from_secs(60);
        expire(&context, &later).await;
        expire(&context, &later).await;
        let requests = seen.lock().unwrap().clone();
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert_eq!(
            (requests[1].0.as_str(), requests[1].1.as_str()),
            ("DELETE", "/api/v1/namespaces/ns/secrets/es-previous")
        );
        assert_eq!(next_look(&context, &later, hour), hour);
    }

    #[tokio::test]
    async fn each_write_leaves_a_line_in_the_audit_trail_with_no_value_in_it() {
        let trail = std::env::temp_dir().join(format!("strongroom-previous-{}", std::process::id()));
        let _ = std::fs::remove_file(&trail);
        let open = || Audit::open(&AuditLog::File(trail.clone())).unwrap();
        let lines = || -> Vec<Value> {
            let text = std::fs::read_to_string(&trail).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let (mut made, _) = context(None);
        made.audit = open();
        kept_by(&made, Some(60)).await;
        kept_by(&made, Some(60)).await;
        let mut later = observed(None);
        later.now = NOW + SignedDuration::from_secs(60);
        expire(&made, &later).await;
        let hash = hash::data([("a", b"1".as_slice())].into_iter());
        let target = json!({ "kind": "Secret", "namespace": "ns", "name": "es-previous", "uid": "",
            "resourceVersion": "7", "dataHash": hash[..8] });
        let [created, deleted] = lines().try_into().unwrap();
        assert_eq!((&created["action"], &created["outcome"]), (&json!("created"), &json!("success")));
        assert_eq!((&created["target"], &created["keys"]), (&target, &json!(["a"])));
        assert_eq!(
            (&deleted["action"], &deleted["target"]["name"]),
            (&json!("deleted"), &json!("es-previous"))
        );

        let mut refusing = context_over(&[], |_, _, _| (403, failure(403, "Forbidden")));
        refusing.audit = open();
        kept_by(&refusing, Some(60)).await;
        let refused = &lines()[2];
        assert_eq!((&refused["action"], &refused["outcome"]), (&json!("write"), &json!("failure")));
        assert_eq!(
            (&refused["reason"], &refused["target"]["name"]),
            (&json!("WriteForbidden"), &json!("es-previous"))
        );
        assert!(!std::fs::read_to_string(&trail).unwrap().contains("MQ=="), "no value is told");
        std::fs::remove_file(trail).unwrap();
    }

    #[tokio::test]
    async fn a_secret_of_somebody_else_is_left_alone_and_an_event_says_so() {
        let foreign = json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "es-previous", "namespace": "ns", "uid": "f" }, "data": { "a": "eA==" } });
        let (context, seen) = context(Some(foreign));
        kept_by(&context, Some(60)).await;
        let requests = seen.lock().unwrap().clone();
        let methods: Vec<_> = requests
            .iter()
            .map(|(method, path, _)| (method.as_str(), path.rsplit('/').next().unwrap_or_default()))
            .collect();
        assert_eq!(methods, [("POST", "secrets"), ("GET", "es-previous"), ("POST", "events")]);
        assert_eq!(requests[2].2["reason"], "PreviousNotKept");
        assert!(!requests[2].2.to_string().contains("MQ=="), "no value is told");
    }
}
