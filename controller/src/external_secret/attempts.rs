//! Whole attempts over an API server in memory: what becomes of a target that is there already, what is told of it, and
//! how many requests that takes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use kube::Resource as _;
use serde_json::{Value, json};
use strongroom_provider_api::Clock;

use super::{reconcile, watch};
use crate::app::context_over;
use crate::context::Context;
use crate::kube_io::{ObjectKey, SecretDigest, Watched};
use crate::schedule::{Job, Next};
use crate::stores::StoreView;

const MANAGED: &str = "reconcile.external-secrets.io/managed";
const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";

/// The objects of one namespace by plural and name, and what was asked.
#[derive(Debug, Default)]
struct Server {
    objects: BTreeMap<String, Value>,
    asked: Vec<String>,
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
                (201, self.put(&path, body.clone()))
            }
            (_, None) => failure(404, "NotFound"),
            ("GET", Some(object)) => (200, object),
            ("PUT", Some(object))
                if object["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] =>
            {
                failure(409, "Conflict")
            }
            ("PUT", Some(_)) => (200, self.put(&path, body.clone())),
            ("PATCH", Some(mut object)) => {
                let status = &mut object["status"];
                for (key, value) in body["status"].as_object().unwrap() {
                    status[key] = value.clone();
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

/// Stands still until it is turned.
#[derive(Debug)]
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A namespace with a store whose entry `a` is `v1`.
struct Scene {
    context: Context,
    server: Arc<Mutex<Server>>,
    clock: Arc<Turned>,
}

impl Scene {
    fn new() -> Self {
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

    fn store(&self, name: &str, spec: &Value, ready: bool) {
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
    fn external_secret(&self, name: &str, spec: &Value) {
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
        }
        let object: Watched<_> = serde_json::from_value(server.put(&path, object)).unwrap();
        drop(server);
        let (key, version) = (ObjectKey::new("ns", name), object.meta().resource_version.clone());
        let old = self.context.external_secrets.put(key.clone(), version.as_deref(), object).unwrap();
        let new = self.context.external_secrets.get(&key);
        watch::external_secret(&self.context, &key, old.as_deref(), new.as_deref());
    }

    /// Somebody else stores a Secret.
    fn secret(&self, name: &str, metadata: &Value) {
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "ns" },
            "data": { "own": "b2xk" }, "type": "Opaque",
        });
        for (key, value) in metadata.as_object().unwrap() {
            secret["metadata"][key] = value.clone();
        }
        self.server.lock().unwrap().put(&format!("secrets/{name}"), secret);
    }

    fn get(&self, path: &str) -> Value {
        self.server.lock().unwrap().objects.get(path).cloned().unwrap_or_default()
    }

    fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.get(path);
        edit(&mut object);
        self.server.lock().unwrap().put(path, object);
    }

    /// What the watch of managed Secrets tells by now.
    fn watched(&self) {
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

    async fn attempt(&self, name: &str) -> Next {
        let job = Job { key: ObjectKey::new("ns", name), failures: 0, asked: tokio::time::Instant::now() };
        let next = reconcile(&self.context, job).await;
        self.context.outbox.emptied().await;
        next
    }

    /// Runs what waits, as often as something does; gives whom.
    async fn settle(&self) -> Vec<String> {
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

    fn turn(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.server.lock().unwrap().asked)
    }

    fn ready(&self, name: &str) -> (String, String) {
        let ready = &self.get(&format!("externalsecrets/{name}"))["status"]["conditions"][0];
        let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
        (text("status"), text("message"))
    }

    fn binding(&self, name: &str) -> Option<String> {
        let object = self.get(&format!("externalsecrets/{name}"));
        object["status"]["binding"]["name"].as_str().map(ToOwned::to_owned)
    }
}

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    let group = if kind == "ExternalSecret" { "external-secrets.io/v1" } else { "v1" };
    json!([{ "apiVersion": group, "kind": kind, "name": name, "uid": uid, "controller": true }])
}

fn broken(policy: &str) -> Value {
    json!({ "target": { "creationPolicy": policy, "template": { "data": { "k": "{{ .nope }}" } } } })
}

const MISSING: &str = r#"{ "data": [{ "secretKey": "k", "remoteRef": { "key": "nope" } }] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_there_already_is_labelled_where_nothing_else_is_written() {
    let missing: Value = serde_json::from_str(MISSING).unwrap();
    let nothing = json!({ "data": [], "dataFrom": [{ "find": { "name": { "regexp": "nope" } } }] });
    let not_ready = json!({ "secretStoreRef": { "name": "cold" } });
    let deployment = json!({ "ownerReferences": owner("ConfigMap", "other", "o") });
    for (row, spec, metadata, ready) in [
        ("None", json!({ "target": { "creationPolicy": "None" } }), json!({}), "True"),
        ("an entry is missing", missing, json!({}), "False"),
        ("the template is broken", broken("Owner"), json!({}), "False"),
        ("the store is not ready", not_ready, json!({}), "False"),
        ("there is no data", nothing, json!({}), "True"),
        ("another controller owns it", json!({}), deployment, "False"),
        ("the label has another value", broken("Owner"), json!({ "labels": { MANAGED: "false" } }), "False"),
    ] {
        let scene = Scene::new();
        scene.store("cold", &json!({}), false);
        scene.secret("es", &metadata);
        scene.external_secret("es", &spec);
        scene.attempt("es").await;
        let secret = scene.get("secrets/es");
        assert_eq!(scene.ready("es").0, ready, "{row}: {:?}", scene.ready("es"));
        assert_eq!(secret["metadata"]["labels"], json!({ MANAGED: "true" }), "{row}");
        assert_eq!(secret["data"], json!({ "own": "b2xk" }), "{row}");
        // Nobody looks again at each attempt that tells nothing new.
        scene.asked();
        scene.attempt("es").await;
        let asked = scene.asked();
        let writes = asked.iter().filter(|request| request.starts_with("PUT")).count();
        assert_eq!(writes, 0, "{row}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_costs_the_good_path_nothing_and_a_failure_one_read() {
    let scene = Scene::new();
    scene.external_secret("es", &json!({}));
    scene.attempt("es").await;
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, ["PATCH externalsecrets/es/status", "POST events", "POST secrets"]);

    scene.external_secret("failing", &serde_json::from_str(MISSING).unwrap());
    scene.attempt("failing").await;
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, ["GET secrets/failing", "PATCH externalsecrets/failing/status", "POST events"]);
    scene.turn(10);
    scene.attempt("failing").await;
    assert_eq!(scene.asked(), Vec::<String>::new(), "it is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_minds_a_broken_template_where_its_content_is_not_written() {
    let scene = Scene::new();
    scene.external_secret("none", &broken("None"));
    scene.attempt("none").await;
    assert_eq!(scene.ready("none"), ("True".to_owned(), "secret synced".to_owned()));
    assert_eq!(scene.binding("none"), None);

    scene.external_secret("merge", &broken("Merge"));
    scene.attempt("merge").await;
    assert_eq!(scene.ready("merge").0, "True");
    assert!(scene.ready("merge").1.starts_with("secret will not be created"), "{:?}", scene.ready("merge"));

    let mut frozen = broken("Owner");
    frozen["target"]["immutable"] = json!(true);
    scene.secret("frozen", &json!({ "labels": { MANAGED: "true" } }));
    scene.watched();
    scene.external_secret("frozen", &frozen);
    scene.attempt("frozen").await;
    assert_eq!(scene.ready("frozen"), ("True".to_owned(), "secret synced".to_owned()));
    let secret = scene.get("secrets/frozen");
    assert_eq!((&secret["data"], &secret["immutable"]), (&json!({ "own": "b2xk" }), &json!(true)));
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "frozen");
    // One that is not there is made, and that takes content.
    scene.server.lock().unwrap().objects.remove("secrets/frozen");
    scene.external_secret("frozen", &frozen);
    scene.attempt("frozen").await;
    assert_eq!(scene.get("secrets/frozen"), Value::Null, "no empty Secret");
    assert_eq!(scene.ready("frozen").0, "False");

    let taken =
        json!({ "labels": { MANAGED: "true" }, "ownerReferences": owner("ExternalSecret", "one", "1") });
    scene.secret("taken", &taken);
    scene.watched();
    scene.external_secret("taken", &broken("Merge"));
    scene.attempt("taken").await;
    assert!(scene.ready("taken").1.contains("owned by"), "{:?}", scene.ready("taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_exists_is_bound_though_it_could_not_be_written() {
    for labels in [json!({}), json!({ MANAGED: "true" })] {
        let scene = Scene::new();
        scene.secret("es", &json!({ "labels": labels }));
        scene.watched();
        scene.external_secret("es", &broken("Owner"));
        scene.attempt("es").await;
        assert_eq!(scene.ready("es").0, "False");
        assert_eq!(scene.binding("es").as_deref(), Some("es"), "{labels}");
    }
    let scene = Scene::new();
    scene.external_secret("es", &broken("Owner"));
    scene.attempt("es").await;
    assert_eq!(scene.binding("es"), None, "there is nothing to bind");
    scene.secret("late", &json!({}));
    scene.external_secret("late", &serde_json::from_str(MISSING).unwrap());
    scene.attempt("late").await;
    assert_eq!(scene.binding("late"), None, "it was not about to be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_asks_for_nothing_is_passed_over() {
    let scene = Scene::new();
    for (name, data_from) in [
        ("empty", json!([{}])),
        ("store-only", json!([{ "sourceRef": { "storeRef": { "name": "store" } } }])),
        ("rewrite-only", json!([{ "rewrite": [{ "regexp": { "source": "a", "target": "b" } }] }])),
    ] {
        scene.external_secret(name, &json!({ "data": [], "dataFrom": data_from }));
        scene.attempt(name).await;
        let (ready, message) = scene.ready(name);
        assert!(ready == "True" && message.starts_with("secret retained"), "{name}: {message}");
        assert_eq!(scene.get(&format!("secrets/{name}")), Value::Null);
        let beside = format!("{name}-beside");
        scene.external_secret(&beside, &json!({ "dataFrom": data_from }));
        scene.attempt(&beside).await;
        assert_eq!(scene.get(&format!("secrets/{beside}"))["data"], json!({ "k": "djE=" }), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_class_makes_the_object_anothers_though_nothing_is_read_from_it() {
    let scene = Scene::new();
    scene.store("foreign", &json!({ "controller": "other" }), true);
    let own = json!({ "storeRef": { "name": "store" } });
    let data = json!([{ "secretKey": "k", "remoteRef": { "key": "a" }, "sourceRef": own }]);
    scene.external_secret("default", &json!({ "secretStoreRef": { "name": "foreign" }, "data": data }));
    let unread = json!([{ "sourceRef": { "storeRef": { "name": "foreign" } } }]);
    scene.external_secret("unread", &json!({ "dataFrom": unread }));
    scene.external_secret("unknown", &json!({ "secretStoreRef": { "name": "nosuch" }, "data": data }));
    for (name, ours) in [("default", false), ("unread", false), ("unknown", true)] {
        scene.attempt(name).await;
        assert_eq!(!scene.get(&format!("externalsecrets/{name}"))["status"].is_null(), ours, "{name}");
        assert_eq!(!scene.get(&format!("secrets/{name}")).is_null(), ours, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_target_of_another_gets_it_when_that_one_gives_it_up() {
    let scene = Scene::new();
    let shared = |policy: &str| json!({ "target": { "name": "shared", "creationPolicy": policy } });
    scene.external_secret("one", &shared("Owner"));
    scene.settle().await;
    scene.external_secret("two", &shared("Owner"));
    scene.settle().await;
    scene.watched();
    scene.settle().await;
    assert_eq!((scene.ready("one").0.as_str(), scene.ready("two").0.as_str()), ("True", "False"));
    scene.external_secret("one", &shared("Orphan"));
    let ran = scene.settle().await;
    assert_eq!(ran, ["one", "two", "one"], "each hears of the other's write");
    assert_eq!(scene.ready("two").0, "True");
    assert_eq!(scene.get("secrets/shared")["metadata"]["ownerReferences"][0]["name"], "two");
    scene.watched();
    assert_eq!(scene.settle().await, Vec::<String>::new(), "our own writes wake nobody twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_merges_into_a_target_hears_of_its_end() {
    let scene = Scene::new();
    scene.secret("one", &json!({}));
    scene.external_secret("one", &json!({ "target": { "creationPolicy": "Merge" } }));
    scene.external_secret("two", &json!({ "target": { "name": "one", "creationPolicy": "Merge" } }));
    scene.settle().await;
    scene.watched();
    scene.settle().await;
    scene.server.lock().unwrap().objects.remove("secrets/one");
    scene.watched();
    let mut ran = scene.settle().await;
    ran.sort();
    ran.dedup();
    assert_eq!(ran, ["one", "two"]);
    for name in ["one", "two"] {
        assert!(
            scene.ready(name).1.starts_with("secret will not be created"),
            "{name}: {:?}",
            scene.ready(name)
        );
    }
    // Who has moved on hears no more.
    scene.external_secret("two", &json!({ "target": { "name": "elsewhere", "creationPolicy": "Merge" } }));
    scene.settle().await;
    scene.secret("one", &json!({ "labels": { MANAGED: "true" } }));
    scene.watched();
    assert_eq!(scene.settle().await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_left_under_an_earlier_name_goes_when_the_object_owns_again() {
    let scene = Scene::new();
    let target = |name: &str, policy: &str| json!({ "target": { "name": name, "creationPolicy": policy } });
    scene.external_secret("es", &target("a", "Owner"));
    scene.attempt("es").await;
    assert!(scene.get("secrets/a")["metadata"]["labels"][CREATED_BY].is_string());
    scene.external_secret("es", &target("b", "Orphan"));
    scene.attempt("es").await;
    assert!(!scene.get("secrets/a").is_null(), "nothing is deleted under Orphan");
    scene.external_secret("es", &target("b", "Owner"));
    scene.attempt("es").await;
    assert_eq!(scene.ready("es").0, "True");
    assert_eq!(scene.get("secrets/a"), Value::Null);
    assert!(!scene.get("secrets/b").is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_with_another_value_is_as_good_as_none() {
    let scene = Scene::new();
    scene.external_secret("es", &json!({}));
    scene.attempt("es").await;
    scene.watched();
    scene.turn(60);
    scene.edit("secrets/es", |secret| secret["metadata"]["labels"][MANAGED] = json!("false"));
    scene.watched();
    let before = scene.get("secrets/es");
    scene.attempt("es").await;
    assert_eq!(scene.get("secrets/es"), before, "who took it off is heeded until the next refresh");
    scene.turn(3600);
    scene.attempt("es").await;
    assert_eq!(scene.get("secrets/es")["metadata"]["labels"][MANAGED], "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_refresh_that_nothing_but_the_interval_asked_for_may_go_untold() {
    let scene = Scene::new();
    let spec = json!({ "refreshInterval": "15s", "target": { "creationPolicy": "None" } });
    scene.external_secret("es", &spec);
    let told = || scene.get("externalsecrets/es")["status"]["refreshTime"].clone();
    scene.attempt("es").await;
    let first = told();
    scene.turn(20);
    scene.attempt("es").await;
    assert_eq!(told(), first, "the interval has passed");
    scene.turn(5);
    // Something happened to the target.
    scene.attempt("es").await;
    assert_eq!(told(), "2026-01-01T00:00:25Z");
}
