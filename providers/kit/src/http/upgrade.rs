//! Requests that turn a connection into something else: over the same client, so with its roots, certificate and reach.

use std::fmt;

use http::{HeaderMap, Request, StatusCode};
use strongroom_provider_api::{Error, ErrorKind, Result};

use super::{Answer, HttpClient, origin};

/// A connection that is no longer HTTP. Reads and writes what both sides have agreed on.
pub type Connection = reqwest::Upgraded;

/// What a server says to a request for another protocol.
pub enum Upgrade {
    /// It agrees.
    Switched {
        /// The headers of its agreement.
        headers: HeaderMap,
        /// What is left.
        connection: Connection,
    },
    /// It answers as if nothing had been asked.
    Answered(Answer),
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switched { .. } => f.write_str("Switched"),
            Self::Answered(answer) => answer.fmt(f),
        }
    }
}

impl HttpClient {
    /// Sends `request`, which asks for another protocol (`Connection: Upgrade`). Where the server answers instead, the
    /// answer holds at most `cap` bytes. The time limit of a call ends with the agreement.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn upgrade(
        &self,
        operation: &'static str,
        request: Request<Vec<u8>>,
        cap: usize,
    ) -> Result<Upgrade> {
        let origin = origin(request.uri());
        let mut response = self.begin(operation, request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self.whole(operation, &origin, response, cap).await.map(Upgrade::Answered);
        }
        let headers = std::mem::take(response.headers_mut());
        let connection = response.upgrade().await.map_err(|error| {
            let message = format!("the connection to {origin} could not be taken over");
            Error::new(ErrorKind::Unavailable, operation, message).with_source(error.without_url())
        })?;
        Ok(Upgrade::Switched { headers, connection })
    }
}
