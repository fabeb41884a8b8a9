//! Keeps a lease alive, or says that others must take its place.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use strongroom_crds::{LeaseState, SecretLease};
use strongroom_provider_api::{Error, ErrorKind, Lease, LeaseEnd};

use super::LIMIT;
use super::due::{self, Why};
use super::record::{lease, recorded, set_ready, status, write_status};
use super::{events, keeper};
use crate::context::Context;
use crate::generators::{GeneratorHandle, Resolved};
use crate::kube_io::{ApiError, ObjectKey};
use crate::schedule::{Backoff, Lane, Next};

/// Asks for the lease to last for `length` from now.
pub(super) async fn renew(
    context: &Context,
    key: &ObjectKey,
    record: &SecretLease,
    length: SignedDuration,
) -> Next {
    let held = lease(record.lease());
    let mut keeper = None;
    let renewed = match handle(context, key, record).await {
        Ok((generator, handle)) => {
            keeper = keeper::before_renewal(context, (&generator, &handle), key, record).await;
            let renewed = timed("renew the lease", handle.client.renew(&held, Some(length))).await;
            discard_refused(context, &generator, &handle, renewed.as_ref().err()).await;
            context.lease_clients.note(key, &handle);
            renewed
        }
        Err(error) => Err(error),
    };
    // Others may have taken its place meanwhile, and its login has its name: that is not undone.
    let seen = context.leases.get(key);
    let newest = seen.as_ref().and_then(|seen| seen.0.as_ref().ok()).unwrap_or(record);
    let renewed = match renewed {
        Ok(renewed) => renewed,
        Err(error) => return failed(context, key, newest, &error).await,
    };
    let now = context.clock.now();
    let refused = renewed.end == LeaseEnd::Fixed && renewed.expires == held.expires;
    let why = if refused { Some(Why::Refused) } else { due::after_renewal(&recorded(&renewed), length, now) };
    let mut wanted = status(newest);
    wanted.lease = Some(recorded(&renewed));
    wanted.renewed = Some(now);
    wanted.renewals = Some(wanted.renewals.unwrap_or_default() + 1);
    wanted.keeper = keeper;
    if newest.state() != LeaseState::Active {
        tracing::debug!(lease = %key, "renewed although others had taken its place");
    } else if let Some(why) = why {
        wanted.state = LeaseState::Ending;
        set_ready(&mut wanted, false, why.reason(), why.message(), now);
    } else {
        set_ready(&mut wanted, true, "Renewed", "the lease is kept alive", now);
    }
    tracing::info!(lease = %key, owner = record.spec.owner.name, ending = why.map(Why::reason), "renewed");
    match write_status(context, key, &wanted).await {
        // What is written asks for the next look, and the owner if others are needed.
        Ok(()) => {
            if why == Some(Why::Parent) && wanted.state == LeaseState::Ending {
                events::parent_ends(context, key, record).await;
            }
            Next::After(next(record, &renewed, why.is_some(), now))
        }
        Err(error) => unwritten(key, &error),
    }
}

/// Says that others must take the lease's place, and asks its owner for them.
pub(super) async fn replace(context: &Context, key: &ObjectKey, record: &SecretLease, why: Why) -> Next {
    let mut wanted = status(record);
    wanted.state = LeaseState::Ending;
    set_ready(&mut wanted, false, why.reason(), why.message(), context.clock.now());
    tracing::info!(lease = %key, owner = record.spec.owner.name, reason = why.reason(), "a lease is to be replaced");
    match write_status(context, key, &wanted).await {
        Ok(()) => {
            context.request(&ObjectKey::new(&key.namespace, &record.spec.owner.name), Lane::Changed);
            Next::After(crate::schedule::RESYNC)
        }
        Err(error) => unwritten(key, &error),
    }
}

async fn failed(context: &Context, key: &ObjectKey, record: &SecretLease, error: &Error) -> Next {
    let why = match error.kind() {
        ErrorKind::NotFound => Some(Why::Ended),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::InvalidPayload => {
            Some(Why::Refused)
        }
        ErrorKind::InvalidConfig
        | ErrorKind::Unauthenticated
        | ErrorKind::Throttled
        | ErrorKind::Unavailable
        | ErrorKind::Conflict
        | ErrorKind::Internal => None,
    };
    if let Some(why) = why.filter(|_| record.state() != LeaseState::Superseded) {
        return replace(context, key, record, why).await;
    }
    tracing::warn!(lease = %key, reason = error.kind().reason(), %error, "a lease was not renewed");
    let mut wanted = status(record);
    let news = set_ready(&mut wanted, false, error.kind().reason(), &error.to_string(), context.clock.now());
    if news && let Err(error) = write_status(context, key, &wanted).await {
        return unwritten(key, &error);
    }
    // Often enough that there are several attempts in what is left of its life.
    let life = due::length(record).unsigned_abs();
    let cap = (life / 15).clamp(Duration::from_secs(1), Duration::from_mins(1));
    let backoff = Backoff { first: Duration::from_secs(1), cap };
    Next::Retry { backoff, at_least: error.retry_after().unwrap_or_default() }
}

/// The generator of which the lease is, and its client.
///
/// # Errors
/// The generator is not built in, or cannot connect.
pub(super) async fn handle(
    context: &Context,
    key: &ObjectKey,
    record: &SecretLease,
) -> Result<(Resolved, Arc<GeneratorHandle>), Error> {
    let snapshot = &record.spec.generator.snapshot;
    let generator = Resolved::of_snapshot(&context.generators, &key.namespace, snapshot)
        .map_err(|error| Error::new(ErrorKind::InvalidConfig, "use the generator", error.to_string()))?;
    match context.generator_clients.handle(&generator).await {
        Ok(handle) => Ok((generator, handle)),
        Err(error) => {
            let copy = Error::new(error.kind(), error.operation(), error.message());
            Err(match error.retry_after() {
                Some(after) => copy.with_retry_after(after),
                None => copy,
            })
        }
    }
}

/// Puts a client out of use whose login is refused.
pub(super) async fn discard_refused(
    context: &Context,
    generator: &Resolved,
    handle: &Arc<GeneratorHandle>,
    error: Option<&Error>,
) {
    if error.is_some_and(|error| error.kind() == ErrorKind::Unauthenticated) {
        context.generator_clients.discard(generator, handle).await;
    }
}

/// `request` with a limit.
pub(super) async fn timed<T>(
    operation: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(LIMIT, request).await {
        Ok(answer) => answer,
        Err(_elapsed) => {
            let message = format!("no answer within {} s", LIMIT.as_secs());
            Err(Error::new(ErrorKind::Unavailable, operation, message))
        }
    }
}

/// The record could not be written: what it says is still true enough to try again.
pub(super) fn unwritten(key: &ObjectKey, error: &ApiError) -> Next {
    tracing::warn!(lease = %key, %error, "the record of a lease could not be written");
    Next::Retry { backoff: Backoff::OUTAGE, at_least: error.retry_after().unwrap_or_default() }
}

/// When it is looked at next: a little earlier than it would be by its record, which the write has put in line.
fn next(record: &SecretLease, renewed: &Lease, ends: bool, now: jiff::Timestamp) -> Duration {
    let end = due::end(&recorded(renewed)).filter(|_| !ends);
    end.map_or(crate::schedule::RESYNC, |end| due::soonest(record, end.duration_since(now)))
}
