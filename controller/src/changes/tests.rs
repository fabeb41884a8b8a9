use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use strongroom_provider_api::{
    Changes, Dialect, EmptySearch, Error, ErrorKind, FindRule, JsonMap, MissingProperty, Notice, Payload,
    PropertyOrder, RemoteKey, Result, StoreClient, Version,
};
use tokio::time::{advance, timeout};

use super::*;
use crate::app::context_over;
use crate::external_secret::Asker;
use crate::kube_io::{ObjectKey, Watched as Stored};
use crate::schedule::{Next, RESYNC};

type Sender = mpsc::UnboundedSender<Result<Notice>>;

/// A store that tells of changes: what it says is what the test sets. Reading it is a bug.
#[derive(Default)]
struct Telling {
    marks: Mutex<HashMap<String, &'static str>>,
    looks: Mutex<Vec<String>>,
    connections: Mutex<VecDeque<mpsc::UnboundedReceiver<Result<Notice>>>>,
    broken: Mutex<bool>,
}

impl Telling {
    fn set(&self, place: &str, mark: &'static str) {
        self.marks.lock().unwrap().insert(place.to_owned(), mark);
    }

    /// What was looked at since the last call.
    fn looks(&self) -> Vec<String> {
        let mut looks = std::mem::take(&mut *self.looks.lock().unwrap());
        looks.sort();
        looks
    }

    /// The next connection that is asked for is this one.
    fn connection(&self) -> Sender {
        let (sender, receiver) = mpsc::unbounded();
        self.connections.lock().unwrap().push_back(receiver);
        sender
    }
}

struct Client(Arc<Telling>);

#[async_trait]
impl StoreClient for Client {
    async fn read(&self, _: &RemoteKey) -> Result<Payload> {
        panic!("nothing is read by a watcher")
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(self)
    }
}

#[async_trait]
impl Changes for Client {
    fn place(&self, key: &str) -> Option<String> {
        Some(key.trim_matches('/').to_owned())
    }

    fn folder(&self, path: Option<&str>) -> Option<String> {
        Some(path.map(|path| format!("{path}/")).unwrap_or_default())
    }

    async fn version(&self, key: &str) -> Result<Option<Version>> {
        self.0.looks.lock().unwrap().push(key.to_owned());
        if *self.0.broken.lock().unwrap() {
            return Err(Error::new(ErrorKind::Unavailable, "look at", "sealed"));
        }
        let mark = self.0.marks.lock().unwrap().get(key.trim_matches('/')).copied();
        match mark {
            Some("denied") => Err(Error::new(ErrorKind::PermissionDenied, "look at", "no")),
            mark => Ok(mark.map(|mark| Version { mark: mark.to_owned(), since: None })),
        }
    }

    fn notices(&self) -> BoxStream<'_, Result<Notice>> {
        match self.0.connections.lock().unwrap().pop_front() {
            Some(receiver) => receiver.boxed(),
            None => stream::once(async { Err(Error::new(ErrorKind::Unavailable, "listen", "away")) }).boxed(),
        }
    }
}

/// A context with the store `ns/vault`, Ready and with these annotations, over a client that tells what the other says.
async fn context(annotations: &Value) -> (Arc<Context>, Arc<Telling>) {
    let context = context_over(&[], |_, _, _| (404, json!({})));
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
        "metadata": { "name": "vault", "namespace": "ns", "uid": "s", "generation": 1, "annotations": annotations },
        "spec": { "provider": { "fake": { "data": [] } } },
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    let view = StoreView::namespaced(Stored(Ok(serde_json::from_value(store).unwrap())));
    let dialect = Dialect {
        property: PropertyOrder::LiteralThenPath,
        map: JsonMap::RawText,
        missing_property: MissingProperty::InvalidPayload,
        empty_search: EmptySearch::NotFound,
        find: FindRule::Free,
        find_converts_keys: false,
    };
    let telling = Arc::new(Telling::default());
    context.pool.adopt(&view, Arc::new(Client(Arc::clone(&telling))), dialect).await;
    context.stores.namespaced.put(ObjectKey::new("ns", "vault"), Some("1"), view).unwrap();
    (Arc::new(context), telling)
}

fn put(context: &Context, name: &str, from: &Value) {
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": name, "namespace": "ns", "uid": name },
        "spec": { "secretStoreRef": { "name": "vault" }, "dataFrom": [from] },
        "status": { "refreshTime": "2026-01-01T00:00:00Z" },
    });
    let key = ObjectKey::new("ns", name);
    context.external_secrets.put(key, Some("1"), serde_json::from_value(object).unwrap()).unwrap();
}

fn extract(key: &str) -> Value {
    json!({ "extract": { "key": key } })
}

/// The objects that became due, in a moment from now.
async fn due(context: &Context) -> Vec<String> {
    let mut found = Vec::new();
    while let Ok(job) = timeout(Duration::from_millis(200), context.schedule.next()).await {
        assert_eq!(context.asked.get(&job.key).unwrap().asker, Asker::Store);
        context.schedule.finish(&job.key, Next::After(RESYNC));
        found.push(job.key.name);
    }
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn without_a_word_from_anybody_nothing_is_looked_at() {
    let (context, telling) = context(&json!({})).await;
    put(&context, "a", &extract("a"));
    let running = tokio::spawn(run(Arc::clone(&context)));
    advance(Duration::from_hours(1)).await;
    assert!(due(&context).await.is_empty());
    assert!(telling.looks().is_empty());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_sweep_looks_once_at_each_entry_in_use_and_only_who_draws_from_a_changed_one_is_due() {
    let (context, telling) = context(&json!({ terms::SWEEP: "10s" })).await;
    for (name, key) in [("a1", "a"), ("a2", "/a/"), ("b", "b")] {
        put(&context, name, &extract(key));
        telling.set(key.trim_matches('/'), "1");
    }
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty(), "the first look is the measure of the later ones");
    assert_eq!(telling.looks().len(), 2);
    telling.set("a", "2");
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(due(&context).await.is_empty());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(due(&context).await, ["a1", "a2"]);
    assert_eq!(telling.looks().len(), 2);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(due(&context).await.is_empty(), "once is enough");
    let text = context.metrics.text();
    assert!(text.contains(r#"strongroom_early_refreshes_total{source="sweep"} 2"#), "{text}");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_sweep_does_not_make_more_looks_a_second_than_it_may() {
    let (context, telling) = context(&json!({ terms::SWEEP: "1h" })).await;
    for number in 0..100 {
        put(&context, &format!("o{number}"), &extract(&format!("k{number}")));
    }
    let running = tokio::spawn(run(Arc::clone(&context)));
    // The default is twenty.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let looks = telling.looks().len();
    assert!((38..=42).contains(&looks), "{looks}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(telling.looks().len() + looks, 100);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_may_not_be_looked_at_does_not_hide_the_others() {
    let (context, telling) = context(&json!({ terms::SWEEP: "10s" })).await;
    put(&context, "a", &extract("a"));
    put(&context, "b", &extract("b"));
    telling.set("a", "denied");
    telling.set("b", "1");
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty());
    telling.looks();
    telling.set("b", "2");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(due(&context).await, ["b"]);
    assert_eq!(telling.looks(), ["b"], "a is left alone for a while");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn an_event_makes_those_due_who_draw_from_its_entry_by_name_or_by_search() {
    let (context, telling) = context(&json!({ terms::EVENTS: "true" })).await;
    put(&context, "named", &extract("team/a"));
    put(&context, "other", &extract("team/b"));
    put(&context, "search", &json!({ "find": { "path": "team", "name": { "regexp": "." } } }));
    put(&context, "elsewhere", &json!({ "find": { "path": "mine", "name": { "regexp": "." } } }));
    let socket = telling.connection();
    socket.unbounded_send(Ok(Notice::Listening)).unwrap();
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty());
    assert_eq!(telling.looks(), ["team/a", "team/b"], "what came before may have been missed");
    for _ in 0..3 {
        socket.unbounded_send(Ok(Notice::Changed("team/a".to_owned()))).unwrap();
    }
    assert_eq!(due(&context).await, ["named", "search"]);
    socket.unbounded_send(Ok(Notice::Changed("nobody/cares".to_owned()))).unwrap();
    assert!(due(&context).await.is_empty());
    assert_eq!(telling.looks(), ["team/a"], "an event costs one look, and that only where somebody cares");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_was_told_is_not_found_again_by_the_look_after_a_lost_connection() {
    let (context, telling) = context(&json!({ terms::EVENTS: "true" })).await;
    put(&context, "named", &extract("a"));
    telling.set("a", "1");
    let socket = telling.connection();
    socket.unbounded_send(Ok(Notice::Listening)).unwrap();
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty());
    telling.set("a", "2");
    socket.unbounded_send(Ok(Notice::Changed("a".to_owned()))).unwrap();
    assert_eq!(due(&context).await, ["named"]);
    telling.looks();
    let again = telling.connection();
    again.unbounded_send(Ok(Notice::Listening)).unwrap();
    drop(socket);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(telling.looks(), ["a"]);
    assert!(due(&context).await.is_empty());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn events_that_never_pause_are_heeded() {
    let (context, telling) = context(&json!({ terms::EVENTS: "true" })).await;
    put(&context, "named", &extract("a"));
    let socket = telling.connection();
    socket.unbounded_send(Ok(Notice::Listening)).unwrap();
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty());
    let chatter = tokio::spawn(async move {
        loop {
            socket.unbounded_send(Ok(Notice::Changed("a".to_owned()))).unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let job = timeout(Duration::from_secs(1), context.schedule.next()).await;
    assert_eq!(job.unwrap().key.name, "named");
    chatter.abort();
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_while_the_socket_is_down_and_a_sealed_store_is_looked_at_again() {
    let (context, telling) = context(&json!({ terms::EVENTS: "true" })).await;
    put(&context, "named", &extract("a"));
    put(&context, "search", &json!({ "find": { "name": { "regexp": "." } } }));
    telling.set("a", "1");
    let socket = telling.connection();
    socket.unbounded_send(Ok(Notice::Listening)).unwrap();
    let running = tokio::spawn(run(Arc::clone(&context)));
    assert!(due(&context).await.is_empty());
    telling.set("a", "1b");
    socket.unbounded_send(Ok(Notice::Changed("a".to_owned()))).unwrap();
    assert_eq!(due(&context).await, ["named", "search"]);
    drop(socket);
    telling.set("a", "2");
    *telling.broken.lock().unwrap() = true;
    assert!(due(&context).await.is_empty());
    let again = telling.connection();
    again.unbounded_send(Ok(Notice::Listening)).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(due(&context).await, ["search"], "no look at an entry tells what a search finds");
    *telling.broken.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(due(&context).await, ["named"]);
    running.abort();
}
