//! `Scope`: which part of the cluster is looked at: all of it, or some namespaces with watches of their own.

use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use kube::{Api, Client, Resource};

/// Which part of the cluster is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    parts: Vec<Part>,
    /// Cluster-scoped kinds, too.
    pub cluster_stores: bool,
}

/// What one watch of a kind that lives in namespaces covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Part(Option<Arc<str>>);

impl Scope {
    /// Only these namespaces, each once however often it is named; all if none is.
    pub fn of(namespaces: &[String], cluster_stores: bool) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for namespace in namespaces {
            let part = Part(Some(namespace.as_str().into()));
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        if parts.is_empty() {
            parts.push(Part::default());
        }
        Self { parts, cluster_stores }
    }

    /// What is watched of each kind that lives in namespaces: never nothing, and nothing twice.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// True if no namespace is left out.
    pub(super) fn is_everything(&self) -> bool {
        self.parts.iter().any(|part| part.0.is_none())
    }
}

impl Part {
    /// Whether objects of this namespace are seen.
    pub(super) fn holds(&self, namespace: &str) -> bool {
        self.0.as_deref().is_none_or(|own| own == namespace)
    }

    /// The objects of one kind.
    pub(super) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }

    /// The same of a kind that is known at run time only.
    pub(super) fn manifests(&self, client: &Client, kind: &ApiResource) -> Api<DynamicObject> {
        match &self.0 {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, kind),
            None => Api::all_with(client.clone(), kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(namespaces: &[&str]) -> Scope {
        let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Scope::of(&namespaces, false)
    }

    #[test]
    fn without_a_name_everything_is_one_part() {
        let all = scope(&[]);
        assert_eq!(all.parts(), [Part::default()]);
        assert!(all.is_everything() && all.parts()[0].holds("any"));
    }

    #[test]
    fn a_namespace_that_is_named_twice_is_watched_once() {
        let some = scope(&["a", "b", "a"]);
        assert!(!some.is_everything());
        let held = |namespace: &str| some.parts().iter().filter(|part| part.holds(namespace)).count();
        assert_eq!((held("a"), held("b"), held("c")), (1, 1, 0));
    }
}
