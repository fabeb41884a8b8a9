//! Certificates of a real PKI engine: runs where `STRONGROOM_TESTBED` names the testbed's file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail anywhere")]
#![expect(dead_code, reason = "shared with other tests")]

#[path = "support/real_vault.rs"]
mod real_vault;
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use real_vault::RealVault;
use serde_json::{Value, json};
use strongroom_provider_api::{ErrorKind, Generated, GeneratorClient, LeaseEnd, Toolbox};
use strongroom_provider_vault::GENERATORS;
use support::Table;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, parse_x509_pem};

/// A root at `NAME-root`, and below it an authority at `NAME` with the roles `web` and `any`.
async fn begin(test: &str) -> Option<(RealVault, String)> {
    let vault = RealVault::find()?;
    let name = format!("{test}-{}", std::process::id());
    let root = format!("{name}-root");
    for mount in [&name, &root] {
        vault.call("POST", &format!("sys/mounts/{mount}"), json!({ "type": "pki" })).await;
        let tune = json!({ "max_lease_ttl": "87600h" });
        vault.call("POST", &format!("sys/mounts/{mount}/tune"), tune).await;
    }
    let authority = |name: &str| json!({ "common_name": name, "ttl": "8760h", "key_type": "ec" });
    vault.call("POST", &format!("{root}/root/generate/internal"), authority("root")).await;
    let csr =
        vault.call("POST", &format!("{name}/intermediate/generate/internal"), authority("middle")).await;
    let body = json!({ "csr": csr["data"]["csr"], "common_name": "middle", "ttl": "8000h" });
    let signed = vault.call("POST", &format!("{root}/root/sign-intermediate"), body).await;
    let chain = format!(
        "{}\n{}",
        signed["data"]["certificate"].as_str().unwrap(),
        signed["data"]["issuing_ca"].as_str().unwrap()
    );
    vault.call("POST", &format!("{name}/intermediate/set-signed"), json!({ "certificate": chain })).await;
    // A role for any key can sign only.
    for (role, key_type) in [("web", "ec"), ("any", "any")] {
        let body = json!({
            "allow_any_name": true, "enforce_hostnames": false, "key_type": key_type, "max_ttl": "72h",
            "allowed_uri_sans": "*", "allowed_other_sans": "*", "allow_ip_sans": true,
        });
        vault.call("POST", &format!("{name}/roles/{role}"), body).await;
    }
    Some((vault, name))
}

fn spec(vault: &RealVault, mount: &str, extra: &Value) -> Value {
    let token = json!({ "tokenSecretRef": { "name": "s", "key": "token" } });
    let provider = json!({ "server": vault.address, "auth": token });
    let mut spec = json!({
        "mount": mount, "role": "web", "commonName": "a.test", "altNames": ["b.test"], "ipSans": ["10.0.0.1"],
        "uriSans": ["spiffe://a/b"], "otherSans": ["1.3.6.1.4.1.311.20.2.3;UTF8:u@a.test"], "provider": provider,
    });
    for (name, value) in extra.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

async fn client(vault: &RealVault, spec: &Value) -> Arc<dyn GeneratorClient<Value>> {
    let generator = GENERATORS.iter().find(|it| it.kind == "VaultCertificate").unwrap();
    let table = Table::of([("s/token", vault.root.as_str())]);
    generator.connect(spec.clone(), table, Toolbox::default()).await.unwrap()
}

fn shown(made: &Generated) -> BTreeMap<String, String> {
    let text = |(name, value): &(String, strongroom_provider_api::SecretBytes)| {
        (name.clone(), value.expose_str().unwrap().to_owned())
    };
    made.fields.iter().map(text).collect()
}

/// Subject and issuer of every certificate in `pem`.
fn names(pem: &str) -> Vec<(String, String)> {
    let mut rest = pem.as_bytes();
    let mut names = Vec::new();
    while let Ok((after, block)) = parse_x509_pem(rest) {
        let (_, certificate) = X509Certificate::from_der(&block.contents).unwrap();
        names.push((certificate.subject().to_string(), certificate.issuer().to_string()));
        rest = after;
    }
    names
}

fn pair(subject: &str, issuer: &str) -> (String, String) {
    (format!("CN={subject}"), format!("CN={issuer}"))
}

#[tokio::test]
async fn what_is_issued_and_what_is_signed_has_the_names_the_chain_and_the_key() {
    let Some((vault, mount)) = begin("issued").await else { return };
    for extra in [
        json!({ "ttl": "1h" }),
        json!({ "method": "Sign", "role": "any", "ttl": "1h" }),
        json!({ "method": "Sign", "role": "any", "ttl": "1h", "privateKey": { "algorithm": "ECDSA", "size": 384 } }),
        json!({ "method": "Sign", "role": "any", "ttl": "1h", "privateKey": { "algorithm": "Ed25519" } }),
    ] {
        let spec = spec(&vault, &mount, &extra);
        let made = client(&vault, &spec).await.generate(&spec).await.unwrap();
        let found = shown(&made);
        assert_eq!(names(&found["tls.crt"]), [pair("a.test", "middle"), pair("middle", "root")], "{extra}");
        assert_eq!(names(&found["ca.crt"]), [pair("root", "root")]);
        let (_, block) = parse_x509_pem(found["tls.crt"].as_bytes()).unwrap();
        let (_, leaf) = X509Certificate::from_der(&block.contents).unwrap();
        let mut sans = Vec::new();
        for name in &leaf.subject_alternative_name().unwrap().unwrap().value.general_names {
            sans.push(match name {
                GeneralName::DNSName(text) | GeneralName::URI(text) => (*text).to_owned(),
                GeneralName::IPAddress(bytes) => format!("{bytes:?}"),
                GeneralName::OtherName(kind, _) => kind.to_string(),
                other => format!("{other:?}"),
            });
        }
        sans.sort();
        let expected = ["1.3.6.1.4.1.311.20.2.3", "[10, 0, 0, 1]", "a.test", "b.test", "spiffe://a/b"];
        assert_eq!(sans, expected, "{extra}");
        // The key is that of the certificate: it makes a certificate of its own with the same public half.
        let (_, pem) = parse_x509_pem(found["tls.key"].as_bytes()).unwrap();
        if pem.label == "PRIVATE KEY" {
            let key = rcgen::KeyPair::from_pem(&found["tls.key"]).unwrap();
            let public = rcgen::PublicKeyData::subject_public_key_info(&key);
            assert_eq!(leaf.public_key().raw, public, "{extra}");
        }
        let lease = made.lease.unwrap();
        assert_eq!((lease.end, lease.id, lease.replace), (LeaseEnd::Fixed, None, None));
        assert_eq!(lease.expires.unwrap().as_second().to_string(), found["expiration"]);
    }
}

#[tokio::test]
async fn a_certificate_is_revoked_by_the_name_in_its_record_and_once_is_enough() {
    let Some((vault, mount)) = begin("revoked").await else { return };
    let spec = spec(&vault, &mount, &json!({ "ttl": "10h", "expiryOffset": "4h", "revoke": true }));
    let first = client(&vault, &spec).await;
    let made = first.generate(&spec).await.unwrap();
    let serial = shown(&made)["serial_number"].clone();
    let lease = made.lease.unwrap();
    assert_eq!(lease.id.as_deref(), Some(format!("{mount}/cert/{serial}").as_str()));
    let early = lease.expires.unwrap().duration_since(lease.replace.unwrap());
    assert_eq!(early.as_secs(), 4 * 3_600);
    // Another process.
    let later = client(&vault, &spec).await;
    let revocation = async || {
        let found = vault.call("GET", &format!("{mount}/cert/{serial}"), Value::Null).await;
        found["data"]["revocation_time"].as_i64().unwrap_or_default()
    };
    assert_eq!(revocation().await, 0);
    later.revoke(&lease).await.unwrap();
    assert!(revocation().await > 0);
    later.revoke(&lease).await.unwrap();
    let mut unknown = lease.clone();
    unknown.id = Some(format!("{mount}/cert/3a:bb:cc:dd"));
    later.revoke(&unknown).await.unwrap();
    unknown.id = Some(format!("nowhere-{mount}/cert/3a:bb:cc:dd"));
    assert!(later.revoke(&unknown).await.is_err(), "a mount that is not there says nothing");
}

#[tokio::test]
async fn what_the_role_refuses_is_told_without_the_names() {
    let Some((vault, mount)) = begin("refused").await else { return };
    let role = json!({ "allowed_domains": "allowed.test" });
    vault.call("POST", &format!("{mount}/roles/web"), role).await;
    for extra in [json!({}), json!({ "method": "Sign" })] {
        let spec = spec(&vault, &mount, &extra);
        let error = client(&vault, &spec).await.generate(&spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPayload, "{error}");
        assert!(error.to_string().contains("does the role allow"), "{error}");
        assert!(!error.to_string().contains("a.test"), "{error}");
    }
}
