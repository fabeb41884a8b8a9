//! Requests about SyncPolicies.

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use strongroom_crds::SyncPolicy;

use super::requests::bounded;
use super::{ApiError, Cluster, ObjectKey, Watched};

impl Cluster {
    /// Merges `status` into the status of the SyncPolicy `key`, provided it still has `resource_version`; gives it as it is
    /// now.
    pub async fn patch_policy_status(
        &self,
        key: &ObjectKey,
        resource_version: Option<&str>,
        status: &Value,
    ) -> Result<Watched<SyncPolicy>, ApiError> {
        let api: Api<Watched<SyncPolicy>> = Api::namespaced(self.client(), &key.namespace);
        let patch =
            Patch::Merge(json!({ "metadata": { "resourceVersion": resource_version }, "status": status }));
        let params = PatchParams::default();
        let patched = api.patch_status(&key.name, &params, &patch);
        bounded("write the status of", || format!("SyncPolicy {key}"), patched).await
    }
}
