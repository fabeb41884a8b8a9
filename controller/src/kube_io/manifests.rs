//! What `target.manifest` may name: kinds as the API server lists them, and the requests for their objects. What is seen of
//! the objects is in `manifest_mirrors`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, ResourceExt};

use super::requests::bounded;
use super::{ApiError, ApiFailure, Cluster, ObjectKey};

/// A namespaced kind that the API server serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManifestKind(ApiResource);

/// Kinds that were found. Kept for good: a kind does not change its plural.
#[derive(Debug, Default)]
pub struct ManifestKinds(Mutex<HashMap<(String, String), ManifestKind>>);

/// Why there is no such kind.
#[derive(Debug)]
pub enum NoKind {
    /// The API server does not serve it, or did not say.
    Unserved(ApiError),
    /// It lives outside of namespaces.
    ClusterScoped,
    /// `apiVersion` is no group and version.
    Malformed,
}

impl ManifestKind {
    /// For messages and metrics.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// True for the core ConfigMap.
    pub fn is_config_map(&self) -> bool {
        self.0.api_version == "v1" && self.0.kind == "ConfigMap"
    }

    /// An object without content.
    pub fn empty(&self, key: &ObjectKey) -> DynamicObject {
        DynamicObject::new(&key.name, &self.0).within(&key.namespace)
    }

    pub(super) fn resource(&self) -> &ApiResource {
        &self.0
    }

    /// `apiVersion`, for example `v1` or `apps/v1`.
    pub fn api_version(&self) -> &str {
        &self.0.api_version
    }
}

impl ManifestKinds {
    fn get(&self, api_version: &str, kind: &str) -> Option<ManifestKind> {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&(api_version.to_owned(), kind.to_owned())).cloned()
    }

    fn put(&self, api_version: &str, kind: &str, found: ManifestKind) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert((api_version.to_owned(), kind.to_owned()), found);
    }
}

impl Cluster {
    /// The namespaced kind of these names, asked for once.
    pub async fn manifest_kind(
        &self,
        kinds: &ManifestKinds,
        api_version: &str,
        kind: &str,
    ) -> Result<ManifestKind, NoKind> {
        if let Some(known) = kinds.get(api_version, kind) {
            return Ok(known);
        }
        let (group, version) = match api_version.split_once('/') {
            Some((group, version)) if !group.is_empty() && !version.contains('/') => (group, version),
            None => ("", api_version),
            Some(_) => return Err(NoKind::Malformed),
        };
        let wanted = GroupVersionKind::gvk(group, version, kind);
        let object = || format!("the kind {kind} of {api_version}");
        let client = self.client();
        let (resource, capabilities) =
            bounded("look up", object, pinned_kind(&client, &wanted)).await.map_err(NoKind::Unserved)?;
        if capabilities.scope != Scope::Namespaced {
            return Err(NoKind::ClusterScoped);
        }
        let found = ManifestKind(resource);
        kinds.put(api_version, kind, found.clone());
        Ok(found)
    }

    /// The object under `key`, or `None`.
    pub async fn manifest(
        &self,
        kind: &ManifestKind,
        key: &ObjectKey,
    ) -> Result<Option<DynamicObject>, ApiError> {
        let object = || format!("{} {key}", kind.kind());
        bounded("read", object, self.manifests(kind, key).get_opt(&key.name)).await
    }

    /// Creates `object`, which names its namespace, under `manager`.
    pub async fn create_manifest(
        &self,
        kind: &ManifestKind,
        object: &DynamicObject,
        manager: &str,
    ) -> Result<DynamicObject, ApiError> {
        let key = ObjectKey::of(&object.metadata);
        let params = PostParams { field_manager: Some(manager.to_owned()), dry_run: false };
        let name = || format!("{} {key}", kind.kind());
        bounded("create", name, self.manifests(kind, &key).create(&params, object)).await
    }

    /// Replaces `object`, which carries the resource version it was read at, under `manager`.
    pub async fn replace_manifest(
        &self,
        kind: &ManifestKind,
        object: &DynamicObject,
        manager: &str,
    ) -> Result<DynamicObject, ApiError> {
        let key = ObjectKey::of(&object.metadata);
        let params = PostParams { field_manager: Some(manager.to_owned()), dry_run: false };
        let name = || format!("{} {key}", kind.kind());
        bounded("update", name, self.manifests(kind, &key).replace(&object.name_any(), &params, object)).await
    }

    /// Deletes the object under `key` if it still has `uid`. Gone already is fine.
    pub async fn delete_manifest(
        &self,
        kind: &ManifestKind,
        key: &ObjectKey,
        uid: &str,
    ) -> Result<(), ApiError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteParams::default()
        };
        let name = || format!("{} {key}", kind.kind());
        let deleted = bounded("delete", name, self.manifests(kind, key).delete(&key.name, &params)).await;
        match deleted {
            Err(error) if error.failure() != ApiFailure::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn manifests(&self, kind: &ManifestKind, key: &ObjectKey) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), &key.namespace, &kind.0)
    }
}
