//! `ECRAuthorizationToken`: the login to AWS's container registries, good for twelve hours.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Resolver, Result, SecretBytes, Stability,
    Toolbox, Violation,
};
use strongroom_provider_kit::aws::{Ask, ECR, ECR_PUBLIC, sent};
use zeroize::Zeroizing;

use super::{Connection, lease};
use crate::config::AwsAuth;
use crate::identity::Caller;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct EcrAuthorizationToken;

/// `spec` of an ECRAuthorizationToken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EcrSpec {
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// How to log in. The controller's own AWS identity is used only where it is asked for and lent.
    pub auth: Option<AwsAuth>,
    /// ARN of the role that is assumed after the login.
    pub role: Option<String>,
    /// The registries: one's own (`private`, the default), or the public one.
    #[serde(default)]
    pub scope: EcrScope,
}

/// Which registries a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EcrScope {
    /// One's own, in one region.
    #[default]
    #[serde(alias = "")]
    Private,
    /// AWS's public one.
    Public,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for EcrScope {
    fn schema_name() -> Cow<'static, str> {
        "EcrScope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["private", "public", ""] })
    }
}

struct Client {
    caller: Caller,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Private {
    authorization_data: Vec<Datum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Public {
    authorization_data: Datum,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Datum {
    authorization_token: Zeroizing<String>,
    /// Seconds since 1970.
    expires_at: f64,
    proxy_endpoint: Option<String>,
}

impl EcrSpec {
    fn connection(&self) -> Connection<'_> {
        Connection { region: &self.region, auth: self.auth.as_ref(), role: self.role.as_deref() }
    }
}

#[async_trait]
impl Generator for EcrAuthorizationToken {
    const KIND: &'static str = "ECRAuthorizationToken";
    const STABILITY: Stability = Stability::Beta;
    type Spec = EcrSpec;

    fn validate(spec: &EcrSpec) -> Vec<Violation> {
        spec.connection().violations()
    }

    fn connection(spec: &EcrSpec) -> Value {
        spec.connection().value()
    }

    async fn connect(
        spec: EcrSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<EcrSpec>>> {
        Ok(Arc::new(Client { caller: spec.connection().caller(resolver, &toolbox).await? }))
    }
}

#[async_trait]
impl GeneratorClient<EcrSpec> for Client {
    async fn generate(&self, spec: &EcrSpec) -> Result<Generated> {
        let service = match spec.scope {
            EcrScope::Private => &ECR,
            EcrScope::Public => &ECR_PUBLIC,
        };
        let ask = Ask { operation: "generate", service, action: "GetAuthorizationToken" };
        let body = sent(&json!({}));
        let datum = match spec.scope {
            EcrScope::Public => self.caller.ask::<Public>(ask, &body).await?.authorization_data,
            EcrScope::Private => {
                let data = self.caller.ask::<Private>(ask, &body).await?.authorization_data;
                let [datum] = <[Datum; 1]>::try_from(data).map_err(|data| {
                    let message = format!("ECR gave {} authorization data, and one is expected", data.len());
                    Error::new(ErrorKind::InvalidPayload, "generate", message)
                })?;
                datum
            }
        };
        generated(&datum, self.caller.now())
    }

    async fn close(&self) {
        self.caller.close().await;
    }
}

fn generated(datum: &Datum, now: Timestamp) -> Result<Generated> {
    let unusable = |message| Error::new(ErrorKind::InvalidPayload, "generate", message);
    let decoded = STANDARD.decode(datum.authorization_token.as_bytes()).map(SecretBytes::new);
    let decoded = decoded.map_err(|_| unusable("the authorization token is not base64"))?;
    let (user, password) = decoded
        .expose_str()
        .and_then(|login| login.split_once(':'))
        .ok_or_else(|| unusable("the authorization token is no user and password"))?;
    let ends = seconds(datum.expires_at).ok_or_else(|| unusable("expiresAt is no time"))?;
    let mut fields: Vec<(&str, SecretBytes)> = vec![("username", user.into()), ("password", password.into())];
    fields.extend(datum.proxy_endpoint.as_deref().map(|endpoint| ("proxy_endpoint", endpoint.into())));
    fields.push(("expires_at", ends.as_second().to_string().into()));
    Ok(Generated { lease: lease(now, ends), ..Generated::fields(fields) })
}

/// AWS writes times as seconds with a fraction.
fn seconds(number: f64) -> Option<Timestamp> {
    let duration = jiff::SignedDuration::try_from_secs_f64(number).ok()?;
    Timestamp::from_second(duration.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_becomes_user_and_password_with_the_time_of_its_end() {
        let datum: Datum = serde_json::from_value(json!({
            "authorizationToken": STANDARD.encode("AWS:pass:word"),
            "expiresAt": 1_767_323_045.123,
            "proxyEndpoint": "https://1.dkr.ecr.eu-central-1.amazonaws.com",
        }))
        .unwrap();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let made = generated(&datum, now).unwrap();
        let text = |name: &str| {
            let field = made.fields.iter().find(|(found, _)| found == name).unwrap();
            field.1.expose_str().unwrap().to_owned()
        };
        assert_eq!((text("username"), text("password")), ("AWS".to_owned(), "pass:word".to_owned()));
        assert_eq!(text("expires_at"), "1767323045");
        assert!(text("proxy_endpoint").starts_with("https://1."));
        assert_eq!(made.lease.unwrap().expires, Timestamp::from_second(1_767_323_045).ok());
        // A time that has passed already would have everything made anew over and over.
        let later = "2026-06-01T00:00:00Z".parse().unwrap();
        assert_eq!(generated(&datum, later).unwrap().lease, None);
    }
}
