//! A hundred stores at once, through the real pool and providers: no value ever comes from another store, another
//! identity or another key than was asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::routing::get;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use strongroom_provider_api::{Content, Error, ErrorKind, RemoteKey, SystemClock, Toolbox};
use tokio::time::Instant;

use super::{Answer, Pool, StoreView};
use crate::kube_io::{Cluster, Watched};
use crate::logins::Logins;

const STORES: usize = 100;
const NAMESPACES: usize = 12;
const KEYS: usize = 5;
const READS: usize = 5_000;
const AT_ONCE: usize = 64;

/// What one store is.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    /// A SecretStore whose entries stand in its settings.
    Fake,
    /// A SecretStore over a mount of its own, with the token of its namespace.
    Vault,
    /// A ClusterSecretStore over a mount that others use, too, with one token for all.
    Shared,
    /// The same, with the token of whoever asks.
    PerCaller,
}

/// The same seeds give the same rolls.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn sort(number: usize) -> Sort {
    [Sort::Fake, Sort::Vault, Sort::Shared, Sort::PerCaller][number % 4]
}

fn namespace(number: usize) -> String {
    format!("ns-{}", number % NAMESPACES)
}

fn mount(number: usize) -> String {
    match sort(number) {
        Sort::Shared | Sort::PerCaller => "common".to_owned(),
        Sort::Fake | Sort::Vault => format!("mount-{number}"),
    }
}

/// Whose token the store `number` must use on behalf of `caller`.
fn token(number: usize, caller: &str) -> String {
    match sort(number) {
        Sort::Fake => String::new(),
        Sort::Vault => format!("{}.token", namespace(number)),
        Sort::Shared => format!("{}.token-{number}", namespace(number)),
        Sort::PerCaller => format!("{caller}.token"),
    }
}

/// What the store `number` holds under `key` at `version` for `caller`.
fn value(number: usize, caller: &str, key: &str, version: &str) -> String {
    let (mount, token) = (mount(number), token(number, caller));
    format!("{mount}/{token}/{key}/{version}")
}

fn store(number: usize, generation: i64, server: &str) -> StoreView {
    let vault = |auth: Value| {
        let auth = json!({ "tokenSecretRef": auth });
        json!({ "vault": { "server": server, "path": mount(number), "version": "v2", "auth": auth } })
    };
    let provider = match sort(number) {
        Sort::Fake => {
            let entry = |key: usize, version: &str| {
                let key = format!("key-{key}");
                json!({ "key": key, "version": version, "value": value(number, "", &key, version) })
            };
            let data = (0..KEYS).flat_map(|key| [entry(key, ""), entry(key, "2")]).collect::<Vec<_>>();
            json!({ "fake": { "data": data } })
        }
        Sort::Vault | Sort::PerCaller => vault(json!({ "name": "token", "key": "token" })),
        Sort::Shared => vault(
            json!({ "name": format!("token-{number}"), "key": "token", "namespace": namespace(number) }),
        ),
    };
    let cluster = matches!(sort(number), Sort::Shared | Sort::PerCaller);
    let kind = if cluster { "ClusterSecretStore" } else { "SecretStore" };
    let mut object = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": { "name": format!("store-{number}"), "uid": number.to_string(), "generation": generation },
        "spec": { "provider": provider },
    });
    if cluster {
        StoreView::cluster(Watched(Ok(serde_json::from_value(object).unwrap())))
    } else {
        object["metadata"]["namespace"] = namespace(number).into();
        StoreView::namespaced(Watched(Ok(serde_json::from_value(object).unwrap())))
    }
}

/// An API server that holds a Secret under every name, with its own name as token.
async fn any_secret(request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
    let path = request.uri().path().to_owned();
    let parts: Vec<_> = path.split('/').collect();
    let ["", "api", "v1", "namespaces", namespace, "secrets", name] = parts[..] else {
        return Err(format!("{path} is not expected").into());
    };
    let token = json!({ "token": format!("{namespace}.{name}") });
    let data = serde_json::from_value::<HashMap<String, String>>(token)?;
    let data: HashMap<_, _> =
        data.into_iter().map(|(key, text)| (key, k8s_openapi::ByteString(text.into_bytes()))).collect();
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace, "resourceVersion": "1" },
        "data": data,
    });
    Ok(Response::builder().status(StatusCode::OK).body(Body::from(secret.to_string().into_bytes()))?)
}

/// A Vault that tells what was asked and with which token, after a moment that differs from read to read.
async fn mirror_vault(reads: Arc<AtomicUsize>) -> String {
    let own = json!({ "data": { "type": "service", "ttl": 0, "expire_time": null, "policies": ["any"] } });
    let own_token = move || std::future::ready(own.to_string());
    let read =
        move |Path((mount, key)): Path<(String, String)>, RawQuery(query): RawQuery, headers: HeaderMap| {
            let number = reads.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis((number * 7 % 5) as u64)).await;
                let token =
                    headers.get("x-vault-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
                let version =
                    query.as_deref().and_then(|query| query.strip_prefix("version=")).unwrap_or_default();
                let text = format!("{mount}/{token}/{key}/{version}");
                json!({ "data": { "data": { "v": text }, "metadata": { "version": 1 } } }).to_string()
            }
        };
    let router = Router::new()
        .route("/v1/auth/token/lookup-self", get(own_token))
        .route("/v1/{mount}/data/{key}", get(read));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    address
}

fn text(answer: &Answer) -> String {
    match answer {
        Err(error) => format!("{error:?}"),
        Ok(payload) => match &payload.content {
            Content::Bytes(bytes) => {
                let text = bytes.expose_str().unwrap();
                // A Vault entry as JSON, or a fake one as it is.
                text.trim_start_matches(r#"{"v":""#).trim_end_matches(r#""}"#).to_owned()
            }
            Content::Fields(_) => "fields".to_owned(),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_value_ever_crosses_stores_identities_or_keys() {
    // Only an error if another test was faster.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let reads = Arc::new(AtomicUsize::new(0));
    let server = mirror_vault(Arc::clone(&reads)).await;
    let cluster = Cluster::new(kube::Client::new(tower::service_fn(any_secret), "default"));
    let logins = Logins::new(Arc::default(), Arc::new(SystemClock));
    let pool = Pool::new(cluster, Arc::default(), Toolbox::default(), logins);
    let mut dice = Dice(4711);
    let (of_vault, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let rolls = (0..READS).map(|_| {
        // Half of the reads go to a few stores, so that many are merged.
        let stores = if dice.roll(2) == 0 { STORES } else { 8 };
        [stores, NAMESPACES, KEYS, 2, 4, 400, 3].map(|sides| dice.roll(sides))
    });
    let rolls: Vec<_> = rolls.collect();
    stream::iter(rolls)
        .for_each_concurrent(AT_ONCE, |[number, caller, key, versioned, patient, mischief, newer]| {
            let (pool, server, of_vault, refused) = (&pool, &server, &of_vault, &refused);
            async move {
                let caller = match sort(number) {
                    Sort::Fake | Sort::Vault => namespace(number),
                    Sort::Shared | Sort::PerCaller => namespace(caller),
                };
                let store = store(number, i64::try_from(newer / 2).unwrap(), server);
                let Ok(handle) = pool.handle(&store, Some(&caller)).await else {
                    // It was discarded a moment ago, see below.
                    refused.fetch_add(1, Ordering::SeqCst);
                    return;
                };
                match mischief {
                    0 => drop(pool.refresh(&store).await),
                    1 => pool.forget(store.uid()),
                    2 => {
                        let error = Error::new(ErrorKind::Unauthenticated, "read", "mischief");
                        pool.discard(&store, &handle, Arc::new(error)).await;
                        // As a change of the store does, so that the others do not meet the cool-down for long.
                        pool.refresh(&store).await;
                    }
                    _ => {}
                }
                // Some share what others have read before, some want it new.
                let pass = handle.pass(if patient == 0 { Instant::now() } else { began });
                let version = if versioned == 0 { "" } else { "2" };
                let key = format!("key-{key}");
                let mut remote = RemoteKey::latest(&key);
                remote.version = Some(version.to_owned()).filter(|version| !version.is_empty());
                let answer = pass.read(&remote).await;
                of_vault.fetch_add(usize::from(sort(number) != Sort::Fake), Ordering::SeqCst);
                assert_eq!(
                    text(&answer),
                    value(number, &caller, &key, version),
                    "store {number} for {caller}"
                );
            }
        })
        .await;
    let refused = refused.into_inner();
    assert!(refused < READS / 10, "{refused} of {READS} were refused");
    let (asked, made) = (of_vault.into_inner(), reads.load(Ordering::SeqCst));
    assert!(made < asked, "{made} reads for {asked} who asked: nothing was merged, so nothing was tried");
}
