//! What a SyncPolicy says about a lease, noted in its record: it counts even after policy and owner are gone.

use strongroom_crds::{LeaseRules, LeaseState, SecretLease};

use super::due::Owner;
use super::owner;
use super::record::{status, write_status};
use super::renew::unwritten;
use crate::context::Context;
use crate::kube_io::ObjectKey;
use crate::policies;
use crate::schedule::{Next, RESYNC};

/// What the record should say; as it is but for credentials that are in use: what was superseded goes as it was said then.
/// While owner or namespace are being deleted, policies may be gone before what they are about.
fn wanted(context: &Context, key: &ObjectKey, record: &SecretLease) -> Option<LeaseRules> {
    let noted = noted(record);
    let in_use = matches!(record.state(), LeaseState::Active | LeaseState::Ending);
    let deleted = record.metadata.deletion_timestamp.is_some();
    if !in_use || deleted || owner(context, key, record) != Owner::Present {
        return noted;
    }
    let owner = ObjectKey::new(&key.namespace, &record.spec.owner.name);
    let Some(object) = context.external_secrets.get(&owner) else { return noted };
    policies::ruled(context, &owner, &object).lease.rules
}

fn noted(record: &SecretLease) -> Option<LeaseRules> {
    record.status.as_ref().and_then(|status| status.rules)
}

/// True if the record does not say what it should.
pub(super) fn differ(context: &Context, key: &ObjectKey, record: &SecretLease) -> bool {
    wanted(context, key, record) != noted(record)
}

/// Notes it.
pub(super) async fn write(context: &Context, key: &ObjectKey, record: &SecretLease) -> Next {
    let mut status = status(record);
    status.rules = wanted(context, key, record);
    match write_status(context, key, &status).await {
        // What is written asks for the next look.
        Ok(()) => Next::After(RESYNC),
        Err(error) => unwritten(key, &error),
    }
}
