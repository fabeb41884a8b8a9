//! `Desired`: the target as it should be.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use strongroom_crds::{CreationPolicy, ExternalSecret, ExternalSecretSpec, names};
use strongroom_provider_api::SecretBytes;

use super::gather::Observed;
use super::template::Content;
use crate::error::SyncError;
use crate::hash;
use crate::kube_io::ObjectKey;

/// The API server's limit for all values of a Secret together.
const LARGEST_SECRET: usize = 1024 * 1024;

/// The target as it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired<C = Content> {
    /// Where it lives.
    pub key: ObjectKey,
    /// Its controlling owner.
    pub owner: OwnerReference,
    /// The field manager that writes it.
    pub manager: String,
    /// What it holds.
    pub content: C,
    /// Who makes the target, and whose it is.
    pub policy: CreationPolicy,
    /// Whether it is written once and never again.
    pub immutable: bool,
}

/// The target with this content.
///
/// # Errors
/// Content that the API server would refuse ([`SyncError::Rendered`]).
pub(super) fn desired(
    observed: &Observed,
    spec: &ExternalSecretSpec,
    content: Content,
) -> Result<Desired, SyncError> {
    check_data(&content.data)?;
    Ok(claimed(observed, spec, content))
}

/// What says whose the target is, around any content.
pub(super) fn claimed<C>(observed: &Observed, spec: &ExternalSecretSpec, content: C) -> Desired<C> {
    let owner = OwnerReference {
        api_version: ExternalSecret::api_version(&()).into_owned(),
        kind: ExternalSecret::kind(&()).into_owned(),
        name: observed.key.name.clone(),
        uid: observed.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    Desired {
        key: observed.target_key(),
        owner,
        manager: field_manager(&observed.key.name),
        content,
        policy: spec.target.creation_policy,
        immutable: spec.target.immutable == Some(true),
    }
}

/// The rules of the API server, checked here so that the message can name the key.
fn check_data(data: &BTreeMap<String, SecretBytes>) -> Result<(), SyncError> {
    let legal = |key: &str| {
        !matches!(key, "." | "..")
            && !key.starts_with("..")
            && key.len() <= 253
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if let Some(key) = data.keys().find(|key| !legal(key)) {
        return Err(SyncError::Rendered(format!("{key:?} cannot be a key of a Secret")));
    }
    let size: usize = data.values().map(SecretBytes::len).sum();
    if size > LARGEST_SECRET {
        let largest = data.iter().max_by_key(|(_, value)| value.len());
        let largest = largest
            .map_or(String::new(), |(key, value)| format!("; largest: {key:?}, {} bytes", value.len()));
        return Err(SyncError::Rendered(format!(
            "the Secret would hold {size} bytes, the API server takes at most {LARGEST_SECRET}{largest}"
        )));
    }
    Ok(())
}

/// The field manager of the ExternalSecret `name` (spec eso-core 0).
pub(super) fn field_manager(name: &str) -> String {
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
        let Content { data, labels, annotations, type_, finalizers } = &self.content;
        let data = hash::data(data.iter().map(|(key, value)| (key.as_str(), value.expose())));
        self.fingerprint_with(&format!("{labels:?} {annotations:?} {data} {type_:?} {finalizers:?}"))
    }
}

impl<C> Desired<C> {
    /// Stands for the desired state whose content `content` stands for.
    pub(super) fn fingerprint_with(&self, content: &str) -> String {
        let Self { key, owner, manager, content: _, policy, immutable } = self;
        hash::text(&format!("{key:?} {owner:?} {manager:?} {content} {policy:?} {immutable}"))
    }

    /// The value of the `created-by` label: which ExternalSecret owns the target.
    pub(super) fn created_by(&self) -> String {
        hash::text(&format!("{}/{}", self.key.namespace, self.owner.name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::kube_io::{NamespaceView, Watched};

    fn observed(name: &str, spec: &Value) -> Observed {
        let object = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": "ns", "uid": "1", "labels": { "app": "web" } },
            "spec": spec,
        });
        Observed {
            key: ObjectKey::new("ns", name),
            object: Arc::new(Watched(Ok(serde_json::from_value(object).unwrap()))),
            target: None,
            namespace: Arc::new(NamespaceView::default()),
            retemplated: None,
            asked: None,
            lease_ends: false,
            refreshed: None,
            seen: tokio::time::Instant::now(),
            ruled: crate::policies::Ruled::default(),
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn made(data: &[(&str, &str)]) -> Result<Desired, SyncError> {
        let observed = observed("es", &json!({}));
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::from(*value)));
        let labels = observed.meta().labels.clone().unwrap();
        let content = Content { data: data.collect(), labels, ..Content::default() };
        desired(&observed, observed.spec().unwrap(), content)
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused_here_with_the_key() {
        let error = made(&[("a", &"x".repeat(LARGEST_SECRET + 1))]).unwrap_err();
        assert!(error.to_string().contains(r#"largest: "a", 1048577 bytes"#), "{error}");
        let error = made(&[("ü", "1")]).unwrap_err();
        assert!(error.to_string().contains(r#""ü" cannot be a key"#), "{error}");
    }

    #[test]
    fn metadata_is_taken_over_and_ours_added() {
        let secret = super::super::render::created(&made(&[("foo", "value1")]).unwrap());
        let labels = secret.metadata.labels.unwrap();
        assert_eq!(labels["app"], "web");
        assert_eq!(labels[names::LABEL_MANAGED], "true");
        assert_eq!(labels[names::LABEL_CREATED_BY], hash::text("ns/es"));
        let expected = hash::data([("foo", b"value1".as_slice())].into_iter());
        assert_eq!(secret.metadata.annotations.unwrap()[names::ANNOTATION_DATA_HASH], expected);
    }

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
