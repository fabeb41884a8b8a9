//! An API server in memory with workloads and Secrets, which may refuse or outlive the process, and a turned clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use strongroom_provider_api::Clock;
use tokio::time::{Instant, advance};

use crate::app::context_over;
use crate::context::Context;
use crate::kube_io::{ObjectKey, SecretDigest, Watched};
use crate::policies;
use crate::schedule::{Job, Next};

const START: Timestamp = Timestamp::constant(1_767_225_600, 0);
pub(super) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Time as tokio has it.
#[derive(Debug)]
struct Turned(Instant);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        START + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// What the API server keeps.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) now: Timestamp,
    version: u64,
    policy: Value,
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// Hashes, by Secret.
    pub(super) secrets: BTreeMap<String, (String, String)>,
    pub(super) refuses_patches: bool,
    /// After so many requests the process is dead.
    pub(super) lives_for: Option<u32>,
    pub(super) status_writes: usize,
    pub(super) lookups: usize,
    pub(super) events: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Deployment {
    pub(super) uid: String,
    pub(super) created: Timestamp,
    pub(super) annotation: Option<String>,
    /// When its pods were replaced.
    pub(super) restarts: Vec<Timestamp>,
}

impl World {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        if let Some(left) = &mut self.lives_for {
            let Some(fewer) = left.checked_sub(1) else { return refusal(500, "InternalError") };
            *left = fewer;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        match method {
            "POST" => {
                let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
                self.events.push((text("reason"), text("message")));
                (201, body.clone())
            }
            "GET" if name == "deployments" => {
                self.lookups += 1;
                let items = self.deployments.iter().map(|(name, it)| metadata(name, it)).collect::<Vec<_>>();
                (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items }))
            }
            "GET" => {
                self.lookups += 1;
                match self.deployments.get(name) {
                    Some(found) => (200, metadata(name, found)),
                    None => refusal(404, "NotFound"),
                }
            }
            "PATCH" if path.contains("/events/") => (200, body.clone()),
            "PATCH" if path.contains("/deployments/") => self.patched(name, body),
            "PATCH" if path.ends_with("/p/status") => self.status_patched(body),
            _ => panic!("{method} {path}"),
        }
    }

    fn patched(&mut self, name: &str, body: &Value) -> (u16, Value) {
        if self.refuses_patches {
            return refusal(403, "Forbidden");
        }
        let now = self.now;
        let Some(found) = self.deployments.get_mut(name) else { return refusal(404, "NotFound") };
        if body["metadata"]["uid"] != found.uid.as_str() {
            return refusal(409, "Conflict");
        }
        let annotations = &body["spec"]["template"]["metadata"]["annotations"];
        let at = annotations["strongroom.dev/restarted-at"].as_str().unwrap().to_owned();
        if found.annotation.as_ref() != Some(&at) {
            found.annotation = Some(at);
            found.restarts.push(now);
        }
        (200, metadata(name, found))
    }

    fn status_patched(&mut self, body: &Value) -> (u16, Value) {
        if body["metadata"]["resourceVersion"] != self.policy["metadata"]["resourceVersion"] {
            return refusal(409, "Conflict");
        }
        self.status_writes += 1;
        merge(&mut self.policy["status"], &body["status"]);
        self.bump();
        (200, self.policy.clone())
    }

    fn bump(&mut self) {
        self.version += 1;
        self.policy["metadata"]["resourceVersion"] = self.version.to_string().into();
    }
}

fn metadata(name: &str, it: &Deployment) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {
            "name": name, "namespace": "ns", "uid": it.uid,
            "creationTimestamp": it.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        },
    })
}

fn refusal(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
        "message": "no", "code": code });
    (code, status)
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    into.remove(key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, Value::Object(patch)) => {
            *into = json!({});
            merge(into, &Value::Object(patch.clone()));
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// A cluster with one policy, the ExternalSecrets `a` and `b`, and a process that looks after them.
pub(super) struct Scene {
    pub(super) world: Arc<Mutex<World>>,
    context: Context,
    pub(super) origin: Instant,
    pub(super) next: Instant,
    pub(super) failures: u32,
}

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

pub(super) fn named(name: &str) -> Value {
    json!([{ "kind": "Deployment", "name": name }])
}

impl Scene {
    pub(super) fn new(targets: &Value) -> Self {
        let mut world = World {
            now: START,
            policy: json!({
                "apiVersion": "strongroom.dev/v1alpha1", "kind": "SyncPolicy",
                "metadata": { "name": "p", "namespace": "ns", "uid": "p", "generation": 1 },
                "spec": { "selector": {}, "restart": { "targets": targets } },
            }),
            ..World::default()
        };
        world.bump();
        let world = Arc::new(Mutex::new(world));
        let origin = Instant::now();
        Self { context: process(&world, origin), world, origin, next: origin, failures: 0 }
    }

    pub(super) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(super) fn now(&self) -> Timestamp {
        START + SignedDuration::try_from(self.origin.elapsed()).unwrap()
    }

    pub(super) fn deploy(&self, name: &str) {
        let created = self.now();
        let mut world = self.world();
        world.version += 1;
        let uid = format!("{name}-{}", world.version);
        world.deployments.insert(name.to_owned(), Deployment { uid, created, ..Deployment::default() });
    }

    /// A sync has written the Secret.
    pub(super) fn write(&mut self, secret: &str, content: &str) {
        let uid = self.world().secrets.get(secret).map_or_else(|| secret.to_owned(), |(uid, _)| uid.clone());
        self.write_anew(secret, &uid, content);
    }

    pub(super) fn write_anew(&mut self, secret: &str, uid: &str, content: &str) {
        let version = {
            let mut world = self.world();
            world.secrets.insert(secret.to_owned(), (uid.to_owned(), content.to_owned()));
            world.version += 1;
            world.version
        };
        put(&self.context, secret, uid, content, version);
        self.next = Instant::now();
    }

    /// The process dies, with whatever it knew; another begins.
    pub(super) fn crash(&mut self) {
        self.world().lives_for = None;
        self.context = process(&self.world, self.origin);
        self.next = Instant::now();
    }

    /// Looks whenever it is time, for so long.
    pub(super) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while self.next <= end {
            let wait = self.next.saturating_duration_since(Instant::now());
            advance(wait).await;
            self.world().now = self.now();
            let job = Job { key: key("p"), failures: self.failures, asked: Instant::now() };
            let next = policies::reconcile(&self.context, job).await;
            self.failures = if matches!(next, Next::Retry { .. }) { self.failures + 1 } else { 0 };
            let wait = match next {
                Next::After(wait) => wait,
                Next::Retry { backoff, at_least } => backoff.wait(self.failures, 0).max(at_least),
                Next::Held { .. } | Next::Forget => panic!("{next:?}"),
            };
            assert!(!wait.is_zero(), "no busy loop");
            self.next = Instant::now() + wait;
        }
        advance(end.saturating_duration_since(Instant::now())).await;
        self.world().now = self.now();
    }

    pub(super) async fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    pub(super) fn restarts(&self, name: &str) -> Vec<i64> {
        let world = self.world();
        world.deployments[name].restarts.iter().map(|at| at.duration_since(START).as_secs()).collect()
    }

    pub(super) fn condition(&self) -> (String, String, String) {
        let world = self.world();
        let conditions = world.policy["status"]["conditions"].as_array().unwrap().clone();
        let found = conditions.iter().find(|it| it["type"] == "TargetsRestarted").unwrap().clone();
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        (text("status"), text("reason"), text("message"))
    }
}

/// A process that has seen the world as it is.
pub(super) fn process(world: &Arc<Mutex<World>>, origin: Instant) -> Context {
    let answers = Arc::clone(world);
    let mut context =
        context_over(&[], move |method, path, body| answers.lock().unwrap().answer(method, path, body));
    context.clock = Arc::new(Turned(origin));
    for name in ["a", "b"] {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": "ns", "uid": name, "generation": 1 },
            "spec": {},
        });
        let object = serde_json::from_value(object).unwrap();
        context.external_secrets.put(key(name), Some("1"), object).unwrap();
    }
    let world = world.lock().unwrap();
    let policy = Watched(Ok(serde_json::from_value(world.policy.clone()).unwrap()));
    let version = world.policy["metadata"]["resourceVersion"].as_str();
    context.policies.mirror.put(key("p"), version, policy).unwrap();
    for (secret, (uid, content)) in &world.secrets {
        put(&context, secret, uid, content, world.version);
    }
    context
}

fn put(context: &Context, secret: &str, uid: &str, held: &str, version: u64) {
    let digest = SecretDigest {
        uid: uid.to_owned(),
        resource_version: version.to_string(),
        hash: held.to_owned(),
        claimed_hash: None,
        controller: None,
        created_by: None,
        previous_until: None,
    };
    context.secrets.put(key(secret), Some(&version.to_string()), digest).unwrap();
}
