//! `ClusterResolver`: the one reader of every reference in a store, bound to the store and to the caller.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kube::api::ObjectMeta;
use strongroom_provider_api::{
    CaProvider, CaProviderType, Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector,
    ServiceAccountSelector, StoreKind, is_dns_name,
};

use super::registry::{Dependant, Freshness, Interest, Reference, ReferenceKind, References, Shown};
use super::{ApiError, ApiFailure, Cluster, ObjectKey, mirror};
use crate::stores::StoreId;

/// Reads references for one store on behalf of one namespace.
///
/// It remembers what it read, or tried to, so that a change of a credential can be noticed, and whether
/// the caller's namespace was asked for: a client made without needing it serves every caller, and only such a
/// client may.
#[derive(Debug)]
pub struct ClusterResolver {
    cluster: Cluster,
    references: Arc<References>,
    store: StoreId,
    caller: Option<String>,
    trace: Mutex<Trace>,
}

#[derive(Debug, Default)]
struct Trace {
    resolved: BTreeMap<Reference, Resolved>,
    caller_needed: bool,
}

/// One object that a store's settings led to.
#[derive(Debug)]
struct Resolved {
    /// Notices changes for as long as the resolver lives.
    _interest: Interest,
    /// Before it was read, what the watch had shown; then the version that was read first.
    known: Shown,
    was_read: bool,
}

impl ClusterResolver {
    /// For `store` on behalf of `caller`, if there is one.
    pub fn new(
        cluster: Cluster,
        references: &Arc<References>,
        store: &StoreId,
        caller: Option<&str>,
    ) -> Self {
        Self {
            cluster,
            references: Arc::clone(references),
            store: store.clone(),
            caller: caller.map(ToOwned::to_owned),
            trace: Mutex::new(Trace::default()),
        }
    }

    /// True if something that was read, or could not be read, is different now. What the watch cannot tell is
    /// asked of the API server; while that does not answer, nothing counts as changed.
    pub async fn is_outdated(&self) -> bool {
        let known: Vec<_> = {
            let trace = self.trace();
            let resolved = trace.resolved.iter();
            resolved.map(|(reference, read)| (reference.clone(), read.known, read.was_read)).collect()
        };
        for (reference, known, was_read) in known {
            let changed = match self.references.freshness(&reference, known) {
                Freshness::Same => false,
                Freshness::Changed => true,
                Freshness::Unknown => self.differs(&reference, was_read.then_some(known.version)).await,
            };
            if changed {
                return true;
            }
        }
        false
    }

    /// Asks the API server; what is the same is taken to belong to the present stretch of the watch.
    async fn differs(&self, reference: &Reference, version: Option<u64>) -> bool {
        let dependant = Dependant::Store(self.store.clone());
        let (_interest, shown) = self.references.interest(reference.clone(), dependant);
        let key = &reference.key;
        let now = match reference.kind {
            ReferenceKind::Secret => {
                self.cluster.secret(key).await.map(|found| found.map(|secret| secret.metadata))
            }
            ReferenceKind::ConfigMap => {
                self.cluster.config_map(key).await.map(|found| found.map(|map| map.metadata))
            }
            // A token says nothing about the version of its account.
            ReferenceKind::ServiceAccount => return false,
            ReferenceKind::AnnotatedServiceAccount => {
                self.cluster.service_account(key).await.map(|found| found.map(|account| account.metadata))
            }
        };
        let Ok(now) = now else { return false };
        let same = now.map(|meta| mirror::number(meta.resource_version.as_deref())) == version;
        if same && let Some(read) = self.trace().resolved.get_mut(reference) {
            read.known.stretch = shown.stretch;
        }
        !same
    }

    /// True if a reference without a namespace was met in a cluster store.
    pub fn caller_needed(&self) -> bool {
        self.trace().caller_needed
    }

    /// Where a reference points, if it is allowed to.
    fn target(&self, what: &str, name: &str, namespace: Option<&str>) -> Result<ObjectKey> {
        let namespace = match (self.store.kind(), namespace) {
            // Whatever namespace a SecretStore names, its own is meant (spec eso-core 1.4).
            (StoreKind::Namespaced, _) => self.store.key.namespace.as_str(),
            (StoreKind::Cluster, Some(namespace)) => namespace,
            (StoreKind::Cluster, None) => {
                self.trace().caller_needed = true;
                let message = || {
                    format!(
                        "{what} {name:?} has no namespace, and no ExternalSecret lends its own to this check"
                    )
                };
                self.caller.as_deref().ok_or_else(|| refused(message()))?
            }
        };
        // A stored object may be older than the schema: a name with a slash would reach another API path.
        if !is_dns_name(name) || !is_dns_name(namespace) {
            return Err(refused(format!("{what} {name:?} in namespace {namespace:?} is not a legal name")));
        }
        Ok(ObjectKey::new(namespace, name))
    }

    /// Before an object is read: so that no change falls between reading and watching.
    fn expect(&self, kind: ReferenceKind, key: &ObjectKey) -> Reference {
        let reference = Reference { kind, key: key.clone() };
        let dependant = Dependant::Store(self.store.clone());
        let (interest, known) = self.references.interest(reference.clone(), dependant);
        let resolved = Resolved { _interest: interest, known, was_read: false };
        self.trace().resolved.entry(reference.clone()).or_insert(resolved);
        reference
    }

    /// The object was read. Read again later, the first version counts: part of the client is made of it.
    fn note(&self, reference: &Reference, meta: &ObjectMeta) {
        if let Some(resolved) = self.trace().resolved.get_mut(reference)
            && !resolved.was_read
        {
            resolved.was_read = true;
            resolved.known.version = mirror::number(meta.resource_version.as_deref());
        }
    }

    fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn secret_key(&self, key: &ObjectKey, data_key: &str) -> Result<SecretBytes> {
        let reference = self.expect(ReferenceKind::Secret, key);
        let mut secret = self
            .cluster
            .secret(key)
            .await
            .map_err(|error| failed("Secret", key, &error))?
            .ok_or_else(|| absent("Secret", key))?;
        self.note(&reference, &secret.metadata);
        let value = secret.data.as_mut().and_then(|data| data.remove(data_key));
        value.map(|value| SecretBytes::new(value.0)).ok_or_else(|| without_key("Secret", key, data_key))
    }

    async fn labelled(
        &self,
        key: &ObjectKey,
        (label, wanted): (&str, &str),
    ) -> Result<BTreeMap<String, SecretBytes>> {
        let reference = self.expect(ReferenceKind::Secret, key);
        let secret = match self.cluster.secret(key).await {
            Ok(secret) => secret,
            Err(error) if is_refusal(&error) => None,
            Err(error) => return Err(failed("Secret", key, &error)),
        };
        let secret = secret.ok_or_else(|| unlabelled(key, label, wanted))?;
        self.note(&reference, &secret.metadata);
        let given = secret.metadata.labels.as_ref().and_then(|labels| labels.get(label));
        if given.is_none_or(|given| given != wanted) {
            return Err(unlabelled(key, label, wanted));
        }
        let data = secret.data.unwrap_or_default().into_iter();
        Ok(data.map(|(name, value)| (name, SecretBytes::new(value.0))).collect())
    }

    async fn config_map_key(&self, key: &ObjectKey, data_key: &str) -> Result<Vec<u8>> {
        let reference = self.expect(ReferenceKind::ConfigMap, key);
        let mut map = self
            .cluster
            .config_map(key)
            .await
            .map_err(|error| failed("ConfigMap", key, &error))?
            .ok_or_else(|| absent("ConfigMap", key))?;
        self.note(&reference, &map.metadata);
        let text = map.data.as_mut().and_then(|data| data.remove(data_key)).map(String::into_bytes);
        let binary = map.binary_data.as_mut().and_then(|data| data.remove(data_key)).map(|value| value.0);
        text.or(binary).ok_or_else(|| without_key("ConfigMap", key, data_key))
    }
}

#[async_trait]
impl Resolver for ClusterResolver {
    fn store_kind(&self) -> StoreKind {
        self.store.kind()
    }

    async fn secret(&self, selector: &SecretKeySelector, default_key: Option<&str>) -> Result<SecretBytes> {
        let Some(name) = selector.name.as_deref() else {
            return Err(refused("a Secret reference has no name".to_owned()));
        };
        let target = self.target("Secret", name, selector.namespace.as_deref())?;
        let Some(data_key) = selector.key.as_deref().or(default_key) else {
            return Err(refused(format!("the reference to Secret {target} has no key")));
        };
        self.secret_key(&target, data_key).await
    }

    async fn labelled_secret(
        &self,
        selector: &SecretKeySelector,
        label: (&str, &str),
    ) -> Result<BTreeMap<String, SecretBytes>> {
        let Some(name) = selector.name.as_deref() else {
            return Err(refused("a Secret reference has no name".to_owned()));
        };
        let target = self.target("Secret", name, selector.namespace.as_deref())?;
        self.labelled(&target, label).await
    }

    fn caller(&self) -> Result<String> {
        if self.store.kind() == StoreKind::Namespaced {
            return Ok(self.store.key.namespace.clone());
        }
        self.trace().caller_needed = true;
        let message =
            "the settings ask for the caller's namespace, and no ExternalSecret lends its own to this check";
        self.caller.clone().ok_or_else(|| refused(message.to_owned()))
    }

    async fn service_account_token(
        &self,
        selector: &ServiceAccountSelector,
        audiences: &[String],
        lifetime_seconds: i64,
    ) -> Result<SecretBytes> {
        let target = self.target("ServiceAccount", &selector.name, selector.namespace.as_deref())?;
        self.expect(ReferenceKind::ServiceAccount, &target);
        let audiences = selector.audiences.iter().chain(audiences).cloned().collect();
        let token = self.cluster.service_account_token(&target, audiences, lifetime_seconds).await;
        token.map(SecretBytes::from).map_err(|error| failed("ServiceAccount", &target, &error))
    }

    async fn service_account_annotations(
        &self,
        selector: &ServiceAccountSelector,
    ) -> Result<BTreeMap<String, String>> {
        let target = self.target("ServiceAccount", &selector.name, selector.namespace.as_deref())?;
        let reference = self.expect(ReferenceKind::AnnotatedServiceAccount, &target);
        let account = self
            .cluster
            .service_account(&target)
            .await
            .map_err(|error| failed("ServiceAccount", &target, &error))?
            .ok_or_else(|| absent("ServiceAccount", &target))?;
        self.note(&reference, &account.metadata);
        Ok(account.metadata.annotations.unwrap_or_default())
    }

    async fn ca_bundle(&self, provider: &CaProvider) -> Result<Vec<u8>> {
        if self.store.cluster && provider.namespace.is_none() {
            return Err(refused("missing namespace on caProvider".to_owned()));
        }
        let target = self.target("CA provider", &provider.name, provider.namespace.as_deref())?;
        match provider.kind {
            CaProviderType::Secret => {
                let data_key = provider.key.as_deref().unwrap_or("tls.crt");
                Ok(self.secret_key(&target, data_key).await?.expose().to_vec())
            }
            CaProviderType::ConfigMap => {
                self.config_map_key(&target, provider.key.as_deref().unwrap_or("ca.crt")).await
            }
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, "resolve a reference", message)
}

fn absent(kind: &str, key: &ObjectKey) -> Error {
    refused(format!("{kind} {key} does not exist or may not be used"))
}

/// The same where it is absent: nobody learns which Secrets there are.
fn unlabelled(key: &ObjectKey, label: &str, wanted: &str) -> Error {
    refused(format!("Secret {key} does not exist, may not be used, or lacks the label {label}: {wanted}"))
}

fn without_key(kind: &str, key: &ObjectKey, data_key: &str) -> Error {
    refused(format!("cannot find secret data for key: {data_key:?} in {kind} {key}"))
}

/// Absent and forbidden look the same to whoever reads the condition.
fn failed(kind: &str, key: &ObjectKey, error: &ApiError) -> Error {
    if is_refusal(error) {
        return absent(kind, key);
    }
    Error::new(ErrorKind::Unavailable, "resolve a reference", error.to_string())
}

fn is_refusal(error: &ApiError) -> bool {
    matches!(error.failure(), ApiFailure::NotFound | ApiFailure::Forbidden | ApiFailure::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(store: &StoreId, caller: Option<&str>) -> ClusterResolver {
        let service = tower::service_fn(|_request: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(tower::BoxError::from("no request is expected"))
        });
        let cluster = Cluster::new(kube::Client::new(service, "default"));
        ClusterResolver::new(cluster, &Arc::new(References::default()), store, caller)
    }

    #[tokio::test]
    async fn a_secret_store_reaches_only_its_own_namespace() {
        let resolver = resolver(&StoreId::namespaced(ObjectKey::new("own", "store")), Some("own"));
        assert_eq!(resolver.target("Secret", "a", None).unwrap(), ObjectKey::new("own", "a"));
        assert_eq!(resolver.target("Secret", "a", Some("own")).unwrap(), ObjectKey::new("own", "a"));
        assert_eq!(resolver.target("Secret", "a", Some("foreign")).unwrap(), ObjectKey::new("own", "a"));
    }

    #[tokio::test]
    async fn a_cluster_store_reaches_the_named_namespace_or_the_callers() {
        let bound = resolver(&StoreId::cluster("store"), Some("caller"));
        assert_eq!(bound.target("Secret", "a", Some("named")).unwrap(), ObjectKey::new("named", "a"));
        assert!(!bound.caller_needed());
        assert_eq!(bound.target("Secret", "a", None).unwrap(), ObjectKey::new("caller", "a"));
        assert!(bound.caller_needed());
        let unbound = resolver(&StoreId::cluster("store"), None);
        assert!(unbound.target("Secret", "a", None).is_err() && unbound.caller_needed());
    }

    #[tokio::test]
    async fn names_that_could_reach_another_path_are_refused() {
        let resolver = resolver(&StoreId::cluster("store"), None);
        for (namespace, name) in [("ns", "../x"), ("ns/../kube-system", "x"), ("ns", "a%2fb"), ("", "x")] {
            assert!(resolver.target("Secret", name, Some(namespace)).is_err(), "{namespace} {name}");
        }
    }
}
