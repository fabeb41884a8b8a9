//! Leases: recorded before what was generated is used, kept alive, replaced with overlap, revoked when nobody needs them.
//!
//! A lease is one SecretLease object. Everything is decided from that record, from its owner and from the time
//! ([`due`]), so that a restart changes nothing.

mod clients;
mod due;
mod owned;
mod record;
mod renew;
mod revoke;
mod watch;

pub use clients::LeaseClients;
pub use owned::{Inputs, Recorded, ending, make_room, record, settle, stand};
pub use watch::{owner_gone, watch};

use std::time::Duration;

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

/// One attempt on one SecretLease.
pub async fn reconcile(context: &Context, job: Job<ObjectKey>) -> Next {
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
    match due::step(record, owner(context, &job.key, record), context.clock.now()) {
        Step::Wait(wait) => Next::After(wait),
        Step::Renew(length) => renew::renew(context, &job.key, record, length).await,
        Step::Read => {
            context.request(&ObjectKey::new(&job.key.namespace, &record.spec.owner.name), Lane::Changed);
            // What the owner reads has another end, and that is written.
            Next::After(READ_AGAIN)
        }
        Step::Replace(why) => renew::replace(context, &job.key, record, why).await,
        Step::Revoke => revoke::revoke(context, &job.key, record).await,
        Step::Drop => revoke::drop_record(context, &job.key, record).await,
    }
}

fn owner(context: &Context, key: &ObjectKey, record: &SecretLease) -> Owner {
    let owner = ObjectKey::new(&key.namespace, &record.spec.owner.name);
    let found = context.external_secrets.get(&owner);
    let is_same =
        found.is_some_and(|object| object.meta().uid.as_deref() == Some(record.spec.owner.uid.as_str()));
    if is_same { Owner::Present } else { Owner::Gone }
}
