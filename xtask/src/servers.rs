//! How each server of the test bed is had: pinned releases, as Go modules behind a wrapper module of ours or as a package.

mod cyclonedx;
mod dashboard_linter;
mod etcd;
mod helm;
mod kubeconform;
mod kubernetes;
mod moto;
mod postgres;
mod prometheus;
mod python;
mod vault;

use std::path::PathBuf;

use anyhow::Result;

use crate::cache;

pub(crate) use moto::Moto;

/// The binaries of a control plane.
#[derive(Debug)]
pub(crate) struct ControlPlanePrograms {
    pub(crate) etcd: PathBuf,
    pub(crate) api_server: PathBuf,
    pub(crate) controller_manager: PathBuf,
    pub(crate) kubectl: PathBuf,
}

/// The control plane's binaries, built first if this machine has not built them before.
pub(crate) fn control_plane() -> Result<ControlPlanePrograms> {
    let kubernetes = cache::programs(&kubernetes::recipe())?;
    Ok(ControlPlanePrograms {
        etcd: cache::programs(&etcd::recipe())?.join("etcd"),
        api_server: kubernetes.join("kube-apiserver"),
        controller_manager: kubernetes.join("kube-controller-manager"),
        kubectl: kubernetes.join("kubectl"),
    })
}

/// The Vault binary, built first if this machine has not built it before.
pub(crate) fn vault() -> Result<PathBuf> {
    Ok(cache::programs(&vault::recipe())?.join("vault"))
}

/// The folder whose `bin` holds PostgreSQL, fetched first if this machine has not fetched it before.
pub(crate) fn postgres() -> Result<PathBuf> {
    postgres::home()
}

/// How to start moto, fetched first if this machine has not fetched it before.
pub(crate) fn moto() -> Result<Moto> {
    moto::program()
}

/// A Python interpreter with CycloneDX's own library, fetched first if this machine has not fetched it before.
pub(crate) fn cyclonedx() -> Result<PathBuf> {
    cyclonedx::interpreter()
}

/// The Helm binary, built first if this machine has not built it before.
pub(crate) fn helm() -> Result<PathBuf> {
    Ok(cache::programs(&helm::recipe())?.join("helm"))
}

/// The kubeconform binary, built first if this machine has not built it before.
pub(crate) fn kubeconform() -> Result<PathBuf> {
    Ok(cache::programs(&kubeconform::recipe())?.join("kubeconform"))
}

/// Prometheus and what belongs to it.
#[derive(Debug)]
pub(crate) struct PrometheusPrograms {
    pub(crate) prometheus: PathBuf,
    pub(crate) promtool: PathBuf,
}

/// Prometheus's binaries, built first if this machine has not built them before.
pub(crate) fn prometheus() -> Result<PrometheusPrograms> {
    let folder = cache::programs(&prometheus::recipe())?;
    Ok(PrometheusPrograms { prometheus: folder.join("prometheus"), promtool: folder.join("promtool") })
}

/// Grafana's linter of dashboards, built first if this machine has not built it before.
pub(crate) fn dashboard_linter() -> Result<PathBuf> {
    Ok(cache::programs(&dashboard_linter::recipe())?.join("dashboard-linter"))
}
