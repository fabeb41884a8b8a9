//! The shared suite against a real API server: runs where `STRONGROOM_TESTBED` names the test bed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Content, Descriptor, Health, Payload, RemoteKey, Resolver, SecretKeySelector, StoreKind, Toolbox,
};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver};
use strongroom_provider_kit::remote_cluster::{Access, Ask, RemoteCluster, Server};
use strongroom_provider_kubernetes::Kubernetes;

/// The key that holds an entry's value.
const FIELD: &str = "value";

/// Stores that were made so far: each has a namespace of its own.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// A real API server, and namespaces of our own in it.
struct Live {
    cluster: RemoteCluster,
    kubeconfig: String,
    namespaces: Mutex<Vec<String>>,
}

impl Live {
    /// `None` where there is no test bed.
    async fn find() -> Option<Self> {
        let file = std::env::var_os("STRONGROOM_TESTBED")?;
        let testbed: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let kubeconfig = std::fs::read_to_string(testbed["kubeconfig"].as_str().unwrap()).unwrap();
        let resolver: Arc<dyn Resolver> = Arc::new(resolver(&kubeconfig));
        let reference = SecretKeySelector {
            name: Some("kubeconfig".to_owned()),
            key: Some("config".to_owned()),
            namespace: None,
        };
        let access = Access { server: &Server::default(), auth: None, auth_ref: Some(&reference) };
        let cluster = RemoteCluster::connect(access, &resolver, &Toolbox::default()).await.unwrap();
        Some(Self { cluster, kubeconfig, namespaces: Mutex::default() })
    }

    async fn send(&self, method: Method, path: String, body: &Value) {
        self.cluster.answer(&Ask::get("Prepare", "prepare", path).sending(method, body)).await.unwrap();
    }

    async fn clear(&self) {
        let namespaces = std::mem::take(&mut *self.namespaces.lock().unwrap());
        for namespace in namespaces {
            self.send(Method::DELETE, format!("/api/v1/namespaces/{namespace}"), &json!({})).await;
        }
    }
}

fn resolver(kubeconfig: &str) -> StubResolver {
    StubResolver::new(StoreKind::Namespaced).with_secret("kubeconfig", "config", kubeconfig)
}

#[async_trait]
impl Fixture for Live {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Kubernetes>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let number = STORES.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("kube-live-{}-{number}", std::process::id());
        let metadata = json!({ "metadata": { "name": namespace } });
        self.send(Method::POST, "/api/v1/namespaces".to_owned(), &metadata).await;
        self.namespaces.lock().unwrap().push(namespace.clone());
        for entry in entries {
            let texts: BTreeMap<String, String> = serde_json::from_slice(&entry.value).unwrap();
            let data: BTreeMap<_, _> =
                texts.into_iter().map(|(key, text)| (key, STANDARD.encode(text))).collect();
            let secret = json!({ "metadata": { "name": entry.key, "labels": entry.tags }, "data": data });
            self.send(Method::POST, format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await;
        }
        Store {
            config: json!({
                "authRef": { "name": "kubeconfig", "key": "config" }, "remoteNamespace": namespace,
            }),
            resolver: Arc::new(resolver(&self.kubeconfig)),
            stub: None,
            guard: None,
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
}

macro_rules! against_a_real_api_server {
    ($($group:ident :: $case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let Some(fixture) = Live::find().await else { return };
                let case = strongroom_provider_conformance::cases::$group::$case;
                strongroom_provider_conformance::run(stringify!($case), &fixture, case).await;
                fixture.clear().await;
            }
        )+
    };
}

against_a_real_api_server!(
    read::missing_key_is_not_found,
    read::empty_value_is_a_value,
    read::text_comes_back_exactly,
    read::sixty_four_kib_come_back,
    read::parallel_reads_agree,
    list::nothing_found_is_empty,
    list::every_name_is_found_and_can_be_read,
    list::tags_limit_the_search,
    write::new_entry_is_created_and_can_be_read,
    write::same_again_is_unchanged,
    write::other_value_is_an_update,
    write::fields_become_properties,
    write::property_is_set_beside_the_others,
    write::mark_is_known_to_later_clients,
    write::absent_entry_is_deleted_without_complaint,
    write::deleted_entry_of_ours_is_gone,
    write::property_is_deleted_and_the_last_one_takes_the_entry,
    redaction::canary_never_shows,
);

#[tokio::test]
async fn any_bytes_come_back_and_rights_are_seen() {
    let Some(live) = Live::find().await else { return };
    let keys: Vec<_> = (0..3).map(|number| format!("s-{number}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| Entry::new(key, live.seal("x"))).collect();
    let store = live.store(&entries).await;
    let namespace = live.namespaces.lock().unwrap()[0].clone();
    let bytes: Vec<u8> = (0..=255).collect();
    let secret = json!({ "metadata": { "name": "bytes" }, "data": { "all": STANDARD.encode(&bytes) } });
    live.send(Method::POST, format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await;
    let client = store.connect(&live.descriptor()).await.unwrap();
    assert_eq!(client.probe().await.unwrap(), Health::Ready);
    let read = client.read(&RemoteKey::latest("bytes")).await.unwrap();
    assert_eq!(read.content, Content::Fields(vec![("all".to_owned(), bytes.into())]));
    live.clear().await;
}
