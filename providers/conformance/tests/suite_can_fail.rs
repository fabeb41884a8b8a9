//! The suite against clients that are broken on purpose: a case that cannot fail proves nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use strongroom_provider_api::{
    Access, Capabilities, Content, Descriptor, Dialect, EmptySearch, Error, ErrorKind, JsonMap,
    MissingProperty, Payload, PropertyOrder, Provider, RemoteKey, Resolver, Result, Stability, StoreClient,
    StoreKind, Toolbox, Violation,
};
use strongroom_provider_conformance::{CANARY, Entry, Fixture, Outcome, Store, StubResolver, cases};

/// How the client misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
enum Fault {
    None,
    AbsenceIsUnavailable,
    LeaksInErrors,
    LeaksInLogs,
    ForgetsBytes,
    IgnoresVersions,
    ClaimsToList,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
struct Config {
    fault: Fault,
    entries: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Broken;

struct Client(Config);

#[async_trait]
impl Provider for Broken {
    const NAME: &'static str = "broken";
    const STABILITY: Stability = Stability::Alpha;
    type Config = Config;

    fn validate(_config: &Config, _kind: StoreKind) -> Vec<Violation> {
        Vec::new()
    }

    fn capabilities(config: &Config) -> Capabilities {
        let list = config.fault == Fault::ClaimsToList;
        Capabilities { access: Access::ReadOnly, list, list_tags: false, versions: true, metadata: false }
    }

    fn dialect(_config: &Config) -> Dialect {
        Dialect {
            property: PropertyOrder::PathOnly,
            map: JsonMap::RawText,
            missing_property: MissingProperty::NotFound,
            empty_search: EmptySearch::NoData,
            find_converts_keys: false,
        }
    }

    async fn connect(
        config: Config,
        _resolver: Arc<dyn Resolver>,
        _toolbox: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        Ok(Arc::new(Client(config)))
    }
}

#[async_trait]
impl StoreClient for Client {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let Config { fault, entries } = &self.0;
        let version = key.version.as_deref().filter(|_| *fault != Fault::IgnoresVersions);
        let name = version.map_or_else(|| key.key.clone(), |version| format!("{}@{version}", key.key));
        let Some(value) = entries.get(&name) else {
            let kind = match fault {
                Fault::AbsenceIsUnavailable => ErrorKind::Unavailable,
                _ => ErrorKind::NotFound,
            };
            return Err(Error::new(kind, "read", "nothing there").with_key(&key.key));
        };
        match fault {
            Fault::LeaksInLogs => tracing::info!(value, "read"),
            Fault::LeaksInErrors => return Err(Error::new(ErrorKind::InvalidPayload, "read", value.clone())),
            _ => {}
        }
        let kept = if *fault == Fault::ForgetsBytes { value.trim_end() } else { value };
        Ok(Payload::bytes(kept))
    }
}

struct BrokenFixture(Fault);

#[async_trait]
impl Fixture for BrokenFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Broken>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let mut held = BTreeMap::new();
        for entry in entries {
            let value = String::from_utf8_lossy(&entry.value).into_owned();
            if let Some(version) = entry.version {
                held.insert(format!("{}@{version}", entry.key), value.clone());
            }
            held.insert(entry.key.clone(), value);
        }
        Store {
            config: json!({ "fault": self.0, "entries": held }),
            resolver: Arc::new(StubResolver::new(StoreKind::Namespaced)),
            stub: None,
            guard: None,
        }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        bytes.expose_str().map(ToOwned::to_owned)
    }
}

#[tokio::test]
async fn a_sound_client_passes() {
    let sound = BrokenFixture(Fault::None);
    assert_eq!(cases::read::missing_key_is_not_found(&sound).await, Ok(Outcome::Passed));
    assert_eq!(cases::read::text_comes_back_exactly(&sound).await, Ok(Outcome::Passed));
    assert_eq!(cases::read::pinned_version_is_read(&sound).await, Ok(Outcome::Passed));
    assert_eq!(cases::redaction::canary_never_shows(&sound).await, Ok(Outcome::Passed));
    assert!(matches!(cases::list::nothing_found_is_empty(&sound).await, Ok(Outcome::NotApplicable(_))));
    assert!(matches!(cases::login::closing_ends_the_login(&sound).await, Ok(Outcome::NotApplicable(_))));
}

#[tokio::test]
async fn every_fault_is_found() {
    let unavailable = BrokenFixture(Fault::AbsenceIsUnavailable);
    assert!(cases::read::missing_key_is_not_found(&unavailable).await.is_err());
    assert!(cases::read::unknown_version_is_not_found(&unavailable).await.is_err());
    let forgetful = BrokenFixture(Fault::ForgetsBytes);
    assert!(cases::read::text_comes_back_exactly(&forgetful).await.is_err());
    let unversioned = BrokenFixture(Fault::IgnoresVersions);
    assert!(cases::read::pinned_version_is_read(&unversioned).await.is_err());
    assert!(cases::read::unknown_version_is_not_found(&unversioned).await.is_err());
    let boastful = BrokenFixture(Fault::ClaimsToList);
    assert!(cases::list::nothing_found_is_empty(&boastful).await.is_err());
}

#[tokio::test]
async fn a_leak_is_found_wherever_it_is() {
    let in_logs = cases::redaction::canary_never_shows(&BrokenFixture(Fault::LeaksInLogs)).await;
    assert!(in_logs.is_err_and(|message| message.contains(CANARY)));
    assert!(cases::redaction::canary_never_shows(&BrokenFixture(Fault::LeaksInErrors)).await.is_err());
}
