//! Google Cloud as a login meets it: tokens for those who show the right one, signatures, and a metadata server. Everything
//! that is asked is checked; a refusal quotes a canary.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use strongroom_provider_api::Endpoints;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const ACCOUNT: &str = "app@project.iam.gserviceaccount.test";

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const AUDIENCE: &str = "identitynamespace:project.svc.id.goog:\
    https://container.googleapis.com/v1/projects/project/locations/europe-west3/clusters/one";

/// A Google that knows one cluster, one ServiceAccount there, and one account that it may take on.
pub(crate) struct Google {
    pub(crate) server: MockServer,
    public: Vec<u8>,
}

impl Google {
    /// One that refuses the call whose path ends with `refused` with this answer.
    pub(crate) async fn refusing(refused: Option<(&'static str, ResponseTemplate)>) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = key.public_key().as_ref().to_vec();
        let server = MockServer::start().await;
        let answer = move |request: &Request| match &refused {
            Some((end, answer)) if request.url.path().ends_with(end) => answer.clone(),
            Some(_) | None => answered(request, &key),
        };
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        Self { server, public }
    }

    /// It takes the place of the public services.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints::of([
            ("GOOGLE_STS_ENDPOINT", self.server.uri()),
            ("GOOGLE_IAMCREDENTIALS_ENDPOINT", self.server.uri()),
            ("GCE_METADATA_HOST", self.server.address().to_string()),
        ])
    }

    /// The last part of each path that was asked for.
    pub(crate) async fn asked(&self) -> Vec<String> {
        let all = self.server.received_requests().await.unwrap();
        all.iter().map(|request| request.url.path().rsplit(['/', ':']).next().unwrap().to_owned()).collect()
    }

    /// The public part of the account's key.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.public.clone()
    }
}

/// Header and claims of a JWT that `public` verifies.
pub(crate) fn verified(jwt: &str, public: &[u8]) -> Option<(Value, Value)> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(signed.as_bytes(), &signature).ok()?;
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((json(head)?, json(claims)?))
}

fn answered(request: &Request, key: &KeyPair) -> ResponseTemplate {
    let method = request.method.as_str();
    let path = request.url.path();
    if let Some(path) = path.strip_prefix("/computeMetadata/v1/") {
        return metadata(request, path);
    }
    match path.strip_prefix(&format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:")) {
        _ if method != "POST" => ResponseTemplate::new(405),
        None if path == "/v1/token" => exchange(request),
        Some("generateAccessToken") if bearer(request) == Some("Bearer canary-of-pool") => {
            let right = body(request) == json!({ "scope": [SCOPE] });
            let granted = json!({ "accessToken": "canary-of-account", "expireTime": "2999-01-01T00:00:00Z" });
            if right {
                ResponseTemplate::new(200).set_body_json(granted)
            } else {
                refusal(400, "INVALID_ARGUMENT")
            }
        }
        Some("signJwt") if bearer(request) == Some("Bearer canary-of-account") => sign(request, key),
        Some(_) => refusal(403, "PERMISSION_DENIED"),
        None => refusal(404, "NOT_FOUND"),
    }
}

/// A token of the pool for one of the cluster's (RFC 8693, section 2).
fn exchange(request: &Request) -> ResponseTemplate {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let wanted = [
        ("audience", AUDIENCE),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", SCOPE),
        ("subject_token", "service-account-jwt"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let typed =
        request.headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    if form != BTreeMap::from(wanted) || !typed || bearer(request).is_some() {
        let said = json!({ "error": "invalid_grant", "error_description": "canary" });
        return ResponseTemplate::new(400).set_body_json(said);
    }
    ResponseTemplate::new(200).set_body_json(json!({
        "access_token": "canary-of-pool", "token_type": "Bearer", "expires_in": 3600,
    }))
}

/// What is to be signed are the claims as text; no longer life than Vault takes.
fn sign(request: &Request, key: &KeyPair) -> ResponseTemplate {
    let body = body(request);
    let payload = body["payload"].as_str().unwrap_or_default();
    let claims: Value = serde_json::from_str(payload).unwrap_or_default();
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, begin)| end - begin);
    let right = body.as_object().is_some_and(|members| members.len() == 1)
        && claims["sub"] == ACCOUNT
        && life.is_some_and(|life| (1..=900).contains(&life));
    if !right {
        return refusal(400, "INVALID_ARGUMENT");
    }
    let head = json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }).to_string();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(payload));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    let jwt = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    ResponseTemplate::new(200).set_body_json(json!({ "keyId": "k1", "signedJwt": jwt }))
}

fn metadata(request: &Request, path: &str) -> ResponseTemplate {
    let known = match path {
        "project/project-id" => "project",
        "instance/attributes/cluster-location" => "europe-west3",
        "instance/attributes/cluster-name" => "one",
        _ => return ResponseTemplate::new(404),
    };
    if request.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
        return ResponseTemplate::new(403);
    }
    ResponseTemplate::new(200).insert_header("metadata-flavor", "Google").set_body_string(known)
}

fn bearer(request: &Request) -> Option<&str> {
    request.headers.get("authorization").and_then(|line| line.to_str().ok())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// As Google words its errors.
pub(crate) fn refusal(status: u16, name: &str) -> ResponseTemplate {
    let error = json!({ "code": status, "message": "canary", "status": name });
    ResponseTemplate::new(status).set_body_json(json!({ "error": error }))
}
