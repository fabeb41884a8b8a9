//! What calls are made with: the Secrets of the templates, certificate authorities, and who asks.

use std::sync::Arc;

use strongroom_provider_api::{
    Error, ErrorKind, Reach, Resolver, Result, TemplateFields, TemplateRenderer, Toolbox,
};
use strongroom_provider_kit::http::{HttpClient, HttpSettings, Redirects, Roots};
use strongroom_provider_kit::pem;

use crate::api::Api;
use crate::config::WebhookConfig;
use crate::request::{Remote, Templates};

/// Consent of a Secret's owner that its values may be sent where a store's author says (spec eso-core 0).
const LABEL: (&str, &str) = ("external-secrets.io/type", "webhook");

/// What does not change from call to call.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) api: Api,
    pub(crate) reach: Reach,
    secrets: TemplateFields,
    templates: Arc<dyn TemplateRenderer>,
}

impl Access {
    /// Resolves what `config` refers to.
    ///
    /// # Errors
    /// `InvalidConfig` for a Secret that is absent or lacks the label, or a CA that cannot be used.
    pub(crate) async fn connect(
        config: &WebhookConfig,
        resolver: &dyn Resolver,
        toolbox: Toolbox,
    ) -> Result<Self> {
        let mut secrets = TemplateFields::new();
        for secret in &config.secrets {
            let data = resolver.labelled_secret(&secret.secret_ref, LABEL).await?;
            secrets.entry(secret.name.clone()).or_default().extend(data);
        }
        let settings = HttpSettings {
            roots: roots(config, resolver).await?,
            timeout: config.call_limit().ok_or_else(|| invalid("timeout: not a duration"))?,
            redirects: Redirects::SameOrigin,
            reach: toolbox.reach,
            ..HttpSettings::default()
        };
        let api = Api { http: HttpClient::new(settings)?, clock: toolbox.clock, meter: toolbox.meter };
        Ok(Self { api, reach: toolbox.reach, secrets, templates: toolbox.templates })
    }

    /// What the templates of one call are rendered with.
    pub(crate) fn templates(&self, remote: Remote) -> Templates<'_> {
        Templates { renderer: self.templates.as_ref(), secrets: &self.secrets, remote }
    }
}

async fn roots(config: &WebhookConfig, resolver: &dyn Resolver) -> Result<Roots> {
    let written = config.ca_bundle.as_ref().filter(|bundle| !bundle.is_empty());
    let (field, bundle) = match (written, &config.ca_provider) {
        (Some(bundle), _) => ("caBundle", pem::bundle(bundle.as_bytes())),
        (None, Some(provider)) => ("caProvider", pem::bundle(&resolver.ca_bundle(provider).await?)),
        (None, None) if config.is_plain() => return Ok(Roots::Unused),
        (None, None) => return Ok(Roots::System),
    };
    bundle.map(Roots::Only).ok_or_else(|| invalid(&format!("{field}: not valid pem data")))
}

pub(crate) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the settings", message)
}
