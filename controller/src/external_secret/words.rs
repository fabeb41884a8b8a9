//! `Words`: how conditions and events speak of the target: a Secret, or an object of another kind (spec eso-core
//! 2.10).

use strongroom_crds::ExternalSecretReason;
use strongroom_crds::conditions::{event_message, resource_message, secret_message};

use super::gather::Observed;
use crate::error::{Refusal, SyncError};

/// The words for one object's target.
pub(super) enum Words {
    /// For a Secret.
    Secret,
    /// For anything else: its kind and name.
    Generic(String),
}

impl Words {
    /// The words for the target of this object. An object that cannot be read is spoken of as if it wrote a Secret.
    pub(super) fn of(observed: &Observed) -> Self {
        let manifest = observed.spec().ok().and_then(|spec| spec.target.manifest.as_ref());
        match manifest.filter(|manifest| manifest.kind != "Secret" || manifest.api_version != "v1") {
            Some(manifest) => Self::Generic(format!("{} {}", manifest.kind, observed.target_key().name)),
            None => Self::Secret,
        }
    }

    pub(super) fn is_generic(&self) -> bool {
        matches!(self, Self::Generic(_))
    }

    /// The reason of a success.
    pub(super) fn reason(&self, of_secret: ExternalSecretReason) -> ExternalSecretReason {
        match (self, of_secret) {
            (Self::Generic(_), ExternalSecretReason::SecretSynced) => ExternalSecretReason::ResourceSynced,
            (Self::Generic(_), ExternalSecretReason::SecretDeleted) => ExternalSecretReason::ResourceDeleted,
            (Self::Generic(_), ExternalSecretReason::SecretMissing) => ExternalSecretReason::ResourceMissing,
            (_, reason) => reason,
        }
    }

    /// The reason of a failure.
    pub(super) fn reason_of(&self, error: &SyncError) -> ExternalSecretReason {
        match (self, error) {
            (Self::Secret, _) | (_, SyncError::Refused(Refusal::Generic(_))) => {
                ExternalSecretReason::SecretSyncedError
            }
            (Self::Generic(_), _) => ExternalSecretReason::ResourceSyncedError,
        }
    }

    /// The fixed text with which the message of a failure begins.
    pub(super) fn condition_text(&self, error: &SyncError) -> &'static str {
        match (self, error) {
            (Self::Generic(_), SyncError::Template(_)) => resource_message::NOT_RENDERED,
            (Self::Generic(_), SyncError::Refused(Refusal::NotOurs(_)) | SyncError::Braked(_)) => {
                resource_message::NOT_DELETED
            }
            (_, error) => error.condition_text(),
        }
    }

    /// The message while somebody else is to make the target.
    pub(super) fn missing(&self) -> &'static str {
        match self {
            Self::Secret => secret_message::MISSING,
            Self::Generic(_) => resource_message::MISSING,
        }
    }

    /// The event of a target that was made.
    pub(super) fn created(&self) -> String {
        match self {
            Self::Secret => event_message::CREATED.to_owned(),
            Self::Generic(target) => format!("Created {target}"),
        }
    }

    /// The event of a target that was changed.
    pub(super) fn updated(&self) -> String {
        match self {
            Self::Secret => event_message::UPDATED.to_owned(),
            Self::Generic(target) => format!("Updated {target}"),
        }
    }

    /// The event of a target that was deleted.
    pub(super) fn deleted(&self) -> String {
        match self {
            Self::Secret => secret_message::DELETED.to_owned(),
            Self::Generic(target) => format!("Deleted {target}"),
        }
    }
}
