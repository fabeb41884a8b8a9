//! The Lease of an election: read and written with the version that was read.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::requests::bounded;
use super::{ApiError, Cluster, ObjectKey};
use crate::election::Record;

impl Cluster {
    /// What the Lease `key` says, or `None`.
    pub async fn lease(&self, key: &ObjectKey) -> Result<Option<Record>, ApiError> {
        let api: Api<Lease> = Api::namespaced(self.client(), &key.namespace);
        let lease = bounded("read", || format!("Lease {key}"), api.get_opt(&key.name)).await?;
        Ok(lease.map(record))
    }

    /// Creates the Lease, or replaces the version that `record` names; gives it as it is now.
    pub async fn write_lease(&self, key: &ObjectKey, record: &Record) -> Result<Record, ApiError> {
        let api: Api<Lease> = Api::namespaced(self.client(), &key.namespace);
        let (params, lease) = (PostParams::default(), lease(key, record));
        let written = if record.version.is_some() {
            bounded("update", || format!("Lease {key}"), api.replace(&key.name, &params, &lease)).await
        } else {
            bounded("create", || format!("Lease {key}"), api.create(&params, &lease)).await
        };
        written.map(self::record)
    }
}

fn lease(key: &ObjectKey, record: &Record) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
            resource_version: record.version.clone(),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(record.holder.clone()),
            // The API server refuses less than a second.
            lease_duration_seconds: Some(i32::try_from(record.lasts.as_secs()).unwrap_or(i32::MAX).max(1)),
            acquire_time: record.acquired.map(MicroTime),
            renew_time: record.renewed.map(MicroTime),
            lease_transitions: Some(record.transitions),
            ..LeaseSpec::default()
        }),
    }
}

fn record(lease: Lease) -> Record {
    let spec = lease.spec.unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        lasts: Duration::from_secs(seconds.unwrap_or_default()),
        acquired: spec.acquire_time.map(|time| time.0),
        renewed: spec.renew_time.map(|time| time.0),
        transitions: spec.lease_transitions.unwrap_or_default(),
        version: lease.metadata.resource_version,
    }
}
