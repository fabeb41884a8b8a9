//! The kubernetes provider under the shared suite, against a stub of an API server.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

#[path = "support/stub_cluster.rs"]
mod stub_cluster;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Descriptor, Payload, StoreKind};
use strongroom_provider_conformance::{
    CANARY, Entry, Fixture, Store, StubResolver, StubServer, conformance_suite,
};
use strongroom_provider_kubernetes::Kubernetes;
use stub_cluster::{FIELD, Faster, Held, StubCluster, held};

struct KubernetesFixture;

#[async_trait]
impl Fixture for KubernetesFixture {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Kubernetes>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let held = held(entries);
        let faster = Faster::default();
        let cluster = StubCluster { held: Arc::clone(&held), faster: Arc::clone(&faster) };
        let stub = StubServer::start(cluster).await;
        let resolver = StubResolver::new(StoreKind::Namespaced).with_service_account_token(CANARY);
        Store {
            config: json!({
                "server": { "url": stub.url() },
                "auth": { "serviceAccount": { "name": "reader", "audiences": ["remote"] } },
                "remoteNamespace": "remote",
            }),
            resolver: Arc::new(resolver),
            stub: Some(stub),
            guard: Some(Box::new((held, faster))),
        }
    }

    fn seal(&self, text: &str) -> Vec<u8> {
        json!({ FIELD: text }).to_string().into_bytes()
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Fields(fields) = &payload.content else { return None };
        let value = fields.iter().find(|(name, _)| name == FIELD)?;
        value.1.expose_str().map(ToOwned::to_owned)
    }

    fn holds_any_key(&self) -> bool {
        false
    }

    async fn delete(&self, store: &Store, key: &str) -> bool {
        guard(store).0.lock().unwrap().remove(key).is_some()
    }

    async fn lose_the_race(&self, store: &Store) -> bool {
        guard(store).1.store(true, Ordering::SeqCst);
        true
    }

    fn deviations(&self) -> &[(&'static str, &'static str)] {
        &[
            ("foreign_entry_is_left_alone", "as upstream: users push into Secrets that others made"),
            ("lost_race_is_a_conflict", "the race is, but what the other made is then pushed into, too"),
        ]
    }

    fn faulty_settings(&self) -> Vec<(Value, &'static str)> {
        let auth = json!({ "serviceAccount": { "name": "reader" } });
        let server = |url: &str| json!({ "url": url });
        let settings = |server: Value, auth: Value| json!({ "server": server, "auth": auth });
        let mut elsewhere = settings(server("https://a"), auth.clone());
        elsewhere["remoteNamespace"] = json!("../kube-system");
        vec![
            (settings(server("ftp://a"), auth.clone()), "server.url"),
            (settings(json!({ "url": "https://a", "caBundle": "eA==" }), auth), "server.caBundle"),
            (settings(server("https://a"), json!({})), "auth"),
            (settings(server("https://a"), json!({ "token": {} })), "auth.token"),
            (elsewhere, "remoteNamespace"),
        ]
    }
}

fn guard(store: &Store) -> &(Held, Faster) {
    store.guard.as_ref().unwrap().downcast_ref().unwrap()
}

conformance_suite!(KubernetesFixture);
