//! Owns the kind SecretLease: the record of one lease that a generator gave. It never holds a value.

use jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conditions::Condition;
use crate::sync_policy::RevokeOn;

/// API group of our own kinds.
pub const OWN_GROUP: &str = "strongroom.dev";
/// `OWN_GROUP/VERSION`, as in `apiVersion`.
pub const OWN_API_VERSION: &str = "strongroom.dev/v1alpha1";
/// Finalizer of a SecretLease: it goes when the lease has been revoked, or must have ended by itself.
pub const FINALIZER_SECRET_LEASE: &str = "strongroom.dev/revoke";

/// What was leased, by whom and for what. Never changed.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "strongroom.dev",
    version = "v1alpha1",
    kind = "SecretLease",
    plural = "secretleases",
    shortname = "sl",
    category = "external-secrets",
    namespaced,
    status = "SecretLeaseStatus",
    derive = "PartialEq",
    doc = "A SecretLease is the record of one lease: of credentials that a generator made for an ExternalSecret, and that end. It holds no value. Deleting it revokes the lease.",
    printcolumn = r#"{"name":"Owner","type":"string","jsonPath":".spec.owner.name"}"#,
    printcolumn = r#"{"name":"Generator","type":"string","jsonPath":".spec.generator.name"}"#,
    printcolumn = r#"{"name":"State","type":"string","jsonPath":".status.state"}"#,
    printcolumn = r#"{"name":"Expires","type":"string","jsonPath":".status.lease.expires"}"#,
    printcolumn = r#"{"name":"Renewals","type":"integer","jsonPath":".status.renewals"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Kind","type":"string","jsonPath":".spec.generator.kind","priority":1}"#,
    printcolumn = r#"{"name":"Parent expires","type":"string","jsonPath":".status.lease.parent.expires","priority":1}"#
)]
pub struct SecretLeaseSpec {
    /// Class of the controller that looks after it.
    pub controller: String,
    /// The object in whose target the values are.
    pub owner: LeaseOwner,
    /// What made them.
    pub generator: LeasedGenerator,
    /// The lease as it was given.
    pub lease: RecordedLease,
}

/// The object in whose target the values are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseOwner {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Which entry of its `spec.dataFrom`.
    pub entry: i64,
}

/// What made the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeasedGenerator {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The generator as it was: what the lease is renewed and revoked with.
    #[schemars(schema_with = "any_object")]
    pub snapshot: Value,
}

/// A lease. Ids are names, not credentials; with a login to the service they are enough to end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedLease {
    /// The service's name for it. Without one it can neither be renewed nor revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was given.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub issued: Timestamp,
    /// When it ends, if nothing is done; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<Timestamp>,
    /// How it ends: `Renewable`, `Fixed` or `Rotated`.
    pub end: String,
    /// When others take its place, if its generator says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub replace: Option<Timestamp>,
    /// The login from which it hangs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordedParent>,
}

/// The login from which a lease hangs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedParent {
    /// Its name; not the login itself.
    pub accessor: String,
    /// When it ends, if nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<Timestamp>,
    /// Whether it can be renewed.
    #[serde(default)]
    pub renewable: bool,
}

/// How a lease stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretLeaseStatus {
    /// Where it is in its life.
    #[serde(default)]
    pub state: LeaseState,
    /// The lease as it stands now; as it was given if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<RecordedLease>,
    /// How often it was renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "int64"))]
    pub renewals: Option<i64>,
    /// When it was last renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub renewed: Option<Timestamp>,
    /// Since when others have taken its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub superseded: Option<Timestamp>,
    /// When it is revoked, once others have taken its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub revoke_at: Option<Timestamp>,
    /// Fingerprint of what else is in the target, keyed with the target's own data: it tells a refresh that has nothing to
    /// bring, and nothing to who cannot read the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// What a SyncPolicy says about it, so that it counts even after policy and ExternalSecret are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<LeaseRules>,
    /// The login that renewed it last, if it is another than the one from which the lease hangs. Its name, not the login
    /// itself: who comes after a crash ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<String>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What a SyncPolicy says about a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseRules {
    /// After so many percent of its life it is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "int64"))]
    pub renew_at: Option<i64>,
    /// When it is revoked.
    #[serde(default)]
    pub revoke_on: RevokeOn,
}

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaseState {
    /// Recorded; whether its values reached the target is not known yet.
    #[default]
    Pending,
    /// Its values are in the target, and it is kept alive.
    Active,
    /// Its values are in the target, and others are to take their place: it cannot be kept alive.
    Ending,
    /// Others have taken its place; it is revoked after the grace time.
    Superseded,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for LeaseState {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LeaseState".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Pending", "Active", "Ending", "Superseded"] })
    }
}

impl LeaseState {
    /// Every state, for tables and metrics.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Ending, Self::Superseded];

    /// The word in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Ending => "Ending",
            Self::Superseded => "Superseded",
        }
    }
}

impl SecretLease {
    /// The lease as it stands now.
    pub fn lease(&self) -> &RecordedLease {
        self.status.as_ref().and_then(|status| status.lease.as_ref()).unwrap_or(&self.spec.lease)
    }

    /// What a SyncPolicy says about it; the defaults where none does.
    pub fn rules(&self) -> LeaseRules {
        self.status.as_ref().and_then(|status| status.rules).unwrap_or_default()
    }

    /// Where it is in its life.
    pub fn state(&self) -> LeaseState {
        self.status.as_ref().map(|status| status.state).unwrap_or_default()
    }
}

fn any_object(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
