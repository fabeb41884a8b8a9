//! The generator of the webhook provider under the shared suite, against a stub of a service.

#![expect(clippy::indexing_slicing, reason = "a test may fail this way")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_provider_api::{GeneratorDescriptor, StoreKind};
use strongroom_provider_conformance::generators::{GeneratorFixture, Made};
use strongroom_provider_conformance::{
    CANARY, RequestClass, StubRequest, StubResolver, StubResponse, StubServer, StubService,
};
use strongroom_provider_webhook::WebhookGenerator;

/// Makes another login each time, for who shows a token.
struct Logins(AtomicUsize);

impl StubService for Logins {
    fn class(&self, _request: &StubRequest) -> RequestClass {
        RequestClass::Write
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let token = request.headers.get("authorization").and_then(|token| token.to_str().ok());
        if token != Some(&format!("Bearer {CANARY}")) {
            return StubResponse { status: 401, body: Vec::new() };
        }
        assert_eq!(request.body, "for app");
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let login = json!({ "user": format!("app-{number}"), "password": format!("{CANARY}-{number}") });
        StubResponse { status: 200, body: json!({ "login": login }).to_string().into_bytes() }
    }
}

struct Fixture;

fn spec(url: &str) -> Value {
    json!({
        "url": format!("{url}/logins"),
        "method": "POST",
        "headers": { "Authorization": "Bearer {{ .login.token }}" },
        "body": "for {{ .login.team }}",
        "result": { "jsonPath": "$.login" },
        "secrets": [{ "name": "login", "secretRef": { "name": "login" } }],
    })
}

#[async_trait]
impl GeneratorFixture for Fixture {
    fn descriptor(&self) -> GeneratorDescriptor {
        GeneratorDescriptor::of::<WebhookGenerator>()
    }

    async fn made(&self) -> Made {
        let stub = StubServer::start(Logins(AtomicUsize::new(0))).await;
        let resolver = StubResolver::new(StoreKind::Namespaced)
            .with_secret("login", "token", CANARY)
            .with_secret("login", "team", "app");
        let made = Made::plain(spec(&stub.url()));
        Made { resolver: Arc::new(resolver), stub: Some(stub), ..made }
    }

    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        let with = |name: &str, value: Value| {
            let mut spec = spec("https://a");
            spec[name] = value;
            spec
        };
        vec![
            (spec("ftp://a"), "url"),
            (with("method", json!("GET IT")), "method"),
            (with("timeout", json!("soon")), "timeout"),
            (with("result", json!({ "jsonPath": "login" })), "result.jsonPath"),
            (with("secrets", json!([{ "name": "a", "secretRef": {} }])), "secrets[0].secretRef.name"),
            (with("auth", json!({ "ntlm": {} })), "auth.ntlm"),
        ]
    }
}

mod generator {
    strongroom_provider_conformance::generator_suite!(super::Fixture);
}
