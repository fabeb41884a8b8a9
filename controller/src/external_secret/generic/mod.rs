//! Generic targets: `target.manifest` names a ConfigMap or a custom resource instead of a Secret (spec eso-core
//! 2.11).
//!
//! The hops are those of a Secret. What differs is here: [`open`] finds the kind, [`content`] puts values at paths,
//! [`render`] lays them over the object, [`apply`](apply::apply) writes it.

pub(super) mod apply;
mod content;
mod path;
mod render;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use strongroom_crds::conditions::event_message;
use strongroom_crds::{ExternalSecretSpec, Manifest, names};
use strongroom_provider_api::SecretBytes;

use super::apply::Applied;
use super::desired::claimed;
use super::gather::Observed;
use crate::context::Context;
use crate::error::{Refusal, SyncError};
use crate::kube_io::{ManifestKind, NoKind};

/// The first list of a kind may take this long.
const FIRST_LIST: Duration = Duration::from_secs(15);

/// What kind of object the target is.
#[derive(Clone, Debug)]
pub(super) enum TargetKind {
    /// A Secret.
    Secret,
    /// Anything else.
    Generic(ManifestKind),
}

impl TargetKind {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Secret => "Secret",
            Self::Generic(kind) => kind.kind(),
        }
    }
}

/// The kind of the target, and `observed` with what is known of the target where it is no Secret.
///
/// The first ExternalSecret of a kind starts the watch of that kind and waits for its first list.
///
/// # Errors
/// Generic targets that are switched off, and a kind that cannot be written.
pub(super) async fn open<'o>(
    context: &Context,
    observed: &'o Observed,
    spec: &ExternalSecretSpec,
) -> Result<(TargetKind, Cow<'o, Observed>), SyncError> {
    let Some(manifest) = &spec.target.manifest else {
        return Ok((TargetKind::Secret, Cow::Borrowed(observed)));
    };
    if !context.settings.generic_targets {
        return Err(invalid(event_message::GENERIC_DISABLED));
    }
    if spec.target.is_secret() {
        return Ok((TargetKind::Secret, Cow::Borrowed(observed)));
    }
    let kind = kind(context, manifest).await?;
    let mirror = context.manifests.mirror(&kind);
    if tokio::time::timeout(FIRST_LIST, mirror.synced()).await.is_err() {
        return Err(SyncError::TargetUnseen(format!("{} of {}", kind.kind(), kind.api_version())));
    }
    let target = mirror.get(&observed.target_key());
    Ok((TargetKind::Generic(kind), Cow::Owned(Observed { target, ..observed.clone() })))
}

/// Brings the target in step with `data`.
///
/// # Errors
/// Content that cannot be made, a refused target, or a request that failed.
pub(super) async fn write(
    context: &Context,
    observed: &Observed,
    spec: &ExternalSecretSpec,
    kind: &ManifestKind,
    data: BTreeMap<String, SecretBytes>,
) -> Result<Applied, SyncError> {
    let rendered = content::content(context, observed, spec, kind, data).await?;
    let desired = claimed(observed, spec, rendered);
    apply::apply(context, kind, &desired, observed.target.as_deref()).await
}

async fn kind(context: &Context, manifest: &Manifest) -> Result<ManifestKind, SyncError> {
    let Manifest { api_version, kind } = manifest;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if [names::GROUP, names::GENERATOR_GROUP, names::OWN_GENERATOR_GROUP].contains(&group) {
        return Err(invalid(&format!("spec.target.manifest: kinds of {group} cannot be targets")));
    }
    let found = context.cluster.manifest_kind(&context.manifests.kinds, api_version, kind).await;
    found.map_err(|no_kind| match no_kind {
        NoKind::Unserved(error) => SyncError::TargetRead(error),
        NoKind::ClusterScoped => invalid(&format!("spec.target.manifest: {kind} is not namespaced")),
        NoKind::Malformed => invalid(&format!("spec.target.manifest.apiVersion: {api_version:?}")),
    })
}

fn invalid(reason: &str) -> SyncError {
    SyncError::Refused(Refusal::Generic(reason.to_owned()))
}
