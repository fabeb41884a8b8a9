//! Hop 2: what the caches know about one ExternalSecret. Local only: no request, no provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::Resource as _;
use kube::api::ObjectMeta;
use strongroom_crds::{ExternalSecret, ExternalSecretSpec, ExternalSecretStatus};
use tokio::time::Instant;

use super::asked::Ask;
use crate::context::Context;
use crate::hash;
use crate::kube_io::{NamespaceView, ObjectKey, SecretDigest, Watched};
use crate::leases;
use crate::policies::{self, Ruled};

/// Everything the decisions about one ExternalSecret are made from.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// Where it lives.
    pub key: ObjectKey,
    /// The object as it was last seen or written.
    pub object: Arc<Watched<ExternalSecret>>,
    /// When that state of it was first seen.
    pub seen: Instant,
    /// The managed Secret of the target's name, if there is one. A target of another kind is found by `generic`.
    pub target: Option<Arc<SecretDigest>>,
    /// When it was refreshed, if that is later than its status says.
    pub refreshed: Option<Timestamp>,
    /// True if a lease of what its generators made cannot be kept alive.
    pub lease_ends: bool,
    /// Its namespace.
    pub namespace: Arc<NamespaceView>,
    /// The mark that says that a source of its template has changed.
    pub retemplated: Option<u64>,
    /// What was asked for before its time.
    pub asked: Option<Ask>,
    /// What policies say.
    pub ruled: Ruled,
    /// The time at which all this holds; becomes `refreshTime`.
    pub now: Timestamp,
}

/// What is known of `key`, or `None` if it is gone.
pub(super) fn gather(context: &Context, key: &ObjectKey) -> Option<Observed> {
    let (object, seen) = context.external_secrets.get_seen(key)?;
    let is_secret = object.0.as_ref().is_ok_and(|object| object.spec.target.is_secret());
    let target = Some(target_key(key, &object)).filter(|_| is_secret);
    Some(Observed {
        key: key.clone(),
        target: target.and_then(|target| context.secrets.get(&target)),
        namespace: context.namespaces.get(&ObjectKey::cluster(&key.namespace)).unwrap_or_default(),
        lease_ends: lease_ends(context, key, &object),
        refreshed: context.refreshed.get(key, object.meta().uid.as_deref().unwrap_or_default()),
        retemplated: context.retemplated.get(key),
        asked: context.asked.get(key),
        ruled: policies::ruled(context, key, &object),
        now: context.clock.now(),
        object,
        seen,
    })
}

fn lease_ends(context: &Context, key: &ObjectKey, object: &Watched<ExternalSecret>) -> bool {
    let generates = |object: &ExternalSecret| {
        let mut sources = object.spec.data_from.iter().filter_map(|from| from.source_ref.as_ref());
        sources.any(|source| source.generator_ref.is_some())
    };
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    object.0.as_ref().is_ok_and(generates)
        && leases::ending(context, &key.namespace, uid, context.clock.now())
}

/// The Secret that the ExternalSecret `key` writes: `target.name`, or its own name.
pub fn target_key(key: &ObjectKey, object: &Watched<ExternalSecret>) -> ObjectKey {
    ObjectKey::new(&key.namespace, target_name(key, object))
}

fn target_name<'o>(key: &'o ObjectKey, object: &'o Watched<ExternalSecret>) -> &'o str {
    let named = object.0.as_ref().ok().and_then(|object| object.spec.target.name.as_deref());
    named.unwrap_or(&key.name)
}

impl Observed {
    /// The metadata, which can always be read.
    pub(super) fn meta(&self) -> &ObjectMeta {
        self.object.meta()
    }

    /// The spec, or why it cannot be read.
    pub(super) fn spec(&self) -> Result<&ExternalSecretSpec, &str> {
        self.object.0.as_ref().map(|object| &object.spec).map_err(|invalid| invalid.error.as_str())
    }

    /// The status; empty if there is none yet or the object cannot be read.
    pub(super) fn status(&self) -> ExternalSecretStatus {
        self.object.0.as_ref().ok().and_then(|object| object.status.clone()).unwrap_or_default()
    }

    /// The Secret it writes.
    pub(super) fn target_key(&self) -> ObjectKey {
        target_key(&self.key, &self.object)
    }

    /// Its name, without its namespace.
    pub(super) fn target_name(&self) -> &str {
        target_name(&self.key, &self.object)
    }

    /// The object's uid.
    pub(super) fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }

    /// True once deletion was asked for.
    pub(super) fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// True if the last sync was of the spec as it is now.
    pub(super) fn is_of_synced_generation(&self) -> bool {
        let status = self.object.0.as_ref().ok().and_then(|object| object.status.as_ref());
        let synced = status.and_then(|status| status.synced_resource_version.as_deref());
        let synced = synced
            .and_then(|synced| synced.split_once('-'))
            .and_then(|(synced, _)| synced.parse::<i64>().ok());
        synced.is_some() && synced == self.meta().generation
    }

    /// What `status.syncedResourceVersion` is after a sync of the object as it is now: generation and hash of
    /// labels and annotations (spec eso-core 2.4).
    pub(super) fn resource_version(&self) -> String {
        let empty = BTreeMap::new();
        let meta = self.meta();
        let labels = meta.labels.as_ref().unwrap_or(&empty);
        let annotations = meta.annotations.as_ref().unwrap_or(&empty);
        format!("{}-{}", meta.generation.unwrap_or_default(), hash::metadata(labels, annotations))
    }
}
