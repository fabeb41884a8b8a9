//! An HTTP service that makes logins, as a generator; the labels of Secrets say who agreed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Result, ensure};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::Kind, manifests::ExternalSecret, observed::text_data, story::Story, wait::soon,
};
use tokio::{net::TcpListener, task::JoinHandle};

const VERSION: &str = "generators.external-secrets.io/v1alpha1";
/// What the service asks for.
const TOKEN: &str = "canary-90d4";

/// A service that makes another login each time.
struct Service {
    address: String,
    made: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Service {
    async fn start() -> Result<Self> {
        let made = Arc::new(AtomicUsize::new(0));
        let router = Router::new().route("/logins", post(login)).with_state(Arc::clone(&made));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            // Ends with the story.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, made, server })
    }
}

async fn login(State(made): State<Arc<AtomicUsize>>, headers: HeaderMap, body: String) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|token| token.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) || body != "app" {
        return (StatusCode::UNAUTHORIZED, TOKEN).into_response();
    }
    let number = made.fetch_add(1, Ordering::SeqCst);
    json!({ "login": { "user": "app", "password": format!("made-{number}"), "port": 5432 } })
        .to_string()
        .into_response()
}

fn generator(url: &str) -> Value {
    json!({
        "apiVersion": VERSION, "kind": "Webhook", "metadata": { "name": "logins" },
        "spec": {
            "url": url, "method": "POST", "body": "{{ .login.team }}",
            "headers": { "Authorization": "{{ printf \"Bearer %s\" .login.token }}" },
            "result": { "jsonPath": "$.login" },
            "secrets": [{ "name": "login", "secretRef": { "name": "login" } }],
        },
    })
}

fn credential(labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "login", "labels": labels },
        "stringData": { "token": TOKEN, "team": "app" },
    })
}

#[tokio::test]
async fn a_service_makes_logins_for_those_whose_secret_may_be_sent() -> Result<()> {
    let story = Story::begin("webhook-generator").await?;
    let service = Service::start().await?;
    story.token_store().await?;
    story.write("app", &json!({ "host": "db" })).await?;
    story.create(&credential(&json!({}))).await?;
    story.create(&generator(&format!("{}/logins", service.address))).await?;
    let source = json!({ "sourceRef": { "generatorRef": { "apiVersion": VERSION, "kind": "Webhook", "name": "logins" } } });
    // Generators have no class: a store says who looks after the object.
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app")).source(&source);
    story.external_secret(object).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    ensure!(condition.message.contains("external-secrets.io/type: webhook"), "{}", condition.message);
    ensure!(service.made.load(Ordering::SeqCst) == 0, "the service was asked");

    let consent = json!({ "metadata": { "labels": { "external-secrets.io/type": "webhook" } } });
    story.patch(Kind::Secret, "login", &consent).await?;
    let expected = [("user", "app"), ("password", "made-0"), ("port", "5432"), ("host", "db")];
    story.secret_with("app", &expected).await?;

    // Another login at each refresh, and none in between.
    let force = json!({ "metadata": { "annotations": { "force-sync": "1" } } });
    story.patch(Kind::ExternalSecret, "app", &force).await?;
    soon("another login", async || {
        let data = text_data(&story.get(Kind::Secret, "app").await?)?;
        ensure!(data.get("password").is_some_and(|password| password == "made-1"), "{:?}", data.keys());
        Ok(())
    })
    .await?;
    ensure!(service.made.load(Ordering::SeqCst) == 2, "{} logins", service.made.load(Ordering::SeqCst));
    story.end().await
}

#[tokio::test]
async fn a_generator_cannot_ask_a_metadata_service() -> Result<()> {
    let story = Story::begin("webhook-generator-ssrf").await?;
    story.token_store().await?;
    story.write("app", &json!({ "host": "db" })).await?;
    story.create(&credential(&json!({ "external-secrets.io/type": "webhook" }))).await?;
    story.create(&generator("http://169.254.169.254/latest/meta-data")).await?;
    let source = json!({ "sourceRef": { "generatorRef": { "apiVersion": VERSION, "kind": "Webhook", "name": "logins" } } });
    let object = ExternalSecret::from_store("app", "store").extracts(&story.key("app")).source(&source);
    story.external_secret(object).await?;
    let condition = story.failed(Kind::ExternalSecret, "app").await?;
    ensure!(condition.message.contains("link-local"), "{}", condition.message);
    story.end().await
}
