//! `StubResolver`: serves references from memory and remembers what was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use strongroom_provider_api::{
    CaProvider, Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector, ServiceAccountSelector,
    StoreKind,
};

/// A resolver over maps; keys are `name/key`, whatever the namespace.
#[derive(Debug)]
pub struct StubResolver {
    kind: StoreKind,
    secrets: BTreeMap<String, SecretBytes>,
    token: Option<SecretBytes>,
    annotations: BTreeMap<String, String>,
    bundles: BTreeMap<String, Vec<u8>>,
    caller: String,
    asked: Mutex<Vec<String>>,
}

impl StubResolver {
    /// A resolver for a store of `kind` that knows nothing.
    pub fn new(kind: StoreKind) -> Self {
        Self {
            kind,
            secrets: BTreeMap::new(),
            token: None,
            annotations: BTreeMap::new(),
            bundles: BTreeMap::new(),
            caller: "caller".to_owned(),
            asked: Mutex::default(),
        }
    }

    /// Serves `value` as `key` of the Secret `name`.
    #[must_use]
    pub fn with_secret(mut self, name: &str, key: &str, value: &str) -> Self {
        self.secrets.insert(format!("{name}/{key}"), SecretBytes::from(value));
        self
    }

    /// Serves `token` for every ServiceAccount.
    #[must_use]
    pub fn with_service_account_token(mut self, token: &str) -> Self {
        self.token = Some(SecretBytes::from(token));
        self
    }

    /// Gives every ServiceAccount the annotation `name`.
    #[must_use]
    pub fn with_service_account_annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Serves `bundle` as the CA provider `name`.
    #[must_use]
    pub fn with_ca_bundle(mut self, name: &str, bundle: &[u8]) -> Self {
        self.bundles.insert(name.to_owned(), bundle.to_vec());
        self
    }

    /// Reads for the namespace `caller`; it is called `caller` if nothing is said.
    #[must_use]
    pub fn with_caller(mut self, caller: &str) -> Self {
        caller.clone_into(&mut self.caller);
        self
    }

    /// What was asked for so far: `secret NAME/KEY`, `token NAME [AUDIENCES]`, `account NAME`, `ca NAME`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

#[async_trait]
impl Resolver for StubResolver {
    fn store_kind(&self) -> StoreKind {
        self.kind
    }

    async fn secret(&self, selector: &SecretKeySelector, default_key: Option<&str>) -> Result<SecretBytes> {
        let name = selector.name.as_deref().unwrap_or_default();
        let key = selector.key.as_deref().or(default_key).unwrap_or_default();
        self.note(format!("secret {name}/{key}"));
        self.secrets.get(&format!("{name}/{key}")).cloned().ok_or_else(|| absent("Secret", name))
    }

    async fn labelled_secret(
        &self,
        selector: &SecretKeySelector,
        _label: (&str, &str),
    ) -> Result<BTreeMap<String, SecretBytes>> {
        let name = selector.name.as_deref().unwrap_or_default();
        self.note(format!("secret {name}"));
        let own = self.secrets.iter().filter_map(|(place, value)| {
            let (of, key) = place.split_once('/')?;
            (of == name).then(|| (key.to_owned(), value.clone()))
        });
        let found: BTreeMap<_, _> = own.collect();
        if found.is_empty() { Err(absent("Secret", name)) } else { Ok(found) }
    }

    fn caller(&self) -> Result<String> {
        self.note("caller".to_owned());
        Ok(self.caller.clone())
    }

    async fn service_account_token(
        &self,
        selector: &ServiceAccountSelector,
        audiences: &[String],
        _lifetime_seconds: i64,
    ) -> Result<SecretBytes> {
        let audiences: Vec<_> = selector.audiences.iter().chain(audiences).cloned().collect();
        self.note(format!("token {} [{}]", selector.name, audiences.join(",")));
        self.token.clone().ok_or_else(|| absent("ServiceAccount", &selector.name))
    }

    async fn service_account_annotations(
        &self,
        selector: &ServiceAccountSelector,
    ) -> Result<BTreeMap<String, String>> {
        self.note(format!("account {}", selector.name));
        Ok(self.annotations.clone())
    }

    async fn ca_bundle(&self, provider: &CaProvider) -> Result<Vec<u8>> {
        self.note(format!("ca {}", provider.name));
        self.bundles.get(&provider.name).cloned().ok_or_else(|| absent("CA provider", &provider.name))
    }
}

fn absent(kind: &str, name: &str) -> Error {
    let message = format!("{kind} {name:?} does not exist or may not be used");
    Error::new(ErrorKind::InvalidConfig, "resolve a reference", message)
}
