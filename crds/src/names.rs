//! Owns the names that must match upstream byte for byte: labels, annotations, finalizers, managers, classes.

/// API group of the four kinds.
pub const GROUP: &str = "external-secrets.io";
/// The served and stored version.
pub const VERSION: &str = "v1";
/// `GROUP/VERSION`, as in `apiVersion` and in owner references.
pub const API_VERSION: &str = "external-secrets.io/v1";
/// The version that upgraded clusters may still list as stored; it is never served.
pub const OLD_VERSION: &str = "v1beta1";
/// API group of the generators.
pub const GENERATOR_GROUP: &str = "generators.external-secrets.io";
/// API group of our own generators.
pub const OWN_GENERATOR_GROUP: &str = "generators.strongroom.dev";
/// The version in which generators are served and stored.
pub const GENERATOR_VERSION: &str = "v1alpha1";
/// Default `apiVersion` of a `generatorRef`.
pub const GENERATOR_API_VERSION: &str = "generators.external-secrets.io/v1alpha1";
/// Category of every kind: `kubectl get external-secrets`.
pub const CATEGORY: &str = "external-secrets";

/// Category of the generators' kinds.
pub const CATEGORY_GENERATORS: &str = "external-secrets-generators";

/// Label on every target that we manage; its value is [`MANAGED_VALUE`].
pub const LABEL_MANAGED: &str = "reconcile.external-secrets.io/managed";
/// Value of [`LABEL_MANAGED`].
pub const MANAGED_VALUE: &str = "true";
/// Label that names the owner: the hash of `<namespace>/<ExternalSecret>`; creationPolicy Owner only.
pub const LABEL_CREATED_BY: &str = "reconcile.external-secrets.io/created-by";
/// Annotation with the hash of the target's data.
pub const ANNOTATION_DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";
/// Annotation of ours on a Secret that keeps the previous values of another: when it goes.
pub const ANNOTATION_PREVIOUS_UNTIL: &str = "strongroom.dev/previous-until";
/// What the name of such a Secret has behind the name of the other.
pub const PREVIOUS_SUFFIX: &str = "-previous";
/// Annotation that forces a sync; mirrored from a ClusterExternalSecret to its ExternalSecrets.
pub const ANNOTATION_FORCE_SYNC: &str = "external-secrets.io/force-sync";
/// Annotation on a store (presence only) that silences maintenance events.
pub const ANNOTATION_IGNORE_MAINTENANCE: &str = "external-secrets.io/ignore-maintenance-checks";
/// Label on CRDs and on the objects of an installation.
pub const LABEL_COMPONENT: &str = "external-secrets.io/component";
/// Value of [`LABEL_COMPONENT`] on CRDs.
pub const COMPONENT_CONTROLLER: &str = "controller";
/// Label that a Secret must carry (value [`TYPE_WEBHOOK`]) before the webhook provider may read it.
pub const LABEL_TYPE: &str = "external-secrets.io/type";
/// Value of [`LABEL_TYPE`] on Secrets for the webhook provider and generator.
pub const TYPE_WEBHOOK: &str = "webhook";
/// Label on a GeneratorState: the hash of its owner.
pub const LABEL_GENERATOR_OWNER: &str = "generators.external-secrets.io/owner-key";

/// Finalizer of an ExternalSecret.
pub const FINALIZER_EXTERNAL_SECRET: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";
/// Finalizer of a ClusterExternalSecret.
pub const FINALIZER_CLUSTER_EXTERNAL_SECRET: &str =
    "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup";
/// What the finalizer of a ClusterExternalSecret on a Namespace begins with; its name follows.
pub const FINALIZER_NAMESPACE_PREFIX: &str = "externalsecrets.external-secrets.io/ces-";
/// Finalizer of a store.
pub const FINALIZER_STORE: &str = "secretstore.externalsecrets.io/finalizer";
/// Finalizer of a PushSecret.
pub const FINALIZER_PUSH_SECRET: &str = "pushsecret.externalsecrets.io/finalizer";
/// Finalizer of a GeneratorState.
pub const FINALIZER_GENERATOR_STATE: &str = "generatorstate.externalsecrets.io/finalizer";

/// What the field manager of target writes begins with; the name of the ExternalSecret follows.
pub const FIELD_MANAGER_PREFIX: &str = "externalsecrets.external-secrets.io/";
/// What follows [`FIELD_MANAGER_PREFIX`] where the whole would exceed [`FIELD_MANAGER_MAX`] bytes: this, then the
/// lower-case hex SHA3-224 of the name.
pub const FIELD_MANAGER_HASHED: &str = "sha3/";
/// Longest field manager, in bytes, that is used as it is.
pub const FIELD_MANAGER_MAX: usize = 63;

/// Controller class of a store that names none, and the default class of a controller.
pub const DEFAULT_CONTROLLER_CLASS: &str = "default";
/// Default name of the leader election Lease.
pub const LEASE_CONTROLLER: &str = "external-secrets-controller";

/// Label by which Kubernetes names a Namespace; lists of namespaces are matched through it.
pub const LABEL_NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// `reportingComponent` of events about ExternalSecrets and GeneratorStates.
pub const EVENT_SOURCE_EXTERNAL_SECRET: &str = "external-secrets";
/// `reportingComponent` of events about SecretStores.
pub const EVENT_SOURCE_SECRET_STORE: &str = "secret-store";
/// `reportingComponent` of events about ClusterSecretStores.
pub const EVENT_SOURCE_CLUSTER_SECRET_STORE: &str = "cluster-secret-store";

/// Type of a Secret that holds a ServiceAccount's token.
pub const SECRET_TYPE_SERVICE_ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";
/// Type of a Secret that holds a bootstrap token.
pub const SECRET_TYPE_BOOTSTRAP_TOKEN: &str = "bootstrap.kubernetes.io/token";
/// Annotation that binds a token Secret to a ServiceAccount.
pub const ANNOTATION_SERVICE_ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
