//! `RemoteCluster`: requests to the API server of the cluster that a store's settings name.

mod fault;
mod kubeconfig;
mod list;
mod login;
mod settings;

use std::fmt;
use std::sync::Arc;

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use strongroom_provider_api::{Call, CallOutcome, Clock, Error, ErrorKind, Meter, Resolver, Result, Toolbox};

use crate::http::{Answer, ClientCertificate, HttpClient, HttpSettings, Roots};
use crate::pem;
use crate::session::{Session, Token};

use kubeconfig::Kubeconfig;
pub use list::{NamePage, ObjectName};
use login::TokenRequest;
pub use settings::{Access, Auth, CertificateAuth, Server, TokenAuth, default_server_url, violations};

/// Upstream's label value.
const SERVICE: &str = "Kubernetes";

/// The most that one page of a list may hold.
pub const PAGE_CAP: usize = 8 * 1024 * 1024;

/// Another cluster, or another namespace of this one, reached as the identity that a store's settings name. Not
/// the controller's own access to its cluster: that stays in the kernel.
pub struct RemoteCluster {
    http: HttpClient,
    base: String,
    identity: Identity,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
}

/// Who asks.
enum Identity {
    /// Whom the client certificate names.
    Certificate,
    /// A fixed token.
    Token(Token),
    /// A ServiceAccount of our own cluster; its tokens are short-lived.
    ServiceAccount(Box<Session<TokenRequest>>),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Upstream's label value for the call, for example `GetSecret`.
    pub call: &'static str,
    /// A short verb phrase for errors: `read`.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// Path and query, encoded, with a slash in front.
    pub path: String,
    /// The form that is asked for.
    pub accept: &'static str,
    /// What is sent; patches are merge patches.
    pub body: Option<&'a Value>,
    /// The most that the answer may hold, in bytes.
    pub cap: usize,
}

impl<'a> Ask<'a> {
    /// A GET of `path`, as JSON.
    pub fn get(call: &'static str, operation: &'static str, path: String) -> Self {
        let (method, accept) = (Method::GET, "application/json");
        Self { call, operation, method, path, accept, body: None, cap: crate::http::BODY_CAP * 2 }
    }

    /// The same request with another method and a body.
    #[must_use]
    pub fn sending(mut self, method: Method, body: &'a Value) -> Self {
        self.method = method;
        self.body = Some(body);
        self
    }
}

impl RemoteCluster {
    /// The cluster that `access` names. Every reference is resolved.
    ///
    /// # Errors
    /// `InvalidConfig` for settings, references or a kubeconfig that cannot work, and what a token request gives.
    pub async fn connect(
        access: Access<'_>,
        resolver: &Arc<dyn Resolver>,
        toolbox: &Toolbox,
    ) -> Result<Self> {
        let (server, roots, certificate, identity) = if let Some(reference) = access.auth_ref {
            let kubeconfig = Kubeconfig::parse(&resolver.secret(reference, None).await?)?;
            let identity = match kubeconfig.token {
                Some(token) => Identity::Token(Token::new(&token)?),
                None => Identity::Certificate,
            };
            (kubeconfig.server, kubeconfig.roots.map(Roots::Only), kubeconfig.certificate, identity)
        } else {
            let roots = roots(access.server, resolver.as_ref()).await?;
            let (certificate, identity) = identity(access.auth, resolver, toolbox).await?;
            (access.server.url.clone(), roots, certificate, identity)
        };
        let base = settings::base(&server).map_err(|fault| invalid(&format!("server.url: {fault}")))?;
        let plain = base.starts_with("http://");
        let settings = HttpSettings {
            roots: roots.unwrap_or(if plain { Roots::Unused } else { Roots::System }),
            certificate,
            reach: toolbox.reach,
            ..HttpSettings::default()
        };
        Ok(Self {
            http: HttpClient::new(settings)?,
            base,
            identity,
            clock: Arc::clone(&toolbox.clock),
            meter: Arc::clone(&toolbox.meter),
        })
    }

    /// The answer to `ask`. A refused token of a ServiceAccount is replaced once.
    ///
    /// # Errors
    /// `NotFound` only where the API server names the object that does not exist; otherwise what the status means.
    pub async fn answer(&self, ask: &Ask<'_>) -> Result<Answer> {
        let Identity::ServiceAccount(session) = &self.identity else {
            let token = match &self.identity {
                Identity::Token(token) => Some(token),
                Identity::Certificate | Identity::ServiceAccount(_) => None,
            };
            let answer = self.attempt(ask, token).await?;
            return self.accepted(ask, answer);
        };
        let held = session.token().await?;
        let answer = self.attempt(ask, Some(held.token())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return self.accepted(ask, answer);
        }
        session.invalidate(held.generation());
        let held = session.token().await?;
        let answer = self.attempt(ask, Some(held.token())).await?;
        self.accepted(ask, answer)
    }

    /// The answer to `ask` as JSON.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), and `InvalidPayload` for what is no JSON object.
    pub async fn object(&self, ask: &Ask<'_>) -> Result<Value> {
        let answer = self.answer(ask).await?;
        let parsed = serde_json::from_slice(&answer.body).ok().filter(Value::is_object);
        parsed.ok_or_else(|| {
            let message = "the answer is no JSON object: it does not come from a Kubernetes API server";
            Error::new(ErrorKind::InvalidPayload, ask.operation, message)
        })
    }

    async fn attempt(&self, ask: &Ask<'_>, token: Option<&Token>) -> Result<Answer> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(format!("{}{}", self.base, ask.path))
            .header(ACCEPT, ask.accept);
        if ask.body.is_some() {
            let merge = ask.method == Method::PATCH;
            let of = if merge { "application/merge-patch+json" } else { "application/json" };
            request = request.header(CONTENT_TYPE, of);
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| invalid("the token cannot stand in a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let body = ask.body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request = request.body(body).map_err(|_| invalid("the address is not a valid URL"))?;
        let answer = self.http.send(ask.operation, request, ask.cap).await;
        let served = answer
            .as_ref()
            .is_ok_and(|answer| answer.status.is_success() || answer.status == StatusCode::NOT_FOUND);
        let outcome = if served { CallOutcome::Success } else { CallOutcome::Error };
        self.meter.called(Call { service: SERVICE, name: ask.call }, outcome);
        answer
    }

    fn accepted(&self, ask: &Ask<'_>, answer: Answer) -> Result<Answer> {
        match fault::fault(ask.operation, &answer, self.clock.now()) {
            None => Ok(answer),
            Some(error) => Err(error),
        }
    }
}

impl fmt::Debug for RemoteCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCluster").finish_non_exhaustive()
    }
}

async fn roots(server: &Server, resolver: &dyn Resolver) -> Result<Option<Roots>> {
    let (field, bundle) = match (&server.ca_bundle, &server.ca_provider) {
        (Some(bundle), _) => ("caBundle", pem::bundle(bundle.as_bytes())),
        (None, Some(provider)) => ("caProvider", pem::bundle(&resolver.ca_bundle(provider).await?)),
        (None, None) => return Ok(None),
    };
    let bundle = bundle.ok_or_else(|| invalid(&format!("server.{field}: not valid pem data")))?;
    Ok(Some(Roots::Only(bundle)))
}

async fn identity(
    auth: Option<&Auth>,
    resolver: &Arc<dyn Resolver>,
    toolbox: &Toolbox,
) -> Result<(Option<ClientCertificate>, Identity)> {
    match auth {
        Some(Auth { token: Some(TokenAuth { bearer_token: Some(reference) }), .. }) => {
            let token = Token::new(&resolver.secret(reference, None).await?)?;
            Ok((None, Identity::Token(token)))
        }
        Some(Auth { service_account: Some(account), .. }) => {
            let request = TokenRequest { resolver: Arc::clone(resolver), account: account.clone() };
            let session = Session::new(request, Arc::clone(&toolbox.clock));
            // What was referred to is known from here on.
            session.token().await?;
            Ok((None, Identity::ServiceAccount(Box::new(session))))
        }
        Some(Auth {
            cert: Some(CertificateAuth { client_cert: Some(certificate), client_key: Some(key) }),
            ..
        }) => {
            let certificate = resolver.secret(certificate, Some("tls.crt")).await?;
            let key = resolver.secret(key, Some("tls.key")).await?;
            let certificate = certificate.expose().to_vec();
            Ok((Some(ClientCertificate { certificate, key }), Identity::Certificate))
        }
        Some(_) | None => Err(invalid("auth: no credentials provided")),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the settings", message)
}

/// `text` percent-encoded for one segment of a path or one value of a query.
pub fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
