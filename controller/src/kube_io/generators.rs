//! Requests about generators and about what they remember.

use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;
use strongroom_crds::names::GENERATOR_VERSION;
use strongroom_crds::{GeneratorState, generator_plural};

use jiff::Timestamp;

use super::requests::bounded;
use super::{ApiError, ApiFailure, Cluster, ObjectKey};

impl Cluster {
    /// The generator of this group and kind under `key` (without a namespace for a cluster-scoped one), or `None`.
    pub async fn generator(
        &self,
        group: &str,
        kind: &str,
        key: &ObjectKey,
    ) -> Result<Option<DynamicObject>, ApiError> {
        let known = GroupVersionKind::gvk(group, GENERATOR_VERSION, kind);
        let resource = ApiResource::from_gvk_with_plural(&known, &generator_plural(kind));
        let api: Api<DynamicObject> = if key.namespace.is_empty() {
            Api::all_with(self.client(), &resource)
        } else {
            Api::namespaced_with(self.client(), &key.namespace, &resource)
        };
        bounded("read", || format!("{kind} {key}"), api.get_opt(&key.name)).await
    }

    /// Creates `state`, which names its namespace; gives it as it was stored.
    pub async fn create_generator_state(&self, state: &GeneratorState) -> Result<GeneratorState, ApiError> {
        let namespace = state.metadata.namespace.clone().unwrap_or_default();
        let api: Api<GeneratorState> = Api::namespaced(self.client(), &namespace);
        let object = || format!("a GeneratorState in {namespace}");
        bounded("create", object, api.create(&PostParams::default(), state)).await
    }

    /// Lets the GeneratorState `key` live until `deadline`; gives it as it is now, or `None` if it is gone.
    pub async fn expire_generator_state(
        &self,
        key: &ObjectKey,
        deadline: Timestamp,
    ) -> Result<Option<GeneratorState>, ApiError> {
        // As upstream writes times: whole seconds.
        let deadline = deadline.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let patch = json!({ "spec": { "garbageCollectionDeadline": deadline } });
        self.patch_generator_state(key, &patch).await
    }

    /// Replaces the finalizers of the GeneratorState `key`, provided it still has `resource_version`.
    pub async fn set_state_finalizers(
        &self,
        key: &ObjectKey,
        finalizers: &[String],
        resource_version: Option<&str>,
    ) -> Result<Option<GeneratorState>, ApiError> {
        let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": resource_version } });
        self.patch_generator_state(key, &patch).await
    }

    /// Deletes the GeneratorState `key` if it still has `uid`. Gone already is fine.
    pub async fn delete_generator_state(&self, key: &ObjectKey, uid: &str) -> Result<(), ApiError> {
        let api: Api<GeneratorState> = Api::namespaced(self.client(), &key.namespace);
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteParams::default()
        };
        let deleted = api.delete(&key.name, &params);
        match bounded("delete", || format!("GeneratorState {key}"), deleted).await {
            Err(error) if error.failure() != ApiFailure::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn patch_generator_state(
        &self,
        key: &ObjectKey,
        patch: &serde_json::Value,
    ) -> Result<Option<GeneratorState>, ApiError> {
        let api: Api<GeneratorState> = Api::namespaced(self.client(), &key.namespace);
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = api.patch(&key.name, &params, &patch);
        match bounded("update", || format!("GeneratorState {key}"), patched).await {
            Ok(state) => Ok(Some(state)),
            Err(error) if error.failure() == ApiFailure::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
