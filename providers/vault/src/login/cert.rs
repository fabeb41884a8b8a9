//! Login method `cert`: the client certificate of the TLS connection itself.

use serde_json::json;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result};
use strongroom_provider_kit::http::{Answer, ClientCertificate};

use crate::api::Api;
use crate::config::Cert;
use crate::path::LogicalPath;

pub(super) struct CertLogin {
    mount: LogicalPath,
    role: Option<String>,
}

impl CertLogin {
    pub(super) fn new(settings: Cert) -> Result<Self> {
        let mount = LogicalPath::parse(&settings.path)
            .map_err(|fault| Error::new(ErrorKind::InvalidConfig, "log in", format!("cert.path: {fault}")))?;
        Ok(Self { mount, role: settings.vault_role.filter(|role| !role.is_empty()) })
    }

    /// Without a role Vault tries each that the certificate fits.
    pub(super) async fn log_in(&self, api: &Api) -> Result<Answer> {
        let body = match &self.role {
            Some(role) => json!({ "name": role }),
            None => json!({}),
        };
        api.log_in_with(&self.mount, self.role.as_deref(), body.to_string().into()).await
    }
}

/// The certificate to log in with; Vault wants to see it again when the token is renewed.
pub(crate) async fn certificate(cert: &Cert, resolver: &dyn Resolver) -> Result<Option<ClientCertificate>> {
    let (Some(certificate), Some(key)) = (&cert.certificate, &cert.secret_ref) else { return Ok(None) };
    let certificate = resolver.secret(certificate, Some("tls.crt")).await?;
    let key = resolver.secret(key, Some("tls.key")).await?;
    Ok(Some(ClientCertificate { certificate: certificate.expose().to_vec(), key }))
}
