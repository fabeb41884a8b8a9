//! What the audit trail says of one write: who, from where, under which keys; never a value.

use std::sync::Arc;

use strongroom_provider_api::Payload;

use super::apply::{Applied, Written};
use super::fetch::Found;
use super::gather::Observed;
use super::generate::Made;
use super::sources::{Ask, Source};
use crate::context::Context;
use crate::error::SyncError;
use crate::kube_io::{ObjectKey, SecretDigest};
use crate::telemetry::{Action, Entry, Object, Outcome, Read, Target};

/// From where a target's data comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// What was read.
    pub reads: Vec<Read>,
    /// Kinds and names of generators.
    pub generators: Vec<String>,
}

/// What `source` read to find this.
pub(super) fn reads(source: &Source, found: &Found) -> Vec<Read> {
    let read = |key: &str, payload: &Payload| Read {
        kind: source.store.kind().as_str(),
        namespace: source.store.key.namespace.clone(),
        store: source.store.key.name.clone(),
        key: key.to_owned(),
        version: payload.version.clone(),
        request: payload.request.clone(),
    };
    match (found, &source.ask) {
        (Found::One(payload), Ask::Value { remote, .. } | Ask::Members { remote, .. }) => {
            vec![read(&remote.key, payload)]
        }
        (Found::Many(payloads), _) => payloads.iter().map(|(name, payload)| read(name, payload)).collect(),
        (Found::One(_), Ask::Matches { .. }) | (Found::Nothing, _) => Vec::new(),
    }
}

/// The names of the generators that made something.
pub(super) fn generators(made: &[Made]) -> Vec<String> {
    let name = |made: &Made| {
        let generator = &made.source.generator;
        format!("{} {:?}", generator.kind, generator.name)
    };
    made.iter().map(name).collect()
}

/// Records a write, if there was one, or one of which it is not known whether it was made. `digest` is the target after it.
pub(super) fn wrote(
    context: &Context,
    observed: &Observed,
    (kind, digest): (&str, Option<Arc<SecretDigest>>),
    keys: Vec<String>,
    account: &Account,
    outcome: &Result<Applied, SyncError>,
) {
    if !context.audit.is_on() {
        return;
    }
    let (action, outcome, reason) = match outcome {
        Ok(applied) => match applied.written() {
            Written::Created => (Action::Created, Outcome::Success, None),
            Written::Updated => (Action::Updated, Outcome::Success, None),
            Written::Nothing | Written::Waiting => return,
        },
        Err(error @ SyncError::Write(_)) => (Action::Write, Outcome::Failure, Some(error.reason())),
        Err(_) => return,
    };
    let digest = digest.filter(|_| outcome == Outcome::Success);
    let target = target(kind, observed.target_key(), digest.as_deref());
    record(context, observed, (action, outcome, reason), target, keys, account);
}

/// Records that previous values were put under `key`, or that it is not known whether they were. `keys` are their names.
pub(super) fn kept(
    context: &Context,
    observed: &Observed,
    key: &ObjectKey,
    keys: Vec<String>,
    outcome: Result<(Action, &SecretDigest), &SyncError>,
) {
    let (verdict, digest) = match outcome {
        Ok((action, digest)) => ((action, Outcome::Success, None), Some(digest)),
        Err(error) => ((Action::Write, Outcome::Failure, Some(error.reason())), None),
    };
    record(context, observed, verdict, target("Secret", key.clone(), digest), keys, &Account::default());
}

/// Records that the target `key` is gone by our doing.
pub(super) fn deleted(context: &Context, observed: &Observed, kind: &str, key: ObjectKey) {
    let verdict = (Action::Deleted, Outcome::Success, None);
    record(context, observed, verdict, target(kind, key, None), Vec::new(), &Account::default());
}

fn record(
    context: &Context,
    observed: &Observed,
    (action, outcome, reason): (Action, Outcome, Option<&'static str>),
    target: Target,
    keys: Vec<String>,
    account: &Account,
) {
    if !context.audit.is_on() {
        return;
    }
    context.audit.record(&Entry {
        time: context.clock.now(),
        action,
        outcome,
        reason,
        object: object(observed),
        target,
        keys,
        reads: account.reads.clone(),
        generators: account.generators.clone(),
    });
}

fn object(observed: &Observed) -> Object {
    let ObjectKey { namespace, name } = observed.key.clone();
    Object { namespace, name, uid: observed.uid().to_owned() }
}

fn target(kind: &str, key: ObjectKey, digest: Option<&SecretDigest>) -> Target {
    let ObjectKey { namespace, name } = key;
    Target {
        kind: kind.to_owned(),
        namespace,
        name,
        uid: digest.map(|digest| digest.uid.clone()),
        resource_version: digest.map(|digest| digest.resource_version.clone()),
        data_hash: digest.map(|digest| digest.hash.clone()),
    }
}
