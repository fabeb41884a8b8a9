//! `Identity`: as whom a client calls Vault, and what happens when Vault refuses the token.

use std::sync::Arc;

use strongroom_provider_api::{Error, ErrorKind, Health, Result};
use strongroom_provider_kit::http::Answer;
use strongroom_provider_kit::session::{Held, Session, Token};

use crate::api::{Api, Query};
use crate::login::VaultLogin;

/// A login older than this is made anew when access is denied, because the role's policies may have changed.
const POLICY_AGE_SECONDS: i64 = 300;

/// As whom a client calls.
#[derive(Debug)]
pub(crate) enum Identity {
    /// Without a token.
    Nobody,
    /// With a token that the user made; never renewed and never revoked.
    Static(Token),
    /// With a login of its own.
    Session(Arc<Session<VaultLogin>>),
}

/// What a refusal says about the token that was used.
enum Verdict {
    /// Vault no longer takes it.
    Ended,
    /// It may carry outdated policies.
    Outdated,
    /// It is good: the path is denied.
    Good,
}

/// A token that Vault took a moment ago.
#[derive(Debug)]
pub(crate) enum Valid<'a> {
    Static(&'a Token),
    Session(Held),
}

impl Valid<'_> {
    pub(crate) fn token(&self) -> &Token {
        match self {
            Self::Static(token) => token,
            Self::Session(held) => held.token(),
        }
    }
}

/// Calls Vault as one identity.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) api: Arc<Api>,
    pub(crate) identity: Identity,
}

impl Caller {
    /// The answer to `query`. Where Vault no longer takes the token of a session, logs in afresh once and asks
    /// again.
    pub(crate) async fn fetch(&self, query: &Query) -> Result<Answer> {
        match &self.identity {
            Identity::Nobody => self.api.fetch(query, None).await,
            Identity::Static(token) => match self.api.fetch(query, Some(token)).await {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    Err(self.explained(token, error).await)
                }
                outcome => outcome,
            },
            Identity::Session(session) => {
                let held = session.token().await?;
                let refused = match self.api.fetch(query, Some(held.token())).await {
                    Err(error) if is_refusal(&error) => error,
                    outcome => return outcome,
                };
                let fresh = match self.verdict(&held, &refused).await {
                    Verdict::Good => return Err(refused),
                    Verdict::Outdated => match session.replace(held.generation()).await {
                        Ok(fresh) => fresh,
                        Err(_) => return Err(refused),
                    },
                    Verdict::Ended => {
                        session.invalidate(held.generation());
                        session.token().await?
                    }
                };
                self.api.fetch(query, Some(fresh.token())).await
            }
        }
    }

    /// The token, after Vault has been asked whether it takes it; `None` where requests carry none. For what lasts longer
    /// than a call: nobody can log in again in the middle of it.
    pub(crate) async fn valid_token(&self) -> Result<Option<Valid<'_>>> {
        self.probe().await?;
        Ok(match &self.identity {
            Identity::Nobody => None,
            Identity::Static(token) => Some(Valid::Static(token)),
            Identity::Session(session) => Some(Valid::Session(session.token().await?)),
        })
    }

    /// Whether Vault answers and takes the identity.
    pub(crate) async fn probe(&self) -> Result<Health> {
        let of_login = matches!(self.identity, Identity::Session(_));
        match (&self.identity, self.fetch(&Query::Token { of_login }).await) {
            (_, Ok(_)) => Ok(Health::Ready),
            // The login works; its policies just do not include looking up itself.
            (Identity::Session(_), Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
                Ok(Health::Ready)
            }
            (Identity::Nobody | Identity::Static(_), Err(error)) if is_refusal(&error) => Err(Error::new(
                ErrorKind::Unauthenticated,
                "log in",
                "invalid vault credentials: Vault refused the token",
            )),
            (_, Err(error)) => Err(error),
        }
    }

    /// Ends the session, if there is one.
    pub(crate) async fn close(&self) {
        if let Identity::Session(session) = &self.identity {
            session.close().await;
        }
    }

    /// Vault answers 403 to a bad token and to a denied path alike, so the token is looked up, which every
    /// token may do unless somebody took that away.
    async fn verdict(&self, held: &Held, refused: &Error) -> Verdict {
        if refused.kind() == ErrorKind::Unauthenticated {
            return Verdict::Ended;
        }
        let looked_up = self.api.fetch(&Query::Token { of_login: true }, Some(held.token())).await;
        let age = self.api.clock.now().duration_since(held.logged_in()).as_secs();
        match looked_up {
            Err(error) if is_refusal(&error) => Verdict::Ended,
            Ok(_) if age >= POLICY_AGE_SECONDS => Verdict::Outdated,
            Ok(_) | Err(_) => Verdict::Good,
        }
    }

    /// `denied`, or an `Unauthenticated` where it is the static token that Vault refuses.
    async fn explained(&self, token: &Token, denied: Error) -> Error {
        match self.api.fetch(&Query::Token { of_login: false }, Some(token)).await {
            Err(error) if is_refusal(&error) => {
                Error::new(ErrorKind::Unauthenticated, denied.operation(), "Vault refused the token (403)")
            }
            Ok(_) | Err(_) => denied,
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unauthenticated)
}
