//! Who a store is to AWS: keys or a ServiceAccount's token, then a chain of roles (spec eso-providers C.2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{
    Error, ErrorKind, OwnIdentity, Resolver, Result, SecretBytes, SecretKeySelector, ServiceAccountSelector,
    Toolbox,
};
use strongroom_provider_kit::aws_signature::AwsKeys;
use strongroom_provider_kit::session::{Held, Login, Session, Token};
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::api::{Api, Ask};
use crate::config::{AwsAuth, AwsConfig, AwsSecretRef, SessionTag};
use crate::fault;
use crate::service::STS;
use crate::xml;

const ROLE: &str = "eks.amazonaws.com/role-arn";
const AUDIENCE: &str = "eks.amazonaws.com/audience";
const STS_AUDIENCE: &str = "sts.amazonaws.com";

/// Under this name sessions show in AWS's logs, as upstream's.
const SESSION_NAME: &str = "external-secrets-provider-aws";

/// How long a ServiceAccount's token lives, which is used at once: the least that there is.
const TOKEN_SECONDS: i64 = 600;

/// Calls made as one identity. One login serves them all, and is renewed in time.
#[derive(Debug)]
pub(crate) struct Caller {
    api: Api,
    session: Session<Identity>,
}

/// How to become who one is.
pub(crate) struct Identity {
    api: Api,
    base: Base,
    roles: Vec<Role>,
    resolver: Arc<dyn Resolver>,
}

enum Base {
    Keys(AwsSecretRef),
    Account(ServiceAccountSelector),
    /// The controller's own.
    Own(OwnIdentity),
}

/// One role to take on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    arn: String,
    external_id: Option<String>,
    tags: Vec<SessionTag>,
    transitive: Vec<String>,
}

/// What a login gives, as the session keeps it: one text.
#[derive(Serialize, Deserialize)]
struct Packed {
    id: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

/// Keys and, where they end, when.
struct Granted {
    keys: AwsKeys,
    ends: Option<Timestamp>,
}

impl Role {
    /// The role `arn` and nothing else.
    pub(crate) fn plain(arn: &str) -> Self {
        Self { arn: arn.to_owned(), ..Self::default() }
    }

    /// The chain of a store: external ID and tags go with the last role only, as upstream's do.
    pub(crate) fn chain(config: &AwsConfig) -> Vec<Self> {
        let mut chain: Vec<_> = config.additional_roles.iter().map(|arn| Self::plain(arn)).collect();
        chain.extend(config.role.as_deref().filter(|arn| !arn.is_empty()).map(|arn| Self {
            arn: arn.to_owned(),
            external_id: config.external_id.clone().filter(|id| !id.is_empty()),
            tags: config.session_tags.clone(),
            transitive: config.transitive_tag_keys.clone(),
        }));
        chain
    }
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
        let identity = Identity { api: api.clone(), base, roles, resolver };
        let caller = Self { api, session: Session::new(identity, clock) };
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
        error.kind() == ErrorKind::Unauthenticated && self.session.login().is_temporary()
    }
}

impl Identity {
    fn is_temporary(&self) -> bool {
        let of_base = match &self.base {
            Base::Keys(_) => false,
            Base::Account(_) => true,
            Base::Own(own) => own_keys(own).is_none(),
        };
        of_base || !self.roles.is_empty()
    }

    async fn granted(&self) -> Result<Granted> {
        let mut granted = match &self.base {
            Base::Keys(keys) => Granted { keys: self.fixed(keys).await?, ends: None },
            Base::Account(account) => self.of_account(account).await?,
            Base::Own(own) => self.of_controller(own).await?,
        };
        for role in &self.roles {
            granted = self.assumed(&granted.keys, role).await?;
        }
        Ok(granted)
    }

    /// The secret access key is looked up first, as upstream does: of two errors users see the same.
    async fn fixed(&self, refs: &AwsSecretRef) -> Result<AwsKeys> {
        let secret = self.key("secretAccessKeySecretRef", refs.secret_access_key.as_ref()).await?;
        let id = self.key("accessKeyIDSecretRef", refs.access_key_id.as_ref()).await?;
        let session_token = match &refs.session_token {
            Some(selector) => Some(self.key("sessionTokenSecretRef", Some(selector)).await?),
            None => None,
        };
        let id = id.expose_str().unwrap_or_default().trim().to_owned();
        Ok(AwsKeys { id, secret, session_token })
    }

    async fn key(&self, field: &str, selector: Option<&SecretKeySelector>) -> Result<SecretBytes> {
        let selector = selector.ok_or_else(|| invalid(format!("auth.secretRef.{field}: missing")))?;
        let value = self.resolver.secret(selector, None).await?;
        let trimmed = value.expose().trim_ascii();
        if trimmed.is_empty() || !trimmed.iter().all(u8::is_ascii_graphic) {
            let message = format!("auth.secretRef.{field}: the value is empty or no key of AWS's");
            return Err(invalid(message));
        }
        Ok(SecretBytes::new(trimmed.to_vec()))
    }

    async fn of_account(&self, account: &ServiceAccountSelector) -> Result<Granted> {
        let annotations = self.resolver.service_account_annotations(account).await?;
        let filled = |name: &str| annotations.get(name).filter(|text| !text.is_empty());
        let role = filled(ROLE).ok_or_else(|| {
            let message = "an IAM role must be associated with service account";
            invalid(format!("{message} {:?} (annotation {ROLE})", account.name))
        })?;
        let audience = filled(AUDIENCE).map_or(STS_AUDIENCE, String::as_str).to_owned();
        let token = self.resolver.service_account_token(account, &[audience], TOKEN_SECONDS).await?;
        self.with_token(role, &token).await
    }

    /// Keys in the controller's environment, else the role and the token that its cluster gave its pod.
    async fn of_controller(&self, own: &OwnIdentity) -> Result<Granted> {
        if let Some(keys) = own_keys(own) {
            return Ok(Granted { keys, ends: None });
        }
        let text = |name| own.get(name).and_then(SecretBytes::expose_str);
        let (Some(role), Some(file)) = (text("AWS_ROLE_ARN"), text("AWS_WEB_IDENTITY_TOKEN_FILE")) else {
            let message = "the controller's environment has no AWS identity: neither AWS_ACCESS_KEY_ID and \
                           AWS_SECRET_ACCESS_KEY nor AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE";
            return Err(invalid(message.to_owned()));
        };
        // Read at each login: the cluster replaces it.
        let token = tokio::fs::read(file).await.map(SecretBytes::new);
        let token = token.map_err(|_| {
            let message = "the file that AWS_WEB_IDENTITY_TOKEN_FILE names cannot be read";
            Error::new(ErrorKind::Unavailable, "log in", message)
        })?;
        self.with_token(role, &token).await
    }

    async fn with_token(&self, role: &str, token: &SecretBytes) -> Result<Granted> {
        let form = form("AssumeRoleWithWebIdentity", |form| {
            form.append_pair("RoleArn", role);
            form.append_pair("RoleSessionName", SESSION_NAME);
            form.append_pair("WebIdentityToken", token.expose_str().unwrap_or_default().trim());
        });
        self.exchanged("AssumeRoleWithWebIdentity", None, form, role).await
    }

    async fn assumed(&self, keys: &AwsKeys, role: &Role) -> Result<Granted> {
        let form = form("AssumeRole", |form| {
            form.append_pair("RoleArn", &role.arn);
            form.append_pair("RoleSessionName", SESSION_NAME);
            if let Some(id) = &role.external_id {
                form.append_pair("ExternalId", id);
            }
            for (number, tag) in (1..).zip(&role.tags) {
                form.append_pair(&format!("Tags.member.{number}.Key"), &tag.key);
                form.append_pair(&format!("Tags.member.{number}.Value"), &tag.value);
            }
            for (number, key) in (1..).zip(&role.transitive) {
                form.append_pair(&format!("TransitiveTagKeys.member.{number}"), key);
            }
        });
        self.exchanged("AssumeRole", Some(keys), form, &role.arn).await
    }

    async fn exchanged(
        &self,
        action: &'static str,
        keys: Option<&AwsKeys>,
        form: String,
        role: &str,
    ) -> Result<Granted> {
        let ask = Ask { operation: "log in", service: &STS, action };
        let answer =
            self.api.query(ask, keys, form).await.map_err(|error| for_role(&fault::of_login(error), role))?;
        let (keys, ends) = session_keys(&answer).ok_or_else(|| {
            let message = format!("STS answered {action} for {role} without credentials");
            Error::new(ErrorKind::InvalidPayload, "log in", message)
        })?;
        Ok(Granted { keys, ends: Some(ends) })
    }
}

#[async_trait]
impl Login for Identity {
    async fn login(&self) -> Result<Token> {
        let granted = self.granted().await?;
        let token = packed(&granted.keys)?.irrevocable();
        let Some(ends) = granted.ends else { return Ok(token) };
        let life = Duration::try_from(ends.duration_since(self.api.clock.now())).unwrap_or_default();
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

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// The keys in the controller's environment, if there are any.
fn own_keys(own: &OwnIdentity) -> Option<AwsKeys> {
    Some(AwsKeys {
        id: own.get("AWS_ACCESS_KEY_ID")?.expose_str()?.to_owned(),
        secret: own.get("AWS_SECRET_ACCESS_KEY")?.clone(),
        session_token: own.get("AWS_SESSION_TOKEN").cloned(),
    })
}

/// The form of an STS call, with what `fill` adds.
pub(crate) fn form(action: &str, fill: impl FnOnce(&mut Serializer<'_, String>)) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2011-06-15");
    fill(&mut form);
    form.finish()
}

/// The credentials in an answer of STS, and when they end.
pub(crate) fn session_keys(answer: &SecretBytes) -> Option<(AwsKeys, Timestamp)> {
    let document = answer.expose_str()?;
    let filled = |name| xml::text(document, name).filter(|text| !text.is_empty());
    let keys = AwsKeys {
        id: filled("AccessKeyId")?.to_owned(),
        secret: filled("SecretAccessKey")?.into(),
        session_token: Some(filled("SessionToken")?.into()),
    };
    Some((keys, filled("Expiration")?.parse().ok()?))
}

fn for_role(error: &Error, role: &str) -> Error {
    let named = Error::new(error.kind(), error.operation(), format!("{} (role {role})", error.message()));
    match error.retry_after() {
        Some(after) => named.with_retry_after(after),
        None => named,
    }
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
