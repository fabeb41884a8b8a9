//! The generators of the vault provider under the shared suite, against a stub of Vault.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

#[expect(dead_code, reason = "stores are interfered with, generators are not")]
#[path = "support/stub_vault.rs"]
mod stub_vault;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use strongroom_provider_api::{GeneratorDescriptor, StoreKind};
use strongroom_provider_conformance::generators::{GeneratorFixture, Made};
use strongroom_provider_conformance::{
    CANARY, Entry, RequestClass, StubRequest, StubResolver, StubResponse, StubServer, StubService,
};
use strongroom_provider_vault::{
    VaultCertificate, VaultDynamicSecret, VaultFolder, VaultRequest, VaultStaticRole,
};
use stub_vault::{SECRET_ID, StubVault};

/// What an engine answers, the first time, the second time and so on.
type Makes = fn(usize) -> Value;

/// A Vault with one engine beside the KV engine, at one path.
struct Generating {
    vault: StubVault,
    path: &'static str,
    makes: Makes,
    made: AtomicUsize,
}

impl StubService for Generating {
    fn class(&self, request: &StubRequest) -> RequestClass {
        match self.vault.class(request) {
            // A folder is made of what is listed and read.
            RequestClass::Read | RequestClass::List => RequestClass::Write,
            RequestClass::Other if request.path == self.path => RequestClass::Write,
            class => class,
        }
    }

    fn respond(&self, request: &StubRequest) -> StubResponse {
        let answer = self.vault.respond(request);
        // Without a good token it is another one.
        if request.path != self.path || answer.status != 404 {
            return answer;
        }
        let body = (self.makes)(self.made.fetch_add(1, Ordering::SeqCst));
        StubResponse { status: 200, body: body.to_string().into_bytes() }
    }
}

/// One kind, with what its specs say beside the server and the login.
struct Fixture {
    descriptor: GeneratorDescriptor,
    path: &'static str,
    makes: Makes,
    spec: Value,
    /// What makes a spec faulty, beside the field.
    faults: Vec<(Value, &'static str)>,
    repeats: Option<&'static str>,
}

fn with(mut spec: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

fn provider(server: &str) -> Value {
    let app_role = json!({ "roleId": "role", "secretRef": { "name": "approle", "key": "id" } });
    json!({ "provider": { "server": server, "path": "secret", "version": "v1", "auth": { "appRole": app_role } } })
}

#[async_trait]
impl GeneratorFixture for Fixture {
    fn descriptor(&self) -> GeneratorDescriptor {
        self.descriptor
    }

    async fn made(&self) -> Made {
        let value = json!({ "password": CANARY }).to_string().into_bytes();
        let entries = ["app/db", "app/queue/main"].map(|key| Entry::new(key, value.clone()));
        let vault = StubVault::new("v1", &entries);
        let stub = Generating { vault, path: self.path, makes: self.makes, made: AtomicUsize::new(0) };
        let stub = StubServer::start(stub).await;
        let resolver = StubResolver::new(StoreKind::Namespaced).with_secret("approle", "id", SECRET_ID);
        let made = Made::plain(with(provider(&stub.url()), &self.spec));
        Made { resolver: Arc::new(resolver), stub: Some(stub), ..made }
    }

    fn repeats(&self) -> Option<&'static str> {
        self.repeats
    }

    fn faulty_specs(&self) -> Vec<(Value, &'static str)> {
        let whole = || with(provider("https://vault.test"), &self.spec);
        let server = json!({ "provider": { "server": 7, "path": "secret" } });
        let faulty = self.faults.iter().map(|(change, field)| (with(whole(), change), *field));
        faulty.chain([(with(whole(), &server), "provider.server")]).collect()
    }
}

fn credentials(number: usize) -> Value {
    json!({
        "lease_id": format!("database/creds/app/lease-{number}"), "lease_duration": 3600, "renewable": true,
        "data": { "username": format!("v-approle-app-{number}"), "password": format!("{CANARY}-{number}") },
    })
}

fn static_role(_number: usize) -> Value {
    let rotation =
        json!({ "ttl": 1800, "rotation_period": 3600, "last_vault_rotation": "2026-01-01T00:00:00Z" });
    json!({ "data": with(json!({ "username": "app", "password": CANARY }), &rotation) })
}

fn data_key(number: usize) -> Value {
    json!({ "data": { "ciphertext": format!("vault:v1:{number}"), "plaintext": format!("{CANARY}-{number}") } })
}

/// A certificate of a new authority, with its key.
fn certificate(number: usize) -> Value {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["app.test".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
    json!({ "data": {
        "certificate": leaf.pem(), "issuing_ca": root.pem(), "ca_chain": [root.pem()],
        "private_key": key.serialize_pem(), "private_key_type": "ec",
        "serial_number": format!("3a:bb:{number:02x}"), "expiration": 32_503_680_000_i64,
    } })
}

fn nothing(_number: usize) -> Value {
    Value::Null
}

mod dynamic_secret {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            descriptor: GeneratorDescriptor::of::<VaultDynamicSecret>(),
            path: "/v1/database/creds/app",
            makes: credentials,
            spec: json!({ "path": "database/creds/app" }),
            faults: vec![(json!({ "path": "database/../sys" }), "path"), (json!({ "path": "/" }), "path")],
            repeats: None,
        }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod static_role {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            descriptor: GeneratorDescriptor::of::<VaultStaticRole>(),
            path: "/v1/database/static-creds/app",
            makes: super::static_role,
            spec: json!({ "role": "app" }),
            faults: vec![
                (json!({ "role": null }), "role"),
                (json!({ "path": "database/static-creds/app" }), "path"),
            ],
            repeats: Some("a password stays until Vault rotates it"),
        }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod certificate {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            descriptor: GeneratorDescriptor::of::<VaultCertificate>(),
            path: "/v1/pki/issue/app",
            makes: super::certificate,
            spec: json!({ "role": "app", "commonName": "app.test" }),
            faults: vec![
                (json!({ "role": "" }), "role"),
                (json!({ "ttl": "1h", "notAfter": "2030-01-31T00:00:00Z" }), "notAfter"),
                (json!({ "privateKey": {} }), "privateKey"),
                (json!({ "expiryOffset": "soon" }), "expiryOffset"),
            ],
            repeats: None,
        }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod folder {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            descriptor: GeneratorDescriptor::of::<VaultFolder>(),
            path: "/v1/nothing/else",
            makes: nothing,
            spec: json!({ "paths": [{ "path": "app" }] }),
            faults: vec![
                (json!({ "paths": [] }), "paths"),
                (json!({ "paths": [{ "path": "app" }, { "path": "../sys" }] }), "paths[1].path"),
                (json!({ "key": "all.json" }), "key"),
            ],
            repeats: Some("it reads what is stored"),
        }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}

mod request {
    use super::*;

    fn fixture() -> Fixture {
        Fixture {
            descriptor: GeneratorDescriptor::of::<VaultRequest>(),
            path: "/v1/transit/datakey/plaintext/app",
            makes: data_key,
            spec: json!({ "path": "transit/datakey/plaintext/app", "method": "POST", "body": { "bits": 256 } }),
            faults: vec![
                (json!({ "path": "../sys" }), "path"),
                (json!({ "method": "GET" }), "body"),
                (json!({ "body": "text" }), "body"),
            ],
            repeats: None,
        }
    }

    strongroom_provider_conformance::generator_suite!(fixture());
}
