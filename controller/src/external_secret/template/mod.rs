//! Hop 6, second half: what `spec.target.template` makes of the data (spec eso-core 2.9 b to e, 7.3 to 7.5).
//!
//! [`texts`] fetches what `templateFrom` names, [`rendered`] renders. Only the first talks to the API server.

mod engine;
mod error;
mod rendered;
mod texts;

use std::collections::BTreeMap;

use strongroom_crds::{ExternalSecretSpec, validation};
use strongroom_provider_api::SecretBytes;

use super::gather::Observed;
use crate::context::Context;
use crate::error::SyncError;

pub(super) use rendered::{Rendering, decoded, pairs};
pub(super) use texts::{Texts, texts};

pub use engine::Templates;
pub use error::TemplateFault;

/// What the target holds, besides what says whose it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    /// All data.
    pub data: BTreeMap<String, SecretBytes>,
    /// Labels to have, besides our own.
    pub labels: BTreeMap<String, String>,
    /// Annotations to have, besides the data hash.
    pub annotations: BTreeMap<String, String>,
    /// The Secret's type; nothing leaves it as it is.
    pub type_: Option<String>,
    /// Finalizers to add. They are never taken away.
    pub finalizers: Vec<String>,
}

/// What the target is to hold: what the template makes of `data`, or `data` as it is.
///
/// # Errors
/// [`SyncError::Template`].
pub(super) async fn content(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    data: BTreeMap<String, SecretBytes>,
) -> Result<Content, SyncError> {
    let Some(template) = &spec.target.template else {
        return Ok(untouched(observed, data));
    };
    if let Some(violation) = validation::template_violations(&spec.target).into_iter().next() {
        return Err(TemplateFault::Refused(violation.message).into());
    }
    let texts = texts(context, &observed.key.namespace, template).await;
    let texts = texts.map_err(SyncError::from)?;
    // Keys and password hashes take long to make: nobody may have to wait for this thread.
    tokio::task::block_in_place(|| {
        rendered::rendered(&context.templates, template, &texts, data, observed.now)
    })
    .map_err(SyncError::from)
}

/// Without a template every label and annotation of the ExternalSecret is copied (spec eso-core 2.9 b).
fn untouched(observed: &Observed, data: BTreeMap<String, SecretBytes>) -> Content {
    let meta = observed.meta();
    Content {
        data,
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
        ..Content::default()
    }
}
