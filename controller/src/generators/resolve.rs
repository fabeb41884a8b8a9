//! From a `generatorRef` to the generator that it names, as it is now.

use std::fmt;

use kube::core::DynamicObject;
use serde_json::{Value, json};
use strongroom_crds::names::{GENERATOR_GROUP, GENERATOR_VERSION};
use strongroom_crds::{GeneratorKind, GeneratorRef, cluster_member};
use strongroom_provider_api::{GeneratorDescriptor, OWN_GENERATORS};

use super::{GeneratorError, Registry};
use crate::kube_io::{Cluster, ObjectKey};

/// A generator as it was read for one attempt. A ClusterGenerator is one of its own kind in the namespace that uses it.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its kind.
    pub descriptor: GeneratorDescriptor,
    /// The namespace that uses it: its references are read there, and nowhere else.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
    /// Its spec.
    pub spec: Value,
}

impl Resolved {
    /// The whole of it, for a GeneratorState.
    pub fn snapshot(&self) -> Value {
        json!({
            "apiVersion": format!("{}/{GENERATOR_VERSION}", self.descriptor.group),
            "kind": self.descriptor.kind,
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": self.spec,
        })
    }

    /// The generator of which [`snapshot`](Self::snapshot) was taken, in `namespace`, wherever the snapshot says it was.
    ///
    /// # Errors
    /// It is none, or its kind is not built in.
    pub fn of_snapshot(
        registry: &Registry,
        namespace: &str,
        snapshot: &Value,
    ) -> Result<Self, GeneratorError> {
        let text = |pointer: &str| snapshot.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let group = text("/apiVersion").split('/').next().unwrap_or_default();
        let unknown = || GeneratorError::NotBuiltIn(registry.kinds());
        Ok(Self {
            descriptor: registry.find(group, text("/kind")).ok_or_else(unknown)?,
            namespace: namespace.to_owned(),
            name: text("/metadata/name").to_owned(),
            spec: snapshot.get("spec").cloned().unwrap_or_else(|| json!({})),
        })
    }

    /// True if a controller of `class` uses it. One that cannot be read is told so by everybody.
    pub fn is_of_class(&self, class: &str) -> bool {
        let own = self.descriptor.controller_class(&self.spec).ok().flatten();
        own.is_none_or(|own| own == class)
    }
}

/// As messages name it: `Password "name"`.
impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.descriptor.kind, self.name)
    }
}

/// The generator that `reference` names, for an object in `namespace` (spec eso-core 6.2).
///
/// It is read afresh for each sync, and not watched: as upstream, an edited generator makes new values at the next
/// refresh, not before. Who edits a Password's length does not mean to lock out everybody who has the old one.
///
/// # Errors
/// There is none of that name, it cannot be read, or its kind is not built in.
pub async fn resolve(
    cluster: &Cluster,
    registry: &Registry,
    namespace: &str,
    reference: &GeneratorRef,
) -> Result<Resolved, GeneratorError> {
    let group = group(&reference.api_version)?;
    let kind = reference.kind.as_str();
    let is_cluster = reference.kind == GeneratorKind::ClusterGenerator;
    let descriptor = registry.find(group, kind);
    // Nothing is asked for what could not be used.
    if descriptor.is_none() && !is_cluster {
        return Err(not_found(registry, reference));
    }
    let key = ObjectKey::new(if is_cluster { "" } else { namespace }, &reference.name);
    let object = cluster.generator(group, kind, &key).await.map_err(GeneratorError::Unreadable)?;
    let object = object.ok_or(GeneratorError::Absent)?;
    let (descriptor, spec) = match descriptor {
        Some(descriptor) => (descriptor, object.data.get("spec").cloned().unwrap_or_else(|| json!({}))),
        None => expanded(registry, &object)?,
    };
    Ok(Resolved { descriptor, namespace: namespace.to_owned(), name: reference.name.clone(), spec })
}

/// The group of generators that `api_version` names; as upstream, only in the version that is served.
fn group(api_version: &str) -> Result<&str, GeneratorError> {
    let (group, version) = api_version.split_once('/').unwrap_or((api_version, ""));
    let invalid =
        |why: &str| GeneratorError::Invalid(format!("generatorRef.apiVersion {api_version:?} {why}"));
    if ![GENERATOR_GROUP, OWN_GENERATORS].contains(&group) {
        return Err(invalid("is not one of generators"));
    }
    if version != GENERATOR_VERSION {
        return Err(invalid(&format!("is not served: write {group}/{GENERATOR_VERSION}")));
    }
    Ok(group)
}

/// Why there is no such kind in the group of `reference`. The group is upstream's where none is named, and that is easily
/// forgotten.
fn not_found(registry: &Registry, reference: &GeneratorRef) -> GeneratorError {
    let kind = reference.kind.as_str();
    let other =
        [GENERATOR_GROUP, OWN_GENERATORS].into_iter().find(|group| registry.find(group, kind).is_some());
    let Some(other) = other else { return GeneratorError::NotBuiltIn(registry.kinds()) };
    let named = &reference.api_version;
    GeneratorError::Invalid(format!(
        "generatorRef.apiVersion is {named:?}, and {kind} is of \"{other}/{GENERATOR_VERSION}\""
    ))
}

/// What a ClusterGenerator stands for: the kind it names, with the member that belongs to it.
fn expanded(
    registry: &Registry,
    object: &DynamicObject,
) -> Result<(GeneratorDescriptor, Value), GeneratorError> {
    let kind = object.data.pointer("/spec/kind").and_then(Value::as_str).unwrap_or_default();
    let member = object.data.pointer("/spec/generator").and_then(|it| it.get(cluster_member(kind)));
    let Some(spec) = member.filter(|spec| spec.is_object()) else {
        let message = format!("invalid ClusterGenerator: when kind is {kind}, {kind}Spec must be set");
        return Err(GeneratorError::Invalid(message));
    };
    let unknown = || GeneratorError::NotBuiltIn(registry.kinds());
    // No kind is in both groups.
    let found = [GENERATOR_GROUP, OWN_GENERATORS].iter().find_map(|group| registry.find(group, kind));
    Ok((found.ok_or_else(unknown)?, spec.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster_generator(spec: &Value) -> Result<(GeneratorDescriptor, Value), GeneratorError> {
        let object = json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "ClusterGenerator",
            "metadata": { "name": "g" }, "spec": spec,
        });
        expanded(&Registry::default(), &serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_cluster_generator_stands_for_the_member_of_its_kind() {
        let spec = json!({ "kind": "UUID", "generator": { "uuidSpec": {} } });
        let (descriptor, spec) = cluster_generator(&spec).unwrap();
        assert_eq!((descriptor.kind, spec), ("UUID", json!({})));
        let wrong =
            cluster_generator(&json!({ "kind": "Fake", "generator": { "uuidSpec": {} } })).unwrap_err();
        assert_eq!(wrong.to_string(), "invalid ClusterGenerator: when kind is Fake, FakeSpec must be set");
        let foreign = cluster_generator(&json!({ "kind": "Grafana", "generator": { "grafanaSpec": {} } }));
        let foreign = foreign.unwrap_err();
        assert_eq!(foreign.reason(), "Unsupported");
        assert!(foreign.to_string().contains("Password"), "{foreign}");
    }

    #[test]
    fn a_cluster_generator_may_stand_for_one_of_our_own_kinds() {
        let spec =
            json!({ "kind": "VaultStaticRole", "generator": { "vaultStaticRoleSpec": { "role": "r" } } });
        let (descriptor, spec) = cluster_generator(&spec).unwrap();
        assert_eq!((descriptor.group, descriptor.kind), (OWN_GENERATORS, "VaultStaticRole"));
        assert_eq!(spec, json!({ "role": "r" }));
    }

    #[test]
    fn who_forgets_the_group_of_a_kind_is_told_which_it_is() {
        let reference = |kind: &str, group: &str| {
            let api_version = format!("{group}/v1alpha1");
            serde_json::from_value(json!({ "apiVersion": api_version, "kind": kind, "name": "g" })).unwrap()
        };
        let told = |kind, group| not_found(&Registry::default(), &reference(kind, group)).to_string();
        assert_eq!(
            told("VaultStaticRole", GENERATOR_GROUP),
            "generatorRef.apiVersion is \"generators.external-secrets.io/v1alpha1\", and VaultStaticRole is of \
             \"generators.strongroom.dev/v1alpha1\""
        );
        assert!(told("Password", OWN_GENERATORS).ends_with("of \"generators.external-secrets.io/v1alpha1\""));
        assert!(told("Grafana", OWN_GENERATORS).contains("not built in"));
    }

    #[test]
    fn only_the_version_that_is_served_is_taken() {
        for good in ["generators.external-secrets.io/v1alpha1", "generators.strongroom.dev/v1alpha1"] {
            assert_eq!(group(good).unwrap(), good.split('/').next().unwrap());
        }
        for bad in ["generators.external-secrets.io/v1beta1", "generators.external-secrets.io", "v1", ""] {
            assert!(
                group(bad)
                    .unwrap_err()
                    .to_string()
                    .starts_with(&format!("generatorRef.apiVersion {bad:?} is not"))
            );
        }
    }

    #[test]
    fn a_snapshot_is_the_same_generator_in_the_namespace_of_its_state() {
        let descriptor = Registry::default().find(GENERATOR_GROUP, "Fake").unwrap();
        let spec = json!({ "data": { "a": "b" } });
        let resolved = Resolved { descriptor, namespace: "ns".to_owned(), name: "g".to_owned(), spec };
        let mut snapshot = resolved.snapshot();
        snapshot["metadata"]["namespace"] = "elsewhere".into();
        let again = Resolved::of_snapshot(&Registry::default(), "ns", &snapshot).unwrap();
        assert_eq!((again.snapshot(), again.to_string()), (resolved.snapshot(), r#"Fake "g""#.to_owned()));
        assert!(Resolved::of_snapshot(&Registry::default(), "ns", &json!({})).is_err());
    }
}
