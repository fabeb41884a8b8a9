//! What the tests share: a resolver over a fixed table, a meter that remembers, a clock that is turned by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use strongroom_provider_api::{
    CaProvider, Call, CallOutcome, Clock, Error, ErrorKind, Meter, Resolver, Result, SecretBytes,
    SecretKeySelector, ServiceAccountSelector, StoreClient, StoreKind, Toolbox,
};
use strongroom_provider_vault::STORES;

/// Knows the Secrets of one namespace, as `name/key`.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) ca: Vec<u8>,
    /// Of every ServiceAccount.
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) token_requests: Mutex<Vec<(String, Vec<String>, i64)>>,
}

impl Table {
    pub(crate) fn of<const N: usize>(secrets: [(&str, &str); N]) -> Arc<Self> {
        let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Arc::new(Self { secrets: secrets.into(), ..Self::default() })
    }
}

#[async_trait]
impl Resolver for Table {
    fn store_kind(&self) -> StoreKind {
        StoreKind::Namespaced
    }

    async fn secret(&self, selector: &SecretKeySelector, default_key: Option<&str>) -> Result<SecretBytes> {
        let name = selector.name.as_deref().unwrap_or_default();
        let key = selector.key.as_deref().or(default_key).unwrap_or_default();
        let found = self.secrets.get(&format!("{name}/{key}")).map(|value| SecretBytes::from(value.as_str()));
        found.ok_or_else(|| {
            let message = format!("cannot find secret data for key: {key:?}");
            Error::new(ErrorKind::InvalidConfig, "resolve", message)
        })
    }

    async fn labelled_secret(
        &self,
        _selector: &SecretKeySelector,
        _label: (&str, &str),
    ) -> Result<BTreeMap<String, SecretBytes>> {
        Ok(BTreeMap::new())
    }

    fn caller(&self) -> Result<String> {
        Ok("caller".to_owned())
    }

    async fn service_account_token(
        &self,
        selector: &ServiceAccountSelector,
        audiences: &[String],
        lifetime_seconds: i64,
    ) -> Result<SecretBytes> {
        let all = selector.audiences.iter().chain(audiences).cloned().collect();
        self.token_requests.lock().unwrap().push((selector.name.clone(), all, lifetime_seconds));
        Ok("service-account-jwt".into())
    }

    async fn service_account_annotations(
        &self,
        _selector: &ServiceAccountSelector,
    ) -> Result<BTreeMap<String, String>> {
        Ok(self.annotations.clone())
    }

    async fn ca_bundle(&self, _provider: &CaProvider) -> Result<Vec<u8>> {
        Ok(self.ca.clone())
    }
}

/// Remembers the calls, as `Name outcome`.
#[derive(Debug, Default)]
pub(crate) struct Counted(pub(crate) Mutex<Vec<String>>);

impl Counted {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Meter for Counted {
    fn called(&self, call: Call, outcome: CallOutcome) {
        assert_eq!(call.service, "HashiCorp/Vault");
        self.0.lock().unwrap().push(format!("{} {}", call.name, outcome.as_str()));
    }
}

/// Seconds since the epoch, turned by hand.
#[derive(Debug, Default)]
pub(crate) struct Turned(pub(crate) AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// One client under test.
pub(crate) struct Bench {
    pub(crate) client: Arc<dyn StoreClient>,
    pub(crate) meter: Arc<Counted>,
    pub(crate) clock: Arc<Turned>,
}

/// A client by way of the descriptor, as the kernel makes it.
pub(crate) async fn connect(config: Value, table: Arc<Table>) -> Result<Bench> {
    let meter = Arc::new(Counted::default());
    let clock = Arc::new(Turned::default());
    let toolbox = Toolbox {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        meter: Arc::clone(&meter) as Arc<dyn Meter>,
        ..Toolbox::default()
    };
    let client = STORES[0].connect(config, table, toolbox).await?;
    Ok(Bench { client, meter, clock })
}
