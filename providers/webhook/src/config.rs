//! The settings under `spec.provider.webhook` (spec eso-providers D).

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, Method};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{CaProvider, SecretKeySelector, StoreKind, Violation};
use strongroom_provider_kit::pem;

use crate::json_path::JsonPath;

/// Settings of a store that asks an HTTP service. `url`, `headers`, `body` and `result.jsonPath` are Go templates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookConfig {
    /// Method; if none is given `GET`, and `POST` to push.
    pub method: Option<String>,
    /// Address to call.
    pub url: String,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body to send; if none is given nothing, and to push the value.
    pub body: Option<String>,
    /// How long a call may take, as `10s`; 30 seconds if nothing is given.
    pub timeout: Option<String>,
    /// What of the answer is the value.
    #[serde(default)]
    pub result: ResultSettings,
    /// Secrets for the templates; each must carry the label `external-secrets.io/type: webhook`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<NamedSecret>,
    /// PEM bundle, base64-encoded, that replaces the machine's certificate authorities.
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// Where the PEM bundle is kept, if it is not written here.
    pub ca_provider: Option<CaProvider>,
    /// A login that is more than a header.
    pub auth: Option<Auth>,
}

/// What of the answer is the value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultSettings {
    /// JSONPath of the value; the whole answer if none is given.
    pub json_path: Option<String>,
}

/// A Secret for the templates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedSecret {
    /// Its name in templates: `{{ .name.key }}`.
    pub name: String,
    /// The Secret.
    #[serde(default)]
    pub secret_ref: SecretKeySelector,
}

/// A login that is more than a header.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Auth {
    /// NTLM.
    pub ntlm: Option<Ntlm>,
}

/// NTLM, as upstream's settings have it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ntlm {
    /// The user.
    #[serde(default)]
    pub username_secret: SecretKeySelector,
    /// The password.
    #[serde(default)]
    pub password_secret: SecretKeySelector,
}

/// How long a call may take if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);

impl WebhookConfig {
    /// How long a call may take; `None` where the setting cannot be read.
    pub fn call_limit(&self) -> Option<Duration> {
        let Some(text) = self.timeout.as_deref().filter(|text| !text.is_empty()) else {
            return Some(TIMEOUT);
        };
        let limit = Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?;
        // In Go, none means no limit; we always have one.
        Some(if limit.is_zero() { TIMEOUT } else { limit })
    }

    /// The method, `usual` if none is set; `None` where the setting is none.
    pub fn call_method(&self, usual: Method) -> Option<Method> {
        match self.method.as_deref().filter(|method| !method.is_empty()) {
            None => Some(usual),
            Some(method) => method.parse().ok(),
        }
    }

    /// Whether no TLS is used.
    pub fn is_plain(&self) -> bool {
        self.url.starts_with("http://")
    }

    /// The path of the value in the answer, as a template.
    pub fn path(&self) -> Option<&str> {
        self.result.json_path.as_deref().filter(|path| !path.is_empty())
    }

    /// The faults in a store of `kind` that can be seen without asking anybody.
    pub fn violations(&self, kind: StoreKind) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut fault = |field: &str, message: &str| found.push(Violation::new(field, message));
        if !["http://", "https://", "{{"].iter().any(|start| self.url.trim_start().starts_with(start)) {
            fault("url", "must be an http or https URL");
        }
        if self.call_method(Method::GET).is_none() {
            fault("method", "not a legal HTTP method");
        }
        if self.call_limit().is_none() {
            fault("timeout", "not a duration such as 10s");
        }
        if let Some(path) = self.path().filter(|path| !path.contains("{{"))
            && let Err(error) = JsonPath::parse(path)
        {
            fault("result.jsonPath", &error.to_string());
        }
        let bundle = self.ca_bundle.as_ref().filter(|text| !text.is_empty());
        if bundle.is_some_and(|text| pem::bundle(text.as_bytes()).is_none()) {
            fault("caBundle", "not valid pem data");
        }
        if self.auth.is_some() {
            fault("auth.ntlm", "NTLM is not built in; use headers");
        }
        for name in self.headers.keys().filter(|name| name.parse::<HeaderName>().is_err()) {
            fault(&format!("headers[{name:?}]"), "not a legal header name");
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            let field = |name: &str| format!("secrets[{index}].{name}");
            if secret.name.is_empty() || secret.name == "remoteRef" {
                fault(&field("name"), "must be a name other than remoteRef");
            }
            if secret.secret_ref.name.as_ref().is_none_or(String::is_empty) {
                fault(&field("secretRef.name"), "must be given");
            }
            if kind == StoreKind::Cluster && secret.secret_ref.namespace.is_none() {
                fault(&field("secretRef.namespace"), "must be given in a ClusterSecretStore");
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_read_as_go_writes_it() {
        let limit = |text: &str| {
            let config = WebhookConfig { timeout: Some(text.to_owned()), ..WebhookConfig::default() };
            config.call_limit()
        };
        for (text, seconds) in [("10s", 10.0), ("1m30s", 90.0), ("500ms", 0.5), ("", 30.0), ("0s", 30.0)] {
            assert_eq!(limit(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["-1s", "ten", "10"] {
            assert_eq!(limit(text), None, "{text}");
        }
    }
}
