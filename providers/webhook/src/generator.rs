//! `Webhook`, the generator: whatever an HTTP service gives, by its names (spec eso-providers E).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{
    CaProvider, Generated, Generator, GeneratorClient, Resolver, Result, SecretBytes, SecretKeySelector,
    Stability, StoreKind, Toolbox, Violation,
};

use crate::access::{Access, invalid};
use crate::client::{at, document, unusable};
use crate::config::{Auth, NamedSecret, ResultSettings, WebhookConfig};
use crate::request::Remote;
use crate::value;

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct WebhookGenerator;

/// `spec` of a Webhook. `url`, `headers`, `body` and `result.jsonPath` are Go templates, which see the keys of `secrets`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSpec {
    /// Method; `GET` if none is given.
    pub method: Option<String>,
    /// Address to call.
    pub url: String,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body to send.
    pub body: Option<String>,
    /// How long a call may take, as `10s`; 30 seconds if nothing is given.
    pub timeout: Option<String>,
    /// What of the answer holds the values: a JSON object.
    pub result: ResultSettings,
    /// Secrets for the templates; each must carry the label `external-secrets.io/type: webhook`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<OwnSecret>,
    /// PEM bundle, base64-encoded, that replaces the machine's certificate authorities.
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// Where the PEM bundle is kept, if it is not written here.
    pub ca_provider: Option<CaProvider>,
    /// A login that is more than a header.
    pub auth: Option<Auth>,
}

/// A Secret of the namespace that generates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnSecret {
    /// Its name in templates: `{{ .name.key }}`.
    pub name: String,
    /// The Secret.
    pub secret_ref: OwnSecretRef,
}

/// The name of a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnSecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Without effect: all keys are there for the templates.
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// A live handle.
struct Client(Access);

impl From<&WebhookSpec> for WebhookConfig {
    fn from(spec: &WebhookSpec) -> Self {
        let secret = |secret: &OwnSecret| NamedSecret {
            name: secret.name.clone(),
            secret_ref: SecretKeySelector {
                name: secret.secret_ref.name.clone(),
                key: None,
                namespace: None,
            },
        };
        Self {
            method: spec.method.clone(),
            url: spec.url.clone(),
            headers: spec.headers.clone(),
            body: spec.body.clone(),
            timeout: spec.timeout.clone(),
            result: spec.result.clone(),
            secrets: spec.secrets.iter().map(secret).collect(),
            ca_bundle: spec.ca_bundle.clone(),
            ca_provider: spec.ca_provider.clone(),
            auth: spec.auth.clone(),
        }
    }
}

#[async_trait]
impl Generator for WebhookGenerator {
    const KIND: &'static str = "Webhook";
    const STABILITY: Stability = Stability::Alpha;
    type Spec = WebhookSpec;

    fn validate(spec: &WebhookSpec) -> Vec<Violation> {
        WebhookConfig::from(spec).violations(StoreKind::Namespaced)
    }

    /// What is resolved and how connections are made. The request itself is each generator's own.
    fn connection(spec: &WebhookSpec) -> Value {
        let secrets: Vec<_> =
            spec.secrets.iter().map(|secret| json!([secret.name, secret.secret_ref.name])).collect();
        json!({
            "secrets": secrets, "timeout": spec.timeout, "caBundle": spec.ca_bundle,
            "caProvider": spec.ca_provider, "plain": WebhookConfig::from(spec).is_plain(),
        })
    }

    async fn connect(
        spec: WebhookSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<WebhookSpec>>> {
        let access = Access::connect(&WebhookConfig::from(&spec), resolver.as_ref(), toolbox).await?;
        Ok(Arc::new(Client(access)))
    }
}

#[async_trait]
impl GeneratorClient<WebhookSpec> for Client {
    async fn generate(&self, spec: &WebhookSpec) -> Result<Generated> {
        let config = WebhookConfig::from(spec);
        let templates = self.0.templates(Remote::new());
        let method = config.call_method(Method::GET);
        let method = method.ok_or_else(|| invalid("method: not a legal HTTP method"))?;
        let body = self.0.api.call(OPERATION, templates.request(&config, method)?).await?.body;
        let path = templates.rendered("result.jsonPath", config.path().unwrap_or_default(), false)?;
        values(path.expose_str().unwrap_or_default(), &body)
    }
}

const OPERATION: &str = "generate";

/// The members of the object at `path`; a text that holds one counts as the object.
fn values(path: &str, body: &SecretBytes) -> Result<Generated> {
    let found = if path.is_empty() { document(body, OPERATION)? } else { at(path, body, OPERATION)? };
    let found = match &found {
        Value::String(text) => document(&text.as_str().into(), OPERATION)?,
        _ => found,
    };
    let Value::Object(members) = found else {
        return Err(unusable(OPERATION, "the answer is no JSON object with values by name".to_owned()));
    };
    Ok(Generated::fields(members.iter().map(|(name, value)| (name.as_str(), value::member(value)))))
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::ErrorKind;

    use super::*;

    fn made(path: &str, body: &str) -> Vec<(String, String)> {
        let fields = values(path, &body.into()).unwrap().fields;
        fields.into_iter().map(|(name, value)| (name, value.expose_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn every_member_is_a_value_printed_as_upstream_prints_it() {
        let body =
            r#"{"d":{"t":"<x>","n":1.7,"big":1e21,"yes":true,"none":null,"l":[1,"&"],"o":{"b":1,"a":2}}}"#;
        let mut expected = [
            ("t", "<x>"),
            ("n", "1.7"),
            ("big", "1000000000000000000000"),
            ("yes", "true"),
            ("none", ""),
            ("l", r#"[1,"\u0026"]"#),
            ("o", r#"{"a":2,"b":1}"#),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
        let mut found = made("$.d", body);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_text_that_holds_an_object_counts_as_the_object() {
        assert_eq!(made("$.d", r#"{"d":"{\"a\":\"b\"}"}"#), [("a".to_owned(), "b".to_owned())]);
        assert_eq!(made("", r#"{"a":"b"}"#), [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn what_has_no_names_is_refused_without_quoting_it() {
        for (path, body) in
            [("", "[\"canary\"]"), ("$.d", r#"{"d":"canary"}"#), ("", "canary"), ("$.x", r#"{"d":"canary"}"#)]
        {
            let error = values(path, &body.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
