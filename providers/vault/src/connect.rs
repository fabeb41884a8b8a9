//! Builds a client from settings: resolves the certificates, sets up HTTP, logs in.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, StoreClient, Toolbox, Violation};
use strongroom_provider_kit::http::{ClientCertificate, HttpClient, HttpSettings, Redirects, Roots};
use strongroom_provider_kit::pem;
use strongroom_provider_kit::session::Token;

use crate::api::Api;
use crate::config::{self, VaultConfig, login_method};
use crate::dead_end::DeadEnd;
use crate::identity::Caller;
use crate::kv::VaultClient;
use crate::login;
use crate::path::Layout;
use crate::replication::ReplicationStates;
use crate::transport::Address;

/// The client of a store under `spec.provider.<provider>`. Faults that upstream meets when it asks Vault, and not when
/// it makes its client, are told by every call.
///
/// # Errors
/// `InvalidConfig` for settings or references that cannot work, and whatever the login gives.
pub(crate) async fn store(
    provider: &str,
    config: VaultConfig,
    resolver: Arc<dyn Resolver>,
    toolbox: Toolbox,
) -> Result<Arc<dyn StoreClient>> {
    let mut faults = config::call_faults(&config);
    // Whom to trust is settled before a token is looked for: a caller's, which may come later, has no say in it.
    let api = if faults.is_empty() { Some(api(&config, resolver.as_ref(), toolbox).await?) } else { None };
    let token = match login::static_token(config.auth.as_ref(), resolver.as_ref()).await? {
        Some(Err(error)) => {
            faults.push(Violation::new("auth.tokenSecretRef", error.message()));
            None
        }
        Some(Ok(token)) => Some(token),
        None => None,
    };
    if let Some(api) = api.filter(|_| faults.is_empty()) {
        return Ok(Arc::new(logged_in(config, token, api, &resolver).await?));
    }
    let named =
        faults.iter().map(|fault| format!("spec.provider.{provider}.{}: {}", fault.field, fault.message));
    Ok(Arc::new(DeadEnd::new(named.collect::<Vec<_>>().join("; "))))
}

/// A client, logged in.
///
/// # Errors
/// `InvalidConfig` for settings or references that cannot work, and whatever the login gives.
pub(crate) async fn client(
    config: VaultConfig,
    resolver: Arc<dyn Resolver>,
    toolbox: Toolbox,
) -> Result<VaultClient> {
    let api = api(&config, resolver.as_ref(), toolbox).await?;
    let token = login::static_token(config.auth.as_ref(), resolver.as_ref()).await?.transpose()?;
    logged_in(config, token, api, &resolver).await
}

async fn logged_in(
    config: VaultConfig,
    token: Option<Token>,
    api: Arc<Api>,
    resolver: &Arc<dyn Resolver>,
) -> Result<VaultClient> {
    let identity = login::identity(config.auth, token, &api, resolver).await?;
    // A path that is empty stays one: without any, keys would begin with a mount path of their own choice.
    let layout = Layout { path: config.path, version: config.version };
    Ok(VaultClient { caller: Caller { api, identity }, layout })
}

/// The HTTP side of a client.
///
/// # Errors
/// `InvalidConfig` for settings or references that cannot work.
pub(crate) async fn api(config: &VaultConfig, resolver: &dyn Resolver, toolbox: Toolbox) -> Result<Arc<Api>> {
    let address = Address::parse(&config.server).ok_or_else(|| invalid("server: not a URL with a host"))?;
    let settings = HttpSettings {
        roots: roots(config, &address, resolver).await?,
        certificate: certificate(config, resolver).await?,
        headers: headers(config)?,
        redirects: Redirects::SameOrigin,
        reach: toolbox.reach,
        ..HttpSettings::default()
    };
    let login_namespace = config.auth.as_ref().and_then(|auth| auth.namespace.clone());
    Ok(Arc::new(Api {
        http: HttpClient::new(settings)?,
        address,
        login_namespace: filled(login_namespace).or_else(|| filled(config.namespace.clone())),
        namespace: filled(config.namespace.clone()),
        // Upstream switches the one on with the other, and sends the header only with both (spec
        // eso-providers B.1).
        states: (config.read_your_writes || config.forward_inconsistent).then(ReplicationStates::default),
        forward_inconsistent: config.read_your_writes && config.forward_inconsistent,
        clock: Arc::clone(&toolbox.clock),
        meter: Arc::clone(&toolbox.meter),
        toolbox,
    }))
}

async fn roots(config: &VaultConfig, address: &Address, resolver: &dyn Resolver) -> Result<Roots> {
    if let Some(bundle) = config.ca_bundle.as_ref().filter(|bundle| !bundle.is_empty()) {
        let bundle = pem::bundle(bundle.as_bytes());
        return bundle.map(Roots::Only).ok_or_else(|| invalid("caBundle: not valid pem data"));
    }
    if let Some(provider) = &config.ca_provider {
        let bundle = pem::bundle(&resolver.ca_bundle(provider).await?);
        return bundle.map(Roots::Only).ok_or_else(|| invalid("caProvider: not valid pem data"));
    }
    let plain = address.origin.starts_with("http://");
    Ok(if plain { Roots::Unused } else { Roots::System })
}

async fn certificate(config: &VaultConfig, resolver: &dyn Resolver) -> Result<Option<ClientCertificate>> {
    if login_method(config.auth.as_ref()) == Some("cert")
        && let Some(cert) = config.auth.as_ref().and_then(|auth| auth.cert.as_ref())
    {
        return login::cert::certificate(cert, resolver).await;
    }
    let Some(tls) = &config.tls else { return Ok(None) };
    let (Some(certificate), Some(key)) = (&tls.cert_secret_ref, &tls.key_secret_ref) else { return Ok(None) };
    let certificate = resolver.secret(certificate, Some("tls.crt")).await?;
    let key = resolver.secret(key, Some("tls.key")).await?;
    Ok(Some(ClientCertificate { certificate: certificate.expose().to_vec(), key }))
}

fn headers(config: &VaultConfig) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let illegal = || invalid(&format!("headers: {name:?} or its value is not legal"));
        let parsed = name.parse::<HeaderName>().map_err(|_| illegal())?;
        headers.insert(parsed, HeaderValue::from_str(value).map_err(|_| illegal())?);
    }
    Ok(headers)
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use the settings", message)
}
