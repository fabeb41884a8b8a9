//! The one call to the service, and the only mapping of its answers to error kinds.

use std::sync::Arc;

use http::{Request, StatusCode};
use strongroom_provider_api::{Call, CallOutcome, Clock, Error, ErrorKind, Meter, Result, SecretBytes};
use strongroom_provider_kit::http::{BODY_CAP, HttpClient, origin};
use strongroom_provider_kit::status;

/// Upstream's label values.
const CALL: Call = Call { service: "Webhook", name: "HTTPRequest" };

/// The service.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meter: Arc<dyn Meter>,
}

/// A success.
pub(crate) struct Served {
    pub(crate) body: SecretBytes,
    /// The service says that it has made something: 201.
    pub(crate) is_new: bool,
}

impl Api {
    /// The answer to `request`.
    ///
    /// # Errors
    /// `NotFound` for 404, as upstream has it; `InvalidPayload` for 304, which brings no value; otherwise what the
    /// status means.
    pub(crate) async fn call(&self, operation: &'static str, request: Request<Vec<u8>>) -> Result<Served> {
        let origin = origin(request.uri());
        let answer = self.http.send(operation, request, BODY_CAP).await;
        let served = answer
            .as_ref()
            .is_ok_and(|answer| answer.status.is_success() || answer.status == StatusCode::NOT_FOUND);
        self.meter.called(CALL, if served { CallOutcome::Success } else { CallOutcome::Error });
        let answer = answer?;
        let code = answer.status.as_u16();
        let (kind, message) = match (status::kind(answer.status), code) {
            (None, _) => return Ok(Served { body: answer.body.into(), is_new: code == 201 }),
            (Some(kind), 404) => (kind, "Secret does not exist".to_owned()),
            (Some(_), 304) => {
                let message = format!("{origin} answered 304 (not modified), which brings no value");
                (ErrorKind::InvalidPayload, message)
            }
            (Some(kind), _) => (kind, format!("{origin} answered {code}")),
        };
        let error = Error::new(kind, operation, message);
        Err(match status::retry_after(&answer.headers, self.clock.now()) {
            Some(after) => error.with_retry_after(after),
            None => error,
        })
    }
}
