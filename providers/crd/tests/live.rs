//! The shared suite against a real API server: runs where `STRONGROOM_TESTBED` names the test bed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::TryStreamExt as _;
use http::Method;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Content, Descriptor, ErrorKind, Health, Listed, Payload, RemoteKey, Resolver, Scope, SecretKeySelector,
    StoreKind, Toolbox,
};
use strongroom_provider_conformance::{Entry, Fixture, Store, StubResolver};
use strongroom_provider_crd::Crd;
use strongroom_provider_kit::remote_cluster::{Access, Ask, RemoteCluster, Server};

/// Stores that were made so far: each has a namespace of its own.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// A real API server, and namespaces of our own in it, whose ConfigMaps are the entries.
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
        let resolver: Arc<dyn Resolver> = Arc::new(resolver(StoreKind::Namespaced, &kubeconfig));
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

fn resolver(kind: StoreKind, kubeconfig: &str) -> StubResolver {
    StubResolver::new(kind).with_secret("kubeconfig", "config", kubeconfig)
}

fn settings() -> Value {
    json!({
        "authRef": { "name": "kubeconfig", "key": "config" },
        "resource": { "group": "", "version": "v1", "kind": "ConfigMap" },
        // Every namespace is given `kube-root-ca.crt`, which is no entry.
        "whitelist": { "rules": [{ "name": "^[^.]+$" }] },
    })
}

#[async_trait]
impl Fixture for Live {
    fn descriptor(&self) -> Descriptor {
        Descriptor::of::<Crd>()
    }

    async fn store(&self, entries: &[Entry]) -> Store {
        let number = STORES.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("crd-live-{}-{number}", std::process::id());
        let metadata = json!({ "metadata": { "name": namespace } });
        self.send(Method::POST, "/api/v1/namespaces".to_owned(), &metadata).await;
        self.namespaces.lock().unwrap().push(namespace.clone());
        for entry in entries {
            let data = json!({ "value": String::from_utf8(entry.value.clone()).unwrap() });
            let object = json!({ "metadata": { "name": entry.key, "labels": entry.tags }, "data": data });
            self.send(Method::POST, format!("/api/v1/namespaces/{namespace}/configmaps"), &object).await;
        }
        let resolver = resolver(StoreKind::Namespaced, &self.kubeconfig).with_caller(&namespace);
        Store { config: settings(), resolver: Arc::new(resolver), stub: None, guard: None }
    }

    fn open(&self, payload: &Payload) -> Option<String> {
        let Content::Bytes(bytes) = &payload.content else { return None };
        let object: Value = serde_json::from_slice(bytes.expose()).ok()?;
        object["data"]["value"].as_str().map(ToOwned::to_owned)
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
    redaction::canary_never_shows,
);

#[tokio::test]
async fn a_cluster_store_names_the_namespace_in_its_keys_and_reads_kinds_without_one() {
    let Some(live) = Live::find().await else { return };
    live.store(&[Entry::new("a", live.seal("x"))]).await;
    let namespace = live.namespaces.lock().unwrap()[0].clone();
    let connect = |config: Value| {
        let resolver = Arc::new(resolver(StoreKind::Cluster, &live.kubeconfig));
        async move { Descriptor::of::<Crd>().connect(config, resolver, Toolbox::default()).await.unwrap() }
    };
    let client = connect(settings()).await;
    assert_eq!(client.probe().await.unwrap(), Health::Ready);
    let key = format!("{namespace}/a");
    let read = client.read(&RemoteKey::latest(&key)).await.unwrap();
    assert_eq!(live.open(&read).as_deref(), Some("x"));
    let scope = Scope::default();
    let found: Vec<Listed> = client.list(&scope).try_collect().await.unwrap();
    assert!(found.iter().any(|listed| listed.name == key), "{found:?}");
    assert_eq!(client.read(&RemoteKey::latest("a")).await.unwrap_err().kind(), ErrorKind::InvalidPayload);

    let mut config = settings();
    config["resource"]["kind"] = "Namespace".into();
    config["whitelist"] = json!({ "rules": [{ "name": "^crd-live-" }] });
    let client = connect(config).await;
    let read = client.read(&RemoteKey::latest(&namespace)).await.unwrap();
    let Content::Bytes(bytes) = &read.content else { unreachable!("an object") };
    assert!(bytes.expose_str().unwrap().starts_with(r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"#));
    live.clear().await;
}
