//! GeneratorStates of one owner: recorded before the values are used, given a deadline when others have followed
//! (spec eso-core 6.3).

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use serde_json::Value;
use strongroom_crds::{GeneratorState, GeneratorStateSpec, names};

use super::Resolved;
use crate::context::Context;
use crate::hash;
use crate::kube_io::{ApiError, ObjectKey, Watched};

/// A state that was recorded for values that are on their way to their target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The GeneratorState.
    pub key: ObjectKey,
    /// The place of the generator in its owner.
    pub owner_key: String,
}

/// The label value of an owner's generator (spec eso-core 2.4); `place` is the index in `dataFrom`.
fn owner_key(owner: &OwnerReference, namespace: &str, place: usize) -> String {
    hash::text(&format!("{}-{namespace}-{}-{place}", owner.kind, owner.name))
}

/// Records `state` of `generator` for the owner's generator at `place`. It bears our finalizer from the start, so that
/// nothing that was made is ever forgotten.
///
/// # Errors
/// The API server did not store it: what was made must be undone by the caller.
pub async fn record(
    context: &Context,
    owner: &OwnerReference,
    place: usize,
    generator: &Resolved,
    state: &Value,
) -> Result<Record, ApiError> {
    let owner_key = owner_key(owner, &generator.namespace, place);
    let wanted = GeneratorState {
        metadata: ObjectMeta {
            generate_name: Some(format!("gen-{}-{}-", owner.kind.to_ascii_lowercase(), owner.name)),
            namespace: Some(generator.namespace.clone()),
            labels: Some([(names::LABEL_GENERATOR_OWNER.to_owned(), owner_key.clone())].into()),
            finalizers: Some(vec![names::FINALIZER_GENERATOR_STATE.to_owned()]),
            owner_references: Some(vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: GeneratorStateSpec {
            garbage_collection_deadline: None,
            resource: generator.snapshot(),
            state: state.clone(),
        },
    };
    let stored = context.cluster.create_generator_state(&wanted).await?;
    let key = ObjectKey::of(&stored.metadata);
    remember(context, stored);
    Ok(Record { key, owner_key })
}

/// The owner's states that have been followed by those just `recorded`: all but the newest before each, because who was
/// given the last values may still use them, and all of places where there is no generator any more.
pub fn outdated(
    context: &Context,
    owner: &OwnerReference,
    namespace: &str,
    recorded: &[Record],
    places: &[usize],
) -> Vec<ObjectKey> {
    let mirror = &context.generator_states;
    if mirror.is_empty() || !mirror.is_synced() {
        return Vec::new();
    }
    let candidates = mirror.keys_where(|key, state| {
        let owners = state.0.as_ref().ok().and_then(|state| state.metadata.owner_references.as_ref());
        key.namespace == namespace && owners.into_iter().flatten().any(|it| it.uid == owner.uid)
    });
    let kept: Vec<_> = places.iter().map(|place| owner_key(owner, namespace, *place)).collect();
    let mut live: Vec<(String, Timestamp, u64, ObjectKey)> = Vec::new();
    for key in candidates {
        let Some(state) = mirror.get(&key) else { continue };
        let Ok(state) = &state.0 else { continue };
        let meta = &state.metadata;
        if state.spec.garbage_collection_deadline.is_some() || meta.deletion_timestamp.is_some() {
            continue;
        }
        let label = meta.labels.as_ref().and_then(|labels| labels.get(names::LABEL_GENERATOR_OWNER));
        let created = meta.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let version =
            meta.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(u64::MAX);
        live.push((label.cloned().unwrap_or_default(), created, version, key));
    }
    live.sort();
    let mut outdated = Vec::new();
    for group in live.chunk_by(|one, next| one.0 == next.0) {
        let Some((label, ..)) = group.first() else { continue };
        let is_new = |key: &ObjectKey| recorded.iter().any(|record| record.key == *key);
        let older = group.iter().map(|(.., key)| key).filter(|key| !is_new(key)).cloned();
        let mut older: Vec<_> = older.collect();
        let followed = recorded.iter().any(|record| record.owner_key == *label);
        if kept.contains(label) {
            // The newest of them is in use, or was until a moment ago.
            older.pop();
            if !followed {
                continue;
            }
        }
        outdated.extend(older);
    }
    outdated
}

/// Gives the states `keys` the deadline `now` plus `grace`. What fails is told in the log: the next rotation, or the
/// owner's end, sees to it.
pub async fn expire(context: &Context, keys: &[ObjectKey], now: Timestamp, grace: SignedDuration) {
    let deadline = now.checked_add(grace).unwrap_or(now);
    for key in keys {
        match context.cluster.expire_generator_state(key, deadline).await {
            Ok(Some(state)) => remember(context, state),
            Ok(None) => {}
            Err(error) => tracing::warn!(state = %key, %error, "a generator's state got no deadline"),
        }
    }
}

/// Puts our own write where the next reader looks, and asks for its deadline to be kept.
pub(super) fn remember(context: &Context, state: GeneratorState) {
    let key = ObjectKey::of(&state.metadata);
    let version = state.metadata.resource_version.clone();
    let watched: Watched<GeneratorState> = Watched(Ok(state));
    let new = watched.clone();
    if let Ok(old) = context.generator_states.put(key.clone(), version.as_deref(), watched) {
        super::watch(context, &key, old.as_deref(), Some(&new));
    }
}
