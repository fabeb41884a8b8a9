//! AWS Signature Version 4 of the one request that a login needs: a POST to `/` without a query.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use strongroom_provider_api::SecretBytes;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// AWS credentials.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: SecretBytes,
    pub(super) session_token: Option<String>,
}

/// What is signed.
pub(super) struct Statement<'a> {
    pub(super) host: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) body: &'a str,
    pub(super) server_id: Option<&'a str>,
    pub(super) at: Timestamp,
}

impl Statement<'_> {
    /// The headers of the request, its signature among them, each with its only value.
    pub(super) fn signed_headers(&self, keys: &Keys) -> BTreeMap<String, Vec<String>> {
        let time = self.at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = self.at.strftime("%Y%m%d").to_string();
        let mut headers = BTreeMap::from([
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", self.host),
            ("x-amz-date", time.as_str()),
        ]);
        headers.extend(keys.session_token.as_deref().map(|token| ("x-amz-security-token", token.trim())));
        headers.extend(self.server_id.map(|id| ("x-vault-aws-iam-server-id", id.trim())));
        let names = headers.keys().copied().collect::<Vec<_>>().join(";");
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = lines.concat();
        let request = format!("POST\n/\n\n{lines}\n{names}\n{}", hash(self.body));
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let statement = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hash(&request));
        let signature = hex(hmac::sign(&self.key(keys, &day), statement.as_bytes()).as_ref());
        let id = keys.id.trim();
        let authorization =
            format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        let mut signed: BTreeMap<String, Vec<String>> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect();
        signed.insert("authorization".to_owned(), vec![authorization]);
        signed
    }

    fn key(&self, keys: &Keys, day: &str) -> hmac::Key {
        let secret = keys.secret.expose().trim_ascii();
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, &[b"AWS4", secret].concat());
        for part in [day, self.region, self.service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        key
    }
}

fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The case `post-x-www-form-urlencoded` of AWS's published test suite, whose request is of our form.
    #[test]
    fn the_published_case_has_its_published_signature() {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let statement = Statement {
            host: "example.amazonaws.com",
            region: "us-east-1",
            service: "service",
            body: "Param1=value1",
            server_id: None,
            at: "2015-08-30T12:36:00Z".parse().unwrap(),
        };
        let signed = statement.signed_headers(&keys);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-date, \
                        Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        assert_eq!(signed["authorization"], [expected]);
    }
}
