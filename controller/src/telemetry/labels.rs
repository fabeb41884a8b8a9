//! What tells the series of a metric apart, with upstream's names where they mean the same (spec eso-core 8).

use prometheus_client::encoding::EncodeLabelSet;

use crate::kube_io::ObjectKey;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    pub(super) name: String,
    pub(super) namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConditionLabels {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) condition: &'static str,
    pub(super) status: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) provider: &'static str,
    pub(super) call: &'static str,
    pub(super) status: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LoadLabels {
    pub(super) controller: &'static str,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LaneLabels {
    pub(super) controller: &'static str,
    pub(super) lane: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LeaseLabels {
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RestartLabels {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabels {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SourceLabels {
    pub(super) source: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControllerLabels {
    pub(super) controller: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReadyLabels {
    pub(super) ready: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BreakerLabels {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) state: &'static str,
}

/// Of a metric about the object `key`.
pub(super) fn object(key: &ObjectKey) -> ObjectLabels {
    ObjectLabels { name: key.name.clone(), namespace: key.namespace.clone() }
}

/// Of the condition `Ready` of the object `key`.
pub(super) fn condition(key: &ObjectKey, status: &'static str) -> ConditionLabels {
    ConditionLabels { name: key.name.clone(), namespace: key.namespace.clone(), condition: "Ready", status }
}
