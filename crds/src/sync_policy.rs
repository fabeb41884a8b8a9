//! Owns the kind SyncPolicy: what is to happen around the syncs of the ExternalSecrets it is attached to.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;

/// A Go duration that is not negative.
const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// What is to happen around the syncs of some ExternalSecrets of the namespace. Exactly one of `targetRefs` and
/// `selector` says of which.
#[derive(Clone, Debug, Default, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "strongroom.dev",
    version = "v1alpha1",
    kind = "SyncPolicy",
    plural = "syncpolicies",
    category = "external-secrets",
    namespaced,
    status = "SyncPolicyStatus",
    derive = "PartialEq",
    doc = "A SyncPolicy says what is to happen around the syncs of the ExternalSecrets that it is attached to, in its own namespace. Where several policies say the same field for one ExternalSecret, the oldest one's holds; of equally old ones, that of the first by name.",
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].status"}"#,
    printcolumn = r#"{"name":"Paused","type":"string","jsonPath":".status.conditions[?(@.type==\"Paused\")].status"}"#,
    printcolumn = r#"{"name":"Restarted","type":"string","jsonPath":".status.conditions[?(@.type==\"TargetsRestarted\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"TargetsRestarted\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.selector) != (has(self.targetRefs) && size(self.targetRefs) > 0)",
    "message": "exactly one of targetRefs and selector must be given",
}]))]
pub struct SyncPolicySpec {
    /// ExternalSecrets by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub target_refs: Vec<PolicyTargetRef>,
    /// ExternalSecrets by label; an empty selector means all of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Which workloads are restarted when the content of a target Secret changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartPolicy>,
    /// Until when nothing is refreshed and no target is written. Targets stay as they are, and deletions are carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// How old the data may get before the ExternalSecret is not Ready; the target stays as it is. More than the refresh
    /// interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub max_staleness: Option<String>,
    /// How leases of what generators made are looked after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeasePolicy>,
    /// For so long the values that a target Secret held before they changed are kept, in a Secret beside it that is named
    /// after it, with `-previous` behind the name. Not before they change for the first time, and for Secrets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub keep_previous: Option<String>,
}

/// How leases are looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeasePolicy {
    /// The share of its life after which a lease is renewed, or others take its place where it cannot be: from `10%` to
    /// `90%` (two thirds if absent). Up to a tenth of it earlier, so that leases that were given together are not renewed
    /// together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]{1,3}%$"))]
    pub renew_at: Option<String>,
    /// How long a lease lives on after others have taken its place (`--generator-gc-grace-period` if absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub grace: Option<String>,
    /// When a lease is revoked (`Always` if absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_on: Option<RevokeOn>,
}

/// When a lease is revoked. Otherwise it ends by itself. What never reached a target, and what somebody deletes the
/// SecretLease of, is always revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RevokeOn {
    /// When others have taken its place, after the grace time, and when its ExternalSecret is deleted, at once.
    #[default]
    Always,
    /// When others have taken its place, and not when its ExternalSecret is deleted.
    Replace,
    /// When its ExternalSecret is deleted, and not when others have taken its place.
    Delete,
    /// Never.
    Never,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for RevokeOn {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RevokeOn".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Always", "Replace", "Delete", "Never"] })
    }
}

impl RevokeOn {
    /// True if a lease is revoked once others have taken its place.
    pub const fn replaces(self) -> bool {
        matches!(self, Self::Always | Self::Replace)
    }

    /// True if a lease is revoked when its ExternalSecret is deleted.
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Always | Self::Delete)
    }
}

/// A pause that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// When it ends.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Timestamp,
    /// Why, for whoever finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// An object of the policy's namespace that the policy is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyTargetRef {
    /// Its API group.
    #[schemars(extend("enum" = ["external-secrets.io"]))]
    pub group: String,
    /// Its kind.
    #[schemars(extend("enum" = ["ExternalSecret"]))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Which workloads are restarted when the content of a target Secret changes, and how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartPolicy {
    /// The workloads, all in the policy's namespace.
    #[schemars(length(min = 1, max = 64))]
    pub targets: Vec<RestartTarget>,
    /// Changes that follow each other within so long lead to one restart (10s if absent). It is never waited longer than
    /// ten times as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub debounce: Option<String>,
    /// A workload is restarted at most once in so long (60s if absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DURATION))]
    pub min_interval: Option<String>,
}

/// Workloads of one kind: exactly one of `name` and `selector` says which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.name) != has(self.selector)",
    "message": "exactly one of name and selector must be given",
}]))]
pub struct RestartTarget {
    /// Their kind.
    pub kind: WorkloadKind,
    /// The name of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// All with these labels; an empty selector means all of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// A kind of workload that can be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    StatefulSet,
    /// `apps/v1`
    DaemonSet,
    /// `argoproj.io/v1alpha1`
    Rollout,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for WorkloadKind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WorkloadKind".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Deployment", "StatefulSet", "DaemonSet", "Rollout"] })
    }
}

impl WorkloadKind {
    /// The kind as manifests name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
        }
    }
}

/// How a policy stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncPolicyStatus {
    /// The generation that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "int64"))]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `Conflicted`, `Paused` and, where there are restart targets, `TargetsRestarted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What has been restarted for which content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartStatus>,
}

/// What has been restarted for which content: all that a restart is decided from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartStatus {
    /// The target Secrets, with the content that the workloads have or are about to get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SeenSecret>,
    /// The change that workloads were restarted for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<ContentChange>,
    /// Workloads that were restarted, or are to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<RestartedWorkload>,
}

/// A target Secret and what it held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenSecret {
    /// Its name.
    pub name: String,
    /// Fingerprint of its content, keyed with its uid: it tells nothing to who cannot read the Secret.
    pub content: String,
}

/// A change of content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentChange {
    /// When it was noticed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The Secrets that changed; at most sixteen are named.
    pub secrets: Vec<String>,
}

/// A workload that was restarted, or is to be; or, with a selector, all those that still have to be looked up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartedWorkload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The target's selector, while the workloads could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Its uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The time of the change for which it has to be restarted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub due: Option<Timestamp>,
    /// The restart that has begun: it is carried out under this time, once or, after a crash, once more with no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub restarting: Option<Timestamp>,
    /// When it was restarted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub restarted: Option<Timestamp>,
}
