//! `Register`: takes metrics into the registry under their names, with an example each for the documentation.

use std::hash::Hash;

use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

/// What a metric shows before anything was measured.
pub(super) trait Example {
    /// Shows one sample with empty labels, where there are labels.
    fn show(&self);
}

impl<N, A> Example for Gauge<N, A> {
    fn show(&self) {}
}

impl<S: Clone + Default + Eq + Hash, M: Clone, C: MetricConstructor<M>> Example for Family<S, M, C> {
    fn show(&self) {
        let _ = self.get_or_create_owned(&S::default());
    }
}

/// Where metrics are registered.
pub(super) struct Register {
    registry: Registry,
    /// Whether each metric shows a sample.
    examples: bool,
}

impl Register {
    /// One that goes on with `registry`; with `examples`, each metric shows a sample.
    pub(super) fn over(registry: Registry, examples: bool) -> Self {
        Self { registry, examples }
    }

    /// What was registered.
    pub(super) fn into_registry(self) -> Registry {
        self.registry
    }
}

/// A metric at its start, shown under `name`.
pub(super) fn registered<M>(register: &mut Register, name: &str, help: &str) -> M
where
    M: Metric + Clone + Default + Example,
{
    registered_as(register, name, help, M::default())
}

/// `metric`, shown under `name`.
pub(super) fn registered_as<M: Metric + Clone + Example>(
    register: &mut Register,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    if register.examples {
        metric.show();
    }
    register.registry.register(name, help, metric.clone());
    metric
}
