//! Whole attempts with a generator that keeps state: recorded, followed, undone. None that is built in keeps any, so a
//! double stands in for a kind that is not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Clock, Error, ErrorKind, Generated, Generator, GeneratorClient, GeneratorDescriptor, Resolver, Result,
    Stability, Toolbox, Violation,
};

use super::Registry;
use crate::app::context_over;
use crate::context::Context;
use crate::kube_io::{ObjectKey, Watched};
use crate::schedule::{Job, Next};

/// Hands out numbered tokens, and takes them back.
struct Tokens;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct TokensSpec {
    /// Each test has a service of its own.
    service: String,
    #[serde(default)]
    illegal_key: bool,
}

#[derive(Default)]
struct Service {
    given: u32,
    live: Vec<u32>,
    takes_nothing_back: bool,
}

static SERVICES: Mutex<BTreeMap<String, Service>> = Mutex::new(BTreeMap::new());

fn service<R>(name: &str, work: impl FnOnce(&mut Service) -> R) -> R {
    work(SERVICES.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default())
}

#[async_trait]
impl Generator for Tokens {
    const KIND: &'static str = "Grafana";
    const STABILITY: Stability = Stability::Alpha;
    type Spec = TokensSpec;

    fn validate(_: &TokensSpec) -> Vec<Violation> {
        Vec::new()
    }

    async fn connect(
        _: TokensSpec,
        _: Arc<dyn Resolver>,
        _: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<TokensSpec>>> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl GeneratorClient<TokensSpec> for Tokens {
    async fn generate(&self, spec: &TokensSpec) -> Result<Generated> {
        let number = service(&spec.service, |service| {
            service.given += 1;
            service.live.push(service.given);
            service.given
        });
        let key = if spec.illegal_key { "to/ken" } else { "token" };
        let generated = Generated::fields([(key, format!("token {number}"))]);
        Ok(Generated { state: Some(json!({ "number": number })), ..generated })
    }

    async fn discard(&self, spec: &TokensSpec, state: &Value) -> Result<()> {
        let number = state["number"].as_u64().unwrap();
        service(&spec.service, |service| {
            if service.takes_nothing_back {
                return Err(Error::new(ErrorKind::Unavailable, "delete a token", "the service answered 503"));
            }
            service.live.retain(|live| u64::from(*live) != number);
            Ok(())
        })
    }
}

/// Objects by path, as an API server keeps them.
#[derive(Default)]
struct Objects {
    by_path: BTreeMap<String, Value>,
    version: u64,
    refuses_secrets: bool,
}

const ES: &str = "/apis/external-secrets.io/v1/namespaces/ns/externalsecrets/es";
const STATES: &str = "/apis/generators.external-secrets.io/v1alpha1/namespaces/ns/generatorstates";
const SECRETS: &str = "/api/v1/namespaces/ns/secrets";

impl Objects {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let absent = |code: u16| (code, json!({ "kind": "Status", "apiVersion": "v1", "code": code }));
        self.version += 1;
        if path.contains("/events") {
            return (201, body.clone());
        }
        if path.starts_with(SECRETS) && method != "GET" && self.refuses_secrets {
            return absent(503);
        }
        let at = path.trim_end_matches("/status").to_owned();
        let version = self.version.to_string();
        match method {
            "POST" => {
                let mut object = body.clone();
                let meta = &mut object["metadata"];
                if let Some(prefix) = meta["generateName"].as_str().map(ToOwned::to_owned) {
                    meta["name"] = format!("{prefix}{version}").into();
                }
                meta["uid"] = format!("uid-{version}").into();
                meta["resourceVersion"] = version.into();
                let at = format!("{at}/{}", meta["name"].as_str().unwrap());
                self.by_path.insert(at, object.clone());
                (201, object)
            }
            "DELETE" => {
                let Some(object) = self.by_path.get_mut(&at) else { return absent(404) };
                object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
                object["metadata"]["resourceVersion"] = version.into();
                (200, object.clone())
            }
            "PATCH" | "PUT" => {
                let Some(object) = self.by_path.get_mut(&at) else { return absent(404) };
                if method == "PUT" {
                    *object = body.clone();
                } else {
                    merge(object, body);
                }
                object["metadata"]["resourceVersion"] = version.into();
                let object = object.clone();
                let meta = &object["metadata"];
                if !meta["deletionTimestamp"].is_null()
                    && meta["finalizers"].as_array().is_none_or(Vec::is_empty)
                {
                    self.by_path.remove(&at);
                }
                (200, object)
            }
            _ => self.by_path.get(&at).map_or_else(|| absent(404), |object| (200, object.clone())),
        }
    }
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// A cluster with one ExternalSecret that draws from a generator.
struct Scene {
    context: Context,
    objects: Arc<Mutex<Objects>>,
    clock: Arc<Turned>,
    edits: i64,
}

#[derive(Debug)]
struct Turned(Mutex<jiff::Timestamp>);

impl Clock for Turned {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Scene {
    fn new(spec: &Value, flags: &[&str]) -> Self {
        let objects = Arc::new(Mutex::new(Objects::default()));
        let answers = Arc::clone(&objects);
        let mut context =
            context_over(flags, move |method, path, body| answers.lock().unwrap().answer(method, path, body));
        context.generators = Registry::default().with(GeneratorDescriptor::of::<Tokens>());
        let clock = Arc::new(Turned(Mutex::new("2026-01-01T00:00:00Z".parse().unwrap())));
        context.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        context.generator_states.stay_empty();
        let generator = json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "Grafana",
            "metadata": { "name": "g", "namespace": "ns" }, "spec": spec,
        });
        let at = "/apis/generators.external-secrets.io/v1alpha1/namespaces/ns/grafanas/g";
        objects.lock().unwrap().by_path.insert(at.to_owned(), generator);
        let reference = json!({ "kind": "Grafana", "name": "g" });
        let external_secret = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": "es", "namespace": "ns", "uid": "es-uid", "resourceVersion": "1" },
            "spec": { "dataFrom": [{ "sourceRef": { "generatorRef": reference } }] },
        });
        objects.lock().unwrap().by_path.insert(ES.to_owned(), external_secret);
        Self { context, objects, clock, edits: 0 }
    }

    /// The ExternalSecret is edited, which asks for a sync, and synced.
    async fn sync(&mut self) -> Next {
        self.edits += 1;
        let object = {
            let mut objects = self.objects.lock().unwrap();
            objects.version += 1;
            let version = objects.version.to_string();
            let object = objects.by_path.get_mut(ES).unwrap();
            object["metadata"]["generation"] = self.edits.into();
            object["metadata"]["resourceVersion"] = version.into();
            object.clone()
        };
        let key = ObjectKey::new("ns", "es");
        let version = object["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let watched = serde_json::from_value(object).unwrap();
        let _ = self.context.external_secrets.put(key.clone(), Some(&version), watched);
        let job = Job { key, asked: tokio::time::Instant::now(), failures: 0 };
        crate::external_secret::reconcile(&self.context, job).await
    }

    /// Every GeneratorState is looked at until nothing more changes, as its watch would have it.
    async fn collect(&self) {
        for _ in 0..4 {
            let states: Vec<_> = self.states();
            for state in states {
                let version = state["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
                let key = ObjectKey::new("ns", state["metadata"]["name"].as_str().unwrap());
                let state = Watched(Ok(serde_json::from_value(state).unwrap()));
                let _ = self.context.generator_states.put(key.clone(), Some(&version), state);
                let job = Job { key: key.clone(), asked: tokio::time::Instant::now(), failures: 0 };
                super::reconcile(&self.context, job).await;
                let at = format!("{STATES}/{}", key.name);
                if !self.objects.lock().unwrap().by_path.contains_key(&at) {
                    self.context.generator_states.remove(&key, None);
                }
            }
        }
    }

    fn states(&self) -> Vec<Value> {
        let objects = self.objects.lock().unwrap();
        let mut states: Vec<_> = objects
            .by_path
            .iter()
            .filter(|(path, _)| path.starts_with(STATES))
            .map(|(_, it)| it.clone())
            .collect();
        states.sort_by_key(|state| state["spec"]["state"]["number"].as_u64());
        states
    }

    fn deadlines(&self) -> Vec<(u64, Option<String>)> {
        let deadline = |spec: &Value| spec["garbageCollectionDeadline"].as_str().map(ToOwned::to_owned);
        let states = self.states();
        states
            .iter()
            .map(|it| (it["spec"]["state"]["number"].as_u64().unwrap(), deadline(&it["spec"])))
            .collect()
    }

    fn token(&self) -> Option<String> {
        let objects = self.objects.lock().unwrap();
        let secret = objects.by_path.get(&format!("{SECRETS}/es"))?;
        secret["data"]["token"].as_str().map(ToOwned::to_owned)
    }

    fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::try_from(time).unwrap()).unwrap();
    }
}

fn live(name: &str) -> Vec<u32> {
    service(name, |service| service.live.clone())
}

#[tokio::test]
async fn what_was_made_is_recorded_followed_and_undone_after_its_grace() {
    let mut scene = Scene::new(&json!({ "service": "followed" }), &["--generator-gc-grace-period=5m"]);
    scene.sync().await;
    assert_eq!(scene.token().as_deref(), Some("dG9rZW4gMQ=="), "token 1");
    let state = scene.states().remove(0);
    let meta = &state["metadata"];
    assert!(meta["name"].as_str().unwrap().starts_with("gen-externalsecret-es-"), "{meta}");
    let owner = crate::hash::text("ExternalSecret-ns-es-0");
    assert_eq!(meta["labels"], json!({ "generators.external-secrets.io/owner-key": owner }));
    let owner = &meta["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["uid"]), (&"ExternalSecret".into(), &"es-uid".into()));
    assert!(owner.get("controller").is_none(), "{owner}");
    assert_eq!(state["spec"]["resource"]["kind"], "Grafana");
    assert!(!state.to_string().contains("token 1"), "{state}");

    scene.pass(Duration::from_mins(1));
    scene.sync().await;
    assert_eq!(scene.deadlines(), [(1, None), (2, None)], "who has the last token may still use it");
    scene.sync().await;
    let deadline = Some("2026-01-01T00:06:00Z".to_owned());
    assert_eq!(scene.deadlines(), [(1, deadline.clone()), (2, None), (3, None)]);
    scene.collect().await;
    assert_eq!(live("followed"), [1, 2, 3]);
    scene.pass(Duration::from_secs(301));
    scene.collect().await;
    assert_eq!((live("followed"), scene.deadlines()), (vec![2, 3], vec![(2, None), (3, None)]));
}

#[tokio::test]
async fn what_never_reached_its_target_is_undone_at_once_and_what_is_in_use_stays() {
    let mut scene = Scene::new(&json!({ "service": "unwritten" }), &[]);
    scene.sync().await;
    scene.objects.lock().unwrap().refuses_secrets = true;
    for _ in 0..3 {
        scene.sync().await;
        scene.collect().await;
    }
    assert_eq!(scene.token().as_deref(), Some("dG9rZW4gMQ=="), "token 1");
    assert_eq!((live("unwritten"), scene.deadlines()), (vec![1], vec![(1, None)]));

    let mut scene = Scene::new(&json!({ "service": "unshaped", "illegal_key": true }), &[]);
    scene.sync().await;
    scene.collect().await;
    assert_eq!((scene.token(), live("unshaped"), scene.states().len()), (None, vec![], 0));
}

#[tokio::test]
async fn what_cannot_be_undone_blocks_its_deletion() {
    let mut scene = Scene::new(&json!({ "service": "stuck" }), &[]);
    scene.sync().await;
    service("stuck", |service| service.takes_nothing_back = true);
    let state = scene.states().remove(0);
    let at = format!("{STATES}/{}", state["metadata"]["name"].as_str().unwrap());
    scene.objects.lock().unwrap().answer("DELETE", &at, &Value::Null);
    scene.collect().await;
    assert_eq!((live("stuck"), scene.states().len()), (vec![1], 1));
    service("stuck", |service| service.takes_nothing_back = false);
    scene.collect().await;
    assert_eq!((live("stuck"), scene.states().len()), (vec![], 0));
}

#[tokio::test]
async fn without_states_nothing_is_recorded() {
    let mut scene = Scene::new(&json!({ "service": "forgotten" }), &["--enable-generator-state=false"]);
    scene.sync().await;
    assert_eq!((scene.token().is_some(), scene.states().len()), (true, 0));
}

#[tokio::test]
async fn a_store_that_fails_costs_no_token() {
    let mut scene = Scene::new(&json!({ "service": "spared" }), &[]);
    let entry = json!({ "secretKey": "a", "remoteRef": { "key": "a" }, "sourceRef": { "storeRef": { "name": "none" } } });
    scene.objects.lock().unwrap().by_path.get_mut(ES).unwrap()["spec"]["data"] = json!([entry]);
    for _ in 0..3 {
        scene.sync().await;
    }
    assert_eq!(service("spared", |service| service.given), 0);
}
