//! `Found`: what the API server says about the workloads that a policy names.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use strongroom_crds::{RestartTarget, WorkloadKind};

use crate::context::Context;
use crate::kube_io::{ApiError, ObjectKey, Workload};

/// The answer for each target.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By name.
    pub named: Vec<(WorkloadKind, String, Result<Option<Workload>, ApiError>)>,
    /// By selector.
    pub listed: Vec<(WorkloadKind, LabelSelector, Result<Vec<Workload>, ApiError>)>,
}

/// What is known of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// It exists.
    Exists(Workload),
    /// It does not, or no longer has the labels.
    Missing,
    /// The API server did not say.
    Unknown,
}

impl Found {
    /// Asks for all `targets` in `namespace`.
    pub(super) async fn look(context: &Context, namespace: &str, targets: &[RestartTarget]) -> Self {
        let mut found = Self::default();
        for target in targets {
            if let Some(name) = &target.name {
                let key = ObjectKey::new(namespace, name);
                let workload = context.cluster.workload(target.kind, &key).await;
                found.named.push((target.kind, name.clone(), workload));
            } else if let Some(selector) = &target.selector {
                let workloads = context.cluster.workloads(target.kind, namespace, selector).await;
                found.listed.push((target.kind, selector.clone(), workloads));
            }
        }
        found
    }

    /// The workload `name`.
    pub(super) fn get(&self, kind: WorkloadKind, name: &str) -> Lookup {
        let by_name = self.named.iter().find(|(of, named, _)| *of == kind && named == name);
        if let Some((_, _, answer)) = by_name {
            return match answer {
                Ok(Some(workload)) => Lookup::Exists(workload.clone()),
                Ok(None) => Lookup::Missing,
                Err(_) => Lookup::Unknown,
            };
        }
        let mut unknown = false;
        for (_, _, answer) in self.listed.iter().filter(|(of, _, _)| *of == kind) {
            match answer {
                Ok(workloads) => {
                    if let Some(workload) = workloads.iter().find(|workload| workload.name == name) {
                        return Lookup::Exists(workload.clone());
                    }
                }
                Err(_) => unknown = true,
            }
        }
        if unknown { Lookup::Unknown } else { Lookup::Missing }
    }

    /// The workloads with `selector`, if the API server said.
    pub(super) fn listed(&self, kind: WorkloadKind, selector: &LabelSelector) -> Option<&[Workload]> {
        let found = self.listed.iter().find(|(of, by, _)| *of == kind && by == selector);
        found.and_then(|(_, _, answer)| answer.as_deref().ok())
    }
}
