//! Owns the kind ExternalSecret: what is fetched, when, and where it goes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::{Condition, ConditionType};
use crate::data_from::DataFrom;
use crate::go_duration::{DurationError, GoDuration};
use crate::remote_ref::RemoteRef;
use crate::shapes::{KEY, SCHEDULE};
use crate::source_ref::{SecretStoreRef, SourceRef};
use crate::target::Target;

/// What to fetch, when, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    plural = "externalsecrets",
    shortname = "es",
    category = "external-secrets",
    namespaced,
    status = "ExternalSecretStatus",
    derive = "PartialEq",
    doc = "An ExternalSecret keeps a Secret in step with entries of external stores.",
    printcolumn = r#"{"name":"StoreType","type":"string","jsonPath":".spec.secretStoreRef.kind"}"#,
    printcolumn = r#"{"name":"Store","type":"string","jsonPath":".spec.secretStoreRef.name"}"#,
    printcolumn = r#"{"name":"Refresh Interval","type":"string","jsonPath":".spec.refreshInterval"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Last Sync","type":"date","jsonPath":".status.refreshTime"}"#,
    selectable = ".spec.secretStoreRef.name",
    selectable = ".spec.secretStoreRef.kind",
    selectable = ".spec.target.name",
    selectable = ".spec.refreshInterval"
)]
pub struct ExternalSecretSpec {
    /// The store for entries that name none themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_store_ref: Option<SecretStoreRef>,
    /// The object that is written.
    #[serde(default)]
    pub target: Target,
    /// What makes a refresh due. Absent means Periodic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_policy: Option<RefreshPolicy>,
    /// Time between two refreshes, as a Go duration such as 1h30m; zero means once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "1h0m0s"))]
    pub refresh_interval: Option<String>,
    /// When refreshes are allowed or denied. Absent means always allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,
    /// Single entries; they win over `dataFrom`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    /// Many entries at once; a later element wins over an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_from: Vec<DataFrom>,
}

impl ExternalSecretSpec {
    /// `refreshInterval` as a duration; one hour if it is absent.
    ///
    /// # Errors
    /// Go's own text if it does not parse.
    pub fn refresh_every(&self) -> Result<GoDuration, DurationError> {
        self.refresh_interval.as_deref().map_or(Ok(GoDuration::HOUR), str::parse)
    }
}

/// What makes a refresh due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RefreshPolicy {
    /// Only that the Secret does not exist.
    CreatedOnce,
    /// The interval.
    #[default]
    Periodic,
    /// A change of the ExternalSecret.
    OnChange,
}

/// When refreshes are allowed or denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindows {
    /// What an open window means.
    pub kind: SyncWindowKind,
    /// The windows.
    #[schemars(length(min = 1))]
    pub windows: Vec<SyncWindow>,
}

/// What an open window means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SyncWindowKind {
    /// Refreshes happen only while one is open.
    #[serde(rename = "allow")]
    Allow,
    /// Refreshes happen only while none is open.
    #[serde(rename = "deny")]
    Deny,
}

/// A span of time that comes again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindow {
    /// When it opens: five cron fields, a nickname such as @daily, or @every and a Go duration.
    #[schemars(regex(pattern = SCHEDULE))]
    pub schedule: String,
    /// How long it stays open, as a Go duration.
    pub duration: String,
}

/// One key of the target and the entry that it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// The key in the target.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub secret_key: String,
    /// The entry.
    pub remote_ref: RemoteRef,
    /// The store to draw from, in place of `spec.secretStoreRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// What became of an ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the last successful sync began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<Time>,
    /// Generation and hash of labels and annotations at the last successful sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,
    /// The generation that this status speaks of. Upstream has no such field; `kubectl wait` and kstatus heed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = only_known_types)]
    pub conditions: Vec<Condition>,
    /// The Secret written, as servicebinding.io's provisioned services name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

/// The Secret written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Binding {
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// Closes the set of condition types, as upstream does for this kind alone.
fn only_known_types(conditions: &mut schemars::Schema) {
    let kind = conditions.pointer_mut("/items/properties/type").and_then(serde_json::Value::as_object_mut);
    if let Some(kind) = kind {
        kind.insert("enum".to_owned(), ConditionType::ALL.map(ConditionType::as_str).into());
    }
}
