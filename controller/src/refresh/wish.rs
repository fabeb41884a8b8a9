//! `Wish`: what a request asks for, and the rights that it takes. Pure.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::Selector;
use serde::Deserialize;
use strongroom_crds::StoreRefKind;
use strongroom_provider_api::is_dns_name;

use crate::kube_io::{ObjectKey, Right};
use crate::stores::StoreId;

/// Keys or namespaces that one request may name.
const MOST: usize = 500;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    store: Option<Store>,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    selector: Option<LabelSelector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Store {
    #[serde(default)]
    kind: StoreRefKind,
    name: String,
    namespace: Option<String>,
}

/// What is to be refreshed: the ExternalSecrets that meet all of it.
#[derive(Debug)]
pub(super) struct Wish {
    /// They draw from this store.
    pub store: Option<StoreId>,
    /// They draw one of these keys from it; empty: whatever they draw.
    pub keys: Vec<String>,
    /// They live in one of these namespaces; `None`: in any.
    pub namespaces: Option<BTreeSet<String>>,
    /// They carry labels like these.
    pub selector: Option<Selector>,
}

impl Wish {
    /// The wish in `body`.
    ///
    /// # Errors
    /// Field and reason.
    pub(super) fn of(body: &[u8]) -> Result<Self, String> {
        let body: Body = serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))?;
        let store = body.store.map(Store::id).transpose()?;
        for (field, listed) in [("keys", &body.keys), ("namespaces", &body.namespaces)] {
            if listed.len() > MOST {
                return Err(format!("{field}: more than {MOST}"));
            }
        }
        if store.is_none() && !body.keys.is_empty() {
            return Err("keys: they are keys of a store, and none is named".to_owned());
        }
        if let Some(bad) = body.namespaces.iter().find(|name| !is_dns_name(name)) {
            return Err(format!("namespaces: {bad:?} is not the name of a namespace"));
        }
        let mut namespaces: BTreeSet<_> = body.namespaces.into_iter().collect();
        match &store {
            None if namespaces.is_empty() => {
                return Err("neither store nor namespaces are given: that would be everything".to_owned());
            }
            Some(store) if !store.cluster => {
                let own = &store.key.namespace;
                if namespaces.iter().any(|namespace| namespace != own) {
                    return Err("namespaces: a SecretStore is used in its own namespace only".to_owned());
                }
                namespaces.insert(own.clone());
            }
            Some(_) | None => {}
        }
        let selector = body.selector.map(Selector::try_from).transpose();
        let selector = selector.map_err(|error| format!("selector: {error}"))?;
        let namespaces = Some(namespaces).filter(|namespaces| !namespaces.is_empty());
        Ok(Self { store, keys: body.keys, namespaces, selector })
    }

    /// What one must be allowed to do, all of it: what the annotation for a forced sync takes in each namespace, or,
    /// where no namespace is named, our own verb on the ClusterSecretStore.
    pub(super) fn rights(&self) -> Vec<Right> {
        let right = |verb, resource, namespace: &str, name: &str| Right {
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        match (&self.namespaces, &self.store) {
            (Some(namespaces), _) => {
                namespaces.iter().map(|namespace| right("update", "externalsecrets", namespace, "")).collect()
            }
            (None, Some(store)) => vec![right("refresh", "clustersecretstores", "", &store.key.name)],
            // Never made; and if it were, nobody has this right by a binding to a namespace.
            (None, None) => vec![right("update", "externalsecrets", "", "")],
        }
    }
}

impl Store {
    fn id(self) -> Result<StoreId, String> {
        if !is_dns_name(&self.name) {
            return Err(format!("store.name: {:?} is not the name of a store", self.name));
        }
        match (self.kind, self.namespace) {
            (StoreRefKind::ClusterSecretStore, None) => Ok(StoreId::cluster(self.name)),
            (StoreRefKind::ClusterSecretStore, Some(_)) => {
                Err("store.namespace: a ClusterSecretStore has none; use namespaces".to_owned())
            }
            (StoreRefKind::SecretStore, Some(namespace)) if is_dns_name(&namespace) => {
                Ok(StoreId::namespaced(ObjectKey::new(namespace, self.name)))
            }
            (StoreRefKind::SecretStore, _) => Err("store.namespace: a SecretStore has one".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wish(body: &Value) -> Result<Wish, String> {
        Wish::of(&serde_json::to_vec(body).unwrap())
    }

    fn rights(body: &Value) -> Vec<String> {
        let rights = wish(body).unwrap().rights();
        let text =
            |right: &Right| format!("{} {} {}/{}", right.verb, right.resource, right.namespace, right.name);
        rights.iter().map(text).collect()
    }

    #[test]
    fn a_namespace_takes_the_right_to_update_there_and_a_cluster_store_its_own_verb() {
        let own = json!({ "store": { "name": "vault", "namespace": "a" }, "keys": ["x"] });
        assert_eq!(rights(&own), ["update externalsecrets a/"]);
        let cluster = json!({ "store": { "kind": "ClusterSecretStore", "name": "vault" } });
        assert_eq!(rights(&cluster), ["refresh clustersecretstores /vault"]);
        let narrowed = json!({
            "store": { "kind": "ClusterSecretStore", "name": "vault" }, "namespaces": ["a", "b", "a"] });
        assert_eq!(rights(&narrowed), ["update externalsecrets a/", "update externalsecrets b/"]);
        let labels = json!({ "namespaces": ["a"], "selector": { "matchLabels": { "app": "web" } } });
        assert_eq!(rights(&labels), ["update externalsecrets a/"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_the_field_is_named() {
        for (body, named) in [
            (json!({}), "everything"),
            (json!({ "selector": { "matchLabels": { "app": "web" } } }), "everything"),
            (json!({ "keys": ["x"], "namespaces": ["a"] }), "keys"),
            (json!({ "store": { "name": "vault" } }), "store.namespace"),
            (json!({ "store": { "name": "v", "namespace": "a" }, "namespaces": ["b"] }), "namespaces"),
            (
                json!({ "store": { "kind": "ClusterSecretStore", "name": "v", "namespace": "a" } }),
                "store.namespace",
            ),
            (json!({ "store": { "kind": "Vault", "name": "v" } }), "Vault"),
            (json!({ "namespaces": ["../x"] }), "namespaces"),
            (json!({ "namespaces": ["a"], "nonsense": 1 }), "nonsense"),
            (json!({ "namespaces": vec!["a"; 501] }), "more than 500"),
            (
                json!({ "namespaces": ["a"], "selector": { "matchExpressions": [
                { "key": "a", "operator": "Near", "values": ["b"] }] } }),
                "selector",
            ),
        ] {
            let error = wish(&body).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
