//! `Desired`: the target as it should be.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use strongroom_crds::{CreationPolicy, ExternalSecret, ExternalSecretSpec, names};
use strongroom_provider_api::SecretBytes;

use super::gather::Observed;
use crate::hash;
use crate::kube_io::ObjectKey;

/// The target as it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired {
    /// Where it lives.
    pub key: ObjectKey,
    /// Its controlling owner.
    pub owner: OwnerReference,
    /// The field manager that writes it.
    pub manager: String,
    /// Labels to have, besides our own.
    pub labels: BTreeMap<String, String>,
    /// Annotations to have, besides the data hash.
    pub annotations: BTreeMap<String, String>,
    /// All data.
    pub data: BTreeMap<String, SecretBytes>,
    /// Who makes the target, and whose it is.
    pub policy: CreationPolicy,
    /// Whether it is written once and never again.
    pub immutable: bool,
}

/// The target that `data` makes.
pub(super) fn desired(
    observed: &Observed,
    spec: &ExternalSecretSpec,
    data: BTreeMap<String, SecretBytes>,
) -> Desired {
    let meta = observed.meta();
    let owner = OwnerReference {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        name: observed.key.name.clone(),
        uid: observed.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    // Without a template every label and annotation of the ExternalSecret is copied (spec eso-core 2.9 b).
    Desired {
        key: observed.target_key(),
        owner,
        manager: field_manager(&observed.key.name),
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
        data,
        policy: spec.target.creation_policy,
        immutable: spec.target.immutable == Some(true),
    }
}

/// The field manager of the ExternalSecret `name` (spec eso-core 0).
fn field_manager(name: &str) -> String {
    let plain = format!("{}{name}", names::FIELD_MANAGER_PREFIX);
    if plain.len() <= 63 {
        plain
    } else {
        format!("{}sha3/{}", names::FIELD_MANAGER_PREFIX, hash::text(name))
    }
}

impl Desired {
    /// Stands for the whole desired state; two that are equal have the same.
    pub(super) fn fingerprint(&self) -> String {
        let Self { key, owner, manager, labels, annotations, data, policy, immutable } = self;
        let data = hash::data(data.iter().map(|(key, value)| (key.as_str(), value.expose())));
        hash::text(&format!(
            "{key:?} {owner:?} {manager:?} {labels:?} {annotations:?} {data} {policy:?} {immutable}"
        ))
    }

    /// The value of the `created-by` label: which ExternalSecret owns the target.
    pub(super) fn created_by(&self) -> String {
        hash::text(&format!("{}/{}", self.key.namespace, self.owner.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_makes_a_hashed_field_manager() {
        let longest = "x".repeat(63 - names::FIELD_MANAGER_PREFIX.len());
        assert!(field_manager(&longest).ends_with(&longest));
        let hashed = field_manager(&format!("{longest}x"));
        assert_eq!(
            hashed,
            format!("externalsecrets.external-secrets.io/sha3/{}", hash::text(&format!("{longest}x")))
        );
    }
}
