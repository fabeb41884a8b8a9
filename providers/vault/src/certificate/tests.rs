//! Which request is made, and which faults are found without one.

use serde_json::json;

use super::*;

fn spec(extra: &Value) -> CertificateSpec {
    let mut spec = json!({
        "role": "web",
        "provider": {
            "server": "https://vault.test",
            "auth": { "tokenSecretRef": { "name": "token", "key": "token" } },
        },
    });
    for (name, value) in extra.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

#[test]
fn paths_are_vaults() {
    assert_eq!(spec(&json!({})).path(), "pki/issue/web");
    assert_eq!(spec(&json!({ "mount": "team/pki", "method": "Sign" })).path(), "team/pki/sign/web");
    assert_eq!(spec(&json!({ "issuerRef": "old" })).path(), "pki/issuer/old/issue/web");
}

#[test]
fn a_request_holds_what_is_given_and_nothing_else() {
    assert_eq!(
        Value::Object(spec(&json!({})).body()),
        json!({ "format": "pem", "exclude_cn_from_sans": false })
    );
    let full = spec(&json!({
        "commonName": "a.test", "altNames": ["b.test", "c.test"], "ipSans": ["10.0.0.1"], "uriSans": ["spiffe://a"],
        "otherSans": ["1.2.3;UTF8:x"], "userIDs": ["u"], "ttl": "72h", "format": "der", "privateKeyFormat": "pkcs8",
        "excludeCNFromSans": true,
    }));
    assert_eq!(
        Value::Object(full.body()),
        json!({
            "common_name": "a.test", "alt_names": "b.test,c.test", "ip_sans": "10.0.0.1", "uri_sans": "spiffe://a",
            "other_sans": "1.2.3;UTF8:x", "user_ids": "u", "ttl": "72h", "format": "pem",
            "private_key_format": "pkcs8", "exclude_cn_from_sans": true,
        })
    );
}

#[test]
fn faults_name_their_fields() {
    let fields = |extra| {
        let found = VaultCertificate::validate(&spec(&extra));
        found.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    assert!(fields(json!({})).is_empty());
    assert!(
        fields(json!({ "method": "Sign", "privateKey": { "algorithm": "ECDSA", "size": 384 } })).is_empty()
    );
    assert_eq!(fields(json!({ "role": "a/../b" })), ["role"]);
    assert_eq!(fields(json!({ "mount": "" })), ["mount"]);
    assert_eq!(fields(json!({ "issuerRef": "../x" })), ["issuerRef"]);
    assert_eq!(fields(json!({ "ttl": "1h", "notAfter": "2030-01-01T00:00:00Z" })), ["notAfter"]);
    assert_eq!(fields(json!({ "privateKey": {} })), ["privateKey"]);
    assert_eq!(fields(json!({ "method": "Sign", "privateKeyFormat": "der" })), ["privateKeyFormat"]);
    assert_eq!(fields(json!({ "expiryOffset": "soon" })), ["expiryOffset"]);
    assert_eq!(fields(json!({ "otherSans": ["x"] })), ["otherSans"]);
    assert_eq!(fields(json!({ "method": "Sign", "privateKey": { "size": 512 } })), ["privateKey.size"]);
}
