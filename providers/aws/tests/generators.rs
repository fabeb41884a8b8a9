//! The generators of the aws provider under the shared suite, against a stub of ECR and STS.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_provider_api::{Endpoints, GeneratorDescriptor, StoreKind, Toolbox};
use strongroom_provider_aws::{EcrAuthorizationToken, StsSessionToken};
use strongroom_provider_conformance::generators::{GeneratorFixture, Made};
use strongroom_provider_conformance::{
    CANARY, RequestClass, StubRequest, StubResolver, StubResponse, StubServer, StubService,
};

/// ECR and STS, which give others each time. What signatures must be like is tested with stores.
struct Tokens(AtomicUsize);

impl StubService for Tokens {
    fn class(&self, request: &StubRequest) -> RequestClass {
        let body = String::from_utf8_lossy(&request.body);
        if body.contains("Action=AssumeRole") { RequestClass::Login } else { RequestClass::Write }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let body = match request.headers.get("x-amz-target") {
            Some(target) => {
                assert!(target.to_str().unwrap().ends_with(".GetAuthorizationToken"));
                let token = STANDARD.encode(format!("AWS:{CANARY}-{number}"));
                let datum = json!({ "authorizationToken": token, "expiresAt": 32_503_680_000.5, "proxyEndpoint": "https://1" });
                json!({ "authorizationData": [datum] }).to_string()
            }
            None => format!(
                "<R><Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>{CANARY}/{number}</SecretAccessKey>\
                 <SessionToken>{CANARY}-token-{number}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
                 </Credentials></R>"
            ),
        };
        StubResponse { status: 200, body: body.into_bytes() }
    }
}

struct Fixture(GeneratorDescriptor);

fn keys() -> Value {
    let selector = |key: &str| json!({ "name": "keys", "key": key });
    json!({ "secretRef": { "accessKeyIDSecretRef": selector("id"), "secretAccessKeySecretRef": selector("secret") } })
}

#[async_trait]
impl GeneratorFixture for Fixture {
    fn descriptor(&self) -> GeneratorDescriptor {
        self.0
    }

    async fn made(&self) -> Made {
        let stub = StubServer::start(Tokens(AtomicUsize::new(0))).await;
        let resolver = StubResolver::new(StoreKind::Namespaced)
            .with_secret("keys", "id", "AKIDTEST")
            .with_secret("keys", "secret", CANARY);
        let at = ["AWS_STS_ENDPOINT", "AWS_ECR_ENDPOINT"].map(|name| (name, stub.url()));
        let toolbox = Toolbox { endpoints: Endpoints::of(at), ..Toolbox::default() };
        let made = Made::plain(json!({ "region": "eu-central-1", "auth": keys() }));
        Made { resolver: Arc::new(resolver), stub: Some(stub), toolbox, ..made }
    }

    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        let half = json!({ "secretRef": { "accessKeyIDSecretRef": { "name": "keys", "key": "id" } } });
        vec![
            (json!({ "region": "x/", "auth": keys() }), "region"),
            (json!({ "region": "eu-central-1" }), "auth"),
            (json!({ "region": "eu-central-1", "auth": half }), "auth.secretRef.secretAccessKeySecretRef"),
        ]
    }
}

mod ecr_authorization_token {
    use super::*;

    strongroom_provider_conformance::generator_suite!(Fixture(GeneratorDescriptor::of::<
        EcrAuthorizationToken,
    >()));
}

mod sts_session_token {
    use super::*;

    strongroom_provider_conformance::generator_suite!(Fixture(GeneratorDescriptor::of::<StsSessionToken>()));
}
