//! Login method `gcp`: a JWT signed with the key of a Google service account.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector};
use strongroom_provider_kit::http::Answer;
use zeroize::Zeroizing;

use crate::api::Api;
use crate::config::Gcp;
use crate::path::LogicalPath;

/// Life of a JWT in seconds: the most that Vault takes.
const LIFETIME_SECONDS: i64 = 900;

pub(super) struct GcpLogin {
    mount: LogicalPath,
    role: String,
    key: SecretKeySelector,
}

/// The members of a key file that matter.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: String,
    private_key: Zeroizing<String>,
}

impl GcpLogin {
    pub(super) fn new(settings: Gcp) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path).map_err(|fault| invalid(&format!("path: {fault}")))?;
        let key = settings.secret_ref.and_then(|secret| secret.secret_access_key);
        let key = key.ok_or_else(|| invalid("secretRef.secretAccessKeySecretRef: missing"))?;
        Ok(Self { mount, role: settings.role, key })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let file = resolver.secret(&self.key, None).await?;
        let jwt = self.jwt(&file, api.clock.now().as_second())?;
        let body = json!({ "role": self.role, "jwt": jwt });
        api.log_in_with(&self.mount, Some(&self.role), body.to_string().into()).await
    }

    /// The JWT that Vault asks for: it checks it with the account's public keys.
    fn jwt(&self, file: &SecretBytes, now: i64) -> Result<String> {
        // The parser's own words may quote what it read.
        let file: KeyFile = serde_json::from_slice(file.expose()).map_err(|_| {
            invalid("the Secret holds no key file with client_email, private_key_id and private_key")
        })?;
        let unusable = || invalid("the private_key of the key file is not an RSA key in PEM (PKCS#8)");
        let der = pkcs8(&file.private_key).ok_or_else(unusable)?;
        let key = KeyPair::from_pkcs8(&der).map_err(|_| unusable())?;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": file.private_key_id }).to_string();
        let claims = json!({
            "sub": file.client_email,
            "aud": format!("vault/{}", self.role),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        });
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.to_string().as_bytes()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Internal, "log in", "the JWT cannot be signed"))?;
        Ok(format!("{signed}.{}", encoded(&signature)))
    }
}

fn pkcs8(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let after = pem.split_once("-----BEGIN PRIVATE KEY-----")?.1;
    let body = after.split_once("-----END PRIVATE KEY-----")?.0;
    let packed: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|letter| !letter.is_whitespace()).collect());
    STANDARD.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "log in", format!("gcp: {what}"))
}
