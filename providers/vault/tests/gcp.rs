//! The login method `gcp` against a Google and a Vault of ours that check what they are shown.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail anywhere")]

#[path = "support/google.rs"]
mod google;
mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use google::{ACCOUNT, Google};
use serde_json::{Value, json};
use strongroom_provider_api::{Clock, Endpoints, Error, ErrorKind, Toolbox};
use strongroom_provider_vault::STORES;
use support::{Table, Turned, connect};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const ANNOTATION: &str = "iam.gke.io/gcp-service-account";

/// A Vault that lets in who shows a JWT for role `app` that `public` verifies.
async fn vault(public: Vec<u8>, account: &'static str) -> MockServer {
    let server = MockServer::start().await;
    let verified = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let shown = google::verified(body["jwt"].as_str().unwrap_or_default(), &public);
        let head = json!({"alg": "RS256", "typ": "JWT", "kid": "k1"});
        let claims = json!({"sub": account, "aud": "vault/app", "iat": 0, "exp": 600});
        if shown == Some((head, claims)) && body["role"] == "app" {
            let auth = json!({"client_token": "t1", "lease_duration": 300, "renewable": true});
            ResponseTemplate::new(200).set_body_json(json!({ "auth": auth }))
        } else {
            ResponseTemplate::new(400).set_body_json(json!({"errors": ["canary"]}))
        }
    };
    let login = Mock::given(method("POST")).and(path("/v1/auth/gcp/login"));
    login.respond_with(verified).mount(&server).await;
    server
}

/// One attempt of a store with these settings of the login; the ServiceAccount has `annotation`.
async fn attempt(
    google: &Google,
    vault: &MockServer,
    login: Value,
    annotation: Option<&str>,
) -> Result<Arc<Table>, Error> {
    let table = Arc::new(Table {
        annotations: annotation.map(|text| (ANNOTATION.to_owned(), text.to_owned())).into_iter().collect(),
        ..Table::default()
    });
    let mut gcp = json!({ "role": "app" });
    gcp.as_object_mut().unwrap().extend(login.as_object().unwrap().clone());
    let settings = json!({"server": vault.uri(), "path": "secret", "auth": { "gcp": gcp }});
    let clock: Arc<dyn Clock> = Arc::new(Turned::default());
    let toolbox = Toolbox { endpoints: google.endpoints(), clock, ..Toolbox::default() };
    STORES[0].connect(settings, Arc::clone(&table) as _, toolbox).await?;
    Ok(table)
}

fn workload_identity() -> Value {
    json!({ "workloadIdentity": {
        "serviceAccountRef": { "name": "app", "audiences": ["more"] },
        "clusterProjectID": "project", "clusterLocation": "europe-west3", "clusterName": "one",
    }})
}

#[tokio::test]
async fn a_service_account_takes_on_the_account_of_its_annotation_which_google_signs_for() {
    let google = Google::refusing(None).await;
    let vault = vault(google.public_key(), ACCOUNT).await;
    let table = attempt(&google, &vault, workload_identity(), Some(ACCOUNT)).await.unwrap();
    assert_eq!(google.asked().await, ["token", "generateAccessToken", "signJwt"]);
    let audiences = vec!["more".to_owned(), "project.svc.id.goog".to_owned()];
    assert_eq!(*table.token_requests.lock().unwrap(), [("app".to_owned(), audiences, 600)]);
}

#[tokio::test]
async fn what_is_not_said_of_the_cluster_the_metadata_server_tells() {
    for login in [
        json!({ "serviceAccountRef": { "name": "app" } }),
        json!({ "projectID": "project", "location": "europe-west3", "serviceAccountRef": { "name": "app" } }),
        json!({ "workloadIdentity": { "serviceAccountRef": { "name": "app" }, "clusterName": "one" } }),
    ] {
        let google = Google::refusing(None).await;
        let vault = vault(google.public_key(), ACCOUNT).await;
        attempt(&google, &vault, login.clone(), Some(ACCOUNT)).await.unwrap();
        let asked = google.asked().await;
        let said = |name: &str| !asked.iter().any(|asked| asked == name);
        assert_eq!(said("project-id"), login.get("projectID").is_some());
        assert_eq!(said("cluster-name"), login.get("workloadIdentity").is_some());
    }
}

#[tokio::test]
async fn a_cluster_that_nobody_tells_is_an_error_that_names_the_field_and_google_is_not_asked() {
    // Somebody else answers under the name of the metadata server.
    let other = ResponseTemplate::new(200).set_body_string("canary");
    let google = Google::refusing(Some(("cluster-name", other))).await;
    let vault = vault(google.public_key(), ACCOUNT).await;
    let login =
        json!({ "projectID": "project", "location": "europe-west3", "serviceAccountRef": { "name": "app" } });
    let error = attempt(&google, &vault, login, Some(ACCOUNT)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.message();
    assert!(
        message.contains("auth.gcp.serviceAccountRef") && message.contains("the name of the cluster"),
        "{error}"
    );
    assert_eq!(google.asked().await, ["cluster-name"]);
}

#[tokio::test]
async fn a_refusal_names_who_was_refused_and_never_a_token() {
    let table = [
        ("token", google::refusal(400, "invalid"), "ServiceAccount \"app\" (auth.gcp.workloadIdentity)"),
        ("generateAccessToken", google::refusal(403, "PERMISSION_DENIED"), "roles/iam.workloadIdentityUser"),
        ("signJwt", google::refusal(404, "NOT_FOUND"), ACCOUNT),
    ];
    for (end, answer, words) in table {
        let google = Google::refusing(Some((end, answer))).await;
        let vault = vault(google.public_key(), ACCOUNT).await;
        let error = attempt(&google, &vault, workload_identity(), Some(ACCOUNT)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        assert!(vault.received_requests().await.unwrap().is_empty(), "Vault is asked without a JWT");
    }
}

#[tokio::test]
async fn what_is_no_refusal_is_not_taken_for_one() {
    let slow = google::refusal(429, "RESOURCE_EXHAUSTED").insert_header("retry-after", "7");
    let garbage = ResponseTemplate::new(200).set_body_string("canary");
    let table = [
        ("token", slow, ErrorKind::Throttled, Some(Duration::from_secs(7))),
        ("generateAccessToken", google::refusal(503, "UNAVAILABLE"), ErrorKind::Unavailable, None),
        ("signJwt", garbage, ErrorKind::InvalidPayload, None),
    ];
    for (end, answer, kind, after) in table {
        let google = Google::refusing(Some((end, answer))).await;
        let vault = vault(google.public_key(), ACCOUNT).await;
        let error = attempt(&google, &vault, workload_identity(), Some(ACCOUNT)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (kind, after), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn without_a_usable_annotation_nobody_signs() {
    for annotation in [None, Some(""), Some("../x@y")] {
        let google = Google::refusing(None).await;
        let vault = vault(google.public_key(), ACCOUNT).await;
        let error = attempt(&google, &vault, workload_identity(), annotation).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let message = error.message();
        assert!(message.contains("ServiceAccount \"app\"") && message.contains(ANNOTATION), "{error}");
        assert!(google.asked().await.is_empty());
        assert!(vault.received_requests().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_address_of_the_controllers_that_is_none_names_its_variable() {
    for wrong in ["sts.example.com", "ftp://a", "http://u:canary@a", "http://a/?x"] {
        let annotations = [(ANNOTATION.to_owned(), ACCOUNT.to_owned())].into();
        let table = Arc::new(Table { annotations, ..Table::default() });
        let settings = json!({"server": "http://127.0.0.1:1", "path": "secret", "auth": { "gcp": {
            "role": "app", "workloadIdentity": workload_identity()["workloadIdentity"],
        }}});
        let endpoints = Endpoints::of([("GOOGLE_STS_ENDPOINT", wrong.to_owned())]);
        let toolbox = Toolbox { endpoints, ..Toolbox::default() };
        let error = STORES[0].connect(settings, table, toolbox).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(
            error.message().contains("GOOGLE_STS_ENDPOINT") && !error.to_string().contains("canary"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_jwt_that_is_signed_with_a_key_file_is_verified_by_the_accounts_public_key() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = key.public_key().as_ref().to_vec();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let server = vault(public, "app@project.test").await;
    let settings = json!({"server": server.uri(), "path": "secret", "auth": {"gcp": {
        "role": "app", "secretRef": {"secretAccessKeySecretRef": {"name": "gcp", "key": "json"}},
    }}});
    let file =
        json!({"client_email": "app@project.test", "private_key_id": "k1", "private_key": pem}).to_string();
    let bench = connect(settings.clone(), Table::of([("gcp/json", &file)])).await.unwrap();
    assert_eq!((bench.meter.take(), bench.clock.now().as_second()), (vec!["Login success".to_owned()], 0));
    bench.client.close().await;
    for bad in ["canary", r#"{"client_email":"a","private_key_id":"b","private_key":"canary"}"#] {
        let error = connect(settings.clone(), Table::of([("gcp/json", bad)])).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
