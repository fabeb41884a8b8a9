//! Which policy says what for which ExternalSecret: the oldest that says it, field by field.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource as _;
use kube::core::{Selector, SelectorExt};
use strongroom_crds::{ExternalSecret, LeasePolicy, LeaseRules, SyncPolicy, SyncPolicySpec};

use super::fault;
use crate::context::Context;
use crate::external_secret::{self, Keeper};
use crate::kube_io::{ObjectKey, Watched};

/// What a policy may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `spec.restart`
    Restart,
    /// `spec.pause`
    Pause,
    /// `spec.maxStaleness`
    MaxStaleness,
    /// `spec.lease`
    Lease,
    /// `spec.keepPrevious`
    KeepPrevious,
}

/// What policies say to the pipeline of one ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// Its pause, which may be over.
    pub pause: Option<Paused>,
    /// How old its data may get.
    pub max_staleness: Option<Duration>,
    /// How its leases are looked after.
    pub lease: RuledLease,
    /// For how long the values that its target held before are kept.
    pub keep_previous: Option<Duration>,
}

/// How the leases of one ExternalSecret are looked after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuledLease {
    /// What is recorded with each of them; nothing where all is as without a policy.
    pub rules: Option<LeaseRules>,
    /// How long they live on after others have taken their place.
    pub grace: Option<Duration>,
}

/// A pause, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// The name of the policy.
    pub policy: String,
}

/// What a policy is attached to.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// The ExternalSecrets, with the fields in which the policy holds.
    holds: BTreeMap<String, Vec<Field>>,
    /// Names that are referred to and do not exist.
    pub missing: Vec<String>,
    /// Where another policy holds: field, ExternalSecret and that policy.
    pub overruled: Vec<(Field, String, String)>,
    /// Who looks after them: this controller's class if it does for one of them. Nothing if there are none.
    pub keeper: Option<Keeper>,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 5] =
        [Self::Restart, Self::Pause, Self::MaxStaleness, Self::Lease, Self::KeepPrevious];

    /// As in the spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::MaxStaleness => "maxStaleness",
            Self::Lease => "lease",
            Self::KeepPrevious => "keepPrevious",
        }
    }

    fn is_said(self, spec: &SyncPolicySpec) -> bool {
        match self {
            Self::Restart => spec.restart.is_some(),
            Self::Pause => spec.pause.is_some(),
            Self::MaxStaleness => spec.max_staleness.is_some(),
            Self::Lease => spec.lease.is_some(),
            Self::KeepPrevious => spec.keep_previous.is_some(),
        }
    }
}

impl Attached {
    /// The names of the ExternalSecrets for which the policy holds in `field`.
    pub fn of(&self, field: Field) -> Vec<String> {
        let holds = self.holds.iter().filter(|(_, fields)| fields.contains(&field));
        holds.map(|(name, _)| name.clone()).collect()
    }

    /// How many ExternalSecrets it is attached to.
    pub fn len(&self) -> usize {
        self.holds.len()
    }

    /// True if it is attached to nothing.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }
}

/// What `policy` is attached to.
pub fn attached(context: &Context, policy: &SyncPolicy) -> Attached {
    let namespace = policy.meta().namespace.clone().unwrap_or_default();
    let rivals = in_namespace(context, &namespace);
    let mut attached = Attached::default();
    for name in selected(context, &namespace, &policy.spec) {
        let key = ObjectKey::new(&namespace, &name);
        let Some(object) = context.external_secrets.get(&key) else {
            attached.missing.push(name);
            continue;
        };
        let keeper = object
            .0
            .as_ref()
            .map_or(Keeper::Unknown, |object| external_secret::keeper(context, &namespace, object));
        attached.keeper = attached.keeper.max(Some(keeper));
        let mut holds = Vec::new();
        for field in Field::ALL.into_iter().filter(|field| field.is_said(&policy.spec)) {
            let rival =
                among(&rivals, &name, &object, field).filter(|rival| rival.meta().uid != policy.meta().uid);
            match rival {
                Some(rival) => {
                    let by = rival.meta().name.clone().unwrap_or_default();
                    attached.overruled.push((field, name.clone(), by));
                }
                None => holds.push(field),
            }
        }
        attached.holds.insert(name, holds);
    }
    attached
}

/// What the policies of its namespace say to the pipeline of the ExternalSecret under `key`.
pub fn ruled(context: &Context, key: &ObjectKey, object: &Watched<ExternalSecret>) -> Ruled {
    if context.policies.mirror.is_empty() {
        return Ruled::default();
    }
    let policies = in_namespace(context, &key.namespace);
    let ruling = |field| among(&policies, &key.name, object, field);
    let pause = ruling(Field::Pause).and_then(|policy| {
        let name = policy.meta().name.clone().unwrap_or_default();
        policy.spec.pause.clone().map(|pause| Paused {
            until: pause.until,
            reason: pause.reason,
            policy: name,
        })
    });
    let staleness = ruling(Field::MaxStaleness).and_then(|policy| policy.spec.max_staleness.as_deref());
    let max_staleness = staleness.map(|text| fault::duration(Some(text), Duration::MAX));
    let lease = ruling(Field::Lease).and_then(|policy| policy.spec.lease.as_ref());
    let previous = ruling(Field::KeepPrevious).and_then(|policy| policy.spec.keep_previous.as_deref());
    let keep_previous = previous.map(|text| fault::duration(Some(text), Duration::ZERO));
    Ruled {
        pause,
        max_staleness,
        lease: lease.map(RuledLease::of).unwrap_or_default(),
        keep_previous: keep_previous.filter(|kept| !kept.is_zero()),
    }
}

impl RuledLease {
    fn of(policy: &LeasePolicy) -> Self {
        let rules = LeaseRules {
            renew_at: policy.renew_at.as_deref().and_then(fault::share),
            revoke_on: policy.revoke_on.unwrap_or_default(),
        };
        let grace = policy.grace.as_deref().map(|text| fault::duration(Some(text), Duration::ZERO));
        Self { rules: Some(rules).filter(|rules| *rules != LeaseRules::default()), grace }
    }
}

/// True if the policy is attached to the ExternalSecret `name`.
pub(super) fn is_selected(spec: &SyncPolicySpec, name: &str, object: &Watched<ExternalSecret>) -> bool {
    let by_name = spec.target_refs.iter().any(|target| target.name == name);
    by_name
        || spec.selector.as_ref().is_some_and(|selector| {
            let labels = object.meta().labels.clone().unwrap_or_default();
            // A selector that cannot be read (a bad operator) matches nothing.
            Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(&labels))
        })
}

fn among<'a>(
    policies: &'a [Arc<Watched<SyncPolicy>>],
    name: &str,
    object: &Watched<ExternalSecret>,
    field: Field,
) -> Option<&'a SyncPolicy> {
    let mut policies = policies.iter().filter_map(|policy| policy.0.as_ref().ok());
    policies.find(|policy| field.is_said(&policy.spec) && is_selected(&policy.spec, name, object))
}

/// The usable policies of `namespace`, the oldest first; of equally old ones, the first by name.
fn in_namespace(context: &Context, namespace: &str) -> Vec<Arc<Watched<SyncPolicy>>> {
    let usable = |key: &ObjectKey, policy: &Watched<SyncPolicy>| {
        key.namespace == namespace
            && policy.meta().deletion_timestamp.is_none()
            && policy.0.as_ref().is_ok_and(|policy| fault::fault(&policy.spec).is_none())
    };
    let keys = context.policies.mirror.keys_where(usable);
    let mut policies: Vec<_> = keys.iter().filter_map(|key| context.policies.mirror.get(key)).collect();
    policies.sort_by_cached_key(|policy| {
        let meta = policy.meta();
        (meta.creation_timestamp.as_ref().map(|created| created.0), meta.name.clone())
    });
    policies
}

/// The names of the ExternalSecrets that the policy names or selects, whether they exist or not.
fn selected(context: &Context, namespace: &str, spec: &SyncPolicySpec) -> Vec<String> {
    let mut names: Vec<String> = spec.target_refs.iter().map(|target| target.name.clone()).collect();
    if spec.selector.is_some() {
        let by_label = SyncPolicySpec { target_refs: Vec::new(), ..spec.clone() };
        let keys = context.external_secrets.keys_where(|key, object| {
            key.namespace == namespace && is_selected(&by_label, &key.name, object)
        });
        names.extend(keys.into_iter().map(|key| key.name));
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use strongroom_crds::RevokeOn;

    use super::*;
    use crate::app::context_over;

    fn context() -> Context {
        context_over(&[], |_, _, _| (500, Value::Null))
    }

    fn put_external_secret(context: &Context, name: &str, labels: &Value) {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": "ns", "uid": name, "labels": labels },
            "spec": {},
        });
        let object = serde_json::from_value(object).unwrap();
        context.external_secrets.put(ObjectKey::new("ns", name), Some("1"), object).unwrap();
    }

    fn put(context: &Context, namespace: &str, name: &str, created: &str, spec: &Value) -> SyncPolicy {
        let policy = json!({
            "apiVersion": "strongroom.dev/v1alpha1", "kind": "SyncPolicy",
            "metadata": {
                "name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"), "creationTimestamp": created,
            },
            "spec": spec,
        });
        let policy: SyncPolicy = serde_json::from_value(policy).unwrap();
        let watched = Watched(Ok(policy.clone()));
        context.policies.mirror.put(ObjectKey::new(namespace, name), Some("1"), watched).unwrap();
        policy
    }

    fn by_name(name: &str) -> Value {
        json!({
            "targetRefs": [{ "group": "external-secrets.io", "kind": "ExternalSecret", "name": name }],
            "restart": { "targets": [{ "kind": "Deployment", "name": "web" }] },
        })
    }

    fn by_label(labels: &Value) -> Value {
        json!({ "selector": { "matchLabels": labels }, "restart": by_name("")["restart"] })
    }

    #[tokio::test]
    async fn a_policy_is_attached_by_name_or_label_in_its_own_namespace() {
        let context = context();
        put_external_secret(&context, "a", &json!({ "team": "x" }));
        put_external_secret(&context, "b", &json!({}));
        let named = put(&context, "ns", "named", "2026-01-01T00:00:00Z", &by_name("b"));
        let labelled =
            put(&context, "ns", "labelled", "2026-01-01T00:00:00Z", &by_label(&json!({ "team": "x" })));
        let lost = put(&context, "ns", "lost", "2026-01-01T00:00:00Z", &by_name("c"));
        let elsewhere = put(&context, "other", "elsewhere", "2026-01-01T00:00:00Z", &by_label(&json!({})));
        assert_eq!(attached(&context, &named).of(Field::Restart), ["b"]);
        assert_eq!(attached(&context, &labelled).of(Field::Restart), ["a"]);
        assert_eq!(attached(&context, &lost).missing, ["c"]);
        assert!(attached(&context, &elsewhere).is_empty());
    }

    #[tokio::test]
    async fn the_older_policy_holds_and_of_equally_old_ones_the_first_by_name() {
        let context = context();
        put_external_secret(&context, "a", &json!({}));
        let younger = put(&context, "ns", "a-younger", "2026-01-02T00:00:00Z", &by_name("a"));
        let second = put(&context, "ns", "z-second", "2026-01-01T00:00:00Z", &by_name("a"));
        let first = put(&context, "ns", "y-first", "2026-01-01T00:00:00Z", &by_label(&json!({})));
        assert_eq!(attached(&context, &first).of(Field::Restart), ["a"]);
        for loser in [&younger, &second] {
            let attached = attached(&context, loser);
            assert!(attached.of(Field::Restart).is_empty() && attached.len() == 1);
            assert_eq!(attached.overruled, [(Field::Restart, "a".to_owned(), "y-first".to_owned())]);
        }
        let key = ObjectKey::new("ns", "a");
        let object = context.external_secrets.get(&key).unwrap();
        assert_eq!(ruled(&context, &key, &object), Ruled::default());
    }

    #[tokio::test]
    async fn each_field_has_its_own_ruler() {
        let context = context();
        put_external_secret(&context, "a", &json!({}));
        let until = "2026-02-01T00:00:00Z";
        let both =
            json!({ "selector": {}, "maxStaleness": "1h", "pause": { "until": until, "reason": "freeze" } });
        put(&context, "ns", "younger", "2026-01-02T00:00:00Z", &both);
        put(
            &context,
            "ns",
            "older",
            "2026-01-01T00:00:00Z",
            &json!({ "selector": {}, "maxStaleness": "2h" }),
        );
        put(&context, "other", "foreign", "2025-01-01T00:00:00Z", &both);
        let lease = json!({ "renewAt": "50%", "grace": "10m", "revokeOn": "Delete" });
        let lease = json!({ "selector": {}, "lease": lease, "keepPrevious": "5m" });
        put(&context, "ns", "lease", "2026-01-03T00:00:00Z", &lease);
        let key = ObjectKey::new("ns", "a");
        let ruled = ruled(&context, &key, &context.external_secrets.get(&key).unwrap());
        assert_eq!(ruled.max_staleness, Some(Duration::from_hours(2)));
        let noted = LeaseRules { renew_at: Some(50), revoke_on: RevokeOn::Delete };
        let grace = Some(Duration::from_mins(10));
        assert_eq!(ruled.lease, RuledLease { rules: Some(noted), grace });
        assert_eq!(ruled.keep_previous, Some(Duration::from_mins(5)));
        let (until, reason) = (until.parse().unwrap(), Some("freeze".to_owned()));
        assert_eq!(ruled.pause, Some(Paused { until, reason, policy: "younger".to_owned() }));
    }

    #[tokio::test]
    async fn a_faulty_policy_overrules_nobody() {
        let context = context();
        put_external_secret(&context, "a", &json!({}));
        let mut faulty = by_name("a");
        faulty["restart"]["debounce"] = "soon".into();
        put(&context, "ns", "faulty", "2026-01-01T00:00:00Z", &faulty);
        let good = put(&context, "ns", "good", "2026-01-02T00:00:00Z", &by_name("a"));
        assert_eq!(attached(&context, &good).of(Field::Restart), ["a"]);
    }
}
