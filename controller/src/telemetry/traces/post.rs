//! How batches of spans travel: over the one HTTP client that everything else uses.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::{Request, Response};
use opentelemetry_http::{Bytes, HttpError};
use strongroom_provider_kit::http::HttpClient;

/// A collector's answer is a few bytes; what is longer is none.
const ANSWER_CAP: usize = 64 * 1024;

/// Sends batches, and remembers why the last one did not arrive: the exporter forgets it.
#[derive(Clone, Debug)]
pub(super) struct Post {
    client: HttpClient,
    failure: Arc<Mutex<Option<String>>>,
}

impl Post {
    pub(super) fn over(client: HttpClient) -> Self {
        Self { client, failure: Arc::default() }
    }

    /// Why the last batch did not reach the collector, once; none where the collector has answered.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.send("send traces", request.map(Vec::from), ANSWER_CAP).await;
        let failure = answer.as_ref().err().map(ToString::to_string);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        let answer = answer?;
        let mut response = Response::new(Bytes::copy_from_slice(&answer.body));
        *response.status_mut() = answer.status;
        Ok(response)
    }
}
