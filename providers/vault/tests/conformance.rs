//! The vault provider under the shared suite: version 1 and 2 against a stub, and against a real Vault where
//! `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]

#[path = "support/real_vault.rs"]
mod real_vault;
#[path = "support/stub_vault.rs"]
mod stub_vault;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, Payload, StoreKind};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver, StubServer};
use strongroom_provider_vault::STORES;
use stub_vault::{Engine, SECRET_ID, StubVault};

/// A value is a JSON object; the suite's text is one member of it.
fn sealed(text: &str) -> Vec<u8> {
    serde_json::to_vec(&json!({ "text": text })).unwrap()
}

fn opened(payload: &Payload) -> Option<String> {
    let Content::Bytes(bytes) = &payload.content else { return None };
    let value: Value = serde_json::from_slice(bytes.expose()).ok()?;
    value["text"].as_str().map(str::to_owned)
}

/// A stub of Vault with one engine.
struct StubFixture {
    version: &'static str,
}

fn engine(store: &Store) -> &Engine {
    store.guard.as_ref().and_then(|guard| guard.downcast_ref::<Arc<Engine>>()).unwrap()
}

#[async_trait]
impl Fixture for StubFixture {
    fn descriptor(&self) -> Descriptor {
        STORES[0]
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let vault = StubVault::new(self.version, entries);
        let engine = vault.engine();
        let stub = StubServer::start(vault).await;
        let app_role = json!({"roleId": "role", "secretRef": {"name": "approle", "key": "id"}});
        let resolver = StubResolver::new(StoreKind::Namespaced).with_secret("approle", "id", SECRET_ID);
        Store {
            config: json!({
                "server": stub.url(), "path": "secret", "version": self.version, "auth": {"appRole": app_role},
            }),
            resolver: Arc::new(resolver),
            stub: Some(stub),
            guard: Some(Box::new(engine)),
        }
    }

    fn seal(&self, text: &str) -> Vec<u8> {
        sealed(text)
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        opened(payload)
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        engine(store).delete(key, None)
    }

    async fn delete_version(&self, store: &Store, key: &str, version: u32) -> bool {
        self.version == "v2" && engine(store).delete(key, version.try_into().ok())
    }

    /// Version 1 has nothing to compare and set.
    async fn lose_the_race(&self, store: &Store) -> bool {
        engine(store).be_faster();
        self.version == "v2"
    }
}

mod v1 {
    strongroom_provider_conformance::conformance_suite!(super::StubFixture { version: "v1" });
}

mod v2 {
    strongroom_provider_conformance::conformance_suite!(super::StubFixture { version: "v2" });
}

/// An engine of its own in a real Vault for every store.
struct RealFixture {
    vault: RealVault,
    version: &'static str,
    engines: Mutex<Vec<String>>,
}

static ENGINES: AtomicUsize = AtomicUsize::new(0);

#[async_trait]
impl Fixture for RealFixture {
    fn descriptor(&self) -> Descriptor {
        STORES[0]
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let number = ENGINES.fetch_add(1, Ordering::SeqCst);
        let engine = format!("conformance-{}-{number}", std::process::id());
        self.engines.lock().unwrap().push(engine.clone());
        self.vault.mount(&engine, self.version.trim_start_matches('v')).await;
        for entry in entries {
            let data: Value = serde_json::from_slice(&entry.value).unwrap();
            if self.version == "v1" {
                self.vault.call("POST", &format!("{engine}/{}", entry.key), data).await;
                continue;
            }
            self.vault.write(&format!("{engine}/data/{}", entry.key), &json!({ "data": data })).await;
            let tags = json!({ "custom_metadata": entry.tags });
            self.vault.call("POST", &format!("{engine}/metadata/{}", entry.key), tags).await;
        }
        let auth = json!({"tokenSecretRef": {"name": "token", "key": "token"}});
        let resolver = StubResolver::new(StoreKind::Namespaced);
        Store {
            config: json!({
                "server": self.vault.address, "path": engine, "version": self.version, "auth": auth,
            }),
            resolver: Arc::new(resolver.with_secret("token", "token", &self.vault.root)),
            stub: None,
            guard: None,
        }
    }

    fn seal(&self, text: &str) -> Vec<u8> {
        sealed(text)
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        opened(payload)
    }
}

/// The cases that need no stub.
macro_rules! against_a_real_vault {
    ($($group:ident :: $case:ident),+ $(,)?) => {
        mod real {
            $(
                #[tokio::test]
                async fn $case() {
                    for version in ["v1", "v2"] {
                        let Some(fixture) = super::real(version) else { return };
                        let case = strongroom_provider_conformance::cases::$group::$case;
                        strongroom_provider_conformance::run(stringify!($case), &fixture, case).await;
                        fixture.clear().await;
                    }
                }
            )+
        }
    };
}

fn real(version: &'static str) -> Option<RealFixture> {
    Some(RealFixture { vault: RealVault::find()?, version, engines: Mutex::default() })
}

impl RealFixture {
    async fn clear(&self) {
        let engines = std::mem::take(&mut *self.engines.lock().unwrap());
        for engine in engines {
            self.vault.unmount(&engine).await;
        }
    }
}

against_a_real_vault!(
    read::missing_key_is_not_found,
    read::empty_value_is_a_value,
    read::text_comes_back_exactly,
    read::sixty_four_kib_come_back,
    read::unicode_key_is_found,
    read::pinned_version_is_read,
    read::unknown_version_is_not_found,
    read::parallel_reads_agree,
    list::nothing_found_is_empty,
    list::every_name_is_found_and_can_be_read,
    list::path_limits_the_search,
    list::tags_limit_the_search,
    redaction::canary_never_shows,
    write::new_entry_is_created_and_can_be_read,
    write::same_again_is_unchanged,
    write::other_value_is_an_update,
    write::fields_become_properties,
    write::property_is_set_beside_the_others,
    write::foreign_entry_is_left_alone,
    write::mark_is_known_to_later_clients,
    write::absent_entry_is_deleted_without_complaint,
    write::deleted_entry_of_ours_is_gone,
    write::property_is_deleted_and_the_last_one_takes_the_entry,
);
