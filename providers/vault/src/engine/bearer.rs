//! `Bearer`: with which token a generator's client calls Vault; a token from which leases hang is let go, never revoked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::{Held, Login, Session, Token};

use crate::api::{Api, Logical};
use crate::config::Auth;
use crate::login::{self, VaultLogin};

/// A login older than this is made anew when access is denied, because the role's policies may have changed.
const POLICY_AGE_SECONDS: i64 = 300;

/// With which token Vault is called.
#[derive(Debug)]
pub(super) enum Bearer {
    /// Without one.
    Nobody,
    /// With the user's.
    Static(Token),
    /// With that of a login.
    Session(Box<Session<LeasingLogin>>),
}

/// A token in use, and which login it came from.
#[derive(Clone, Debug)]
pub(super) enum Borne {
    /// None.
    Nobody,
    /// The user's.
    Static(Token),
    /// A login's.
    Login(Held),
}

/// A login whose tokens are not revoked while leases hang from them.
pub(super) struct LeasingLogin {
    login: VaultLogin,
    parents: Mutex<Vec<SecretBytes>>,
}

impl LeasingLogin {
    /// From now on leases hang from `token`: their records name it, and the journal must not.
    fn keep(&self, token: &Token) {
        self.login.disown(token);
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        if !parents.iter().any(|parent| parent.expose() == token.expose().as_bytes()) {
            parents.push(SecretBytes::from(token.expose()));
        }
    }

    fn keeps(&self, token: &Token) -> bool {
        let parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        parents.iter().any(|parent| parent.expose() == token.expose().as_bytes())
    }
}

#[async_trait]
impl Login for LeasingLogin {
    async fn login(&self) -> Result<Token> {
        self.login.login().await
    }

    async fn renew(&self, token: &Token) -> Result<Token> {
        let renewed = self.login.renewed(token).await?;
        if !self.keeps(&renewed) {
            self.login.note(&renewed);
        }
        Ok(renewed)
    }

    async fn revoke(&self, token: &Token) {
        // With the token its leases would end, and so the credentials that are in use.
        if !self.keeps(token) {
            self.login.revoke(token).await;
        }
    }
}

impl fmt::Debug for LeasingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasingLogin").finish_non_exhaustive()
    }
}

impl Borne {
    /// The token, if there is one.
    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Self::Nobody => None,
            Self::Static(token) => Some(token),
            Self::Login(held) => Some(held.token()),
        }
    }

    /// Which login it came from; zero where there was none.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Nobody | Self::Static(_) => 0,
            Self::Login(held) => held.generation(),
        }
    }
}

impl Bearer {
    /// As `auth` says, logged in.
    ///
    /// # Errors
    /// That of the references or of the login.
    pub(super) async fn new(
        auth: Option<Auth>,
        api: &Arc<Api>,
        resolver: &Arc<dyn Resolver>,
    ) -> Result<Self> {
        let Some(auth) = auth else { return Ok(Self::Nobody) };
        if let Some(token) = login::static_token(Some(&auth), resolver.as_ref()).await?.transpose()? {
            return Ok(Self::Static(token));
        }
        let login = LeasingLogin { login: login::login(auth, api, resolver)?, parents: Mutex::default() };
        let session = Session::new(login, Arc::clone(&api.clock));
        session.token().await?;
        Ok(Self::Session(Box::new(session)))
    }

    /// The token to call with, after a login if need be.
    ///
    /// # Errors
    /// That of the login.
    pub(super) async fn borne(&self) -> Result<Borne> {
        Ok(match self {
            Self::Nobody => Borne::Nobody,
            Self::Static(token) => Borne::Static(token.clone()),
            Self::Session(session) => Borne::Login(session.token().await?),
        })
    }

    /// From now on leases hang from this token.
    pub(super) fn keep(&self, borne: &Borne) {
        if let (Self::Session(session), Some(token)) = (self, borne.token()) {
            session.login().keep(token);
        }
    }

    /// Takes the token out of the journal of logins.
    pub(super) fn disown(&self, borne: &Borne) {
        if let (Self::Session(session), Some(token)) = (self, borne.token()) {
            session.login().login.disown(token);
        }
    }

    /// Lets the token go: the next call logs in afresh. Leases that hang from it live on.
    pub(super) async fn let_go(&self, borne: &Borne) {
        if let (Self::Session(session), Borne::Login(held)) = (self, borne) {
            session.invalidate(held.generation());
            session.login().revoke(held.token()).await;
        }
    }

    /// The answer to `request`. Where Vault no longer takes the token of a login, or the token may carry outdated
    /// policies, logs in afresh once and asks again: a request that was refused has done nothing.
    ///
    /// # Errors
    /// As [`Api::ask`] has them.
    pub(super) async fn ask(&self, api: &Api, request: &Logical) -> Result<Answer> {
        let borne = self.borne().await?;
        let refused = match api.ask(request, borne.token()).await {
            Err(error) if is_refusal(&error) => error,
            outcome => return outcome,
        };
        let looked_up = api.ask(&Logical::look_up_self(), borne.token()).await;
        let ended = matches!(&looked_up, Err(error) if is_refusal(error));
        let Borne::Login(held) = &borne else {
            let message = "Vault refused the token (403)";
            let explained = || Error::new(ErrorKind::Unauthenticated, refused.operation(), message);
            return Err(if ended && borne.token().is_some() { explained() } else { refused });
        };
        let age = api.clock.now().duration_since(held.logged_in()).as_secs();
        if !ended && age < POLICY_AGE_SECONDS {
            return Err(refused);
        }
        self.let_go(&borne).await;
        let fresh = self.borne().await?;
        api.ask(request, fresh.token()).await
    }

    /// Ends the login, unless leases hang from it.
    pub(super) async fn close(&self) {
        if let Self::Session(session) = self {
            session.close().await;
        }
    }
}

pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unauthenticated)
}
