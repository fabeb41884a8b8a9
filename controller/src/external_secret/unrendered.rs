//! What is done with a target whose content cannot be made: upstream makes none where it would not write it, and looks
//! at owners first (spec eso-core 2.8, 2.9).

use strongroom_crds::{CreationPolicy, ExternalSecretSpec};

use super::apply::{self, Applied, Written};
use super::change::check_owner;
use super::desired::claimed;
use super::gather::Observed;
use super::template::Content;
use crate::context::Context;
use crate::error::SyncError;

/// Does what can be done without content. A target that the mirror does not know is looked for only where that decides.
///
/// # Errors
/// `fault`, why there is no content, unless nobody needs it; a target of somebody else comes before it.
pub(super) async fn apply(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    fault: SyncError,
) -> Result<Applied, SyncError> {
    let claim = claimed(observed, spec, Content::default());
    let Some(known) = &observed.target else {
        let waits = claim.policy == CreationPolicy::Merge && apply::read(context, &claim).await?.is_none();
        return if waits { Ok(Applied::new(Written::Waiting)) } else { Err(fault) };
    };
    check_owner(known.controller.as_ref(), &claim).map_err(SyncError::Refused)?;
    if claim.immutable
        && let Some(existing) = apply::read(context, &claim).await?
    {
        return apply::claim(context, &claim, &existing).await;
    }
    Err(fault)
}
