//! AWS Signature Version 4 of the one form of request that AWS's JSON and query services need: a POST without a query.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use strongroom_provider_api::SecretBytes;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// AWS credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKeys {
    /// Access key ID: a name, no secret.
    pub id: String,
    /// Secret access key; white space around it does not count.
    pub secret: SecretBytes,
    /// Session token, where the keys are temporary.
    pub session_token: Option<SecretBytes>,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct AwsRequest<'a> {
    /// As the `Host` header has it, with the port if that is not the scheme's own.
    pub host: &'a str,
    /// The path as it is sent; begins with a slash and holds nothing that needs an escape.
    pub path: &'a str,
    /// The region that is asked.
    pub region: &'a str,
    /// The service's name in signatures, for example `sts`.
    pub service: &'a str,
    /// Further headers to sign, names in lower case: `content-type` at least.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// The time of the request; the service allows for five minutes.
    pub at: Timestamp,
}

impl AwsRequest<'_> {
    /// The headers of the request, names in lower case, its signature (`authorization`) among them.
    pub fn signed_headers(&self, keys: &AwsKeys) -> BTreeMap<String, String> {
        let time = self.at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = self.at.strftime("%Y%m%d").to_string();
        let mut headers: BTreeMap<&str, &str> =
            self.headers.iter().map(|(name, value)| (*name, value.trim())).collect();
        headers.extend([("host", self.host), ("x-amz-date", time.as_str())]);
        let token = keys.session_token.as_ref().and_then(SecretBytes::expose_str);
        headers.extend(token.map(|token| ("x-amz-security-token", token.trim())));
        let names = headers.keys().copied().collect::<Vec<_>>().join(";");
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = lines.concat();
        let request = format!("POST\n{}\n\n{lines}\n{names}\n{}", self.path, hash(self.body));
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let statement = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hash(request.as_bytes()));
        let signature = hex(hmac::sign(&self.key(keys, &day), statement.as_bytes()).as_ref());
        let id = keys.id.trim();
        let authorization =
            format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        let mut signed: BTreeMap<String, String> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        signed.insert("authorization".to_owned(), authorization);
        signed
    }

    fn key(&self, keys: &AwsKeys, day: &str) -> hmac::Key {
        let secret = keys.secret.expose().trim_ascii();
        let prefixed = SecretBytes::from([b"AWS4", secret].concat());
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, prefixed.expose());
        for part in [day, self.region, self.service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        key
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(headers: &[(&str, &str)], body: &str) -> String {
        let keys = AwsKeys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let request = AwsRequest {
            host: "example.amazonaws.com",
            path: "/",
            region: "us-east-1",
            service: "service",
            headers,
            body: body.as_bytes(),
            at: "2015-08-30T12:36:00Z".parse().unwrap(),
        };
        request.signed_headers(&keys)["authorization"].clone()
    }

    /// Cases of AWS's published test suite whose requests are of our form.
    #[test]
    fn the_published_cases_have_their_published_signatures() {
        let expected = |names: &str, signature: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={signature}"
            )
        };
        // post-x-www-form-urlencoded
        assert_eq!(
            signature(&[("content-type", "application/x-www-form-urlencoded")], "Param1=value1"),
            expected(
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
        // post-vanilla
        assert_eq!(
            signature(&[], ""),
            expected("host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
        );
        // post-header-key-sort
        assert_eq!(
            signature(&[("my-header1", "value1")], ""),
            expected(
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"
            )
        );
    }

    #[test]
    fn a_session_token_is_signed_and_no_key_shows() {
        let keys = AwsKeys {
            id: " AKID\n".to_owned(),
            secret: "canary".into(),
            session_token: Some("token-canary\n".into()),
        };
        let request = AwsRequest {
            host: "127.0.0.1:5555",
            path: "/",
            region: "eu-west-1",
            service: "ssm",
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "AmazonSSM.GetParameter"),
            ],
            body: b"{}",
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
        };
        let signed = request.signed_headers(&keys);
        assert_eq!(signed["x-amz-security-token"], "token-canary");
        assert!(signed["authorization"].contains(
            "Credential=AKID/20260102/eu-west-1/ssm/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
        ));
        assert!(!format!("{keys:?} {}", signed["authorization"]).contains("canary"));
    }
}
