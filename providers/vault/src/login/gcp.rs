//! Login method `gcp`: a JWT of a Google service account, signed with its key file, or by Google for whom a ServiceAccount
//! of a GKE cluster takes it on.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector};
use strongroom_provider_kit::google::{Api as Google, GivenCluster, Identity};
use strongroom_provider_kit::http::Answer;
use zeroize::Zeroizing;

use super::text;
use crate::api::Api;
use crate::config::Gcp;
use crate::path::LogicalPath;

/// Life of a JWT in seconds. Vault takes 900 at most by its own clock, which may be behind.
const LIFETIME_SECONDS: i64 = 600;

pub(super) struct GcpLogin {
    mount: LogicalPath,
    role: String,
    signer: Signer,
}

/// Who signs.
enum Signer {
    /// We, with this key file.
    Key(SecretKeySelector),
    /// Google.
    Account(Box<Identity>),
}

/// The members of a key file that matter.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: String,
    private_key: Zeroizing<String>,
}

impl GcpLogin {
    pub(super) fn new(settings: Gcp, api: &Api, resolver: &Arc<dyn Resolver>) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path).map_err(|fault| invalid(&format!("path: {fault}")))?;
        let role = settings.role.clone();
        Ok(Self { mount, role, signer: signer(settings, api, resolver)? })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let now = api.clock.now().as_second();
        let jwt = match &self.signer {
            Signer::Key(key) => self.signed_with(&resolver.secret(key, None).await?, now)?,
            Signer::Account(identity) => {
                text(&identity.signed(|account| self.claims(account, now)).await?, "JWT")?
            }
        };
        let body = json!({ "role": self.role, "jwt": jwt });
        api.log_in_with(&self.mount, Some(&self.role), body.to_string().into()).await
    }

    /// What Vault asks for: it checks the signature with the account's public keys, which Google gives it.
    fn claims(&self, account: &str, now: i64) -> Value {
        json!({
            "sub": account,
            "aud": format!("vault/{}", self.role),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        })
    }

    fn signed_with(&self, file: &SecretBytes, now: i64) -> Result<String> {
        // The parser's own words may quote what it read.
        let file: KeyFile = serde_json::from_slice(file.expose()).map_err(|_| {
            invalid("the Secret holds no key file with client_email, private_key_id and private_key")
        })?;
        let unusable = || invalid("the private_key of the key file is not an RSA key in PEM (PKCS#8)");
        let der = pkcs8(&file.private_key).ok_or_else(unusable)?;
        let key = KeyPair::from_pkcs8(&der).map_err(|_| unusable())?;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": file.private_key_id }).to_string();
        let claims = self.claims(&file.client_email, now);
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.to_string().as_bytes()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Internal, "log in", "the JWT cannot be signed"))?;
        Ok(format!("{signed}.{}", encoded(&signature)))
    }
}

/// The first that is given, in upstream's order.
fn signer(settings: Gcp, api: &Api, resolver: &Arc<dyn Resolver>) -> Result<Signer> {
    if let Some(secret) = settings.secret_ref {
        let key = secret.secret_access_key;
        return key.map(Signer::Key).ok_or_else(|| invalid("secretRef.secretAccessKeySecretRef: missing"));
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (project, location) = (given(settings.project_id), given(settings.location));
    let (field, account, cluster) = match (settings.workload_identity, settings.service_account_ref) {
        (Some(workload), _) => {
            let project = given(workload.cluster_project_id).or(project);
            let location = given(workload.cluster_location).or(location);
            let cluster = GivenCluster { project, location, name: workload.cluster_name };
            ("auth.gcp.workloadIdentity", workload.service_account_ref, cluster)
        }
        (None, Some(account)) => {
            ("auth.gcp.serviceAccountRef", account, GivenCluster { project, location, name: None })
        }
        (None, None) => return Err(invalid("workloadIdentity, serviceAccountRef or secretRef: missing")),
    };
    let api = Google::new(&api.toolbox)?;
    let identity = Identity { api, account, cluster, resolver: Arc::clone(resolver), field };
    Ok(Signer::Account(Box::new(identity)))
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
