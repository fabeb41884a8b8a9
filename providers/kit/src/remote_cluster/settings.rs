//! The settings by which a store reaches a cluster (spec eso-providers D, kubernetes and crd).

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{CaProvider, SecretKeySelector, ServiceAccountSelector, Violation};
use url::Url;

use crate::pem;

/// The API server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Address of the API server; `https` where it names no scheme.
    #[serde(default = "default_server_url")]
    pub url: String,
    /// PEM bundle, base64-encoded, that replaces the machine's certificate authorities.
    #[schemars(extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// Where the PEM bundle is kept, if it is not written here.
    pub ca_provider: Option<CaProvider>,
}

/// Who asks: exactly one of the three.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Auth {
    /// A client certificate.
    pub cert: Option<CertificateAuth>,
    /// A fixed token.
    pub token: Option<TokenAuth>,
    /// A ServiceAccount of this cluster; its tokens are asked for when they are needed, and live for an hour.
    pub service_account: Option<ServiceAccountSelector>,
}

/// A client certificate in Secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuth {
    /// The certificate; default key `tls.crt`.
    pub client_cert: Option<SecretKeySelector>,
    /// Its private key; default key `tls.key`.
    pub client_key: Option<SecretKeySelector>,
}

/// A token in a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenAuth {
    /// The token.
    pub bearer_token: Option<SecretKeySelector>,
}

/// The settings together, as a provider's configuration holds them.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// `server`
    pub server: &'a Server,
    /// `auth`
    pub auth: Option<&'a Auth>,
    /// `authRef`: a kubeconfig in a Secret, in place of the other two.
    pub auth_ref: Option<&'a SecretKeySelector>,
}

impl Default for Server {
    fn default() -> Self {
        Self { url: default_server_url(), ca_bundle: None, ca_provider: None }
    }
}

/// The cluster's own name for its API server.
pub fn default_server_url() -> String {
    "kubernetes.default".to_owned()
}

/// The faults of `access` that can be seen without asking anybody.
pub fn violations(access: Access<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Err(fault) = base(&access.server.url) {
        found.push(Violation::new("server.url", fault));
    }
    if access.server.ca_bundle.as_ref().is_some_and(|text| pem::bundle(text.as_bytes()).is_none()) {
        found.push(Violation::new("server.caBundle", "not valid pem data"));
    }
    match (access.auth_ref, access.auth) {
        (Some(_), Some(_)) => {
            found.push(Violation::new("authRef", "only one of auth and authRef is allowed"));
        }
        (Some(_), None) => {}
        (None, None) => found.push(Violation::new("auth", "no credentials provided")),
        (None, Some(auth)) => check_auth(auth, &mut found),
    }
    found
}

fn check_auth(auth: &Auth, found: &mut Vec<Violation>) {
    let methods = [auth.cert.is_some(), auth.token.is_some(), auth.service_account.is_some()];
    if methods.into_iter().filter(|present| *present).count() != 1 {
        found.push(Violation::new("auth", "exactly one of cert, token and serviceAccount must be given"));
        return;
    }
    if let Some(CertificateAuth { client_cert, client_key }) = &auth.cert
        && (client_cert.is_none() || client_key.is_none())
    {
        found.push(Violation::new("auth.cert", "both clientCert and clientKey must be given"));
    }
    if auth.token.as_ref().is_some_and(|token| token.bearer_token.is_none()) {
        found.push(Violation::new("auth.token", "bearerToken must be given"));
    }
}

/// Origin and path prefix of an API server, without a slash at the end. A proxy such as Rancher's serves clusters
/// below a path.
pub(super) fn base(text: &str) -> Result<String, &'static str> {
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&full).map_err(|_| "not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the scheme must be http or https");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the URL names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL must not hold a user or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the URL must not have a query or fragment");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_address_without_scheme_is_https() {
        for (text, expected) in [
            ("kubernetes.default", Ok("https://kubernetes.default")),
            ("https://a.example:6443/", Ok("https://a.example:6443")),
            ("https://rancher.example/k8s/clusters/c-1", Ok("https://rancher.example/k8s/clusters/c-1")),
            ("127.0.0.1:6443", Ok("https://127.0.0.1:6443")),
            ("", Err("not a URL")),
            ("ftp://a", Err("the scheme must be http or https")),
            ("https://me:canary@a", Err("the URL must not hold a user or password")),
            ("https://a?x=1", Err("the URL must not have a query or fragment")),
        ] {
            assert_eq!(base(text), expected.map(ToOwned::to_owned), "{text}");
        }
    }

    #[test]
    fn faults_name_their_field() {
        let fields = |auth: Value, auth_ref: Value| {
            let server = Server { url: "https://a".to_owned(), ..Server::default() };
            let auth: Option<Auth> = serde_json::from_value(auth).unwrap();
            let auth_ref: Option<SecretKeySelector> = serde_json::from_value(auth_ref).unwrap();
            let access = Access { server: &server, auth: auth.as_ref(), auth_ref: auth_ref.as_ref() };
            violations(access).into_iter().map(|violation| violation.field).collect::<Vec<_>>()
        };
        let (token, account) =
            (json!({ "bearerToken": { "name": "s", "key": "t" } }), json!({ "name": "a" }));
        assert_eq!(fields(json!({ "token": token }), Value::Null), Vec::<String>::new());
        assert_eq!(fields(Value::Null, json!({ "name": "s", "key": "config" })), Vec::<String>::new());
        assert_eq!(fields(Value::Null, Value::Null), ["auth"]);
        assert_eq!(fields(json!({}), Value::Null), ["auth"]);
        assert_eq!(fields(json!({ "token": token, "serviceAccount": account }), Value::Null), ["auth"]);
        assert_eq!(fields(json!({ "token": {} }), Value::Null), ["auth.token"]);
        assert_eq!(fields(json!({ "cert": { "clientKey": {} } }), Value::Null), ["auth.cert"]);
        assert_eq!(fields(json!({ "serviceAccount": account }), json!({ "name": "s" })), ["authRef"]);
    }
}
