//! Any HTTP service as a store: templates say what is asked, a path says what is taken, and the labels of Secrets say
//! who agreed.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind,
    manifests::{self, ExternalSecret, secret_store},
    story::Story,
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::kubernetes_store;

/// What the service asks for.
const TOKEN: &str = "canary-71b2";

/// A service that keeps passwords.
struct Service {
    address: String,
    trapped: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
    servers: [JoinHandle<()>; 2],
}

#[derive(Clone)]
struct Means {
    trap: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl Service {
    async fn start() -> Result<Self> {
        let trapped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&trapped);
        let trap = Router::new().fallback(move || {
            let seen = count.fetch_add(1, Ordering::SeqCst);
            async move { seen.to_string() }
        });
        let (trap, trap_server) = serve(trap).await?;
        let asked = Arc::new(Mutex::default());
        let means = Means { trap, asked: Arc::clone(&asked) };
        let router = Router::new().route("/item/{key}", get(item)).with_state(means);
        let (address, server) = serve(router).await?;
        Ok(Self { address, trapped, asked, servers: [server, trap_server] })
    }
}

async fn serve(router: Router) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(async move {
        // Ends with the story.
        let _ = axum::serve(listener, router).await;
    });
    Ok((address, task))
}

async fn item(
    State(means): State<Means>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let login = headers.get(header::AUTHORIZATION).and_then(|login| login.to_str().ok());
    if login != Some(&format!("Bearer {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, TOKEN).into_response();
    }
    if let Ok(mut asked) = means.asked.lock() {
        asked.push(format!("{key} {}", query.unwrap_or_default()));
    }
    match key.as_str() {
        "app/db" => {
            let login = json!({ "username": "app", "password": "one", "port": 5432 });
            json!({ "data": { "login": login } }).to_string().into_response()
        }
        "moved" => Redirect::temporary("/item/app%2Fdb").into_response(),
        "stolen" => Redirect::temporary(&means.trap).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Settings that ask `service` with the token of the Secret `login`.
fn provider(service: &Service, path: &str) -> Value {
    json!({ "webhook": {
        "url": format!("{}/item/{{{{ .remoteRef.key }}}}?team={{{{ .remoteRef.namespace }}}}", service.address),
        "headers": { "Authorization": "{{ printf \"Bearer %s\" (.login.token | trim) }}" },
        "result": { "jsonPath": path },
        "secrets": [{ "name": "login", "secretRef": { "name": "login" } }],
    }})
}

fn login(labels: &Value) -> Value {
    let mut login = manifests::secret("login", "token", &format!("{TOKEN}\n"));
    login["metadata"]["labels"] = labels.clone();
    login
}

fn consent() -> Value {
    json!({ "external-secrets.io/type": "webhook" })
}

#[tokio::test]
async fn templates_say_what_is_asked_and_a_path_what_is_taken() -> Result<()> {
    let story = Story::begin("webhook").await?;
    let service = Service::start().await?;
    story.create(&login(&consent())).await?;
    let property = provider(&service, "$.data.login.{{ .remoteRef.property }}");
    story.create(&secret_store("item", &story.class, &property)).await?;
    story.create(&secret_store("items", &story.class, &provider(&service, "$.data.login"))).await?;
    story.store_ready(Kind::SecretStore, "item").await?;

    let values = ExternalSecret::from_store("values", "item")
        .takes("user", "app/db", "username")
        .takes("port", "app/db", "port")
        .takes("moved", "moved", "password");
    story.external_secret(values).await?;
    story.secret_with("values", &[("user", "app"), ("port", "5432"), ("moved", "one")]).await?;

    story.external_secret(ExternalSecret::from_store("all", "items").extracts("app/db")).await?;
    story.secret_with("all", &[("username", "app"), ("password", "one"), ("port", "5432")]).await?;
    let expected = format!("app/db team={}", story.namespace);
    let asked = service.asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    assert!(asked.contains(&expected), "{asked:?}");

    let absent = ExternalSecret::from_store("absent", "items").extracts("nothing");
    story.external_secret(absent).await?;
    let condition = story.failed(Kind::ExternalSecret, "absent").await?;
    assert!(condition.message.contains("RemoteKeyMissing"), "{}", condition.message);
    story.end().await
}

#[tokio::test]
async fn a_secret_without_the_label_is_not_sent_anywhere() -> Result<()> {
    let story = Story::begin("webhook-label").await?;
    let service = Service::start().await?;
    story.create(&login(&json!({}))).await?;
    story.create(&secret_store("items", &story.class, &provider(&service, "$.data.login"))).await?;
    let condition = story.failed(Kind::SecretStore, "items").await?;
    assert!(condition.message.contains("external-secrets.io/type: webhook"), "{}", condition.message);
    assert!(!condition.message.contains(TOKEN));
    story.patch(Kind::Secret, "login", &json!({ "metadata": { "labels": consent() } })).await?;
    story.external_secret(ExternalSecret::from_store("all", "items").extracts("app/db")).await?;
    story.secret_with("all", &[("username", "app"), ("password", "one"), ("port", "5432")]).await?;
    story.end().await
}

#[tokio::test]
async fn requests_cannot_be_led_to_other_hosts_or_to_metadata_services() -> Result<()> {
    let story = Story::begin("webhook-ssrf").await?;
    let service = Service::start().await?;
    story.create(&login(&consent())).await?;
    story.create(&secret_store("items", &story.class, &provider(&service, "$.data.login"))).await?;
    story.external_secret(ExternalSecret::from_store("stolen", "items").extracts("stolen")).await?;
    let condition = story.failed(Kind::ExternalSecret, "stolen").await?;
    assert!(condition.message.contains("redirect"), "{}", condition.message);
    assert_eq!(service.trapped.load(Ordering::SeqCst), 0, "the token went to another server");

    for (name, address) in [("metadata", "169.254.169.254"), ("mapped", "[::ffff:169.254.169.254]")] {
        let provider = json!({ "webhook": { "url": format!("http://{address}/latest/meta-data/iam") } });
        story.create(&secret_store(name, &story.class, &provider)).await?;
        let condition = story.failed(Kind::SecretStore, name).await?;
        assert!(condition.message.contains("link-local"), "{}", condition.message);
    }
    story.end().await
}

/// The contract holds for very different services at once.
#[tokio::test]
async fn one_object_draws_from_four_providers_at_once() -> Result<()> {
    let story = Story::begin("four-providers").await?;
    let service = Service::start().await?;
    story.token_store().await?;
    story.write("app", &json!({ "password": "of vault" })).await?;
    let remote = kubernetes_store::remote(&story).await?;
    story.cluster.create(&remote, &manifests::secret("app", "password", "of kubernetes")).await?;
    story.create(&login(&consent())).await?;
    let fake = json!({ "fake": { "data": [{ "key": "app", "value": "of fake" }] } });
    for (name, provider) in [
        ("kubernetes", kubernetes_store::provider(&story, &remote)),
        ("webhook", provider(&service, "$.data.login.{{ .remoteRef.property }}")),
        ("fake", fake),
    ] {
        story.create(&secret_store(name, &story.class, &provider)).await?;
    }
    let from = |secret_key: &str, store: &str, remote_ref: Value| {
        json!({
            "secretKey": secret_key, "remoteRef": remote_ref,
            "sourceRef": { "storeRef": { "name": store, "kind": "SecretStore" } },
        })
    };
    let property = |key: &str| json!({ "key": key, "property": "password" });
    let all = ExternalSecret::from_store("all", "store")
        .takes("vault", &story.key("app"), "password")
        .entry(&from("kubernetes", "kubernetes", property("app")))
        .entry(&from("webhook", "webhook", property("app/db")))
        .entry(&from("fake", "fake", json!({ "key": "app" })));
    story.external_secret(all).await?;
    let expected =
        [("vault", "of vault"), ("kubernetes", "of kubernetes"), ("webhook", "one"), ("fake", "of fake")];
    story.secret_with("all", &expected).await?;
    story.end().await
}
