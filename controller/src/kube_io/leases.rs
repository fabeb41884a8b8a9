//! Requests about the records of leases.

use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use strongroom_crds::SecretLease;

use super::requests::bounded;
use super::{ApiError, ApiFailure, Cluster, ObjectKey};

impl Cluster {
    /// Creates `record`, which names its namespace; gives it as it was stored.
    pub async fn create_lease(&self, record: &SecretLease) -> Result<SecretLease, ApiError> {
        let namespace = record.metadata.namespace.clone().unwrap_or_default();
        let api: Api<SecretLease> = Api::namespaced(self.client(), &namespace);
        let object = || format!("a SecretLease in {namespace}");
        bounded("create", object, api.create(&PostParams::default(), record)).await
    }

    /// Merges `status` into the status of the SecretLease `key`; gives it as it is now, or `None` if it is gone.
    pub async fn patch_lease_status(
        &self,
        key: &ObjectKey,
        status: &Value,
    ) -> Result<Option<SecretLease>, ApiError> {
        let api: Api<SecretLease> = Api::namespaced(self.client(), &key.namespace);
        let (params, patch) = (PatchParams::default(), Patch::Merge(json!({ "status": status })));
        let patched = api.patch_status(&key.name, &params, &patch);
        match bounded("write the status of", || format!("SecretLease {key}"), patched).await {
            Ok(record) => Ok(Some(record)),
            Err(error) if error.failure() == ApiFailure::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the SecretLease `key` if it still has `uid`. Gone already is fine.
    pub async fn delete_lease(&self, key: &ObjectKey, uid: &str) -> Result<(), ApiError> {
        let api: Api<SecretLease> = Api::namespaced(self.client(), &key.namespace);
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteParams::default()
        };
        let deleted = api.delete(&key.name, &params);
        match bounded("delete", || format!("SecretLease {key}"), deleted).await {
            Err(error) if error.failure() != ApiFailure::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Leaves the SecretLease `key` with these finalizers. Gone already is fine.
    pub async fn release_lease(&self, key: &ObjectKey, finalizers: &[String]) -> Result<(), ApiError> {
        let api: Api<SecretLease> = Api::namespaced(self.client(), &key.namespace);
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
        let params = PatchParams::default();
        let patched = api.patch(&key.name, &params, &patch);
        match bounded("release", || format!("SecretLease {key}"), patched).await {
            Err(error) if error.failure() != ApiFailure::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
