//! The aws provider under the shared suite, both services, against a stub that checks every signature.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail this way")]

#[path = "support/elsewhere.rs"]
mod elsewhere;
#[path = "support/signature.rs"]
mod signature;
#[path = "support/stub_aws.rs"]
mod stub_aws;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, Payload, StoreKind};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver, StubServer};
use stub_aws::{KEY_ID, Shared, StubAws, held, secret_key, version_id};

const NO_RACE: &str = "AWS has no compare-and-set: a write in between is overwritten";
const NO_END: &str = "AWS's temporary credentials cannot be ended";

async fn store(service: &str, entries: &[Entry]) -> Store {
    let held = held(entries);
    let stub = StubServer::start(StubAws(Arc::clone(&held))).await;
    let resolver = StubResolver::new(StoreKind::Namespaced).with_secret("keys", "id", KEY_ID).with_secret(
        "keys",
        "secret",
        &secret_key(),
    );
    let selector = |key: &str| json!({ "name": "keys", "key": key });
    let keys =
        json!({ "accessKeyIDSecretRef": selector("id"), "secretAccessKeySecretRef": selector("secret") });
    Store {
        config: json!({
            "endpoint": stub.url(),
            "service": service,
            "region": "eu-central-1",
            "auth": { "secretRef": keys },
            "role": "arn:aws:iam::1:role/reader",
            "secretsManager": { "forceDeleteWithoutRecovery": true },
        }),
        resolver: Arc::new(resolver),
        stub: Some(stub),
        guard: Some(Box::new(held)),
    }
}

fn shared(store: &Store) -> &Shared {
    store.guard.as_ref().unwrap().downcast_ref().unwrap()
}

fn text(payload: &Payload) -> Option<String> {
    let Content::Bytes(bytes) = &payload.content else { return None };
    bytes.expose_str().map(ToOwned::to_owned)
}

fn faulty(service: &str) -> Vec<(Value, &'static str)> {
    let account = json!({ "jwt": { "serviceAccountRef": { "name": "app" } } });
    let settings = |region: &str, auth: &Value| json!({ "service": service, "region": region, "auth": auth });
    let mut tagged = settings("eu-central-1", &account);
    tagged["sessionTagsPolicy"] = json!("Custom");
    vec![
        (settings("eu-central-1/x", &account), "region"),
        (settings("eu-central-1", &json!({})), "auth"),
        (settings("eu-central-1", &json!({ "jwt": {} })), "auth.jwt"),
        (tagged, "sessionTagsPolicy"),
    ]
}

struct Secrets;

#[async_trait]
impl Fixture for Secrets {
    fn descriptor(&self) -> Descriptor {
        elsewhere::DESCRIPTOR
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        store("SecretsManager", entries).await
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        text(payload)
    }

    fn holds_any_bytes(&self) -> bool {
        true
    }

    fn version_name(&self, version: u32) -> String {
        format!("uuid/{}", version_id(version.try_into().unwrap()))
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        let mut held = shared(store).lock().unwrap();
        held.entries.get_mut(key).unwrap().deleted = true;
        true
    }

    async fn lose_the_race(&self, store: &Store) -> bool {
        shared(store).lock().unwrap().faster = true;
        true
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        faulty("SecretsManager")
    }

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[
            ("unicode_key_is_found", "names of secrets are ASCII"),
            ("lost_race_is_a_conflict", NO_RACE),
            ("closing_ends_the_login", NO_END),
        ]
    }
}

struct Parameters;

#[async_trait]
impl Fixture for Parameters {
    fn descriptor(&self) -> Descriptor {
        elsewhere::DESCRIPTOR
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        store("ParameterStore", entries).await
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        text(payload)
    }

    fn holds_any_key(&self) -> bool {
        false
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        shared(store).lock().unwrap().entries.remove(key).is_some()
    }

    async fn lose_the_race(&self, store: &Store) -> bool {
        shared(store).lock().unwrap().faster = true;
        true
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        faulty("ParameterStore")
    }

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[("lost_race_is_a_conflict", NO_RACE), ("closing_ends_the_login", NO_END)]
    }
}

mod secrets_manager {
    strongroom_provider_conformance::conformance_suite!(super::Secrets);
}

mod parameter_store {
    strongroom_provider_conformance::conformance_suite!(super::Parameters);
}
