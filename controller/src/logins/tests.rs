//! The journal over an API server that holds one Secret: gathering, takeover, races, and what is never given as abandoned.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::ObjectMeta;
use serde_json::{Value, json};
use strongroom_provider_api::LoginJournal;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Logins, Store};
use crate::app::context_over;
use crate::context::Context;
use crate::kube_io::{ObjectKey, Unreadable, Watched};

const HOUR: Option<Duration> = Some(Duration::from_hours(1));
const PATH: &str = "/api/v1/namespaces/ns/secrets/lease-logins";

/// The Secret at the API server, and what was asked of it.
#[derive(Debug, Default)]
struct Secret {
    /// `None` is missing.
    data: Option<Value>,
    version: u64,
    asked: Vec<String>,
    /// Every request gets this status instead.
    failing: Option<u16>,
}

impl Secret {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        assert_eq!(path, PATH);
        self.asked.push(method.to_owned());
        let failure = |code: u16, reason: &str| {
            (
                code,
                json!({ "kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": "" }),
            )
        };
        if let Some(code) = self.failing {
            return failure(code, "Other");
        }
        if self.data.is_none() {
            return failure(404, "NotFound");
        }
        if method == "PUT" {
            assert_eq!(body["type"], "strongroom.dev/logins");
            let version = self.version.to_string();
            if body["metadata"]["resourceVersion"].as_str() != Some(&version) {
                return failure(409, "Conflict");
            }
            self.version += 1;
            self.data = Some(body["data"].clone());
        }
        let meta =
            json!({ "name": "lease-logins", "namespace": "ns", "resourceVersion": self.version.to_string() });
        let mut object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "strongroom.dev/logins" });
        object["data"] = self.data.clone().unwrap_or_default();
        (200, object)
    }

    /// What is written there, as text.
    fn text(&self) -> Option<String> {
        let encoded = self.data.as_ref()?["logins"].as_str()?;
        Some(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
    }

    fn writes(&self) -> usize {
        self.asked.iter().filter(|method| *method == "PUT").count()
    }
}

/// A process that leads.
struct Process {
    context: Context,
    store: Arc<Store>,
    task: JoinHandle<()>,
}

impl Process {
    async fn begin(secret: &Arc<Mutex<Secret>>) -> Self {
        let shared = Arc::clone(secret);
        let context =
            context_over(&[], move |method, path, body| shared.lock().unwrap().answer(method, path, body));
        let lease = ObjectKey::new("ns", "lease");
        let store = Arc::new(Store::beside(&lease, Arc::clone(&context.logins), context.cluster.clone()));
        store.take_over().await;
        let kept = Arc::clone(&store);
        let task = tokio::spawn(async move { kept.keep().await });
        Self { context, store, task }
    }

    fn logins(&self) -> &Arc<Logins> {
        &self.context.logins
    }

    fn of_store(&self, uid: &str) -> Arc<dyn LoginJournal> {
        self.logins().of_store(uid, None, "vault", &json!({ "server": "s" }))
    }

    fn of_generator(&self) -> Arc<dyn LoginJournal> {
        self.logins().of_generator("ns", "VaultDynamicSecret", &json!({ "server": "s" }))
    }

    fn kill(self) {
        self.task.abort();
    }

    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        self.store.close().await;
    }
}

/// As the chart makes it.
fn empty() -> Arc<Mutex<Secret>> {
    Arc::new(Mutex::new(Secret { data: Some(json!({})), version: 1, ..Secret::default() }))
}

async fn a_while() {
    sleep(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn one_login_is_one_write_a_burst_is_a_few_and_none_is_none() {
    let secret = empty();
    let process = Process::begin(&secret).await;
    a_while().await;
    assert_eq!(secret.lock().unwrap().asked, ["GET"], "who never logs in writes nothing");
    process.of_store("0").opened("accessor-0", HOUR);
    a_while().await;
    assert_eq!(secret.lock().unwrap().asked, ["GET", "PUT"]);
    process.of_store("0").opened("accessor-0", HOUR);
    a_while().await;
    assert_eq!(secret.lock().unwrap().writes(), 1, "a renewal is not written");
    for number in 1..2_000 {
        process.of_store(&number.to_string()).opened(&format!("accessor-{number}"), HOUR);
        sleep(Duration::from_millis(2)).await;
    }
    a_while().await;
    let secret = secret.lock().unwrap();
    assert!((2..40).contains(&secret.writes()), "{} writes", secret.writes());
    assert_eq!(secret.text().unwrap().matches("accessor-").count(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_crash_ends_what_was_left_by_the_same_connection() {
    let secret = empty();
    let first = Process::begin(&secret).await;
    first.of_store("a").opened("one", HOUR);
    first.of_store("b").opened("two", HOUR);
    assert!(first.of_store("a").abandoned().is_empty());
    a_while().await;
    first.kill();
    let second = Process::begin(&secret).await;
    let a = second.of_store("a");
    assert_eq!(a.abandoned(), ["one"]);
    let other = second.logins().of_store("a", None, "vault", &json!({ "server": "another" }));
    assert!(other.abandoned().is_empty(), "another server");
    assert!(
        second.logins().of_store("a", Some("ns"), "vault", &json!({ "server": "s" })).abandoned().is_empty()
    );
    a.opened("three", HOUR);
    a.ended("one");
    a_while().await;
    second.kill();
    let third = Process::begin(&secret).await;
    assert_eq!(third.of_store("a").abandoned(), ["three"]);
    assert_eq!(third.of_store("b").abandoned(), ["two"], "it is handed on");
    third.of_store("a").ended("three");
    third.of_store("b").ended("two");
    a_while().await;
    assert_eq!(secret.lock().unwrap().text(), None, "nothing is left to tell");
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_leaves_nothing_and_does_not_touch_what_the_next_leader_wrote() {
    let secret = empty();
    let first = Process::begin(&secret).await;
    let login = first.of_store("a");
    login.opened("one", HOUR);
    a_while().await;
    assert!(secret.lock().unwrap().text().is_some());
    login.ended("one");
    first.stop().await;
    assert_eq!(secret.lock().unwrap().text(), None);

    let second = Process::begin(&secret).await;
    second.of_store("a").opened("two", HOUR);
    a_while().await;
    let third = Process::begin(&secret).await;
    third.of_store("b").opened("three", HOUR);
    a_while().await;
    let written = secret.lock().unwrap().text();
    second.of_store("a").ended("two");
    second.stop().await;
    assert_eq!(secret.lock().unwrap().text(), written);
    assert_eq!(third.of_store("a").abandoned(), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_comes_late_is_taken_over_and_who_lost_the_lead_writes_no_more() {
    let secret = empty();
    let old = Process::begin(&secret).await;
    old.of_store("a").opened("one", HOUR);
    let new = Process::begin(&secret).await;
    assert!(new.of_store("a").abandoned().is_empty(), "it was not written yet");
    // The old one's write arrives when the new one has read.
    a_while().await;
    new.of_store("b").opened("two", HOUR);
    a_while().await;
    assert_eq!(new.of_store("a").abandoned(), ["one"]);
    old.of_store("a").opened("three", HOUR);
    a_while().await;
    let text = secret.lock().unwrap().text().unwrap();
    assert!(text.contains("two") && !text.contains("three"), "{text}");
    assert!(old.of_store("b").abandoned().is_empty(), "the living one's login is not for the old one to end");
    new.of_store("b").opened("four", HOUR);
    a_while().await;
    assert!(secret.lock().unwrap().text().unwrap().contains("four"));
}

#[tokio::test(start_paused = true)]
async fn what_a_record_names_is_not_abandoned_and_nothing_is_while_records_are_unknown() {
    let secret = empty();
    let first = Process::begin(&secret).await;
    for name in ["parent", "keeper", "other"] {
        first.of_generator().opened(name, HOUR);
    }
    a_while().await;
    first.kill();
    let second = Process::begin(&secret).await;
    let generator = second.of_generator();
    assert!(generator.abandoned().is_empty(), "which leases there are is not known yet");
    let lease = json!({ "id": "l", "issued": "2026-01-01T00:00:00Z", "end": "Renewable",
        "parent": { "accessor": "parent", "renewable": true } });
    let record = json!({
        "apiVersion": "strongroom.dev/v1alpha1", "kind": "SecretLease", "metadata": { "name": "l", "namespace": "ns" },
        "spec": { "controller": "default", "owner": { "kind": "ExternalSecret", "name": "app", "uid": "u", "entry": 0 },
            "generator": { "kind": "VaultDynamicSecret", "name": "g", "snapshot": {} }, "lease": lease },
        "status": { "state": "Active", "keeper": "keeper" },
    });
    let record = Watched(Ok(serde_json::from_value(record).unwrap()));
    let leases = &second.context.leases;
    leases.put(ObjectKey::new("ns", "l"), Some("1"), record).unwrap();
    leases.stay_empty();
    assert_eq!(generator.abandoned(), ["other"]);
    let unreadable = Unreadable { metadata: ObjectMeta::default(), error: String::new() };
    leases.put(ObjectKey::new("ns", "m"), Some("2"), Watched(Err(unreadable))).unwrap();
    assert!(generator.abandoned().is_empty(), "a record that cannot be read may name any");
}

#[tokio::test(start_paused = true)]
async fn without_the_secret_nothing_is_kept_and_without_an_answer_it_waits() {
    let secret = Arc::new(Mutex::new(Secret::default()));
    let process = Process::begin(&secret).await;
    process.of_store("a").opened("one", HOUR);
    a_while().await;
    assert_eq!(secret.lock().unwrap().asked, ["GET"]);
    assert_eq!(process.logins().entries().len(), 0);

    let secret = empty();
    secret.lock().unwrap().failing = Some(503);
    let process = Process::begin(&secret).await;
    process.of_store("a").opened("one", HOUR);
    sleep(Duration::from_mins(10)).await;
    let asked = secret.lock().unwrap().asked.len();
    assert!((10..30).contains(&asked), "{asked} requests in ten minutes");
    secret.lock().unwrap().failing = None;
    sleep(Duration::from_mins(1)).await;
    assert!(secret.lock().unwrap().text().unwrap().contains("one"));
}

#[tokio::test(start_paused = true)]
async fn without_an_election_nothing_is_kept() {
    let context = context_over(&[], |_, _, _| panic!("no request is made"));
    let journal = context.logins.of_store("a", None, "vault", &json!({}));
    journal.opened("one", HOUR);
    journal.ended("one");
    assert!(journal.abandoned().is_empty());
    assert_eq!(context.logins.entries().len(), 0);
}
