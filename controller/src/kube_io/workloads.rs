//! Requests about the workloads that are restarted: looked up by their metadata, restarted by one field.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Api;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Selector};
use serde_json::{Value, json};
use strongroom_crds::WorkloadKind;

use super::requests::bounded;
use super::{ApiError, Cluster, ObjectKey};

/// The field manager of restarts.
const MANAGER: &str = "strongroom-restart";
/// The annotation of a pod template that tells when it was restarted.
const RESTARTED_AT: &str = "strongroom.dev/restarted-at";

/// What a restart needs to know of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// When it was created, to the second.
    pub created: Timestamp,
}

impl Cluster {
    /// The workload under `key`, or `None`.
    pub async fn workload(&self, kind: WorkloadKind, key: &ObjectKey) -> Result<Option<Workload>, ApiError> {
        let object = || format!("{} {key}", kind.as_str());
        let api = self.workload_api(kind, &key.namespace);
        let found = bounded("read", object, api.get_metadata_opt(&key.name)).await?;
        Ok(found.map(|found| Workload::of(found.metadata)))
    }

    /// The workloads in `namespace` that `selector` selects; none if the selector cannot be read.
    pub async fn workloads(
        &self,
        kind: WorkloadKind,
        namespace: &str,
        selector: &LabelSelector,
    ) -> Result<Vec<Workload>, ApiError> {
        let Ok(selector) = Selector::try_from(selector.clone()) else { return Ok(Vec::new()) };
        let object = || format!("{}s in {namespace}", kind.as_str());
        let params = ListParams::default().labels_from(&selector);
        let api = self.workload_api(kind, namespace);
        let found = bounded("list", object, api.list_metadata(&params)).await?;
        Ok(found.items.into_iter().map(|found| Workload::of(found.metadata)).collect())
    }

    /// Restarts the workload under `key` if it still has `uid`: its pods are replaced as its own strategy says. The same
    /// `at` once more has no effect.
    pub async fn restart_workload(
        &self,
        kind: WorkloadKind,
        key: &ObjectKey,
        uid: &str,
        at: Timestamp,
    ) -> Result<(), ApiError> {
        let object = || format!("{} {key}", kind.as_str());
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(restart_patch(kind, uid, at));
        let api = self.workload_api(kind, &key.namespace);
        bounded("restart", object, api.patch_metadata(&key.name, &params, &patch)).await.map(drop)
    }

    fn workload_api(&self, kind: WorkloadKind, namespace: &str) -> Api<DynamicObject> {
        let (group, version, plural) = match kind {
            WorkloadKind::Deployment => ("apps", "v1", "deployments"),
            WorkloadKind::StatefulSet => ("apps", "v1", "statefulsets"),
            WorkloadKind::DaemonSet => ("apps", "v1", "daemonsets"),
            WorkloadKind::Rollout => ("argoproj.io", "v1alpha1", "rollouts"),
        };
        let kind = GroupVersionKind::gvk(group, version, kind.as_str());
        Api::namespaced_with(self.client(), namespace, &ApiResource::from_gvk_with_plural(&kind, plural))
    }
}

impl Workload {
    fn of(meta: ObjectMeta) -> Self {
        Self {
            name: meta.name.unwrap_or_default(),
            uid: meta.uid.unwrap_or_default(),
            created: meta.creation_timestamp.map_or(Timestamp::MIN, |created| created.0),
        }
    }
}

/// A pod template that differs by an annotation makes new pods, as `kubectl rollout restart` does it; a Rollout has a field
/// of its own for this, which makes no new revision.
fn restart_patch(kind: WorkloadKind, uid: &str, at: Timestamp) -> Value {
    let spec = match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            json!({ "template": { "metadata": { "annotations": { RESTARTED_AT: at.to_string() } } } })
        }
        WorkloadKind::Rollout => json!({ "restartAt": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }),
    };
    json!({ "metadata": { "uid": uid }, "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_touches_one_field_of_the_workload_that_was_looked_up() {
        let at = Timestamp::new(1_767_225_600, 250_000_000).unwrap();
        assert_eq!(
            restart_patch(WorkloadKind::StatefulSet, "u", at),
            json!({
                "metadata": { "uid": "u" },
                "spec": { "template": { "metadata": { "annotations": {
                    "strongroom.dev/restarted-at": "2026-01-01T00:00:00.25Z",
                } } } },
            })
        );
        assert_eq!(
            restart_patch(WorkloadKind::Rollout, "u", at),
            json!({ "metadata": { "uid": "u" }, "spec": { "restartAt": "2026-01-01T00:00:00Z" } })
        );
    }
}
