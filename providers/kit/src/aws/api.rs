//! Requests to AWS: signed, counted, and their answers sorted into successes and faults.

use std::sync::Arc;

use ::http::Request;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strongroom_provider_api::{
    Call, CallOutcome, Clock, Endpoints, Error, ErrorKind, Meter, Result, SecretBytes, Toolbox,
};

use super::fault::fault;
use super::service::Service;
use super::signature::{AwsKeys, AwsRequest};
use crate::http::{Answer, BODY_CAP, HttpClient, HttpSettings};

/// A page of a search holds more than one value.
const CAP: usize = 4 * BODY_CAP;

const JSON: &str = "application/x-amz-json-1.1";
const FORM: &str = "application/x-www-form-urlencoded";

/// Asks AWS.
#[derive(Clone, Debug)]
pub struct Api {
    http: HttpClient,
    region: String,
    endpoints: Endpoints,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
}

/// One call of the JSON protocol.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// For errors: what is being done.
    pub operation: &'static str,
    /// Who is asked.
    pub service: &'static Service,
    /// What is asked, in AWS's word, which is also upstream's metrics label.
    pub action: &'static str,
}

impl Api {
    /// For the services of `region`, which [is one](super::is_region).
    ///
    /// # Errors
    /// `Internal` where no HTTP client can be made.
    pub fn new(region: &str, toolbox: &Toolbox) -> Result<Self> {
        let http = HttpClient::new(HttpSettings { reach: toolbox.reach, ..HttpSettings::default() })?;
        Ok(Self {
            http,
            region: region.to_owned(),
            endpoints: toolbox.endpoints.clone(),
            clock: Arc::clone(&toolbox.clock),
            meter: Arc::clone(&toolbox.meter),
        })
    }

    /// The answer to a call of the JSON protocol with `body`.
    ///
    /// # Errors
    /// As AWS's own words or the status say; `InvalidPayload` for what is no such answer.
    pub async fn json<T: DeserializeOwned>(&self, ask: Ask, keys: &AwsKeys, body: &SecretBytes) -> Result<T> {
        let target = format!("{}.{}", ask.service.target, ask.action);
        let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
        let answer = self.send(ask, &headers, Some(keys), body.expose().to_vec()).await?;
        // The parser's own words may quote the secret.
        serde_json::from_slice(&answer.body).map_err(|_| {
            let message =
                format!("{} answered {} with what is no such answer", ask.service.title, ask.action);
            Error::new(ErrorKind::InvalidPayload, ask.operation, message)
        })
    }

    /// The answer to a call of the query protocol: XML. Without keys it is not signed.
    ///
    /// # Errors
    /// As AWS's own words or the status say.
    pub async fn query(&self, ask: Ask, keys: Option<&AwsKeys>, body: String) -> Result<SecretBytes> {
        let answer = self.send(ask, &[("content-type", FORM)], keys, body.into_bytes()).await?;
        Ok(answer.body.into())
    }

    async fn send(
        &self,
        ask: Ask,
        headers: &[(&str, &str)],
        keys: Option<&AwsKeys>,
        body: Vec<u8>,
    ) -> Result<Answer> {
        let Ask { operation, service, action } = ask;
        let place = service.place(&self.region, &self.endpoints)?;
        let statement = AwsRequest {
            host: &place.host,
            path: place.uri.path(),
            region: &place.region,
            service: service.signing,
            headers,
            body: &body,
            at: self.clock.now(),
        };
        let mut request = Request::post(place.uri.clone());
        match keys {
            Some(keys) => {
                // The client writes `Host` itself, and as it was signed.
                let signed = statement.signed_headers(keys).into_iter().filter(|(name, _)| name != "host");
                for (name, value) in signed {
                    request = request.header(name, value);
                }
            }
            None => {
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
            }
        }
        let request = request.body(body).map_err(|_| {
            let message = "the access key ID or the session token holds a character that cannot be sent";
            Error::new(ErrorKind::InvalidConfig, operation, message)
        })?;
        let answer = self.http.send(operation, request, CAP).await;
        let outcome = self.sorted(ask, answer);
        let served = outcome.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::NotFound);
        let counted = if served { CallOutcome::Success } else { CallOutcome::Error };
        self.meter.called(Call { service: service.label, name: action }, counted);
        outcome
    }

    fn sorted(&self, ask: Ask, answer: Result<Answer>) -> Result<Answer> {
        let answer = answer?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(fault(ask.operation, ask.service, ask.action, &answer, self.clock.now()))
    }
}

/// `body` as it is sent.
pub fn sent(body: &Value) -> SecretBytes {
    body.to_string().into()
}
