//! An API server in memory with one namespace and a store in it, and a clock that is turned by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use kube::Resource as _;
use serde_json::{Value, json};
use strongroom_crds::names;
use strongroom_provider_api::Clock;

use super::MANAGED;
use crate::app::context_over;
use crate::context::Context;
use crate::external_secret::{reconcile, watch};
use crate::kube_io::{ObjectKey, SecretDigest, Watched};
use crate::schedule::{Job, Next};
use crate::stores::StoreView;

/// The objects of one namespace by plural and name, and what was asked.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) asked: Vec<String>,
    version: u64,
}

impl Server {
    fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(format!("{path}-{}", self.version));
        }
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = path.split_once("/namespaces/ns/").map_or(path, |(_, path)| path).to_owned();
        self.asked.push(format!("{method} {path}"));
        let failure = |code: u16, reason: &str| {
            let status = json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason });
            (code, status)
        };
        let known = self.objects.get(path.trim_end_matches("/status")).cloned();
        match (method, known) {
            ("POST", _) if path == "events" => (201, body.clone()),
            ("POST", _) => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if self.objects.contains_key(&path) {
                    return failure(409, "AlreadyExists");
                }
                (201, self.put(&path, managed(body)))
            }
            (_, None) => failure(404, "NotFound"),
            ("GET", Some(object)) => (200, object),
            ("PUT", Some(object))
                if object["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] =>
            {
                failure(409, "Conflict")
            }
            ("PUT", Some(_)) => (200, self.put(&path, managed(body))),
            ("PATCH", Some(mut object)) => {
                for part in ["metadata", "status"] {
                    for (key, value) in body[part].as_object().into_iter().flatten() {
                        object[part][key] = value.clone();
                    }
                }
                (200, self.put(path.trim_end_matches("/status"), object))
            }
            ("DELETE", Some(object)) => {
                self.objects.remove(&path);
                (200, object)
            }
            other => panic!("{other:?} {path}"),
        }
    }
}

/// `object` as the API server notes who wrote it: the ExternalSecret that owns it.
fn managed(object: &Value) -> Value {
    let mut object = object.clone();
    let owners = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    if let Some(owner) = owners.iter().find(|owner| owner["kind"] == "ExternalSecret") {
        let manager = format!("{}{}", names::FIELD_MANAGER_PREFIX, owner["name"].as_str().unwrap());
        object["metadata"]["managedFields"] = json!([{ "manager": manager, "operation": "Update" }]);
    }
    object
}

/// Stands still until it is turned.
#[derive(Debug)]
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A namespace with a store whose entry `a` is `v1`.
pub(super) struct Scene {
    context: Context,
    pub(super) server: Arc<Mutex<Server>>,
    clock: Arc<Turned>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let server = Arc::new(Mutex::new(Server::default()));
        let answering = Arc::clone(&server);
        let mut context =
            context_over(&[], move |method, path, body| answering.lock().unwrap().answer(method, path, body));
        let clock = Arc::new(Turned(AtomicI64::new(1_767_225_600)));
        context.clock = Arc::<Turned>::clone(&clock);
        let scene = Self { context, server, clock };
        scene.store("store", &json!({}), true);
        scene
    }

    pub(super) fn store(&self, name: &str, spec: &Value, ready: bool) {
        let mut store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": 1 },
            "spec": { "provider": { "fake": { "data": [{ "key": "a", "value": "v1" }] } } },
            "status": { "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
        });
        for (key, value) in spec.as_object().unwrap() {
            store["spec"][key] = value.clone();
        }
        let store = StoreView::namespaced(Watched(Ok(serde_json::from_value(store).unwrap())));
        self.context.stores.namespaced.put(store.id.key.clone(), Some("1"), store).unwrap();
    }

    /// Stores an ExternalSecret that draws `k` from the store, with `spec` over it; a stored one keeps its status.
    pub(super) fn external_secret(&self, name: &str, spec: &Value) {
        let path = format!("externalsecrets/{name}");
        let mut server = self.server.lock().unwrap();
        let old = server.objects.get(&path).cloned();
        let generation = old.as_ref().map_or(0, |old| old["metadata"]["generation"].as_i64().unwrap()) + 1;
        let mut object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": generation },
            "spec": {
                "secretStoreRef": { "name": "store" },
                "data": [{ "secretKey": "k", "remoteRef": { "key": "a" } }],
            },
        });
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        if let Some(old) = old {
            object["status"] = old["status"].clone();
            object["metadata"]["finalizers"] = old["metadata"]["finalizers"].clone();
        }
        let object: Watched<_> = serde_json::from_value(server.put(&path, object)).unwrap();
        drop(server);
        let (key, version) = (ObjectKey::new("ns", name), object.meta().resource_version.clone());
        let old = self.context.external_secrets.put(key.clone(), version.as_deref(), object).unwrap();
        let new = self.context.external_secrets.get(&key);
        watch::external_secret(&self.context, &key, old.as_deref(), new.as_deref());
    }

    /// Somebody else stores a Secret.
    pub(super) fn secret(&self, name: &str, metadata: &Value) {
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "ns" },
            "data": { "own": "b2xk" }, "type": "Opaque",
        });
        for (key, value) in metadata.as_object().unwrap() {
            secret["metadata"][key] = value.clone();
        }
        self.server.lock().unwrap().put(&format!("secrets/{name}"), secret);
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.server.lock().unwrap().objects.get(path).cloned().unwrap_or_default()
    }

    pub(super) fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.get(path);
        edit(&mut object);
        self.server.lock().unwrap().put(path, object);
    }

    /// What the watch of managed Secrets tells by now.
    pub(super) fn watched(&self) {
        let mut secrets = self.server.lock().unwrap().objects.clone();
        secrets.retain(|path, secret| {
            path.starts_with("secrets/") && secret["metadata"]["labels"][MANAGED] == "true"
        });
        let mirror = &self.context.secrets;
        let mut gone = mirror.keys_where(|_, _| true);
        for (path, secret) in secrets {
            let digest = SecretDigest::of(&serde_json::from_value(secret).unwrap());
            let key = ObjectKey::new("ns", path.trim_start_matches("secrets/"));
            gone.retain(|gone| *gone != key);
            let version = digest.resource_version.clone();
            if let Ok(old) = mirror.put(key.clone(), Some(&version), digest) {
                watch::secret(&self.context, &key, old.as_deref(), mirror.get(&key).as_deref());
            }
        }
        for key in gone {
            let old = mirror.remove(&key, None);
            watch::secret(&self.context, &key, old.as_deref(), None);
        }
    }

    pub(super) async fn attempt(&self, name: &str) -> Next {
        let job = Job { key: ObjectKey::new("ns", name), failures: 0, asked: tokio::time::Instant::now() };
        let next = reconcile(&self.context, job).await;
        self.context.outbox.emptied().await;
        next
    }

    /// Runs what waits, as often as something does; gives whom.
    pub(super) async fn settle(&self) -> Vec<String> {
        let mut ran = Vec::new();
        let moment = std::time::Duration::from_millis(50);
        while let Ok(job) = tokio::time::timeout(moment, self.context.schedule.next()).await {
            ran.push(job.key.name.clone());
            let key = job.key.clone();
            let next = reconcile(&self.context, job).await;
            self.context.schedule.finish(&key, next);
        }
        ran
    }

    pub(super) fn turn(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.server.lock().unwrap().asked)
    }

    pub(super) fn ready(&self, name: &str) -> (String, String) {
        let ready = &self.get(&format!("externalsecrets/{name}"))["status"]["conditions"][0];
        let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
        (text("status"), text("message"))
    }

    pub(super) fn binding(&self, name: &str) -> Option<String> {
        let object = self.get(&format!("externalsecrets/{name}"));
        object["status"]["binding"]["name"].as_str().map(ToOwned::to_owned)
    }
}
