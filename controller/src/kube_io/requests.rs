//! `Cluster`: the requests we make, each with a time limit and a classified error.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret, ServiceAccount};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use strongroom_crds::{ClusterSecretStore, ExternalSecret, SecretStore};

use super::{ApiError, ApiFailure, ObjectKey, Stored, Watched};

/// No request to the API server waits longer.
const LIMIT: Duration = Duration::from_secs(15);

/// The API server, seen through the few requests we make. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

/// A kind of ours that has a status, and the watch's form of it.
pub trait StatusOwner: Stored + Clone + Debug {
    /// The API for objects in `namespace` (empty for a cluster-scoped kind).
    fn api(client: Client, namespace: &str) -> Api<Watched<Self>>;
}

impl StatusOwner for ExternalSecret {
    fn api(client: Client, namespace: &str) -> Api<Watched<Self>> {
        Api::namespaced(client, namespace)
    }
}

impl StatusOwner for SecretStore {
    fn api(client: Client, namespace: &str) -> Api<Watched<Self>> {
        Api::namespaced(client, namespace)
    }
}

impl StatusOwner for ClusterSecretStore {
    fn api(client: Client, _namespace: &str) -> Api<Watched<Self>> {
        Api::all(client)
    }
}

impl Cluster {
    /// Requests go through `client`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client that requests go through.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The Secret under `key`, or `None`.
    pub async fn secret(&self, key: &ObjectKey) -> Result<Option<Secret>, ApiError> {
        let api: Api<Secret> = self.namespaced(&key.namespace);
        bounded("read", || format!("Secret {key}"), api.get_opt(&key.name)).await
    }

    /// The ConfigMap under `key`, or `None`.
    pub async fn config_map(&self, key: &ObjectKey) -> Result<Option<ConfigMap>, ApiError> {
        let api: Api<ConfigMap> = self.namespaced(&key.namespace);
        bounded("read", || format!("ConfigMap {key}"), api.get_opt(&key.name)).await
    }

    /// The ServiceAccount under `key`, or `None`.
    pub async fn service_account(&self, key: &ObjectKey) -> Result<Option<ServiceAccount>, ApiError> {
        let api: Api<ServiceAccount> = self.namespaced(&key.namespace);
        bounded("read", || format!("ServiceAccount {key}"), api.get_opt(&key.name)).await
    }

    /// Creates `secret`, which names its namespace, under `manager`.
    pub async fn create_secret(&self, secret: &Secret, manager: &str) -> Result<Secret, ApiError> {
        let key = ObjectKey::of(&secret.metadata);
        let api: Api<Secret> = self.namespaced(&key.namespace);
        let params = PostParams { field_manager: Some(manager.to_owned()), dry_run: false };
        bounded("create", || format!("Secret {key}"), api.create(&params, secret)).await
    }

    /// Replaces `secret`, which carries the resource version it was read at, under `manager`.
    pub async fn replace_secret(&self, secret: &Secret, manager: &str) -> Result<Secret, ApiError> {
        let key = ObjectKey::of(&secret.metadata);
        let api: Api<Secret> = self.namespaced(&key.namespace);
        let params = PostParams { field_manager: Some(manager.to_owned()), dry_run: false };
        bounded("update", || format!("Secret {key}"), api.replace(&key.name, &params, secret)).await
    }

    /// Deletes the Secret under `key` if it still has `uid`. Gives false if it was gone already.
    pub async fn delete_secret(&self, key: &ObjectKey, uid: &str) -> Result<bool, ApiError> {
        let api: Api<Secret> = self.namespaced(&key.namespace);
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteParams::default()
        };
        let deleted = bounded("delete", || format!("Secret {key}"), api.delete(&key.name, &params)).await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if error.failure() == ApiFailure::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A token of ServiceAccount `key` for `audiences`, living `lifetime_seconds`.
    pub async fn service_account_token(
        &self,
        key: &ObjectKey,
        audiences: Vec<String>,
        lifetime_seconds: i64,
    ) -> Result<String, ApiError> {
        let api: Api<ServiceAccount> = self.namespaced(&key.namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences,
                expiration_seconds: Some(lifetime_seconds),
                bound_object_ref: None,
            },
            ..TokenRequest::default()
        };
        let params = PostParams::default();
        let answer = api.create_token_request(&key.name, &params, &request);
        let answer = bounded("request a token for", || format!("ServiceAccount {key}"), answer).await?;
        Ok(answer.status.map(|status| status.token).unwrap_or_default())
    }

    /// Merges `status` into the status of `key`; gives the object as it is now.
    pub async fn patch_status<K: StatusOwner>(
        &self,
        key: &ObjectKey,
        status: &Value,
    ) -> Result<Watched<K>, ApiError> {
        let api = K::api(self.client.clone(), &key.namespace);
        let patch = Patch::Merge(json!({ "status": status }));
        let params = PatchParams::default();
        let patched = api.patch_status(&key.name, &params, &patch);
        bounded("write the status of", || format!("{} {key}", K::kind(&())), patched).await
    }

    /// Replaces the finalizers of `key`, provided it still has `resource_version`; gives the object as it is
    /// now.
    pub async fn set_finalizers<K: StatusOwner>(
        &self,
        key: &ObjectKey,
        finalizers: &[String],
        resource_version: Option<&str>,
    ) -> Result<Watched<K>, ApiError> {
        let api = K::api(self.client.clone(), &key.namespace);
        let patch = Patch::Merge(
            json!({ "metadata": { "finalizers": finalizers, "resourceVersion": resource_version } }),
        );
        let params = PatchParams::default();
        let patched = api.patch(&key.name, &params, &patch);
        bounded("write the finalizers of", || format!("{} {key}", K::kind(&())), patched).await
    }

    /// Creates `event` in `namespace`; gives its name.
    pub(super) async fn create_event(&self, namespace: &str, event: &Event) -> Result<(), ApiError> {
        let api: Api<Event> = self.namespaced(namespace);
        let params = PostParams::default();
        bounded("create", || "an event".to_owned(), api.create(&params, event)).await.map(drop)
    }

    /// Merges `patch` into the event `key`.
    pub(super) async fn patch_event(&self, key: &ObjectKey, patch: Value) -> Result<(), ApiError> {
        let api: Api<Event> = self.namespaced(&key.namespace);
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = api.patch(&key.name, &params, &patch);
        bounded("update", || "an event".to_owned(), patched).await.map(drop)
    }

    fn namespaced<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}

pub(super) async fn bounded<T>(
    action: &'static str,
    object: impl Fn() -> String,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout(LIMIT, request).await {
        Ok(answer) => answer.map_err(|error| ApiError::new(action, object(), &error)),
        Err(_elapsed) => Err(ApiError::timeout(action, object(), LIMIT)),
    }
}
