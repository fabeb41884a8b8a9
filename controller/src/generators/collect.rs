//! One GeneratorState: kept while it is in use, then what it stands for is undone (spec eso-core 6.3).

use std::time::Duration;

use jiff::Timestamp;
use kube::Resource as _;
use strongroom_crds::conditions::EventReason;
use strongroom_crds::{GeneratorState, names};

use super::states::remember;
use super::{GeneratorError, Resolved};
use crate::context::Context;
use crate::kube_io::{ApiError, EventKind, ObjectKey, Subject};
use crate::schedule::{Backoff, Job, Next, RESYNC};

/// Undoing may take this long.
const LIMIT: Duration = Duration::from_mins(1);

/// What is to be done with a state now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// It is in use; look again after so long.
    Keep(Duration),
    /// Its deletion must wait for us.
    Hold,
    /// Its time has come.
    Delete,
    /// It is being deleted: undo what it stands for, then let go.
    Undo,
    /// We hold nothing.
    Nothing,
}

fn plan(state: &GeneratorState, now: Timestamp) -> Plan {
    let finalizers = state.metadata.finalizers.as_deref().unwrap_or_default();
    let held = finalizers.iter().any(|name| name == names::FINALIZER_GENERATOR_STATE);
    let left = state.spec.garbage_collection_deadline.as_ref().map(|deadline| deadline.0.duration_since(now));
    match (state.metadata.deletion_timestamp.is_some(), held, left) {
        (true, true, _) => Plan::Undo,
        (true, false, _) => Plan::Nothing,
        (false, false, _) => Plan::Hold,
        (false, true, None) => Plan::Keep(RESYNC),
        (false, true, Some(left)) if left.is_positive() => Plan::Keep(left.unsigned_abs().min(RESYNC)),
        (false, true, Some(_)) => Plan::Delete,
    }
}

/// One attempt on one GeneratorState. What cannot be undone blocks its deletion, and is tried again.
pub async fn reconcile(context: &Context, job: Job<ObjectKey>) -> Next {
    let Some(seen) = context.generator_states.get(&job.key) else { return Next::Forget };
    let state = match &seen.0 {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(state = %job.key, error = %error.error, "a GeneratorState cannot be read");
            return Next::After(RESYNC);
        }
    };
    let finalizers = || state.metadata.finalizers.clone().unwrap_or_default();
    let done = match plan(state, context.clock.now()) {
        Plan::Keep(wait) => return Next::After(wait),
        Plan::Nothing => return Next::After(RESYNC),
        Plan::Hold => {
            let mut wanted = finalizers();
            wanted.push(names::FINALIZER_GENERATOR_STATE.to_owned());
            write(context, state, &job.key, &wanted).await
        }
        Plan::Delete => {
            let uid = state.metadata.uid.as_deref().unwrap_or_default();
            context.cluster.delete_generator_state(&job.key, uid).await
        }
        Plan::Undo => {
            if let Err(error) = undo(context, state, &job.key).await {
                return blocked(context, state, &job.key, &error).await;
            }
            tracing::info!(state = %job.key, "what a generator made was undone");
            let mut kept = finalizers();
            kept.retain(|name| name != names::FINALIZER_GENERATOR_STATE);
            write(context, state, &job.key, &kept).await
        }
    };
    match done {
        Ok(()) => Next::After(RESYNC),
        Err(error) => {
            tracing::warn!(state = %job.key, %error, "a GeneratorState could not be written");
            Next::Retry { backoff: Backoff::UPSTREAM, at_least: error.retry_after().unwrap_or_default() }
        }
    }
}

async fn undo(context: &Context, state: &GeneratorState, key: &ObjectKey) -> Result<(), GeneratorError> {
    let generator = Resolved::of_snapshot(&context.generators, &key.namespace, &state.spec.resource)?;
    let handle = context.generator_clients.handle(&generator).await.map_err(GeneratorError::Failed)?;
    let undone = handle.client.discard(&generator.spec, &state.spec.state);
    match tokio::time::timeout(LIMIT, undone).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            if error.kind() == strongroom_provider_api::ErrorKind::Unauthenticated {
                context.generator_clients.discard(&generator, &handle).await;
            }
            Err(GeneratorError::Failed(error.into()))
        }
        Err(_elapsed) => {
            let message = format!("no answer within {} s", LIMIT.as_secs());
            let kind = strongroom_provider_api::ErrorKind::Unavailable;
            let error = strongroom_provider_api::Error::new(kind, "undo what was generated", message);
            Err(GeneratorError::Failed(error.into()))
        }
    }
}

async fn blocked(context: &Context, state: &GeneratorState, key: &ObjectKey, error: &GeneratorError) -> Next {
    let text = format!("could not undo what was generated: {}: {error}", error.reason());
    tracing::warn!(state = %key, reason = error.reason(), %error, "what a generator made was not undone");
    let subject = Subject {
        api_version: GeneratorState::api_version(&()).into_owned(),
        kind: GeneratorState::kind(&()).into_owned(),
        key: key.clone(),
        uid: state.metadata.uid.clone().unwrap_or_default(),
        resource_version: state.metadata.resource_version.clone().unwrap_or_default(),
    };
    context.events.post(&subject, EventKind::Warning, EventReason::UpdateFailed, &text).await;
    Next::Retry { backoff: Backoff::UPSTREAM, at_least: Duration::ZERO }
}

async fn write(
    context: &Context,
    state: &GeneratorState,
    key: &ObjectKey,
    finalizers: &[String],
) -> Result<(), ApiError> {
    let version = state.metadata.resource_version.as_deref();
    let stored = context.cluster.set_state_finalizers(key, finalizers, version).await?;
    // Taking the last finalizer off a deleted object ends it: there is nothing left to remember.
    if let Some(stored) = stored.filter(|stored| stored.metadata.deletion_timestamp.is_none()) {
        remember(context, stored);
    }
    Ok(())
}
