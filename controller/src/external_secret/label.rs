//! Puts the managed label on a target that exists without it, where an attempt leaves the target as it is.
//!
//! Upstream does this before anything else (spec eso-core 2.2, step 7). Here whatever is written carries the label, and
//! it is put on alone only where nothing is.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use strongroom_crds::names;

use super::account::{self, Account};
use super::apply::{Applied, Written};
use super::desired::claimed;
use super::gather::Observed;
use crate::context::Context;
use crate::kube_io::{ApiError, SecretDigest};

/// True if the target is labelled as ours to see; another value of the label does not count (spec eso-core 2.1).
pub(super) fn is_managed(meta: &ObjectMeta) -> bool {
    let labels = meta.labels.as_ref();
    labels
        .and_then(|labels| labels.get(names::LABEL_MANAGED))
        .is_some_and(|value| value == names::MANAGED_VALUE)
}

/// Makes the target seen that the mirror does not know, if it exists. Gives true if it does. A request that fails costs
/// no more than a line in the log: the target is looked for again when there is more to tell.
///
/// The mirror is left to the watch, which then wakes whoever writes the target.
pub(super) async fn put(context: &Context, observed: &Observed) -> bool {
    match labelled(context, observed).await {
        Ok(exists) => exists,
        Err(error) => {
            tracing::warn!(object = %observed.key, %error, "a target without the managed label cannot be labelled");
            false
        }
    }
}

async fn labelled(context: &Context, observed: &Observed) -> Result<bool, ApiError> {
    let Ok(spec) = observed.spec() else { return Ok(false) };
    let claim = claimed(observed, spec, ());
    let Some(mut secret) = context.cluster.secret(&claim.key).await? else { return Ok(false) };
    if is_managed(&secret.metadata) {
        return Ok(true);
    }
    secret.labels_mut().insert(names::LABEL_MANAGED.to_owned(), names::MANAGED_VALUE.to_owned());
    let secret = context.cluster.replace_secret(&secret, &claim.manager).await?;
    tracing::info!(object = %observed.key, secret = %claim.key, "the target has the managed label now");
    let digest = Some(Arc::new(SecretDigest::of(&secret)));
    let written = Ok(Applied::new(Written::Updated));
    account::wrote(context, observed, ("Secret", digest), Vec::new(), &Account::default(), &written);
    Ok(true)
}
