//! What AWS does with a signed request: works the signature out again, from the request as it came.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};

pub(crate) const KEY_ID: &str = "AKIDTEST";
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/canary";

/// Whether `headers` (names in lower case) sign `body`, posted to `/`, with our key, and what Vault wants signed besides.
pub(crate) fn is_signed(headers: &BTreeMap<String, String>, body: &str) -> bool {
    is_signed_with((KEY_ID, SECRET_KEY), headers, body, &["host", "x-amz-date", "x-vault-aws-iam-server-id"])
}

/// Whether `headers` sign `body`, posted to `/`, with this key, its id first, and the headers `must`.
pub(crate) fn is_signed_with(
    (key_id, secret): (&str, &str),
    headers: &BTreeMap<String, String>,
    body: &str,
    must: &[&str],
) -> bool {
    let Some(rest) = headers["authorization"].strip_prefix("AWS4-HMAC-SHA256 Credential=") else {
        return false;
    };
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(", Signature=").unwrap();
    let (id, scope) = credential.split_once('/').unwrap();
    let mut canonical = "POST\n/\n\n".to_owned();
    for name in names.split(';') {
        canonical.extend([name, ":", headers[name].trim(), "\n"]);
    }
    canonical.extend(["\n", names, "\n", &sha(body)]);
    let statement = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", headers["x-amz-date"], sha(&canonical));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/').chain([statement.as_str()]) {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    id == key_id
        && hex(&key) == signature
        && must.iter().all(|name| names.split(';').any(|signed| signed == *name))
}

fn sha(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
