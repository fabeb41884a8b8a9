//! Login methods against a stub of Vault that checks what it is shown, and the list of those that are allowed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

#[path = "support/aws.rs"]
mod aws;
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_provider_api::{AllowedLogins, Endpoints, ErrorKind, RemoteKey, Toolbox};
use strongroom_provider_vault::STORES;
use support::{Table, connect};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockBuilder, MockServer, Request, ResponseTemplate};

fn on(verb: &str, at: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(format!("/v1/{at}")))
}

fn granted() -> ResponseTemplate {
    let auth = json!({"client_token": "t1", "accessor": "a1", "lease_duration": 300, "renewable": true});
    ResponseTemplate::new(200).set_body_json(json!({ "auth": auth }))
}

fn refused() -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({"errors": ["canary"]}))
}

async fn paths(server: &MockServer) -> Vec<String> {
    let all = server.received_requests().await.unwrap();
    all.iter().map(|request| request.url.path().trim_start_matches("/v1/").to_owned()).collect()
}

#[tokio::test]
async fn an_iam_login_posts_a_request_that_is_signed_with_the_keys() {
    let server = MockServer::start().await;
    let verified = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text =
            |name: &str| String::from_utf8(STANDARD.decode(body[name].as_str().unwrap()).unwrap()).unwrap();
        let headers: BTreeMap<String, Vec<String>> =
            serde_json::from_str(&text("iam_request_headers")).unwrap();
        let headers: BTreeMap<String, String> =
            headers.into_iter().map(|(name, all)| (name, all[0].clone())).collect();
        let asked = text("iam_request_body");
        let right = body["iam_http_request_method"] == "POST"
            && body["role"] == "app"
            && text("iam_request_url") == format!("https://{}/", headers["host"])
            && headers["host"] == "sts.eu-central-1.amazonaws.com"
            && headers["x-vault-aws-iam-server-id"] == "vault.test"
            && headers["x-amz-security-token"] == "session"
            && asked == "Action=GetCallerIdentity&Version=2011-06-15";
        if right && aws::is_signed(&headers, &asked) { granted() } else { refused() }
    };
    on("POST", "auth/team/aws/login").respond_with(verified).mount(&server).await;
    let settings = json!({"server": server.uri(), "path": "secret", "auth": {"iam": {
        "path": "team/aws", "region": "eu-central-1", "vaultRole": "app", "vaultAwsIamServerID": "vault.test",
        "secretRef": {
            "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
            "secretAccessKeySecretRef": {"name": "aws", "key": "secret"},
            "sessionTokenSecretRef": {"name": "aws", "key": "session"},
        },
    }}});
    let table =
        |secret| Table::of([("aws/id", aws::KEY_ID), ("aws/secret", secret), ("aws/session", "session")]);
    connect(settings.clone(), table(aws::SECRET_KEY)).await.unwrap();
    let error = connect(settings, table("another/canary")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!error.to_string().contains("canary"));
}

const FIRST_KEY: (&str, &str) = ("ASIAFIRST", "first/canary");
const OF_ACCOUNT: &str = "arn:aws:iam::1:role/account";
const OF_STORE: &str = "arn:aws:iam::2:role/store";

/// An STS that knows one role of a ServiceAccount, and one more that may be taken on from there.
fn sts(request: &Request) -> ResponseTemplate {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let said = |name: &str| form.get(name).map(String::as_str);
    let granted = |(id, secret): (&str, &str), token: &str| {
        ResponseTemplate::new(200).set_body_string(format!(
            "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{token}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></R>"
        ))
    };
    let headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
        .collect();
    let ours = said("RoleSessionName") == Some("external-secrets-provider-vault");
    match said("Action") {
        Some("AssumeRoleWithWebIdentity")
            if ours
                && said("RoleArn") == Some(OF_ACCOUNT)
                && said("WebIdentityToken") == Some("service-account-jwt")
                && !headers.contains_key("authorization") =>
        {
            granted(FIRST_KEY, "first-token")
        }
        Some("AssumeRole")
            if ours
                && said("RoleArn") == Some(OF_STORE)
                && said("ExternalId") == Some("agreed")
                && headers["x-amz-security-token"] == "first-token"
                && aws::is_signed_with(
                    FIRST_KEY,
                    &headers,
                    &String::from_utf8_lossy(&request.body),
                    &["host", "x-amz-date", "x-amz-security-token"],
                ) =>
        {
            granted((aws::KEY_ID, aws::SECRET_KEY), "session")
        }
        _ => ResponseTemplate::new(403).set_body_string("<E><Code>AccessDenied</Code>canary</E>"),
    }
}

#[tokio::test]
async fn an_iam_login_takes_on_the_role_of_a_service_account_and_another_from_there() {
    let (vault, asked) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("POST")).and(path("/")).respond_with(sts).mount(&asked).await;
    let host = asked.address().to_string();
    let verified = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text =
            |name: &str| String::from_utf8(STANDARD.decode(body[name].as_str().unwrap()).unwrap()).unwrap();
        let headers: BTreeMap<String, [String; 1]> =
            serde_json::from_str(&text("iam_request_headers")).unwrap();
        let headers: BTreeMap<_, _> = headers.into_iter().map(|(name, [value])| (name, value)).collect();
        let right = headers["host"] == host
            && text("iam_request_url") == format!("http://{host}/")
            && headers["x-amz-security-token"] == "session";
        if right && aws::is_signed(&headers, &text("iam_request_body")) { granted() } else { refused() }
    };
    on("POST", "auth/aws/login").respond_with(verified).mount(&vault).await;
    let attempt = async |role: &str| {
        let table = Arc::new(support::Table {
            annotations: [("eks.amazonaws.com/role-arn".to_owned(), OF_ACCOUNT.to_owned())].into(),
            ..support::Table::default()
        });
        let settings = json!({"server": vault.uri(), "path": "secret", "auth": {"iam": {
            "vaultRole": "app", "vaultAwsIamServerID": "vault.test", "role": role, "externalID": "agreed",
            "jwt": { "serviceAccountRef": { "name": "app", "audiences": ["more"] } },
        }}});
        let toolbox =
            Toolbox { endpoints: Endpoints::of([("AWS_STS_ENDPOINT", asked.uri())]), ..Toolbox::default() };
        let connected = STORES[0].connect(settings, Arc::clone(&table) as _, toolbox).await;
        let audiences = vec!["more".to_owned(), "sts.amazonaws.com".to_owned()];
        assert_eq!(*table.token_requests.lock().unwrap(), [("app".to_owned(), audiences, 600)]);
        connected
    };
    attempt(OF_STORE).await.unwrap();
    assert_eq!(paths(&vault).await, ["auth/aws/login"]);
    let error = attempt("arn:aws:iam::3:role/other").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("role/other") && !error.to_string().contains("canary"), "{error}");
    assert_eq!(paths(&vault).await.len(), 1, "Vault is not asked without a role");
}

#[tokio::test]
async fn of_two_jwts_the_secrets_is_shown_with_a_role_without_spaces() {
    let server = MockServer::start().await;
    on("POST", "auth/jwt/login")
        .and(body_json(json!({"jwt": "from-secret", "role": "app"})))
        .respond_with(granted())
        .mount(&server)
        .await;
    let settings = json!({"server": server.uri(), "path": "secret", "auth": {"jwt": {
        "role": " app ", "secretRef": {"name": "s", "key": "jwt"},
        "kubernetesServiceAccountToken": {"serviceAccountRef": {"name": "app"}},
    }}});
    connect(settings, Table::of([("s/jwt", "from-secret")])).await.unwrap();
}

/// A Vault whose wrapping token was made at `creation_path` and works once.
async fn wrapping(creation_path: &str) -> MockServer {
    let server = MockServer::start().await;
    let used = Arc::new(AtomicBool::new(false));
    let looked = Arc::clone(&used);
    let creation = json!({"data": {"creation_path": creation_path, "creation_ttl": 60}});
    on("POST", "sys/wrapping/lookup")
        .and(body_json(json!({"token": "hvs.wrapping"})))
        .respond_with(move |_: &Request| {
            if looked.load(Ordering::SeqCst) {
                refused()
            } else {
                ResponseTemplate::new(200).set_body_json(&creation)
            }
        })
        .mount(&server)
        .await;
    on("POST", "sys/wrapping/unwrap")
        .and(header("x-vault-token", "hvs.wrapping"))
        .respond_with(move |_: &Request| {
            if used.swap(true, Ordering::SeqCst) {
                refused()
            } else {
                ResponseTemplate::new(200).set_body_json(json!({"data": {"secret_id": "canary-id"}}))
            }
        })
        .mount(&server)
        .await;
    on("POST", "auth/approle/login")
        .and(body_json(json!({"role_id": "role", "secret_id": "canary-id"})))
        .respond_with(granted())
        .mount(&server)
        .await;
    on("GET", "secret/data/app").respond_with(ResponseTemplate::new(401)).mount(&server).await;
    server
}

fn app_role(server: &MockServer) -> Value {
    json!({"server": server.uri(), "path": "secret", "auth": {
        "appRole": {"roleId": "role", "secretRef": {"name": "s", "key": "id"}},
    }})
}

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_serves_later_logins() {
    let server = wrapping("auth/approle/role/app/secret-id").await;
    let table = Table::of([("s/id", "hvs.wrapping\n")]);
    let bench = connect(app_role(&server), Arc::clone(&table)).await.unwrap();
    let calls = ["LookupWrapping success", "Unwrap success", "Login success"];
    assert_eq!(
        (bench.meter.take().as_slice(), bench.clock.0.load(Ordering::SeqCst)),
        (calls.map(str::to_owned).as_slice(), 0)
    );
    // The token is refused, so there is another login: the wrapping token could not be used again.
    assert!(bench.client.read(&RemoteKey::latest("app")).await.is_err());
    let seen = paths(&server).await;
    let times = |path: &str| seen.iter().filter(|seen| *seen == path).count();
    assert_eq!((times("sys/wrapping/unwrap"), times("auth/approle/login")), (1, 2));
    let error = connect(app_role(&server), table).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.message().contains("wrapping token has been used"), "{error}");
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn a_wrapping_token_for_something_else_is_not_used_up() {
    for path in ["sys/wrapping/wrap", "auth/other/role/app/secret-id"] {
        let server = wrapping(path).await;
        let error = connect(app_role(&server), Table::of([("s/id", "hvs.wrapping")])).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.message().contains("not made for a secret ID"), "{error}");
        assert_eq!(paths(&server).await, ["sys/wrapping/lookup"]);
    }
}

#[tokio::test]
async fn a_login_method_that_is_not_allowed_makes_no_call() {
    let server = wrapping("auth/approle/role/app/secret-id").await;
    let allowed =
        |name: &str| Toolbox { logins: AllowedLogins::only([name.to_owned()]), ..Toolbox::default() };
    let table = || Table::of([("s/id", "canary-id")]);
    let nobody = json!({"server": server.uri()});
    for (settings, name) in [(app_role(&server), "vault/appRole"), (nobody, "vault/none")] {
        let error = STORES[0].connect(settings, table(), allowed("vault/kubernetes")).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains(name), "{error}");
    }
    assert_eq!(paths(&server).await, Vec::<String>::new());
    STORES[0].connect(app_role(&server), table(), allowed("vault/appRole")).await.unwrap();
    // The same store under another provider's key needs its own leave.
    let bao = STORES.iter().find(|store| store.name == "openBao").unwrap();
    assert!(bao.connect(app_role(&server), table(), allowed("vault/appRole")).await.is_err());
    bao.connect(app_role(&server), table(), allowed("openBao/appRole")).await.unwrap();
}
