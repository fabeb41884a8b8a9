//! `Resolver`: a provider's only way into the cluster.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    CaProvider, Error, ErrorKind, Result, SecretBytes, SecretKeySelector, ServiceAccountSelector, StoreKind,
};

/// Reads what a store refers to. Bound at construction to one store (its kind and namespace) and to the
/// namespace of the caller.
///
/// # Guarantees
/// - A SecretStore reaches only its own namespace, whatever namespace a selector names. A ClusterSecretStore reaches the namespace that a selector
///   names, and the caller's where it names none.
/// - Forbidden and absent look the same: the error says neither which.
/// - Every name is checked to be a DNS name before it becomes part of a request.
///
/// # Errors
/// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) for a reference that cannot be satisfied;
/// [`Unavailable`](crate::ErrorKind::Unavailable) when the API server cannot be asked. Messages name the
/// reference, never a value.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Which kind of store asks.
    fn store_kind(&self) -> StoreKind;

    /// The bytes of one key of a Secret. `default_key` is used where the selector names none.
    async fn secret(&self, selector: &SecretKeySelector, default_key: Option<&str>) -> Result<SecretBytes>;

    /// All keys of a Secret that carries `label`, a name and a value. The label is its owner's consent: without
    /// it the Secret is not given. The selector's key does not matter.
    async fn labelled_secret(
        &self,
        selector: &SecretKeySelector,
        label: (&str, &str),
    ) -> Result<BTreeMap<String, SecretBytes>>;

    /// The namespace that is read for. Whoever asks gets a client that serves this namespace alone.
    fn caller(&self) -> Result<String>;

    /// A fresh token of a ServiceAccount, by TokenRequest, for the selector's audiences plus `audiences`,
    /// living `lifetime_seconds` (the API server's least is 600).
    async fn service_account_token(
        &self,
        selector: &ServiceAccountSelector,
        audiences: &[String],
        lifetime_seconds: i64,
    ) -> Result<SecretBytes>;

    /// The annotations of a ServiceAccount: clouds keep there whose identity it may take on.
    async fn service_account_annotations(
        &self,
        selector: &ServiceAccountSelector,
    ) -> Result<BTreeMap<String, String>> {
        let message = format!("ServiceAccount {:?}: its annotations cannot be read here", selector.name);
        Err(Error::new(ErrorKind::InvalidConfig, "resolve a reference", message))
    }

    /// The PEM bundle that a CA provider names.
    async fn ca_bundle(&self, provider: &CaProvider) -> Result<Vec<u8>>;
}
