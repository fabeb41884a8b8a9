//! Leases: recorded before what was generated is used, kept alive, replaced with overlap, revoked when nobody needs them.
//!
//! A lease is one SecretLease object. Everything is decided from that record, from its owner and from the time
//! ([`due`]), so that a restart changes nothing.

mod clients;
mod due;
mod events;
mod keeper;
mod owned;
mod owners;
mod record;
mod renew;
mod revoke;
mod rules;
mod turns;
mod watch;

pub use clients::LeaseClients;
pub use keeper::unrecorded;
pub use owned::{Inputs, Recorded, ending, make_room, record, settle, stand};
pub use owners::Owners;
pub use turns::Turns;
pub use watch::{owner_gone, request_of, watch};

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Resource as _;
use strongroom_crds::SecretLease;

use crate::context::Context;
use crate::kube_io::ObjectKey;
use crate::schedule::{Job, Lane, Next, RESYNC};
use due::{Owner, Step};

/// A request about a lease may take this long.
const LIMIT: Duration = Duration::from_mins(1);
/// An owner whose values were rotated has its own backoff; it is asked again where its answer got lost.
const READ_AGAIN: Duration = Duration::from_mins(10);
/// What is not wanted any more may wait so long for a place, while leases that end earlier are renewed.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// One attempt on one SecretLease. Where there is something to be done, it waits for its turn first, and looks again.
pub async fn reconcile(context: &Context, job: Job<ObjectKey>) -> Next {
    let mut turn = None;
    loop {
        let Some(seen) = context.leases.get(&job.key) else { return Next::Forget };
        let record = match &seen.0 {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(lease = %job.key, error = %error.error, "a SecretLease cannot be read");
                return Next::After(RESYNC);
            }
        };
        if record.spec.controller != context.settings.controller_class {
            return Next::After(RESYNC);
        }
        let now = context.clock.now();
        let step = if rules::differ(context, &job.key, record) {
            None
        } else {
            Some(due::step(record, owner(context, &job.key, record), now))
        };
        if let Some(Step::Wait(wait)) = step {
            return Next::After(wait);
        }
        if turn.is_none() {
            let deadline = deadline(record, step, now);
            turn = Some(context.lease_turns.turn(&job.key.namespace, deadline).await);
            continue;
        }
        return match step {
            Some(step) => carry_out(context, &job.key, record, step).await,
            None => rules::write(context, &job.key, record).await,
        };
    }
}

/// Until when `step` should be done.
fn deadline(record: &SecretLease, step: Option<Step>, now: Timestamp) -> Timestamp {
    match step {
        Some(Step::Renew(_) | Step::Replace(_) | Step::Read) => {
            due::end(record.lease()).unwrap_or(Timestamp::MAX)
        }
        Some(Step::Revoke | Step::Drop | Step::Wait(_)) | None => {
            now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX)
        }
    }
}

async fn carry_out(context: &Context, key: &ObjectKey, record: &SecretLease, step: Step) -> Next {
    match step {
        Step::Wait(wait) => Next::After(wait),
        Step::Renew(length) => renew::renew(context, key, record, length).await,
        Step::Read => {
            context.request(&ObjectKey::new(&key.namespace, &record.spec.owner.name), Lane::Changed);
            // What the owner reads has another end, and that is written.
            Next::After(READ_AGAIN)
        }
        Step::Replace(why) => renew::replace(context, key, record, why).await,
        Step::Revoke => revoke::revoke(context, key, record).await,
        Step::Drop => revoke::drop_record(context, key, record).await,
    }
}

fn owner(context: &Context, key: &ObjectKey, record: &SecretLease) -> Owner {
    let owner = ObjectKey::new(&key.namespace, &record.spec.owner.name);
    let found = context.external_secrets.get(&owner);
    let same = found.filter(|object| object.meta().uid.as_deref() == Some(record.spec.owner.uid.as_str()));
    let Some(object) = same else { return Owner::Gone };
    let namespace = context.namespaces.get(&ObjectKey::cluster(&key.namespace));
    let leaves = object.meta().deletion_timestamp.is_some()
        || namespace.is_some_and(|namespace| namespace.terminating);
    if leaves { Owner::Leaving } else { Owner::Present }
}
