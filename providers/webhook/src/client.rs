//! The store client: a remote key is what the templates make of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use strongroom_provider_api::{
    Error, ErrorKind, Health, Payload, Reach, RemoteKey, Resolver, Result, SecretBytes, StoreClient,
    TemplateFields, TemplateRenderer, Toolbox,
};
use strongroom_provider_kit::http::{HttpClient, HttpSettings, Redirects, Roots};
use strongroom_provider_kit::{pem, reach};
use url::Url;

use crate::api::Api;
use crate::config::WebhookConfig;
use crate::json_path::JsonPath;
use crate::request::{Templates, remote};
use crate::value;

/// Consent of a Secret's owner that its values may be sent where a store's author says (spec eso-core 0).
const LABEL: (&str, &str) = ("external-secrets.io/type", "webhook");

/// How long a probe waits for a connection, as upstream's.
const DIAL: Duration = Duration::from_secs(15);

/// A live handle.
#[derive(Debug)]
pub(crate) struct WebhookClient {
    api: Api,
    config: WebhookConfig,
    secrets: TemplateFields,
    caller: Option<String>,
    templates: Arc<dyn TemplateRenderer>,
    reach: Reach,
}

impl WebhookClient {
    /// A client with the Secrets of its templates.
    ///
    /// # Errors
    /// `InvalidConfig` for a Secret that is absent or lacks the label, or a CA that cannot be used.
    pub(crate) async fn connect(
        config: WebhookConfig,
        resolver: &dyn Resolver,
        toolbox: Toolbox,
    ) -> Result<Self> {
        let mut secrets = TemplateFields::new();
        for secret in &config.secrets {
            let data = resolver.labelled_secret(&secret.secret_ref, LABEL).await?;
            secrets.entry(secret.name.clone()).or_default().extend(data);
        }
        let caller = if names_the_caller(&config) { Some(resolver.caller()?) } else { None };
        let settings = HttpSettings {
            roots: roots(&config, resolver).await?,
            timeout: config.call_limit().ok_or_else(|| invalid("timeout: not a duration"))?,
            redirects: Redirects::SameOrigin,
            reach: toolbox.reach,
            ..HttpSettings::default()
        };
        let api = Api { http: HttpClient::new(settings)?, clock: toolbox.clock, meter: toolbox.meter };
        let (templates, reach) = (toolbox.templates, toolbox.reach);
        Ok(Self { api, config, secrets, caller, templates, reach })
    }

    async fn value(&self, key: &RemoteKey) -> Result<SecretBytes> {
        let templates = Templates {
            renderer: self.templates.as_ref(),
            secrets: &self.secrets,
            remote: remote(key, self.caller.as_deref()),
        };
        let method = self.config.call_method().ok_or_else(|| invalid("method: not a legal HTTP method"))?;
        let body = self.api.call("read", templates.request(&self.config, method)?).await?;
        let Some(path) = self.config.path() else { return Ok(body) };
        let path = templates.rendered("result.jsonPath", path, false)?;
        if path.is_empty() {
            return Ok(body);
        }
        found(path.expose_str().unwrap_or_default(), &body)
    }
}

#[async_trait]
impl StoreClient for WebhookClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let value = self.value(key).await.map_err(|error| error.with_key(&key.key))?;
        Ok(Payload::bytes(value))
    }

    /// A connection to the host, without a request. A host that templates make cannot be tried.
    async fn probe(&self) -> Result<Health> {
        let url = Url::parse(&self.config.url).ok();
        let place = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        match place {
            Some((host, port)) if !host.contains(['{', '%']) => {
                reach::dial(self.reach, host, port, DIAL).await?;
                Ok(Health::Ready)
            }
            _ => Ok(Health::Unknown("the host in url is made by a template".to_owned())),
        }
    }
}

/// What `path` leads to in the JSON document `body`.
fn found(path: &str, body: &SecretBytes) -> Result<SecretBytes> {
    let unusable = |message: String| Error::new(ErrorKind::InvalidPayload, "read", message);
    let path = JsonPath::parse(path).map_err(|error| unusable(format!("result.jsonPath: {error}")))?;
    // The parser's own words are dropped: they may quote what it read.
    let document: Value =
        serde_json::from_slice(body.expose()).map_err(|_| unusable("the answer is not JSON".to_owned()))?;
    let value = path.value(&document).map_err(|error| unusable(format!("result.jsonPath: {error}")))?;
    value::bytes(&value).ok_or_else(|| unusable("filter worked but didn't get any result".to_owned()))
}

/// Whether a template asks for the namespace that is read for. A client that knows it serves that one alone.
fn names_the_caller(config: &WebhookConfig) -> bool {
    let fixed = [Some(config.url.as_str()), config.body.as_deref(), config.path()];
    let mut templates = fixed.into_iter().flatten().chain(config.headers.values().map(String::as_str));
    templates.any(|template| template.contains("remoteRef") && template.contains("namespace"))
}

async fn roots(config: &WebhookConfig, resolver: &dyn Resolver) -> Result<Roots> {
    let (field, bundle) = match (&config.ca_bundle, &config.ca_provider) {
        (Some(bundle), _) => ("caBundle", pem::bundle(bundle.as_bytes())),
        (None, Some(provider)) => ("caProvider", pem::bundle(&resolver.ca_bundle(provider).await?)),
        (None, None) if config.url.starts_with("http://") => return Ok(Roots::Unused),
        (None, None) => return Ok(Roots::System),
    };
    bundle.map(Roots::Only).ok_or_else(|| invalid(&format!("{field}: not valid pem data")))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the settings", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_38_a_filter_without_match_is_an_error_and_no_absence() {
        let body = SecretBytes::from(r#"{"secrets":[{"name":"canary"}]}"#);
        let error = found(r#"$.secrets[?@.name=="x"].value"#, &body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPayload);
        assert_eq!(error.message(), "filter worked but didn't get any result");
    }

    #[test]
    fn only_templates_that_name_the_caller_bind_the_client_to_it() {
        let config = |url: &str| WebhookConfig { url: url.to_owned(), ..WebhookConfig::default() };
        assert!(names_the_caller(&config("https://a/{{ .remoteRef.namespace }}")));
        assert!(!names_the_caller(&config("https://a/namespace/{{ .other.x }}")));
    }
}
