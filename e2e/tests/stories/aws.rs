//! AWS as a store: fixed keys, the cluster's own ServiceAccounts, and what a value becomes. Moto plays AWS; what it would
//! believe unseen, a gate in front of it checks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::{Cluster, Kind},
    controller::Controller,
    manifests::{self, ExternalSecret, secret_store},
    observed::text_data,
    story::Story,
    vault::http_client,
    wait::soon,
};
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) const REGION: &str = "eu-central-1";
/// The account of keys that moto does not know.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/app";
pub(crate) const ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const GENERATORS: &str = "generators.external-secrets.io/v1alpha1";

/// A gate in front of moto: it lets nobody take on a role whose token the cluster does not vouch for.
pub(crate) struct Gate {
    address: String,
    logins: Arc<Mutex<Vec<String>>>,
    calls: Arc<Mutex<Vec<String>>>,
    denied: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Means {
    moto: String,
    cluster: Cluster,
    logins: Arc<Mutex<Vec<String>>>,
    calls: Arc<Mutex<Vec<String>>>,
    denied: Arc<Mutex<Vec<String>>>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Gate {
    pub(crate) async fn open(story: &Story) -> Result<Self> {
        let (logins, calls, denied) = (Arc::default(), Arc::default(), Arc::default());
        let means = Means {
            moto: story.testbed.aws.address.clone(),
            cluster: story.cluster.clone(),
            logins: Arc::clone(&logins),
            calls: Arc::clone(&calls),
            denied: Arc::clone(&denied),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(passed).with_state(means);
        let server = tokio::spawn(async move {
            // Ends with the story.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, logins, calls, denied, server })
    }

    /// A controller that takes the gate for AWS.
    pub(crate) async fn controller(&self, story: &Story) -> Result<Controller> {
        let flags = ["secretsmanager", "ssm", "sts", "ecr"]
            .map(|service| format!("--aws-{service}-endpoint={}", self.address));
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        story.controller_with("aws", &[&["--status-time-interval=1ms"], &flags[..]].concat()).await
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.logins.lock().map(|logins| logins.clone()).unwrap_or_default()
    }

    /// The actions that were asked for since this was called last.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().map(|mut calls| std::mem::take(&mut *calls)).unwrap_or_default()
    }

    /// No policy allows `action` from now on.
    pub(crate) fn deny(&self, action: &str) {
        if let Ok(mut denied) = self.denied.lock() {
            denied.push(action.to_owned());
        }
    }
}

async fn passed(State(means): State<Means>, headers: HeaderMap, body: Bytes) -> Response {
    match forwarded(&means, &headers, body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forwarded(means: &Means, headers: &HeaderMap, body: Bytes) -> Result<Response> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, action)) = target.and_then(|target| target.split_once('.')) {
        if let Ok(mut calls) = means.calls.lock() {
            calls.push(action.to_owned());
        }
        if means.denied.lock().is_ok_and(|denied| denied.iter().any(|denied| denied == action)) {
            let refusal = json!({ "__type": "AccessDeniedException" }).to_string();
            return Ok((StatusCode::BAD_REQUEST, refusal).into_response());
        }
    }
    let form: HashMap<String, String> = form(&body);
    if form.get("Action").is_some_and(|action| action == "AssumeRoleWithWebIdentity") {
        let token = form.get("WebIdentityToken").map(String::as_str).unwrap_or_default();
        let who = holder(&means.cluster, token).await?;
        let role = form.get("RoleArn").map(String::as_str).unwrap_or_default();
        if let Ok(mut logins) = means.logins.lock() {
            logins.push(format!("{who} {role}"));
        }
        if who.is_empty() {
            let refusal = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>";
            return Ok((StatusCode::BAD_REQUEST, refusal).into_response());
        }
    }
    let mut request = http_client().post(format!("{}/", means.moto));
    for name in ["authorization", "content-type", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.body(body).send().await?;
    let status = StatusCode::from_u16(answer.status().as_u16())?;
    Ok((status, answer.bytes().await?).into_response())
}

/// Whom the cluster knows by `token`, if it is meant for AWS; nobody otherwise.
async fn holder(cluster: &Cluster, token: &str) -> Result<String> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "metadata": {},
        "spec": { "token": token, "audiences": ["sts.amazonaws.com"] },
    });
    let answer = cluster.create("", &review).await?;
    let status = &answer["status"];
    let user = status["user"]["username"].as_str().filter(|_| status["authenticated"] == true);
    Ok(user.unwrap_or_default().to_owned())
}

/// The members of a form; empty for any other body.
fn form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    if text.starts_with('{') {
        return HashMap::new();
    }
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), unescaped(value))).collect()
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        all.extend(code.map(char::from));
        all.push_str(part.get(2..).unwrap_or_default());
        all
    })
}

/// Asks moto directly, as the owner of the account.
pub(crate) async fn ask(story: &Story, service: &str, target: &str, body: &Value) -> Result<Value> {
    let scope = format!("AKIDOWNER/20260101/{REGION}/{service}/aws4_request");
    let answer = http_client()
        .post(format!("{}/", story.testbed.aws.address))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x"),
        )
        .body(body.to_string())
        .send()
        .await?;
    ensure!(answer.status().is_success(), "{target}: {}", answer.status());
    Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
}

pub(crate) async fn keep(story: &Story, name: &str, value: &str) -> Result<String> {
    let name = story.key(name);
    let body = json!({ "Name": name, "SecretString": value });
    ask(story, "secretsmanager", "secretsmanager.CreateSecret", &body).await?;
    Ok(name)
}

pub(crate) async fn fixed_keys(story: &Story) -> Result<Value> {
    let mut secret = manifests::secret("aws-keys", "id", "AKIDSTORY");
    secret["stringData"]["secret"] = "canary-long-lived".into();
    story.create(&secret).await?;
    let selector = |key: &str| json!({ "name": "aws-keys", "key": key });
    Ok(json!({ "secretRef": {
        "accessKeyIDSecretRef": selector("id"),
        "secretAccessKeySecretRef": selector("secret"),
    } }))
}

pub(crate) fn provider(service: &str, auth: &Value) -> Value {
    json!({ "aws": { "service": service, "region": REGION, "auth": auth } })
}

#[tokio::test]
async fn values_of_secrets_and_parameters_become_what_they_become_upstream() -> Result<()> {
    let story = Story::begin_alone("aws-values").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let auth = fixed_keys(&story).await?;
    for (name, service) in [("secrets", "SecretsManager"), ("parameters", "ParameterStore")] {
        story.create(&secret_store(name, &story.class, &provider(service, &auth))).await?;
        story.store_ready(Kind::SecretStore, name).await?;
    }
    let slash = keep(&story, "slash", r#"{"/shmoo": "bang"}"#).await?;
    let nested =
        keep(&story, "nested", r#"{"foobar":{"baz":"nestedval"}, "n":12345678901234567890, "z":null}"#)
            .await?;
    let dotted = keep(&story, "dotted", r#"{"foobar.baz":"nestedval","foobar":{"baz":"other"}}"#).await?;
    let binary = story.key("binary");
    let body = json!({ "Name": binary, "SecretBinary": "eWVzcGxlYXNl" });
    ask(&story, "secretsmanager", "secretsmanager.CreateSecret", &body).await?;
    let body = json!({ "SecretId": slash, "SecretString": "second" });
    ask(&story, "secretsmanager", "secretsmanager.PutSecretValue", &body).await?;

    let previous = json!({ "secretKey": "previous", "remoteRef": { "key": slash, "version": "AWSPREVIOUS", "property": "/shmoo" } });
    let whole = |name: &str, key: &str| json!({ "secretKey": name, "remoteRef": { "key": key } });
    // Rows 21 to 25 of the value table.
    let values = ExternalSecret::from_store("values", "secrets")
        .entry(&previous)
        .takes("nested", &nested, "foobar.baz")
        .takes("dotted", &dotted, "foobar.baz")
        .entry(&whole("binary", &binary));
    story.external_secret(values).await?;
    let expected =
        [("previous", "bang"), ("nested", "nestedval"), ("dotted", "nestedval"), ("binary", "yesplease")];
    story.secret_with("values", &expected).await?;
    // Row 27, and numbers digit by digit.
    story.external_secret(ExternalSecret::from_store("all", "secrets").extracts(&nested)).await?;
    let expected = [("foobar", r#"{"baz":"nestedval"}"#), ("n", "12345678901234567890"), ("z", "")];
    story.secret_with("all", &expected).await?;
    let missing = ExternalSecret::from_store("missing", "secrets").takes("a", &slash, "INVALPROP");
    story.external_secret(missing).await?;
    let condition = story.failed(Kind::ExternalSecret, "missing").await?;
    ensure!(condition.message.contains("INVALPROP"), "{}", condition.message);

    // Row 29.
    let parameter = format!("/app/{}", story.key("parameter"));
    let value = r#"{"/shmoo.boom": "bang"}"#;
    let body = json!({ "Name": parameter, "Value": value, "Type": "SecureString" });
    ask(&story, "ssm", "AmazonSSM.PutParameter", &body).await?;
    let object = ExternalSecret::from_store("parameter", "parameters").takes("a", &parameter, "/shmoo.boom");
    story.external_secret(object).await?;
    story.secret_with("parameter", &[("a", "bang")]).await?;
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn a_service_account_of_the_cluster_takes_on_its_role() -> Result<()> {
    let story = Story::begin_alone("aws-account").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let key = keep(&story, "app", "one").await?;
    story.create(&manifests::service_account("app")).await?;
    let auth = json!({ "jwt": { "serviceAccountRef": { "name": "app" } } });
    story.create(&secret_store("store", &story.class, &provider("SecretsManager", &auth))).await?;
    let condition = story.failed(Kind::SecretStore, "store").await?;
    ensure!(
        condition.message.contains("an IAM role must be associated with service account"),
        "{}",
        condition.message
    );

    // The store is tried again, and the cluster vouches for the token.
    let annotated = json!({ "metadata": { "annotations": { ANNOTATION: ROLE } } });
    story.patch(Kind::ServiceAccount, "app", &annotated).await?;
    story.store_ready(Kind::SecretStore, "store").await?;
    let value = json!({ "secretKey": "value", "remoteRef": { "key": key } });
    story.external_secret(ExternalSecret::from_store("app", "store").entry(&value)).await?;
    story.secret_with("app", &[("value", "one")]).await?;
    let account = format!("system:serviceaccount:{}:app", story.namespace);
    let logins = gate.logins();
    ensure!(logins.first() == Some(&format!("{account} {ROLE}")), "{logins:?}");
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn a_secret_that_is_deleted_in_aws_goes_and_comes_back_when_it_is_restored() -> Result<()> {
    let story = Story::begin_alone("aws-deleted").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let auth = fixed_keys(&story).await?;
    story.create(&secret_store("store", &story.class, &provider("SecretsManager", &auth))).await?;
    story.store_ready(Kind::SecretStore, "store").await?;
    let key = keep(&story, "app", "one").await?;
    let value = json!({ "secretKey": "value", "remoteRef": { "key": key } });
    let object = ExternalSecret::from_store("app", "store").entry(&value);
    let object = object.every("1s").target(json!({ "deletionPolicy": "Delete" }));
    story.external_secret(object).await?;
    story.secret_with("app", &[("value", "one")]).await?;
    // It could still be restored: for AWS it is marked, for a reader it is gone.
    let body = json!({ "SecretId": key });
    ask(&story, "secretsmanager", "secretsmanager.DeleteSecret", &body).await?;
    story.gone(Kind::Secret, "app").await?;
    ask(&story, "secretsmanager", "secretsmanager.RestoreSecret", &body).await?;
    story.secret_with("app", &[("value", "one")]).await?;
    drop(controller);
    story.end().await
}

#[tokio::test]
async fn tokens_for_registries_and_sessions_are_generated() -> Result<()> {
    let story = Story::begin_alone("aws-generators").await?;
    let gate = Gate::open(&story).await?;
    let controller = gate.controller(&story).await?;
    let auth = fixed_keys(&story).await?;
    // Generators have no class: a store says who looks after the objects.
    story.token_store().await?;
    story.write("app", &json!({ "user": "admin" })).await?;
    for (kind, name) in [("ECRAuthorizationToken", "ecr"), ("STSSessionToken", "sts")] {
        let spec = json!({ "region": REGION, "auth": auth });
        let generator =
            json!({ "apiVersion": GENERATORS, "kind": kind, "metadata": { "name": name }, "spec": spec });
        story.create(&generator).await?;
        let reference = json!({ "apiVersion": GENERATORS, "kind": kind, "name": name });
        let object = ExternalSecret::from_store(name, "store")
            .extracts(&story.key("app"))
            .source(&json!({ "sourceRef": { "generatorRef": reference } }));
        story.external_secret(object).await?;
        story.synced(name).await?;
    }
    let ecr = text_data(&story.get(Kind::Secret, "ecr").await?)?;
    ensure!(ecr.get("username").is_some_and(|user| user == "AWS"), "{:?}", ecr.keys());
    ensure!(
        ecr.get("proxy_endpoint").is_some_and(|at| at.contains("dkr.ecr.eu-central-1")),
        "{:?}",
        ecr.keys()
    );
    let sts = text_data(&story.get(Kind::Secret, "sts").await?)?;
    for key in ["access_key_id", "secret_access_key", "session_token", "expiration"] {
        let value = sts.get(key).with_context(|| format!("{key} is missing"))?;
        ensure!(!value.is_empty(), "{key} is empty");
    }
    // Session keys are a lease that nobody can end: its record goes with its object.
    ensure!(!leases(&story).await?.is_empty(), "the session is not recorded");
    story.delete(Kind::ExternalSecret, "sts").await?;
    soon("no record of a lease", async || {
        let left = leases(&story).await?;
        ensure!(left.is_empty(), "{} are left", left.len());
        Ok(())
    })
    .await?;
    drop(controller);
    story.end().await
}

async fn leases(story: &Story) -> Result<Vec<Value>> {
    story.cluster.list(Kind::SecretLease, &story.namespace, "").await
}
