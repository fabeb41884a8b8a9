//! Hop 5, last: generators make fresh values, once everything that could fail before has not. What they made is recorded
//! before it is used.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use strongroom_crds::ExternalSecret;
use strongroom_provider_api::{Error, ErrorKind, Generated, Lease};
use tracing::Instrument as _;

use super::gather::Observed;
use super::sources::GeneratorSource;
use crate::context::Context;
use crate::error::SyncError;
use crate::generators::{GeneratorError, GeneratorHandle, Record, Resolved};
use crate::generators::{expire, outdated, record, resolve};
use crate::kube_io::ObjectKey;
use crate::leases::{self, Inputs};
use crate::telemetry::traces;

/// Generating may take this long; what comes later is lost.
const LIMIT: Duration = Duration::from_mins(2);

/// What is found at the references of the spec.
#[derive(Debug)]
pub(super) enum Found {
    /// One of them belongs to another controller class: then the whole object is none of our business.
    Foreign,
    /// These, in their order.
    Ours(Vec<(GeneratorSource, Resolved)>),
}

/// One generator's values, on their way to the target.
#[derive(Debug)]
pub(super) struct Made {
    /// The entry that asked for them.
    pub source: GeneratorSource,
    /// Who made them.
    pub generator: Resolved,
    /// What was made.
    pub generated: Generated,
    /// The GeneratorState that remembers it, if there is something to remember.
    pub record: Option<Record>,
    /// The record of its lease, if it is leased.
    pub lease: Option<leases::Recorded>,
}

/// The generators of `sources`, as they are now (spec eso-core 2.2, step 5, and 6.2).
///
/// # Errors
/// The first that is absent, or cannot be read or used.
pub(super) async fn find(
    context: &Context,
    observed: &Observed,
    sources: Vec<GeneratorSource>,
) -> Result<Found, SyncError> {
    let mut found = Vec::with_capacity(sources.len());
    let mut fault = None;
    for source in sources {
        let namespace = &observed.key.namespace;
        match resolve(&context.cluster, &context.generators, namespace, &source.generator).await {
            Ok(generator) if !generator.is_of_class(&context.settings.controller_class) => {
                return Ok(Found::Foreign);
            }
            Ok(generator) => found.push((source, generator)),
            Err(error) => {
                let name = format!("{} {:?}", source.generator.kind, source.generator.name);
                fault.get_or_insert(failed(&source, name, error));
            }
        }
    }
    fault.map_or(Ok(Found::Ours(found)), Err)
}

/// What the generators make, each once, in their order.
///
/// # Errors
/// The first that fails; what the others made is undone.
pub(super) async fn generate(
    context: &Context,
    observed: &Observed,
    generators: Vec<(GeneratorSource, Resolved)>,
) -> Result<Vec<Made>, SyncError> {
    let mut all = Vec::with_capacity(generators.len());
    for (source, generator) in generators {
        let span = traces::generate(source.generator.kind.as_str(), &source.generator.name);
        let made = one(context, observed, &source, &generator).instrument(span.clone()).await;
        traces::ended(&span, made.as_ref().map(|_| "generated").map_err(GeneratorError::reason));
        drop(span);
        match made {
            Ok((generated, record, lease)) => {
                all.push(Made { source, generator, generated, record, lease });
            }
            Err(error) => {
                settle(context, observed, &all, None).await;
                return Err(failed(&source, generator.to_string(), error));
            }
        }
    }
    Ok(all)
}

/// What was made has reached its target, or (`used` is `None`) will never: then it is undone. Otherwise those that it
/// replaces get their deadline.
pub(super) async fn settle(context: &Context, observed: &Observed, made: &[Made], used: Option<&Inputs>) {
    let records: Vec<_> = made.iter().filter_map(|made| made.record.clone()).collect();
    let leased: Vec<_> = made.iter().filter_map(|made| made.lease.clone()).collect();
    leases::settle(context, &observed.key, observed.uid(), &leased, used, &observed.ruled).await;
    let now = context.clock.now();
    if used.is_none() {
        let keys: Vec<ObjectKey> = records.into_iter().map(|record| record.key).collect();
        return expire(context, &keys, now, SignedDuration::ZERO).await;
    }
    let places: Vec<_> = made.iter().map(|made| made.source.index).collect();
    let old = outdated(context, &owner(observed), &observed.key.namespace, &records, &places);
    let grace = SignedDuration::try_from(context.settings.generator_grace).unwrap_or(SignedDuration::ZERO);
    expire(context, &old, now, grace).await;
}

impl Made {
    /// The failure of its entry.
    pub(super) fn failed(&self, error: GeneratorError) -> SyncError {
        failed(&self.source, self.generator.to_string(), error)
    }
}

async fn one(
    context: &Context,
    observed: &Observed,
    source: &GeneratorSource,
    generator: &Resolved,
) -> Result<(Generated, Option<Record>, Option<leases::Recorded>), GeneratorError> {
    let handle = context.generator_clients.handle(generator).await.map_err(GeneratorError::Failed)?;
    let generated = tokio::time::timeout(LIMIT, handle.client.generate(&generator.spec)).await;
    let generated = match generated {
        Ok(Ok(generated)) => generated,
        Ok(Err(error)) => {
            if error.kind() == ErrorKind::Unauthenticated {
                context.generator_clients.discard(generator, &handle).await;
            }
            return Err(GeneratorError::Failed(Arc::new(error)));
        }
        Err(_elapsed) => {
            let message = format!("no answer within {} s", LIMIT.as_secs());
            let error = Error::new(ErrorKind::Unavailable, "generate", message);
            return Err(GeneratorError::Failed(Arc::new(error)));
        }
    };
    let lease = match &generated.lease {
        None => None,
        Some(lease) => {
            match leases::record(context, &owner(observed), source.index, generator, &handle, lease).await {
                Ok(recorded) => Some(recorded),
                Err(error) => {
                    revoke(&handle, generator, lease).await;
                    return Err(GeneratorError::Unrecorded(error));
                }
            }
        }
    };
    let Some(state) = generated.state.as_ref().filter(|_| context.settings.generator_states) else {
        return Ok((generated, None, lease));
    };
    match record(context, &owner(observed), source.index, generator, state).await {
        Ok(record) => Ok((generated, Some(record), lease)),
        Err(error) => {
            undo(&handle, generator, state).await;
            Err(GeneratorError::Unrecorded(error))
        }
    }
}

/// Revokes what nobody will remember.
async fn revoke(handle: &GeneratorHandle, generator: &Resolved, lease: &Lease) {
    match tokio::time::timeout(LIMIT, handle.client.revoke(lease)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%generator, %error, "a lease is neither recorded nor revoked"),
        Err(_elapsed) => tracing::error!(%generator, "a lease is neither recorded nor revoked"),
    }
}

/// Undoes what nobody will remember.
async fn undo(handle: &GeneratorHandle, generator: &Resolved, state: &serde_json::Value) {
    let undone = tokio::time::timeout(LIMIT, handle.client.discard(&generator.spec, state)).await;
    match undone {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%generator, %error, "what was generated is neither recorded nor undone");
        }
        Err(_elapsed) => tracing::error!(%generator, "what was generated is neither recorded nor undone"),
    }
}

/// Not a controlling owner: that is for targets (spec eso-core 6.3).
fn owner(observed: &Observed) -> OwnerReference {
    OwnerReference {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        name: observed.key.name.clone(),
        uid: observed.uid().to_owned(),
        ..OwnerReference::default()
    }
}

fn failed(source: &GeneratorSource, generator: String, error: GeneratorError) -> SyncError {
    SyncError::Generator { entry: source.entry().to_string(), generator, error: Box::new(error) }
}
