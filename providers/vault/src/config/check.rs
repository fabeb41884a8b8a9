//! Decides which faults of the settings can be seen without asking anybody.

use http::{HeaderName, HeaderValue};
use strongroom_provider_api::{StoreKind, Violation};
use strongroom_provider_kit::{aws, google, pem};
use url::{ParseError, Url};

use super::{AppRole, Auth, Cert, Gcp, Iam, Jwt, Kubernetes, Ldap, UserPass, VaultConfig};
use crate::path::LogicalPath;

/// The faults of `config`, with upstream's words where it has some. Namespaces of references are left to the resolver,
/// which knows the store's.
pub(crate) fn violations(config: &VaultConfig, kind: StoreKind) -> Vec<Violation> {
    let mut found = call_faults(config);
    check_settings(config, kind, &mut found);
    found
}

/// The same for a store. One that logs in meets the [`call_faults`] with that; without a login they are told by the
/// check of the store.
pub(crate) fn store_violations(config: &VaultConfig, kind: StoreKind) -> Vec<Violation> {
    let logs_in = config.auth.as_ref().is_some_and(|auth| auth.token_secret_ref.is_none());
    let mut found = if logs_in { call_faults(config) } else { Vec::new() };
    check_settings(config, kind, &mut found);
    found
}

/// Faults that upstream takes no notice of before it asks Vault something.
pub(crate) fn call_faults(config: &VaultConfig) -> Vec<Violation> {
    let mut found = Vec::new();
    check_server(&config.server, &mut found);
    check_namespace("namespace", config.namespace.as_deref(), &mut found);
    check_headers(config, &mut found);
    found
}

/// Faults that make a store useless. The engine's path is none of them, nor is a setting that is for writes alone: as
/// upstream, such a store is Ready, and whoever reads through a path that cannot be used is told.
fn check_settings(config: &VaultConfig, kind: StoreKind, found: &mut Vec<Violation>) {
    if !is_readable(&config.server) {
        let broken = config.server.chars().any(char::is_control);
        let fault = if broken { "it holds a control character, such as a line break" } else { "not a URL" };
        found.push(Violation::new("server", fault));
    }
    let bundle = config.ca_bundle.as_ref().filter(|text| !text.is_empty());
    if bundle.is_some_and(|text| pem::bundle(text.as_bytes()).is_none()) {
        found.push(Violation::new("caBundle", "failed to decode ca bundle: not valid pem data"));
    }
    if let Some(auth) = &config.auth {
        check_namespace("auth.namespace", auth.namespace.as_deref(), found);
        check_auth(auth, kind, found);
    }
}

/// Whether upstream's client would take `server` for an address, be it one that leads nowhere.
fn is_readable(server: &str) -> bool {
    let first = server.split('/').next().unwrap_or_default();
    match Url::parse(server) {
        _ if server.chars().any(char::is_control) => false,
        Ok(_) | Err(ParseError::EmptyHost) => true,
        Err(ParseError::RelativeUrlWithoutBase) => !first.contains(':'),
        Err(_) => false,
    }
}

fn check_server(server: &str, found: &mut Vec<Violation>) {
    let fault = match Url::parse(server) {
        Err(_) if !is_readable(server) => return,
        Err(_) => "not a URL",
        Ok(url) if !matches!(url.scheme(), "http" | "https") => "the scheme must be http or https",
        Ok(url) if url.host_str().is_none_or(str::is_empty) => "the URL names no host",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "the URL must not hold a user or password"
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "the URL must not have a query or fragment"
        }
        Ok(_) => return,
    };
    found.push(Violation::new("server", fault));
}

fn check_path(field: &str, path: &str, found: &mut Vec<Violation>) {
    match LogicalPath::parse(path) {
        Ok(path) if path.is_empty() => found.push(Violation::new(field, "the path is empty")),
        Ok(_) => {}
        Err(fault) => found.push(Violation::new(field, fault.to_string())),
    }
}

fn check_namespace(field: &str, namespace: Option<&str>, found: &mut Vec<Violation>) {
    if namespace.is_some_and(|namespace| HeaderValue::from_str(namespace).is_err()) {
        found.push(Violation::new(field, "the namespace holds characters that cannot stand in a header"));
    }
}

fn check_headers(config: &VaultConfig, found: &mut Vec<Violation>) {
    for (name, value) in &config.headers {
        let field = format!("headers[{name:?}]");
        if name.parse::<HeaderName>().is_err() {
            found.push(Violation::new(field, "not a legal header name"));
        } else if HeaderValue::from_str(value).is_err() {
            found.push(Violation::new(field, "the value holds characters that cannot stand in a header"));
        }
    }
}

/// Only the method that would be used counts.
fn check_auth(auth: &Auth, kind: StoreKind, found: &mut Vec<Violation>) {
    if auth.token_secret_ref.is_some() {
        return;
    }
    if let Some(app_role) = &auth.app_role {
        return check_app_role(app_role, found);
    }
    if let Some(kubernetes) = &auth.kubernetes {
        return check_kubernetes(kubernetes, kind, found);
    }
    if let Some(Ldap { path, username, secret_ref }) = &auth.ldap {
        return check_password("ldap", path, username, secret_ref.is_some(), found);
    }
    if let Some(UserPass { path, username, secret_ref }) = &auth.user_pass {
        return check_password("userPass", path, username, secret_ref.is_some(), found);
    }
    if let Some(jwt) = &auth.jwt {
        return check_jwt(jwt, found);
    }
    if let Some(cert) = &auth.cert {
        return check_cert(cert, found);
    }
    if let Some(iam) = &auth.iam {
        return check_iam(iam, found);
    }
    if let Some(gcp) = &auth.gcp {
        return check_gcp(gcp, found);
    }
    let message = "cannot initialize Vault client: no valid auth method specified";
    found.push(Violation::new("auth", message));
}

fn check_cert(cert: &Cert, found: &mut Vec<Violation>) {
    check_path("auth.cert.path", &cert.path, found);
    for (field, given) in
        [("clientCert", cert.certificate.is_some()), ("secretRef", cert.secret_ref.is_some())]
    {
        if !given {
            found.push(Violation::new(format!("auth.cert.{field}"), "missing"));
        }
    }
}

fn check_iam(iam: &Iam, found: &mut Vec<Violation>) {
    if let Some(path) = iam.path.as_deref().filter(|path| !path.is_empty()) {
        check_path("auth.iam.path", path, found);
    }
    if let Some(region) = iam.region.as_deref().filter(|region| !region.is_empty() && !aws::is_region(region))
    {
        let message = format!("{region:?} is not the name of a region, for example eu-central-1");
        found.push(Violation::new("auth.iam.region", message));
    }
    match (&iam.jwt, &iam.secret_ref) {
        (Some(jwt), _) if jwt.service_account_ref.is_none() => {
            found.push(Violation::new("auth.iam.jwt", "needs serviceAccountRef"));
        }
        (Some(_), _) | (None, Some(_)) => {}
        (None, None) => {
            let message = "missing; ambient AWS credentials are not built in: give jwt.serviceAccountRef, or keys in \
                           secretRef (accessKeyIDSecretRef, secretAccessKeySecretRef, sessionTokenSecretRef)";
            found.push(Violation::new("auth.iam.secretRef", message));
        }
    }
}

fn check_gcp(gcp: &Gcp, found: &mut Vec<Violation>) {
    check_path("auth.gcp.path", &gcp.path, found);
    if let Some(secret) = &gcp.secret_ref {
        if secret.secret_access_key.is_none() {
            found.push(Violation::new("auth.gcp.secretRef", "needs secretAccessKeySecretRef"));
        }
        return;
    }
    if gcp.workload_identity.is_none() && gcp.service_account_ref.is_none() {
        let message = "the controller's own Google identity is not built in: give workloadIdentity.serviceAccountRef, \
                       serviceAccountRef, or a key file in secretRef.secretAccessKeySecretRef";
        found.push(Violation::new("auth.gcp", message));
    }
    check_google("projectID", gcp.project_id.as_ref(), google::is_project, found);
    check_google("location", gcp.location.as_ref(), google::is_label, found);
    if let Some(workload) = &gcp.workload_identity {
        check_google(
            "workloadIdentity.clusterProjectID",
            workload.cluster_project_id.as_ref(),
            google::is_project,
            found,
        );
        check_google(
            "workloadIdentity.clusterLocation",
            workload.cluster_location.as_ref(),
            google::is_label,
            found,
        );
        check_google("workloadIdentity.clusterName", workload.cluster_name.as_ref(), google::is_label, found);
    }
}

/// They become parts of names at Google.
fn check_google(field: &str, text: Option<&String>, legal: fn(&str) -> bool, found: &mut Vec<Violation>) {
    if let Some(text) = text.filter(|text| !text.is_empty() && !legal(text)) {
        let message = format!("{text:?} holds characters that no such name has");
        found.push(Violation::new(format!("auth.gcp.{field}"), message));
    }
}

fn check_app_role(app_role: &AppRole, found: &mut Vec<Violation>) {
    check_path("auth.appRole.path", &app_role.path, found);
    match app_role.role_id.as_deref().filter(|id| !id.is_empty()) {
        // As upstream: it counts, and trimmed it is no ID.
        Some(id) if id.trim().is_empty() => {
            found.push(Violation::new("auth.appRole.roleId", "it holds nothing but blanks"));
        }
        None if app_role.role_ref.is_none() => {
            found.push(Violation::new("auth.appRole", "neither roleId nor roleRef was supplied"));
        }
        Some(_) | None => {}
    }
}

fn check_password(method: &str, path: &str, username: &str, has_password: bool, found: &mut Vec<Violation>) {
    check_path(&format!("auth.{method}.path"), path, found);
    if LogicalPath::default().child(username.trim()).is_none() {
        let field = format!("auth.{method}.username");
        found.push(Violation::new(field, "not a name that can stand in a path"));
    }
    if !has_password {
        found.push(Violation::new(format!("auth.{method}.secretRef"), "missing"));
    }
}

fn check_jwt(jwt: &Jwt, found: &mut Vec<Violation>) {
    check_path("auth.jwt.path", &jwt.path, found);
    if jwt.secret_ref.is_none() && jwt.kubernetes_service_account_token.is_none() {
        let message = "neither secretRef nor kubernetesServiceAccountToken was supplied";
        found.push(Violation::new("auth.jwt", message));
    }
}

fn check_kubernetes(kubernetes: &Kubernetes, kind: StoreKind, found: &mut Vec<Violation>) {
    check_path("auth.kubernetes.mountPath", &kubernetes.mount_path, found);
    let own_token = kubernetes.service_account_ref.is_none() && kubernetes.secret_ref.is_none();
    if own_token && kind == StoreKind::Namespaced {
        let message = "a SecretStore cannot log in as the controller itself: \
                       give serviceAccountRef or secretRef, or use a ClusterSecretStore";
        found.push(Violation::new("auth.kubernetes", message));
    }
}

#[cfg(test)]
mod tests;
