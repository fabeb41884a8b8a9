//! The external-secrets.io API as types and CustomResourceDefinitions.
//!
//! The kinds [`ExternalSecret`], [`ClusterExternalSecret`], [`SecretStore`] and [`ClusterSecretStore`] are what upstream
//! 2.9 serves as `external-secrets.io/v1`; those of `generators.external-secrets.io/v1alpha1` are in [`generator`]. Types are lenient where a stored object may be odd (durations are text,
//! unknown fields are ignored, a provider's settings are opaque), so that one odd object never stops a watch; what an
//! object must look like to be accepted is in the schema that [`definitions()`] builds, and what upstream's admission
//! webhook checks besides is in [`validation`].
#![deny(missing_docs)]

pub mod cluster_external_secret;
pub mod cluster_secret_store;
pub mod conditions;
pub mod data_from;
pub mod definitions;
pub mod external_secret;
pub mod generator;
pub mod go_duration;
pub mod int_or_string;
pub mod names;
pub mod provider_spec;
pub mod remote_ref;
pub mod secret_lease;
pub mod secret_store;
mod shapes;
pub mod source_ref;
mod structural;
pub mod sync_policy;
pub mod target;
pub mod validation;

pub use cluster_external_secret::{
    BareCondition, ClusterExternalSecret, ClusterExternalSecretSpec, ClusterExternalSecretStatus,
    ExternalSecretMetadata, FailedNamespace,
};
pub use cluster_secret_store::ClusterSecretStore;
pub use conditions::{
    Condition, ConditionType, ExternalSecretReason, PolicyCondition, PolicyReason, StoreReason,
};
pub use data_from::{
    ConflictPolicy, DataFrom, Find, FindName, Merge, MergeStrategy, PriorityPolicy, RegexpRewrite, Rewrite,
    Transform,
};
pub use definitions::{DefinitionError, definitions, own_definitions};
pub use external_secret::{
    Binding, Data, ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, RefreshPolicy, SyncWindow,
    SyncWindowKind, SyncWindows,
};
pub use generator::{
    GeneratorSchema, GeneratorState, GeneratorStateSpec, cluster_member, generator_definitions,
    generator_plural,
};
pub use go_duration::{DurationError, GoDuration};
pub use int_or_string::IntOrString;
pub use provider_spec::{ProviderSpec, ProviderSpecError, UPSTREAM_PROVIDERS};
pub use remote_ref::{ConversionStrategy, DecodingStrategy, MetadataPolicy, NullBytePolicy, RemoteRef};
pub use secret_lease::{
    LeaseOwner, LeaseRules, LeaseState, LeasedGenerator, RecordedLease, RecordedParent, SecretLease,
    SecretLeaseSpec, SecretLeaseStatus,
};
pub use secret_store::{
    NamespaceCondition, RetrySettings, SecretStore, SecretStoreSpec, SecretStoreStatus, StoreCapabilities,
};
pub use source_ref::{GeneratorKind, GeneratorRef, SecretStoreRef, SourceRef, StoreRefKind};
pub use sync_policy::{
    ContentChange, LeasePolicy, Pause, PolicyTargetRef, RestartPolicy, RestartStatus, RestartTarget,
    RestartedWorkload, RevokeOn, SeenSecret, SyncPolicy, SyncPolicySpec, SyncPolicyStatus, WorkloadKind,
};
pub use target::{
    CreationPolicy, DeletionPolicy, EngineVersion, Manifest, MergePolicy, Target, Template, TemplateAs,
    TemplateFrom, TemplateItem, TemplateMetadata, TemplateRef,
};
pub use validation::{Enforcement, Violation};
