//! The one place that builds HTTP clients: caps bodies, refuses redirects, sets time limits and roots.

mod upgrade;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, Request, StatusCode, Uri};
use reqwest::redirect::{Attempt, Policy};
use strongroom_provider_api::{Error, ErrorKind, Reach, Result, SecretBytes};
use zeroize::Zeroizing;

use crate::{pem, reach, status};

pub use upgrade::{Connection, Upgrade};

/// The most an answer may hold unless a call says otherwise: 1 MiB, what etcd takes at most.
pub const BODY_CAP: usize = 1024 * 1024;

/// Redirects that one call may meet.
const REDIRECTS: usize = 10;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call may take, body included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Which certificate authorities are trusted.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Those of the machine.
    System,
    /// Only those of this PEM bundle.
    Only(Vec<u8>),
    /// None, because the address is plain `http`: a machine without any roots must still work.
    Unused,
}

/// A client certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate, followed by its chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: SecretBytes,
}

/// What is done about a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Every redirect is an error.
    #[default]
    Refused,
    /// Redirects to the same scheme, host and port are followed, ten at most. Elsewhere the credentials must not
    /// go.
    SameOrigin,
}

/// What may differ between clients.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Which certificate authorities are trusted.
    pub roots: Roots,
    /// Shown to servers that ask for it.
    pub certificate: Option<ClientCertificate>,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// How long a connection may take to be made (default 5 s).
    pub connect_timeout: Duration,
    /// How long a call may take, body included (default 30 s).
    pub timeout: Duration,
    /// What is done about a redirect.
    pub redirects: Redirects,
    /// Which addresses may be connected to: the toolbox's. Through a proxy of the machine, the proxy decides.
    pub reach: Reach,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            roots: Roots::System,
            certificate: None,
            headers: HeaderMap::new(),
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TOTAL_TIMEOUT,
            redirects: Redirects::default(),
            reach: Reach::default(),
        }
    }
}

/// An HTTP client over rustls. Honours the machine's proxy variables. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    timeout: Duration,
    reach: Reach,
}

/// A complete answer. `Debug` shows no body and no headers.
pub struct Answer {
    /// Never a redirect: those are followed or errors. 304 (not modified) is none.
    pub status: StatusCode,
    /// As the server sent them.
    pub headers: HeaderMap,
    /// Wiped on drop.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpClient {
    /// A client with `settings`.
    ///
    /// # Errors
    /// `InvalidConfig` for a certificate or key that does not parse, or where the machine has no roots.
    pub fn new(settings: HttpSettings) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the place where HTTP clients are built")]
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .redirect(match settings.redirects {
                Redirects::Refused => Policy::none(),
                Redirects::SameOrigin => Policy::custom(followed_at_home),
            })
            .dns_resolver(reach::Names(settings.reach))
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .default_headers(settings.headers);
        builder = match settings.roots {
            Roots::System => builder,
            Roots::Unused => builder.tls_certs_only([]),
            Roots::Only(bundle) => {
                let roots = pem::certificates(&bundle)
                    .ok_or_else(|| invalid("the CA bundle holds no valid PEM certificate"))?;
                builder.tls_certs_only(roots)
            }
        };
        if let Some(certificate) = settings.certificate {
            builder = builder.identity(identity(&certificate)?);
        }
        let client = builder.build().map_err(|error| {
            invalid("TLS cannot be set up: a root or the client certificate is unusable, or the machine has no roots")
                .with_source(error)
        })?;
        Ok(Self { client, timeout: settings.timeout, reach: settings.reach })
    }

    /// Sends `request` and reads the whole answer, of at most `cap` bytes. `operation` is for the error.
    ///
    /// # Errors
    /// `Unavailable` where no complete answer comes (the message names the origin); `InvalidConfig` or
    /// `Unavailable` for a redirect; `InvalidPayload` for a body over the cap. Every other status is an
    /// answer.
    pub async fn send(
        &self,
        operation: &'static str,
        request: Request<Vec<u8>>,
        cap: usize,
    ) -> Result<Answer> {
        let origin = origin(request.uri());
        let response = self.begin(operation, request).await?;
        self.whole(operation, &origin, response, cap).await
    }

    /// Sends `request`; gives the beginning of the answer, which is no redirect.
    async fn begin(&self, operation: &'static str, request: Request<Vec<u8>>) -> Result<reqwest::Response> {
        let origin = origin(request.uri());
        if let Some(refused) = request.uri().host().and_then(|host| reach::refused(self.reach, host)) {
            return Err(Error::new(ErrorKind::InvalidConfig, operation, refused));
        }
        let request = reqwest::Request::try_from(request).map_err(|error| {
            Error::new(ErrorKind::InvalidConfig, operation, "the address is not a valid URL")
                .with_source(error.without_url())
        })?;
        let failed = |error: reqwest::Error| self.unavailable(operation, &origin, error);
        let response = self.client.execute(request).await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(redirected(operation, &origin, status));
        }
        Ok(response)
    }

    /// The whole answer, of at most `cap` bytes.
    async fn whole(
        &self,
        operation: &'static str,
        origin: &str,
        mut response: reqwest::Response,
        cap: usize,
    ) -> Result<Answer> {
        let failed = |error: reqwest::Error| self.unavailable(operation, origin, error);
        let status = response.status();
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > cap) {
            return Err(too_large(operation, origin, cap));
        }
        // Reserved at once where the length is known, so that growing leaves no copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(4096)));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > cap {
                return Err(too_large(operation, origin, cap));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }

    fn unavailable(&self, operation: &'static str, origin: &str, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let message = if error.is_timeout() {
            format!("no answer from {origin} within {} s", self.timeout.as_secs_f32())
        } else if error.is_connect() {
            format!("cannot connect to {origin}: {}", innermost(&error))
        } else {
            format!("the connection to {origin} broke off")
        };
        Error::new(ErrorKind::Unavailable, operation, message).with_source(error)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

/// Scheme, host and port of `uri`: what may stand in an error message.
pub fn origin(uri: &Uri) -> String {
    // Host and port are taken apart, because an authority may hold a user's password.
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or("?"))
}

fn identity(certificate: &ClientCertificate) -> Result<reqwest::Identity> {
    let mut joined = Zeroizing::new(certificate.certificate.clone());
    joined.push(b'\n');
    joined.extend_from_slice(certificate.key.expose());
    // The parser's own text is dropped: it may quote what it read.
    reqwest::Identity::from_pem(&joined)
        .map_err(|_| invalid("the client certificate and its key are not a valid PEM pair"))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "set up HTTP", message)
}

fn followed_at_home(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from = attempt.previous().last().map(url_origin);
    if attempt.previous().len() <= REDIRECTS && from == Some(url_origin(attempt.url())) {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn url_origin(url: &reqwest::Url) -> (&str, Option<&str>, Option<u16>) {
    (url.scheme(), url.host_str(), url.port_or_known_default())
}

fn redirected(operation: &'static str, origin: &str, status: StatusCode) -> Error {
    let kind = status::kind(status).unwrap_or(ErrorKind::Unavailable);
    Error::new(
        kind,
        operation,
        format!("{origin} answered {} with a redirect, and redirects are refused", status.as_u16()),
    )
}

fn too_large(operation: &'static str, origin: &str, cap: usize) -> Error {
    let message = format!("the answer of {origin} is larger than {cap} bytes");
    Error::new(ErrorKind::InvalidPayload, operation, message)
}

/// The cause at the bottom of a failed connection: words of the operating system or of the TLS library, never
/// of the server.
fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests;
