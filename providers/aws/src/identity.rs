//! Calls made as one identity: its login is made once, kept and renewed (spec eso-providers C.2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, Toolbox};
use strongroom_provider_kit::aws::{Api, Ask, AwsKeys, Base, Identity, Role};
use strongroom_provider_kit::session::{Held, Login, Session, Token};
use zeroize::Zeroizing;

use crate::config::{AwsAuth, AwsConfig};

/// Under this name sessions show in AWS's logs, as upstream's.
const SESSION_NAME: &str = "external-secrets-provider-aws";

/// Calls made as one identity. One login serves them all, and is renewed in time.
#[derive(Debug)]
pub(crate) struct Caller {
    api: Api,
    session: Session<LogIn>,
}

/// Logs in as somebody.
#[derive(Debug)]
struct LogIn(Identity);

/// What a login gives, as the session keeps it: one text.
#[derive(Serialize, Deserialize)]
struct Packed {
    id: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

/// The chain of roles of a store: external ID and tags go with the last role only, as upstream's do.
pub(crate) fn chain(config: &AwsConfig) -> Vec<Role> {
    let mut chain: Vec<_> = config.additional_roles.iter().map(|arn| Role::plain(arn)).collect();
    chain.extend(config.role.as_deref().filter(|arn| !arn.is_empty()).map(|arn| Role {
        arn: arn.to_owned(),
        external_id: config.external_id.clone().filter(|id| !id.is_empty()),
        tags: config.session_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        transitive: config.transitive_tag_keys.clone(),
    }));
    chain
}

impl Caller {
    /// A caller that has logged in.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere, and whatever a login gives.
    pub(crate) async fn connect(
        api: Api,
        auth: Option<AwsAuth>,
        roles: Vec<Role>,
        resolver: Arc<dyn Resolver>,
        toolbox: &Toolbox,
    ) -> Result<Self> {
        let auth = auth.unwrap_or_default();
        let account = auth.jwt.and_then(|jwt| jwt.service_account_ref);
        let base = match (account, auth.secret_ref) {
            (Some(account), _) => Base::Account(account),
            (None, Some(keys)) => Base::Keys(keys),
            (None, None) if auth.controller_identity.is_some() => {
                Base::Own(toolbox.own_identity.for_store(resolver.store_kind())?)
            }
            (None, None) => return Err(invalid("auth: missing".to_owned())),
        };
        let clock = Arc::clone(&api.clock);
        let identity =
            Identity { api: api.clone(), base, roles, resolver, session_name: SESSION_NAME, field: "auth" };
        let caller = Self { api, session: Session::new(LogIn(identity), clock) };
        caller.log_in().await?;
        Ok(caller)
    }

    /// Logs in if need be.
    pub(crate) async fn log_in(&self) -> Result<()> {
        self.session.token().await.map(drop)
    }

    /// The answer to a call of the JSON protocol. Where the login is refused, there is one fresh login and one more try,
    /// unless the keys are fixed ones, of which there are no fresh ones.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: Ask, body: &SecretBytes) -> Result<T> {
        let held = self.session.token().await?;
        match self.api.json(ask, &unpacked(&held)?, body).await {
            Err(error) if self.is_worth_a_login(&error) => {
                self.session.invalidate(held.generation());
                let held = self.session.token().await?;
                self.api.json(ask, &unpacked(&held)?, body).await
            }
            outcome => outcome,
        }
    }

    /// The same for the query protocol.
    pub(crate) async fn query(&self, ask: Ask, body: String) -> Result<SecretBytes> {
        let held = self.session.token().await?;
        self.api.query(ask, Some(&unpacked(&held)?), body).await
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.api.clock.now()
    }

    /// Ends the login, as far as AWS lets it be ended.
    pub(crate) async fn close(&self) {
        self.session.close().await;
    }

    fn is_worth_a_login(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Unauthenticated && self.session.login().0.is_temporary()
    }
}

#[async_trait]
impl Login for LogIn {
    async fn login(&self) -> Result<Token> {
        let granted = self.0.granted().await?;
        let token = packed(&granted.keys)?.irrevocable();
        let Some(ends) = granted.ends else { return Ok(token) };
        let life = Duration::try_from(ends.duration_since(self.0.api.clock.now())).unwrap_or_default();
        if life.is_zero() {
            let message = "STS gave credentials that have ended already: is the clock right?";
            return Err(Error::new(ErrorKind::Unavailable, "log in", message));
        }
        Ok(token.living(life, false))
    }

    async fn renew(&self, _token: &Token) -> Result<Token> {
        self.login().await
    }

    /// Temporary credentials cannot be ended: they end by themselves.
    async fn revoke(&self, _token: &Token) {}
}

fn packed(keys: &AwsKeys) -> Result<Token> {
    let text = |bytes: &SecretBytes| Zeroizing::new(bytes.expose_str().unwrap_or_default().to_owned());
    let packed = Packed {
        id: keys.id.clone(),
        secret: text(&keys.secret),
        token: keys.session_token.as_ref().map(text),
    };
    let text = serde_json::to_string(&packed).unwrap_or_default();
    Token::new(&SecretBytes::from(text))
}

fn unpacked(held: &Held) -> Result<AwsKeys> {
    let packed: Packed = serde_json::from_str(held.token().expose())
        .map_err(|_| Error::new(ErrorKind::Internal, "log in", "the credentials cannot be read back"))?;
    let bytes = |text: Zeroizing<String>| SecretBytes::from(text.as_str());
    Ok(AwsKeys { id: packed.id, secret: bytes(packed.secret), session_token: packed.token.map(bytes) })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, "log in", message)
}
