//! `SyncError`: why an attempt ended early; one variant for each hop on which somebody decides differently.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use strongroom_crds::conditions::{resource_message, secret_message};
use strongroom_provider_api::{Error, ErrorKind};

use crate::external_secret::{Held, Near, TemplateFault};
use crate::generators::GeneratorError;
use crate::kube_io::{ApiError, ApiFailure};
use crate::schedule::{Backoff, Next, RESYNC};
use crate::stores::{AccessError, StoreId};

/// Why an attempt ended early. `Display` is one line, safe for status, event and log; it begins as upstream's
/// event does and holds entry, store, reason and detail, in this order.
#[derive(Debug)]
pub enum SyncError {
    /// The object itself cannot be acted on: field and reason.
    Object(String),
    /// It asks for something that this version cannot do.
    Unsupported(String),
    /// Its namespace is going away.
    NamespaceTerminating(String),
    /// An entry may not use its store.
    Access {
        /// The entry, as a path.
        entry: String,
        /// Why not.
        error: AccessError,
    },
    /// A store failed to answer an entry, or what it answered is of no use.
    Store {
        /// The entry, as a path.
        entry: String,
        /// The store.
        store: StoreId,
        /// What went wrong.
        error: Arc<Error>,
        /// Entries that it may have meant.
        near: Near,
    },
    /// A store has failed repeatedly: its breaker lets one object at a time ask it.
    Held {
        /// The entry, as a path.
        entry: String,
        /// The store.
        store: StoreId,
        /// The store's failure, or that nothing was asked.
        error: Arc<Error>,
        /// How long the breaker will be open, if nothing else closes it.
        wait: Duration,
    },
    /// What the entries gave cannot be put into a Secret.
    Data {
        /// The entry, as a path.
        entry: String,
        /// The store they came from.
        store: StoreId,
        /// What is wrong.
        message: String,
    },
    /// A generator gave an entry nothing that can be used.
    Generator {
        /// The entry, as a path.
        entry: String,
        /// The generator: kind and name.
        generator: String,
        /// Why not.
        error: Box<GeneratorError>,
    },
    /// The template gives nothing that may be written.
    Template(Box<TemplateFault>),
    /// The Secret as it would be is not one that may be written.
    Rendered(String),
    /// The target belongs to somebody else.
    Refused(Refusal),
    /// A generic target could not be read, or its kind is not served.
    TargetRead(ApiError),
    /// The objects of a kind have not been listed yet.
    TargetUnseen(String),
    /// Too many targets were deleted or emptied of late.
    Braked(Held),
    /// The API server did not take the write.
    Write(ApiError),
    /// A target under an earlier name could not be deleted.
    Orphan(ApiError),
}

/// Why the target must not be written. Nothing is tried again until something changes (spec eso-core 2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another ExternalSecret owns it.
    OwnedByOther(String),
    /// A controller of another kind owns it.
    OwnershipTaken(String),
    /// It is immutable and its data would change.
    Immutable,
    /// It should be deleted and is not ours to delete.
    NotOurs(String),
    /// It is a generic target, and these are switched off or this one cannot be written.
    Generic(String),
    /// It would give its author somebody else's rights.
    Privileged(String),
}

impl Refusal {
    /// Upstream's condition message (spec eso-core 2.10).
    pub fn message(&self) -> &'static str {
        match self {
            Self::OwnedByOther(_) => secret_message::OWNED_BY_OTHER,
            Self::OwnershipTaken(_) => secret_message::NOT_OWNED,
            Self::Immutable => secret_message::IMMUTABLE,
            Self::NotOurs(_) => secret_message::NOT_DELETED,
            Self::Generic(_) => secret_message::INVALID_GENERIC_TARGET,
            Self::Privileged(_) => secret_message::NOT_UPDATED,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnedByOther(owner) => write!(f, "the target is owned by ExternalSecret {owner:?}"),
            Self::OwnershipTaken(owner) => write!(f, "the target is owned by {owner}"),
            Self::Immutable => f.write_str("the target is immutable and its data differs"),
            Self::NotOurs(reason) => write!(f, "the target must not be deleted: {reason}"),
            Self::Generic(reason) | Self::Privileged(reason) => f.write_str(reason),
        }
    }
}

impl SyncError {
    /// The fixed text of upstream with which the condition's message begins (spec eso-core 2.10).
    pub fn condition_text(&self) -> &'static str {
        match self {
            Self::Object(_)
            | Self::Access { .. }
            | Self::Store { .. }
            | Self::Held { .. }
            | Self::Data { .. }
            | Self::Generator { .. } => secret_message::NO_DATA,
            Self::Unsupported(_)
            | Self::NamespaceTerminating(_)
            | Self::Template(_)
            | Self::Rendered(_)
            | Self::Write(_) => secret_message::NOT_UPDATED,
            Self::TargetRead(_) | Self::TargetUnseen(_) => resource_message::NOT_READ,
            Self::Refused(refusal) => refusal.message(),
            Self::Braked(_) => secret_message::NOT_DELETED,
            Self::Orphan(_) => secret_message::ORPHANS_NOT_DELETED,
        }
    }

    /// Our finer reason (architecture, section 6).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Object(_)
            | Self::Rendered(_)
            | Self::Refused(Refusal::Privileged(_) | Refusal::Generic(_)) => "InvalidSpec",
            Self::Template(_) => "InvalidTemplate",
            Self::Unsupported(_) => ErrorKind::Unsupported.reason(),
            Self::NamespaceTerminating(_) => "NamespaceTerminating",
            Self::Access { error: AccessError::Absent(_), .. } => "StoreMissing",
            Self::Access {
                error:
                    AccessError::Unmanaged(_) | AccessError::Denied { .. } | AccessError::BadCondition { .. },
                ..
            } => "StoreDenied",
            Self::Access { error: AccessError::Fresh(_) | AccessError::NotReady(_), .. } => "StoreNotReady",
            Self::Store { error, .. } | Self::Held { error, .. } => error.kind().reason(),
            Self::Data { .. } => ErrorKind::InvalidPayload.reason(),
            Self::Generator { error, .. } => error.reason(),
            Self::Refused(_) => ErrorKind::Conflict.reason(),
            Self::TargetRead(_) | Self::TargetUnseen(_) => "TargetUnreadable",
            Self::Braked(_) => "DeletionsHeld",
            Self::Write(error) | Self::Orphan(error) => match error.failure() {
                ApiFailure::Forbidden => "WriteForbidden",
                ApiFailure::Invalid => "InvalidSecret",
                ApiFailure::NamespaceTerminating => "NamespaceTerminating",
                _ => "WriteFailed",
            },
        }
    }

    /// The same, and the entries that were perhaps meant.
    #[must_use]
    pub fn suggesting(self, near: Near) -> Self {
        match self {
            Self::Store { entry, store, error, .. } => Self::Store { entry, store, error, near },
            other => other,
        }
    }

    /// True if the attempt ended before it came to the target.
    pub fn leaves_target(&self) -> bool {
        matches!(self, Self::Access { .. } | Self::Store { .. } | Self::Data { .. } | Self::Generator { .. })
    }

    /// When to try again. What only a change can mend is looked at rarely: a change brings it back at once.
    pub fn next(&self) -> Next {
        let retry = |backoff| Next::Retry { backoff, at_least: Duration::ZERO };
        let slow = Backoff { first: Duration::from_secs(3), ..Backoff::UPSTREAM };
        match self {
            Self::Object(_) | Self::Unsupported(_) | Self::Refused(_) => Next::After(RESYNC),
            Self::Template(_) | Self::Rendered(_) | Self::Data { .. } => retry(slow),
            Self::NamespaceTerminating(_) => {
                retry(Backoff { first: Duration::from_secs(30), cap: Duration::from_mins(5) })
            }
            Self::Access { .. } | Self::TargetUnseen(_) => retry(Backoff::UPSTREAM),
            // Looked at again long before it may go: its data may be back.
            Self::Braked(held) => {
                let first = held.wait.min(Duration::from_secs(30));
                retry(Backoff { first, ..Backoff::UPSTREAM })
            }
            Self::Store { error, .. } => after(error, slow),
            Self::Generator { error, .. } => match &**error {
                GeneratorError::Failed(error) => after(error, slow),
                GeneratorError::NotBuiltIn(_) => Next::After(RESYNC),
                GeneratorError::Invalid(_) | GeneratorError::Data(_) => retry(slow),
                GeneratorError::Absent => retry(Backoff::UPSTREAM),
                GeneratorError::Unreadable(error) | GeneratorError::Unrecorded(error) => Next::Retry {
                    backoff: Backoff::UPSTREAM,
                    at_least: error.retry_after().unwrap_or_default(),
                },
            },
            Self::Held { store, wait, .. } => Next::Held { wait: *wait, waits_for: store.group() },
            Self::Write(error) | Self::Orphan(error) | Self::TargetRead(error) => {
                Next::Retry { backoff: Backoff::UPSTREAM, at_least: error.retry_after().unwrap_or_default() }
            }
        }
    }
}

/// When to try again after `error` of a store or generator.
fn after(error: &Error, slow: Backoff) -> Next {
    let backoff = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::Internal | ErrorKind::InvalidConfig => slow,
        ErrorKind::Unavailable => Backoff::OUTAGE,
        ErrorKind::Unauthenticated
        | ErrorKind::NotFound
        | ErrorKind::Throttled
        | ErrorKind::Conflict
        | ErrorKind::Unsupported
        | ErrorKind::InvalidPayload => Backoff::UPSTREAM,
    };
    Next::Retry { backoff, at_least: error.retry_after().unwrap_or_default() }
}

impl From<TemplateFault> for SyncError {
    fn from(fault: TemplateFault) -> Self {
        Self::Template(Box::new(fault))
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason();
        match self {
            Self::Object(message) | Self::Unsupported(message) | Self::Rendered(message) => {
                write!(f, "{reason}: {message}")
            }
            Self::NamespaceTerminating(namespace) => {
                write!(
                    f,
                    "{reason}: namespace {namespace:?} is being deleted; nothing is written into it any more"
                )
            }
            Self::Access { entry, error } => write!(f, "error processing {entry}, err: {reason}: {error}"),
            Self::Store { entry, store, error, near } => {
                write!(f, "error processing {entry}, err: {store}: {reason}: {error}{near}")
            }
            Self::Held { entry, store, error, .. } => {
                write!(f, "error processing {entry}, err: {store}: {reason}: {error}")
            }
            Self::Data { entry, store, message } => {
                write!(f, "error processing {entry}, err: {store}: {reason}: {message}")
            }
            Self::Generator { entry, generator, error } => {
                write!(f, "error processing {entry}, err: {}{generator}: {reason}: {error}", error.stage())
            }
            Self::Template(fault) => write!(f, "could not apply template: {reason}: {fault}"),
            Self::Refused(refusal) => write!(f, "{reason}: {refusal}"),
            Self::TargetUnseen(kind) => write!(f, "{reason}: the objects of kind {kind} cannot be listed"),
            Self::Write(error) | Self::Orphan(error) | Self::TargetRead(error) => {
                write!(f, "{reason}: {error}")
            }
            Self::Braked(held) => write!(f, "{reason}: {held}"),
        }
    }
}

impl std::error::Error for SyncError {}
