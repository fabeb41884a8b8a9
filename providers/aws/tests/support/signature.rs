//! What AWS does with a signed request: works the signature out again, from the request as it came.

use aws_lc_rs::{digest, hmac};
use strongroom_provider_conformance::StubRequest;

/// The access key ID that signed `request`, if one did.
pub(crate) fn key_id(request: &StubRequest) -> Option<String> {
    let credential =
        header(request, "authorization").strip_prefix("AWS4-HMAC-SHA256 Credential=")?.to_owned();
    Some(credential.split_once('/')?.0.to_owned())
}

/// Whether `request` carries the signature of the keys with `secret`, over its host, its target and its token.
pub(crate) fn is_signed(request: &StubRequest, secret: &str) -> bool {
    let rest = header(request, "authorization");
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(", Signature=").unwrap();
    let scope = credential.split_once('/').unwrap().1;
    let mut canonical = format!("POST\n{}\n{}\n", request.path, request.query);
    for name in names.split(';') {
        canonical.extend([name, ":", header(request, name).trim(), "\n"]);
    }
    canonical.extend(["\n", names, "\n", &sha(&request.body)]);
    let date = header(request, "x-amz-date");
    let statement = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha(canonical.as_bytes()));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/').chain([statement.as_str()]) {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let mut must = vec!["content-type", "host", "x-amz-date"];
    must.extend(
        ["x-amz-target", "x-amz-security-token"]
            .into_iter()
            .filter(|name| request.headers.contains_key(*name)),
    );
    hex(&key) == signature && must.iter().all(|name| names.split(';').any(|signed| signed == *name))
}

fn header(request: &StubRequest, name: &str) -> String {
    request.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn sha(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
