//! Whether a namespace may use a store, and whether the store can be used: pure.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use strongroom_crds::NamespaceCondition;
use strongroom_templating::transform::go_regex;

use super::{Readiness, StoreId, StoreView, selectors};
use crate::kube_io::NamespaceView;

/// Bounds the memory of a compiled namespace pattern.
const REGEX_SIZE: usize = 1 << 20;

/// What the asking side brings.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// Namespace of the ExternalSecret.
    pub namespace: &'a str,
    /// What is known of that namespace.
    pub view: &'a NamespaceView,
    /// Our controller class.
    pub class: &'a str,
    /// Whether only a store that is Ready may be used (`--enable-flood-gate`).
    pub flood_gate: bool,
    /// The time.
    pub now: Timestamp,
    /// When this process started.
    pub started: Timestamp,
}

/// The first check of a store takes a moment; that long after its creation, or our start, it is new, not broken.
const FIRST_CHECK: SignedDuration = SignedDuration::from_secs(15);

/// Why a store may not be used; `Display` gives upstream's texts (spec eso-core 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// No such store.
    Absent(StoreId),
    /// Another controller class looks after it.
    Unmanaged(StoreId),
    /// None of the store's conditions lets the namespace in.
    Denied {
        /// The store.
        store: StoreId,
        /// The namespace.
        namespace: String,
    },
    /// Before one of the store's conditions let the namespace in there was a selector or pattern that is none.
    BadCondition {
        /// The store.
        store: StoreId,
        /// What is wrong with it.
        fault: String,
    },
    /// The store was just created and its first check is under way.
    Fresh(StoreId),
    /// The store is not Ready.
    NotReady(StoreId),
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(store) => {
                let (kind, name) = (store.kind().as_str(), &store.key.name);
                write!(f, "could not get {store}, {kind}.external-secrets.io {name:?} not found")
            }
            Self::Unmanaged(store) => write!(f, "can not reference unmanaged store: {store}"),
            Self::Denied { store, namespace } => write!(
                f,
                "using cluster store {:?} is not allowed from namespace {namespace:?}: denied by spec.condition",
                store.key.name
            ),
            Self::BadCondition { store, fault } => {
                write!(f, "using cluster store {:?} is not allowed: spec.conditions: {fault}", store.key.name)
            }
            Self::Fresh(store) | Self::NotReady(store) => write!(f, "{store} is not ready"),
        }
    }
}

/// The checks, in upstream's order. `store` is what the mirror holds for `id`.
pub fn access(id: &StoreId, store: Option<&StoreView>, gate: Gate<'_>) -> Result<(), AccessError> {
    let store = store.ok_or_else(|| AccessError::Absent(id.clone()))?;
    if !store.is_of_class(gate.class) {
        return Err(AccessError::Unmanaged(id.clone()));
    }
    if id.cluster {
        match lets_in(store, gate) {
            Ok(true) => {}
            Ok(false) => {
                return Err(AccessError::Denied { store: id.clone(), namespace: gate.namespace.to_owned() });
            }
            Err(BadCondition(fault)) => return Err(AccessError::BadCondition { store: id.clone(), fault }),
        }
    }
    match store.readiness() {
        Readiness::Ready => Ok(()),
        _ if !gate.flood_gate => Ok(()),
        Readiness::Unknown if is_new(store, gate) => Err(AccessError::Fresh(id.clone())),
        Readiness::Unknown | Readiness::NotReady => Err(AccessError::NotReady(id.clone())),
    }
}

/// A store that was never checked is new to us, too, where it is older than this process.
fn is_new(store: &StoreView, gate: Gate<'_>) -> bool {
    let created = store.meta.creation_timestamp.as_ref();
    created.is_some_and(|created| gate.now.duration_since(created.0.max(gate.started)) < FIRST_CHECK)
}

/// What is wrong with a condition.
struct BadCondition(String);

/// No conditions let everybody in; otherwise one of them must match. They are looked at in their order, as far as one
/// that matches or cannot be told, as upstream does. A store that cannot be read lets nobody in: its conditions are
/// unknown.
fn lets_in(store: &StoreView, gate: Gate<'_>) -> Result<bool, BadCondition> {
    let Ok(spec) = &store.spec else { return Ok(false) };
    for condition in &spec.conditions {
        if matches(condition, gate)? {
            return Ok(true);
        }
    }
    Ok(spec.conditions.is_empty())
}

fn matches(condition: &NamespaceCondition, gate: Gate<'_>) -> Result<bool, BadCondition> {
    let selected =
        condition.namespace_selector.as_ref().map(|selector| selectors::matches(selector, &gate.view.labels));
    let selected =
        selected.transpose().map_err(|fault| BadCondition(format!("namespaceSelector: {fault}")))?;
    if selected == Some(true) || condition.namespaces.iter().any(|name| name == gate.namespace) {
        return Ok(true);
    }
    for pattern in &condition.namespace_regexes {
        let regex = go_regex::compiled_within(pattern, REGEX_SIZE);
        let regex = regex.map_err(|_| BadCondition(format!("failed to compile regex {pattern:?}")))?;
        if regex.is_match(gate.namespace) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
    use serde_json::json;

    use super::*;
    use crate::kube_io::Watched;

    fn store(spec: &serde_json::Value, status: &serde_json::Value) -> StoreView {
        let store = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": { "name": "s", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": spec,
            "status": status,
        });
        StoreView::cluster(Watched(Ok(serde_json::from_value(store).unwrap())))
    }

    fn ready() -> serde_json::Value {
        json!({ "conditions": [{ "type": "Ready", "status": "True" }] })
    }

    fn check(store: &StoreView, namespace: &str, labels: &[(&str, &str)]) -> Result<(), AccessError> {
        let view = NamespaceView {
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            terminating: false,
        };
        access(&store.id, Some(store), gate(namespace, &view, CREATED + SignedDuration::from_secs(1)))
    }

    const CREATED: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn gate<'a>(namespace: &'a str, view: &'a NamespaceView, now: Timestamp) -> Gate<'a> {
        Gate { namespace, view, class: "default", flood_gate: true, now, started: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn conditions_are_ored_over_names_selectors_and_patterns() {
        let conditions = json!([
            { "namespaces": ["named"] },
            { "namespaceSelector": { "matchLabels": { "team": "a" } } },
            { "namespaceRegexes": ["^prod-"] },
        ]);
        let store = store(&json!({ "provider": { "fake": {} }, "conditions": conditions }), &ready());
        check(&store, "named", &[]).unwrap();
        check(&store, "other", &[("team", "a")]).unwrap();
        check(&store, "prod-eu", &[]).unwrap();
        assert_eq!(
            check(&store, "other", &[("team", "b")]).unwrap_err().to_string(),
            r#"using cluster store "s" is not allowed from namespace "other": denied by spec.condition"#
        );
    }

    #[test]
    fn an_empty_selector_lets_everybody_in_and_a_bad_one_nobody() {
        let with = |condition: serde_json::Value| {
            store(&json!({ "provider": { "fake": {} }, "conditions": [condition] }), &ready())
        };
        check(&with(json!({ "namespaceSelector": {} })), "any", &[]).unwrap();
        check(&with(json!({ "namespaceRegexes": ["("] })), "any", &[]).unwrap_err();
        let bad = json!({ "matchExpressions": [{ "key": "a", "operator": "Near", "values": [] }] });
        let _: LabelSelector = serde_json::from_value(bad.clone()).unwrap();
        check(&with(json!({ "namespaceSelector": bad })), "any", &[]).unwrap_err();
        // Whoever is named beside a bad selector, or after it, is kept out as well.
        check(&with(json!({ "namespaceSelector": bad, "namespaces": ["any"] })), "any", &[]).unwrap_err();
        let conditions = json!([{ "namespaceSelector": bad }, { "namespaces": ["any"] }]);
        let both = store(&json!({ "provider": { "fake": {} }, "conditions": conditions }), &ready());
        let error = check(&both, "any", &[]).unwrap_err();
        assert!(error.to_string().contains("namespaceSelector: \"Near\" is not"), "{error}");
    }

    #[test]
    fn patterns_are_go_s() {
        let with = |pattern: &str| {
            let conditions = json!([{ "namespaceRegexes": [pattern] }]);
            store(&json!({ "provider": { "fake": {} }, "conditions": conditions }), &ready())
        };
        check(&with(r"^\Qa.b\E$"), "a.b", &[]).unwrap();
        check(&with("^[a&&b]$"), "&", &[]).unwrap();
        let error = check(&with("^a{2}{3}$"), "aaaaaa", &[]).unwrap_err();
        assert!(matches!(error, AccessError::BadCondition { .. }), "{error:?}");
    }

    #[test]
    fn a_pattern_that_is_none_matters_to_those_whom_nothing_before_it_lets_in() {
        let conditions = json!([
            { "namespaces": ["named"], "namespaceRegexes": ["^early$", "(", "^late$"] },
            { "namespaces": ["last"] },
        ]);
        let store = store(&json!({ "provider": { "fake": {} }, "conditions": conditions }), &ready());
        check(&store, "named", &[]).unwrap();
        check(&store, "early", &[]).unwrap();
        for namespace in ["late", "last", "other"] {
            let error = check(&store, namespace, &[]).unwrap_err();
            assert!(matches!(&error, AccessError::BadCondition { .. }), "{error:?}");
            assert!(error.to_string().contains(r#"failed to compile regex "(""#), "{error}");
        }
    }

    #[test]
    fn a_store_must_be_ours_and_ready() {
        let new = store(&json!({ "provider": { "fake": {} } }), &json!({}));
        assert!(matches!(check(&new, "ns", &[]), Err(AccessError::Fresh(_))));
        let view = NamespaceView::default();
        let later = gate("ns", &view, CREATED + SignedDuration::from_mins(1));
        assert!(matches!(access(&new.id, Some(&new), later), Err(AccessError::NotReady(_))));
        let broken = json!({ "conditions": [{ "type": "Ready", "status": "False" }] });
        let broken = store(&json!({ "provider": { "fake": {} } }), &broken);
        assert_eq!(
            check(&broken, "ns", &[]).unwrap_err().to_string(),
            r#"ClusterSecretStore "s" is not ready"#
        );
        let foreign = store(&json!({ "provider": { "fake": {} }, "controller": "other" }), &ready());
        assert!(matches!(check(&foreign, "ns", &[]), Err(AccessError::Unmanaged(_))));
    }

    #[test]
    fn the_flood_gate_can_be_opened() {
        let new = store(&json!({ "provider": { "fake": {} } }), &json!({}));
        let view = NamespaceView::default();
        let open = Gate { flood_gate: false, ..gate("ns", &view, CREATED) };
        access(&new.id, Some(&new), open).unwrap();
    }
}
