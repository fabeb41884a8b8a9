//! Requests to Google Cloud: counted, and their answers sorted into successes and faults.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderValue, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Call, CallOutcome, Clock, Endpoints, Error, ErrorKind, Meter, Reach, Result, SecretBytes, Toolbox,
};
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::cluster::Cluster;
use super::fault::fault;
use crate::http::{Answer, BODY_CAP, HttpClient, HttpSettings, Roots};

/// Under this name the [endpoints](Endpoints) hold the address that takes the place of the token service's own.
const STS_ENDPOINT: &str = "GOOGLE_STS_ENDPOINT";
/// The same for the service that gives tokens of Google service accounts, and signs for them.
const IAM_CREDENTIALS_ENDPOINT: &str = "GOOGLE_IAMCREDENTIALS_ENDPOINT";
/// The same for the metadata server: host and port, as Google's own libraries read it.
const METADATA_HOST: &str = "GCE_METADATA_HOST";

const OPERATION: &str = "log in";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const METADATA: &str = "metadata.google.internal";
const FLAVOR: &str = "metadata-flavor";

/// It is on the same machine.
const METADATA_LIMIT: Duration = Duration::from_secs(3);

/// Longer than any name.
const METADATA_CAP: usize = 1024;

/// One service of Google's.
#[derive(Debug)]
pub(super) struct Service {
    /// For messages.
    pub(super) title: &'static str,
    label: &'static str,
    address: &'static str,
    variable: &'static str,
}

static STS: Service = Service {
    title: "Google's Security Token Service",
    label: "GCP/STS",
    address: "https://sts.googleapis.com",
    variable: STS_ENDPOINT,
};

static IAM_CREDENTIALS: Service = Service {
    title: "Google's IAM Credentials",
    label: "GCP/IAMCredentials",
    address: "https://iamcredentials.googleapis.com",
    variable: IAM_CREDENTIALS_ENDPOINT,
};

/// What is asked, and what it takes.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) service: &'static Service,
    /// The metrics label.
    pub(super) action: &'static str,
    /// For whom, in messages.
    pub(super) subject: &'a str,
    /// Where a refusal comes from as a rule.
    pub(super) needs: &'static str,
}

/// Asks Google Cloud.
#[derive(Clone, Debug)]
pub struct Api {
    http: HttpClient,
    metadata: HttpClient,
    endpoints: Endpoints,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    signed_jwt: Zeroizing<String>,
}

impl Api {
    /// Asks Google's public addresses, or those of the toolbox.
    ///
    /// # Errors
    /// `Internal` where no HTTP client can be made.
    pub fn new(toolbox: &Toolbox) -> Result<Self> {
        let http = HttpClient::new(HttpSettings { reach: toolbox.reach, ..HttpSettings::default() })?;
        // No store says where it is, so it may be where no store may go; it speaks plain HTTP.
        let metadata = HttpClient::new(HttpSettings {
            roots: Roots::Unused,
            reach: Reach::Any,
            connect_timeout: METADATA_LIMIT,
            timeout: METADATA_LIMIT,
            ..HttpSettings::default()
        })?;
        Ok(Self {
            http,
            metadata,
            endpoints: toolbox.endpoints.clone(),
            clock: Arc::clone(&toolbox.clock),
            meter: Arc::clone(&toolbox.meter),
        })
    }

    /// An access token of `cluster`'s workload identity pool, for a ServiceAccount's token (RFC 8693). `subject` is for
    /// messages.
    ///
    /// # Errors
    /// `Unauthenticated` where it is refused, and what else the service answers.
    pub(super) async fn exchanged(
        &self,
        cluster: &Cluster,
        token: &SecretBytes,
        subject: &str,
    ) -> Result<SecretBytes> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("audience", &cluster.audience())
            .append_pair("scope", SCOPE)
            .append_pair("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
            .append_pair("subject_token", token.expose_str().unwrap_or_default().trim())
            .finish();
        let ask = Ask {
            service: &STS,
            action: "Token",
            subject,
            needs: "the cluster's project, location and name must be right, and the cluster have workload identity",
        };
        let request = self.post(&ask, "v1/token")?.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let Exchanged { access_token } = self.sent(&ask, request, form.into_bytes()).await?;
        Ok(secret(&access_token))
    }

    /// An access token of the Google service account `account`, for one who may take it on.
    ///
    /// # Errors
    /// As [`Api::exchanged`].
    pub(super) async fn access_token(&self, account: &str, bearer: &SecretBytes) -> Result<SecretBytes> {
        let ask = Ask {
            service: &IAM_CREDENTIALS,
            action: "GenerateAccessToken",
            subject: account,
            needs: "the ServiceAccount needs roles/iam.workloadIdentityUser there",
        };
        let body = json!({ "scope": [SCOPE] });
        let Impersonated { access_token } =
            self.of_account(&ask, "generateAccessToken", bearer, &body).await?;
        Ok(secret(&access_token))
    }

    /// A JWT with `claims`, signed with a key that Google keeps for `account`.
    ///
    /// # Errors
    /// As [`Api::exchanged`].
    pub(super) async fn signed(
        &self,
        account: &str,
        bearer: &SecretBytes,
        claims: &Value,
    ) -> Result<SecretBytes> {
        let ask = Ask {
            service: &IAM_CREDENTIALS,
            action: "SignJwt",
            subject: account,
            needs: "it needs roles/iam.serviceAccountTokenCreator on itself",
        };
        let body = json!({ "payload": claims.to_string() });
        let Signed { signed_jwt } = self.of_account(&ask, "signJwt", bearer, &body).await?;
        Ok(secret(&signed_jwt))
    }

    async fn of_account<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        method: &str,
        bearer: &SecretBytes,
        body: &Value,
    ) -> Result<T> {
        let line = Zeroizing::new([b"Bearer ", bearer.expose()].concat());
        let mut line = HeaderValue::from_bytes(&line).map_err(|_| no_answer(ask))?;
        line.set_sensitive(true);
        let request = self
            .post(ask, &format!("v1/projects/-/serviceAccounts/{}:{method}", ask.subject))?
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, line);
        self.sent(ask, request, body.to_string().into_bytes()).await
    }

    fn post(&self, ask: &Ask<'_>, path: &str) -> Result<::http::request::Builder> {
        let Service { address, variable, .. } = ask.service;
        let address = self.endpoints.get(variable).unwrap_or(address);
        let uri: Option<::http::Uri> = format!("{}/{path}", address.trim_end_matches('/')).parse().ok();
        let plain = |uri: &::http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
                && uri.query().is_none()
        };
        let uri = uri.filter(plain).ok_or_else(|| {
            let message = format!("{variable}: not an http or https address without query");
            Error::new(ErrorKind::InvalidConfig, "use the settings", message)
        })?;
        Ok(Request::post(uri))
    }

    async fn sent<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        request: ::http::request::Builder,
        body: Vec<u8>,
    ) -> Result<T> {
        let request = request.body(body).map_err(|_| no_answer(ask))?;
        let outcome = match self.http.send(OPERATION, request, BODY_CAP).await {
            Ok(answer) if answer.status.is_success() => parsed(ask, &answer),
            Ok(answer) => Err(fault(OPERATION, ask, &answer, self.clock.now())),
            Err(error) => Err(error),
        };
        let counted = if outcome.is_ok() { CallOutcome::Success } else { CallOutcome::Error };
        self.meter.called(Call { service: ask.service.label, name: ask.action }, counted);
        outcome
    }

    /// What the metadata server says of the machine at `path`; `None` where there is none, or it knows nothing there.
    pub(super) async fn metadata(&self, path: &str) -> Option<String> {
        let host = self.endpoints.get(METADATA_HOST).unwrap_or(METADATA);
        let address = format!("http://{host}/computeMetadata/v1/{path}");
        let request = Request::get(address).header(FLAVOR, "Google").body(Vec::new()).ok()?;
        let answer = self.metadata.send("ask the metadata server", request, METADATA_CAP).await.ok()?;
        // Others may answer under that name where there is no such server.
        let genuine = answer.headers.get(FLAVOR).is_some_and(|flavor| flavor == "Google");
        let text = std::str::from_utf8(&answer.body).ok()?.trim();
        (genuine && answer.status.is_success() && !text.is_empty()).then(|| text.to_owned())
    }
}

fn parsed<T: DeserializeOwned>(ask: &Ask<'_>, answer: &Answer) -> Result<T> {
    // The parser's own words may quote the token.
    serde_json::from_slice(&answer.body).map_err(|_| no_answer(ask))
}

fn no_answer(ask: &Ask<'_>) -> Error {
    let message = format!(
        "{} answered {} for {} with what is no such answer",
        ask.service.title, ask.action, ask.subject
    );
    Error::new(ErrorKind::InvalidPayload, OPERATION, message)
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from(text)
}
