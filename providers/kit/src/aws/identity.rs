//! Who somebody is to AWS: keys or a ServiceAccount's token, then a chain of roles (spec eso-providers B.2, C.2).

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{
    Error, ErrorKind, OwnIdentity, Resolver, Result, SecretBytes, SecretKeySelector, ServiceAccountSelector,
};
use url::form_urlencoded::Serializer;

use super::api::{Api, Ask};
use super::fault;
use super::service::STS;
use super::signature::AwsKeys;
use super::xml;

const ROLE: &str = "eks.amazonaws.com/role-arn";
const AUDIENCE: &str = "eks.amazonaws.com/audience";
const STS_AUDIENCE: &str = "sts.amazonaws.com";

/// How long a ServiceAccount's token lives, which is used at once: the least that there is.
const TOKEN_SECONDS: i64 = 600;

/// Keys in Secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AwsSecretRef {
    /// The access key ID.
    #[serde(rename = "accessKeyIDSecretRef", default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<SecretKeySelector>,
    /// The secret access key.
    #[serde(rename = "secretAccessKeySecretRef", default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<SecretKeySelector>,
    /// The session token, where the keys are temporary.
    #[serde(rename = "sessionTokenSecretRef", default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretKeySelector>,
}

/// How to become who one is.
pub struct Identity {
    /// Who is asked.
    pub api: Api,
    /// Who one is before any role is taken on.
    pub base: Base,
    /// The roles to take on, one after the other.
    pub roles: Vec<Role>,
    /// Reads what the base refers to.
    pub resolver: Arc<dyn Resolver>,
    /// Under this name sessions show in AWS's logs.
    pub session_name: &'static str,
    /// For messages: the field of the settings that holds the base, for example `auth`.
    pub field: &'static str,
}

/// Who one is before any role is taken on.
#[derive(Clone, Debug)]
pub enum Base {
    /// Whoever has these keys.
    Keys(AwsSecretRef),
    /// Whoever the annotation of this ServiceAccount says, by its token.
    Account(ServiceAccountSelector),
    /// The controller.
    Own(OwnIdentity),
}

/// One role to take on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its owner has agreed upon with whoever takes it on.
    pub external_id: Option<String>,
    /// Tags of the session, key and value.
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that further sessions inherit.
    pub transitive: Vec<String>,
}

/// Keys and, where they end, when.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The keys.
    pub keys: AwsKeys,
    /// When they end.
    pub ends: Option<Timestamp>,
}

impl Role {
    /// The role `arn` and nothing else.
    pub fn plain(arn: &str) -> Self {
        Self { arn: arn.to_owned(), ..Self::default() }
    }
}

impl Identity {
    /// Whether what is granted ends by itself, so that a fresh login may give what an old one does not.
    pub fn is_temporary(&self) -> bool {
        let of_base = match &self.base {
            Base::Keys(_) => false,
            Base::Account(_) => true,
            Base::Own(own) => own_keys(own).is_none(),
        };
        of_base || !self.roles.is_empty()
    }

    /// The keys, after every exchange that is needed.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere or holds no key; `Unauthenticated` where STS refuses, and what
    /// else it answers.
    pub async fn granted(&self) -> Result<Granted> {
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
        let selector =
            selector.ok_or_else(|| invalid(format!("{}.secretRef.{field}: missing", self.field)))?;
        let value = self.resolver.secret(selector, None).await?;
        let trimmed = value.expose().trim_ascii();
        if trimmed.is_empty() || !trimmed.iter().all(u8::is_ascii_graphic) {
            let field = format!("{}.secretRef.{field}", self.field);
            return Err(invalid(format!("{field}: the value is empty or no key of AWS's")));
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
            form.append_pair("RoleSessionName", self.session_name);
            form.append_pair("WebIdentityToken", token.expose_str().unwrap_or_default().trim());
        });
        self.exchanged("AssumeRoleWithWebIdentity", None, form, role).await
    }

    async fn assumed(&self, keys: &AwsKeys, role: &Role) -> Result<Granted> {
        let form = form("AssumeRole", |form| {
            form.append_pair("RoleArn", &role.arn);
            form.append_pair("RoleSessionName", self.session_name);
            if let Some(id) = &role.external_id {
                form.append_pair("ExternalId", id);
            }
            for (number, (key, value)) in (1..).zip(&role.tags) {
                form.append_pair(&format!("Tags.member.{number}.Key"), key);
                form.append_pair(&format!("Tags.member.{number}.Value"), value);
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
pub fn form(action: &str, fill: impl FnOnce(&mut Serializer<'_, String>)) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2011-06-15");
    fill(&mut form);
    form.finish()
}

/// The credentials in an answer of STS, and when they end.
pub fn session_keys(answer: &SecretBytes) -> Option<(AwsKeys, Timestamp)> {
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

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, "log in", message)
}
