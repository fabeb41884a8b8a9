//! `STSSessionToken`: temporary keys of the user whose keys are given.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Resolver, Result, SecretBytes, Stability,
    Toolbox, Violation,
};
use strongroom_provider_kit::aws::{Ask, STS, form, session_keys};

use super::{Connection, lease};
use crate::config::AwsAuth;
use crate::identity::Caller;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct StsSessionToken;

/// `spec` of an STSSessionToken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StsSpec {
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// How to log in: with `secretRef`. Temporary keys cannot ask for a session token.
    pub auth: Option<AwsAuth>,
    /// ARN of the role that is assumed after the login.
    pub role: Option<String>,
    /// What is asked for.
    pub request_parameters: Option<StsParameters>,
}

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StsParameters {
    /// Seconds for which the keys are good, 900 to 129,600; the service's own choice if none are given.
    pub session_duration: Option<i32>,
    /// The user's MFA device.
    pub serial_number: Option<String>,
    /// What that device shows.
    pub token_code: Option<String>,
}

struct Client {
    caller: Caller,
}

impl StsSpec {
    fn connection(&self) -> Connection<'_> {
        Connection { region: &self.region, auth: self.auth.as_ref(), role: self.role.as_deref() }
    }
}

#[async_trait]
impl Generator for StsSessionToken {
    const KIND: &'static str = "STSSessionToken";
    const STABILITY: Stability = Stability::Beta;
    type Spec = StsSpec;

    fn validate(spec: &StsSpec) -> Vec<Violation> {
        let mut found = spec.connection().violations();
        if spec.auth.as_ref().is_some_and(|auth| auth.jwt.is_some()) {
            found.push(Violation::new(
                "auth.jwt",
                "STS gives session tokens to users' keys only: use secretRef",
            ));
        }
        found
    }

    fn connection(spec: &StsSpec) -> Value {
        spec.connection().value()
    }

    async fn connect(
        spec: StsSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<StsSpec>>> {
        Ok(Arc::new(Client { caller: spec.connection().caller(resolver, &toolbox).await? }))
    }
}

#[async_trait]
impl GeneratorClient<StsSpec> for Client {
    async fn generate(&self, spec: &StsSpec) -> Result<Generated> {
        let parameters = spec.request_parameters.clone().unwrap_or_default();
        let body = form("GetSessionToken", |form| {
            let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
            let duration = parameters.session_duration.filter(|seconds| *seconds != 0);
            for (name, value) in [
                ("DurationSeconds", duration.map(|seconds| seconds.to_string())),
                ("SerialNumber", filled(parameters.serial_number)),
                ("TokenCode", filled(parameters.token_code)),
            ] {
                if let Some(value) = value {
                    form.append_pair(name, &value);
                }
            }
        });
        let ask = Ask { operation: "generate", service: &STS, action: "GetSessionToken" };
        let now = self.caller.now();
        let answer = self.caller.query(ask, body).await?;
        let (keys, ends) = session_keys(&answer).ok_or_else(|| {
            let message = "STS answered GetSessionToken without credentials";
            Error::new(ErrorKind::InvalidPayload, "generate", message)
        })?;
        let fields: [(&str, SecretBytes); 4] = [
            ("access_key_id", keys.id.into()),
            ("secret_access_key", keys.secret),
            ("session_token", keys.session_token.unwrap_or_default()),
            ("expiration", ends.as_second().to_string().into()),
        ];
        Ok(Generated { lease: lease(now, ends), ..Generated::fields(fields) })
    }

    async fn close(&self) {
        self.caller.close().await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_of_a_service_account_are_refused() {
        let spec =
            |auth: Value| serde_json::from_value(json!({ "region": "eu-central-1", "auth": auth })).unwrap();
        let fields = |auth| -> Vec<_> {
            StsSessionToken::validate(&spec(auth)).into_iter().map(|violation| violation.field).collect()
        };
        assert_eq!(fields(json!({ "jwt": { "serviceAccountRef": { "name": "a" } } })), ["auth.jwt"]);
        assert_eq!(fields(Value::Null), ["auth"]);
        let selector = json!({ "name": "keys", "key": "x" });
        let keys = json!({ "accessKeyIDSecretRef": selector, "secretAccessKeySecretRef": selector });
        assert_eq!(fields(json!({ "secretRef": keys })), Vec::<String>::new());
    }
}
