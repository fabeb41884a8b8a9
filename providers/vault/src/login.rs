//! Decides how a store logs in, and turns Vault's login answers into tokens.

mod app_role;
pub(crate) mod cert;
mod gcp;
mod iam;
mod journal;
mod jwt;
mod kubernetes;
mod password;
mod token;
mod wrapped;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::{Login, Session, Token};

use crate::api::Api;
use crate::config::{Auth, Ldap, UserPass};
use crate::identity::Identity;
use app_role::AppRoleLogin;
use cert::CertLogin;
use gcp::GcpLogin;
use iam::IamLogin;
use jwt::JwtLogin;
use kubernetes::KubernetesLogin;
use password::PasswordLogin;

/// A login method with all it needs.
pub(crate) struct VaultLogin {
    api: Arc<Api>,
    resolver: Arc<dyn Resolver>,
    method: Method,
}

enum Method {
    AppRole(AppRoleLogin),
    Kubernetes(KubernetesLogin),
    Password(PasswordLogin),
    Jwt(JwtLogin),
    Cert(CertLogin),
    Iam(IamLogin),
    Gcp(GcpLogin),
}

/// The part of a login or renewal answer that matters. Looser than vaultrs' type, because proxies and older
/// servers leave fields out.
#[derive(Deserialize)]
struct Granted {
    auth: Option<Grant>,
}

#[derive(Deserialize)]
struct Grant {
    client_token: String,
    #[serde(default)]
    accessor: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

/// The identity of a store with these settings, logged in; `token` is the [`static_token`].
///
/// # Errors
/// That of the references or of the login.
pub(crate) async fn identity(
    auth: Option<Auth>,
    token: Option<Token>,
    api: &Arc<Api>,
    resolver: &Arc<dyn Resolver>,
) -> Result<Identity> {
    if let Some(token) = token {
        return Ok(Identity::Static(token));
    }
    let Some(auth) = auth else { return Ok(Identity::Nobody) };
    let login = login(auth, api, resolver)?;
    let session = Session::new(login, Arc::clone(&api.clock));
    session.token().await?;
    Ok(Identity::Session(session.kept_alive()))
}

/// How `auth` logs in, where it names no token.
///
/// # Errors
/// Settings that name no method, or one that cannot work.
pub(crate) fn login(auth: Auth, api: &Arc<Api>, resolver: &Arc<dyn Resolver>) -> Result<VaultLogin> {
    Ok(VaultLogin {
        api: Arc::clone(api),
        resolver: Arc::clone(resolver),
        method: method(auth, api, resolver)?,
    })
}

/// The token that `auth` names, if it names one, or why the text there cannot be one.
///
/// # Errors
/// That of the reference.
pub(crate) async fn static_token(
    auth: Option<&Auth>,
    resolver: &dyn Resolver,
) -> Result<Option<Result<Token>>> {
    match auth.and_then(|auth| auth.token_secret_ref.as_ref()) {
        Some(selector) => token::resolved(selector, resolver).await.map(Some),
        None => Ok(None),
    }
}

/// The first method that is present, in upstream's order (spec eso-providers B.2).
fn method(auth: Auth, api: &Api, resolver: &Arc<dyn Resolver>) -> Result<Method> {
    if let Some(settings) = auth.app_role {
        return AppRoleLogin::new(settings).map(Method::AppRole);
    }
    if let Some(settings) = auth.kubernetes {
        return KubernetesLogin::new(settings).map(Method::Kubernetes);
    }
    if let Some(Ldap { path, username, secret_ref }) = auth.ldap {
        return PasswordLogin::new("ldap", &path, &username, secret_ref).map(Method::Password);
    }
    if let Some(UserPass { path, username, secret_ref }) = auth.user_pass {
        return PasswordLogin::new("userPass", &path, &username, secret_ref).map(Method::Password);
    }
    if let Some(settings) = auth.jwt {
        return JwtLogin::new(settings).map(Method::Jwt);
    }
    if let Some(settings) = auth.cert {
        return CertLogin::new(settings).map(Method::Cert);
    }
    if let Some(settings) = auth.iam {
        return IamLogin::new(settings, api, resolver).map(Method::Iam);
    }
    if let Some(settings) = auth.gcp {
        return GcpLogin::new(settings, api, resolver).map(Method::Gcp);
    }
    let message = "cannot initialize Vault client: no valid auth method specified";
    Err(Error::new(ErrorKind::InvalidConfig, "log in", message))
}

impl VaultLogin {
    /// The same token with a longer life, of which the journal is not told.
    pub(crate) async fn renewed(&self, token: &Token) -> Result<Token> {
        granted(&self.api.renew(token).await?)
    }

    /// Tells the journal of `token`, or that it lives longer.
    pub(crate) fn note(&self, token: &Token) {
        journal::opened(&self.api, token);
    }

    /// Takes `token` out of the journal: it has ended, or a later process must not end it.
    pub(crate) fn disown(&self, token: &Token) {
        journal::ended(&self.api, token);
    }
}

#[async_trait]
impl Login for VaultLogin {
    async fn login(&self) -> Result<Token> {
        let answer = match &self.method {
            Method::AppRole(method) => method.log_in(&self.api, self.resolver.as_ref()).await,
            Method::Kubernetes(method) => method.log_in(&self.api, self.resolver.as_ref()).await,
            Method::Password(method) => method.log_in(&self.api, self.resolver.as_ref()).await,
            Method::Jwt(method) => method.log_in(&self.api, self.resolver.as_ref()).await,
            Method::Cert(method) => method.log_in(&self.api).await,
            Method::Iam(method) => method.log_in(&self.api).await,
            Method::Gcp(method) => method.log_in(&self.api, self.resolver.as_ref()).await,
        };
        let token = granted(&answer?)?;
        self.note(&token);
        journal::end_abandoned(&self.api, &token);
        Ok(token)
    }

    async fn renew(&self, token: &Token) -> Result<Token> {
        let renewed = self.renewed(token).await?;
        self.note(&renewed);
        Ok(renewed)
    }

    async fn revoke(&self, token: &Token) {
        // Where it fails the token expires by itself, if no later process ends it.
        if self.api.revoke(token).await.is_ok() {
            self.disown(token);
        }
    }
}

impl fmt::Debug for VaultLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultLogin").finish_non_exhaustive()
    }
}

/// The token in a login or renewal answer. Batch tokens say that they are not renewable.
fn granted(answer: &Answer) -> Result<Token> {
    let parsed: Result<Granted, _> = serde_json::from_slice(&answer.body);
    let Some(grant) = parsed.ok().and_then(|granted| granted.auth) else {
        let message = "Vault's answer to the login holds no token";
        return Err(Error::new(ErrorKind::Unavailable, "log in", message));
    };
    let token = Token::new(&SecretBytes::from(grant.client_token))?;
    let token =
        token.living(Duration::from_secs(grant.lease_duration), grant.renewable).named(grant.accessor);
    Ok(if grant.token_type.as_deref() == Some("batch") { token.irrevocable() } else { token })
}

/// A resolved secret as text.
fn text(bytes: &SecretBytes, what: &str) -> Result<String> {
    let fault = || Error::new(ErrorKind::InvalidConfig, "log in", format!("the {what} is not UTF-8 text"));
    bytes.expose_str().map(str::to_owned).ok_or_else(fault)
}
