//! Owns the spelling of every condition type, reason and fixed message, and of every event's reason.
//!
//! Upstream writes a fixed message into the condition and the concrete error into the event (spec sections 2.10 and 3).

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One condition of an ExternalSecret or a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Machine word for the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the status flipped last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// Whether the object does its work.
    Ready,
    /// Upstream knows it and never writes it to a status; metrics use it.
    Deleted,
    /// Our own: the last attempt, its reason and the next one.
    Synced,
}

/// Why an ExternalSecret is ready or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExternalSecretReason {
    /// True: the Secret is as it should be.
    SecretSynced,
    /// True: the Secret is gone because its data is.
    SecretDeleted,
    /// True: creationPolicy Merge waits for a Secret.
    SecretMissing,
    /// False: see the message and the event.
    SecretSyncedError,
    /// As `SecretSynced`, for a generic target.
    ResourceSynced,
    /// As `SecretDeleted`, for a generic target.
    ResourceDeleted,
    /// As `SecretMissing`, for a generic target.
    ResourceMissing,
    /// As `SecretSyncedError`, for a generic target.
    ResourceSyncedError,
}

/// Why a store is ready or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreReason {
    /// True: the store answers.
    Valid,
    /// True: nothing speaks against it, but it cannot be tried.
    ValidationUnknown,
    /// False: no client, or the store refuses.
    InvalidProviderConfig,
    /// Declared by upstream and unused.
    InvalidStoreConfiguration,
    /// Declared by upstream and unused.
    ValidationFailed,
}

/// What an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventReason {
    /// Normal: the target was made.
    Created,
    /// Normal: the target was changed.
    Updated,
    /// Normal: the target was deleted.
    Deleted,
    /// Warning: a sync failed; the message is the whole error.
    UpdateFailed,
    /// Normal: an entry does not exist and deletionPolicy allows it.
    MissingProviderSecret,
    /// Normal: the store answers.
    Valid,
    /// Warning: the store cannot be tried.
    ValidationUnknown,
    /// Warning: no client, or the store refuses.
    InvalidProviderConfig,
    /// Warning: nobody maintains the provider.
    StoreUnmaintained,
    /// Warning: the provider goes away.
    StoreDeprecated,
    /// Warning, our own: an annotation of a store cannot be read, and counts as absent.
    AnnotationPassedOver,
    /// Normal, our own: workloads were restarted because the target's content changed.
    RolloutRestarted,
    /// Warning, our own: a workload could not be restarted.
    RolloutRestartFailed,
    /// Normal, our own: leased credentials are in use where there were none.
    LeaseIssued,
    /// Normal, our own: leased credentials have taken the place of others.
    LeaseReplaced,
    /// Warning, our own: a lease could not be revoked.
    LeaseRevokeFailed,
    /// Warning, our own: the login from which a lease hangs cannot be kept alive.
    LeaseParentEnds,
    /// Warning, our own: what a target held before it changed could not be kept.
    PreviousNotKept,
}

/// What a condition of a SyncPolicy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyCondition {
    /// Whether it is in force.
    Accepted,
    /// Whether an older one says the same field for the same object.
    Conflicted,
    /// Whether its restart targets have the present content.
    TargetsRestarted,
    /// Whether it pauses what it is attached to.
    Paused,
}

/// Why a condition of a SyncPolicy is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyReason {
    /// Accepted: it is in force.
    Accepted,
    /// Not accepted: a field cannot be read.
    Invalid,
    /// Not accepted: what it is attached to does not exist.
    TargetNotFound,
    /// Conflicted: an older policy's field holds.
    Overruled,
    /// TargetsRestarted: nothing is to be restarted.
    UpToDate,
    /// Not yet TargetsRestarted: the time has not come.
    RestartPending,
    /// Not TargetsRestarted: a workload does not exist.
    WorkloadNotFound,
    /// Not TargetsRestarted: the API server refused, or did not answer.
    RestartFailed,
    /// Paused: until when, and why.
    Paused,
    /// No longer Paused.
    PauseExpired,
}

/// Gives a closed set of words its spelling, which is the variant's name.
macro_rules! spelled {
    ($name:ident { $($variant:ident),+ $(,)? }) => {
        impl $name {
            /// Every word of the set.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word as it appears in the cluster.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

spelled!(ConditionType { Ready, Deleted, Synced });
spelled!(PolicyCondition { Accepted, Conflicted, TargetsRestarted, Paused });
spelled!(PolicyReason {
    Accepted,
    Invalid,
    TargetNotFound,
    Overruled,
    UpToDate,
    RestartPending,
    WorkloadNotFound,
    RestartFailed,
    Paused,
    PauseExpired,
});
spelled!(ExternalSecretReason {
    SecretSynced,
    SecretDeleted,
    SecretMissing,
    SecretSyncedError,
    ResourceSynced,
    ResourceDeleted,
    ResourceMissing,
    ResourceSyncedError,
});
spelled!(StoreReason {
    Valid,
    ValidationUnknown,
    InvalidProviderConfig,
    InvalidStoreConfiguration,
    ValidationFailed,
});
spelled!(EventReason {
    Created,
    Updated,
    Deleted,
    UpdateFailed,
    MissingProviderSecret,
    Valid,
    ValidationUnknown,
    InvalidProviderConfig,
    StoreUnmaintained,
    StoreDeprecated,
    AnnotationPassedOver,
    RolloutRestarted,
    RolloutRestartFailed,
    LeaseIssued,
    LeaseReplaced,
    LeaseRevokeFailed,
    LeaseParentEnds,
    PreviousNotKept,
});

/// Status of a condition that holds.
pub const STATUS_TRUE: &str = "True";
/// Status of a condition that does not hold.
pub const STATUS_FALSE: &str = "False";
/// Status of a condition of which nothing is known.
pub const STATUS_UNKNOWN: &str = "Unknown";

/// Fixed messages of the Ready condition of an ExternalSecret whose target is a Secret.
pub mod secret_message {
    /// SecretSynced, and ResourceSynced too.
    pub const SYNCED: &str = "secret synced";
    /// SecretSynced: the store has nothing and the policy says keep.
    pub const RETAINED: &str = "secret retained due to DeletionPolicy=Retain";
    /// SecretDeleted; also the event's message.
    pub const DELETED: &str = "secret deleted due to DeletionPolicy=Delete";
    /// SecretMissing.
    pub const MISSING: &str = "secret will not be created due to CreationPolicy=Merge";
    /// SecretSyncedError: fetching failed.
    pub const NO_DATA: &str = "could not get secret data from provider";
    /// SecretSyncedError: the Secret should go and cannot.
    pub const NOT_DELETED: &str = "could not delete secret";
    /// SecretSyncedError: a Secret under an earlier name should go and cannot.
    pub const ORPHANS_NOT_DELETED: &str = "could not delete orphaned secrets";
    /// SecretSyncedError: rendering or writing failed.
    pub const NOT_UPDATED: &str = "could not update secret";
    /// SecretSyncedError: the Secret would change and cannot.
    pub const IMMUTABLE: &str = "could not update secret, target is immutable";
    /// SecretSyncedError: another controller owns the Secret.
    pub const NOT_OWNED: &str = "failed to take ownership of target secret";
    /// SecretSyncedError: another ExternalSecret owns the Secret.
    pub const OWNED_BY_OTHER: &str = "target is owned by another ExternalSecret";
    /// SecretSyncedError: `target.manifest` is disabled or names what cannot be written.
    pub const INVALID_GENERIC_TARGET: &str = "invalid generic target";
}

/// Fixed messages of the Ready condition of an ExternalSecret with a generic target, where they differ.
pub mod resource_message {
    /// ResourceMissing.
    pub const MISSING: &str = "resource will not be created due to CreationPolicy=Merge";
    /// ResourceSyncedError: the target could not be read.
    pub const NOT_READ: &str = "could not get target resource";
    /// ResourceSyncedError: the target should go and cannot.
    pub const NOT_DELETED: &str = "could not delete resource";
    /// ResourceSyncedError: rendering failed.
    pub const NOT_RENDERED: &str = "could not apply template to manifest";
}

/// Fixed messages of the Ready condition of a store.
pub mod store_message {
    /// Valid.
    pub const VALID: &str = "store validated";
    /// ValidationUnknown.
    pub const UNKNOWN: &str = "could not determine validation status";
    /// InvalidProviderConfig: there is no client.
    pub const NO_CLIENT: &str = "unable to create client";
    /// InvalidProviderConfig: the store refuses.
    pub const NOT_VALID: &str = "unable to validate store";
}

/// Fixed messages of the Ready condition of a ClusterExternalSecret, and its reasons for a failed namespace.
pub mod cluster_message {
    /// False: see `status.failedNamespaces`.
    pub const NAMESPACES_FAILED: &str = "one or more namespaces failed";
    /// A namespace has an ExternalSecret of that name which is not ours.
    pub const ALREADY_EXISTS: &str = "external secret already exists in namespace";
}

/// Fixed messages of events, where they are not those of the condition.
pub mod event_message {
    /// Created.
    pub const CREATED: &str = "secret created";
    /// Updated.
    pub const UPDATED: &str = "secret updated";
    /// Deleted: the Secret under an earlier name.
    pub const ORPHAN_DELETED: &str = "secret deleted because it was orphaned";
    /// UpdateFailed: generic targets are switched off.
    pub const GENERIC_DISABLED: &str =
        "generic targets are disabled. Enable with --unsafe-allow-generic-targets flag";
    /// StoreUnmaintained.
    pub const UNMAINTAINED: &str = "store isn't currently maintained. Please plan and prepare accordingly.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_spelled_as_its_variant() {
        assert_eq!(ConditionType::Ready.to_string(), "Ready");
        assert_eq!(ExternalSecretReason::SecretSyncedError.as_str(), "SecretSyncedError");
        assert_eq!(ExternalSecretReason::ALL.len(), 8);
        assert_eq!(StoreReason::InvalidProviderConfig.as_str(), "InvalidProviderConfig");
        assert_eq!(EventReason::StoreUnmaintained.as_str(), "StoreUnmaintained");
    }

    #[test]
    fn a_condition_of_another_writer_survives_a_round_trip() {
        let text = r#"{"type":"Odd","status":"Maybe","lastTransitionTime":"2024-05-01T10:00:00Z"}"#;
        let read: Condition = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
