//! Carries vaultrs' requests over our own HTTP client, and adds what every request to Vault has.

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, uri::PathAndQuery};
use rustify::client::Client;
use rustify::endpoint::{Endpoint, MiddleWare};
use rustify::errors::ClientError;
use strongroom_provider_api::{Error, ErrorKind, Result};
use strongroom_provider_kit::http::{Answer, HttpClient};
use strongroom_provider_kit::session::Token;

use crate::replication::INDEX;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const INCONSISTENT: HeaderName = HeaderName::from_static("x-vault-inconsistent");

/// The address of a server, split for vaultrs, which doubles the slash of a base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `https://host:port/`
    pub(crate) origin: String,
    /// `v1`, or `base/v1`; encoded.
    pub(crate) prefix: String,
}

/// What one request carries besides itself.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) token: Option<&'a Token>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) states: Vec<HeaderValue>,
    pub(crate) forward_inconsistent: bool,
}

/// One exchange over our HTTP client. Every status is an answer; only a missing answer is an error.
struct Exchange<'a> {
    http: &'a HttpClient,
    origin: &'a str,
    operation: &'static str,
    cap: usize,
}

impl Address {
    /// The address in a store's `server`; `None` where it is not a URL with a host.
    pub(crate) fn parse(server: &str) -> Option<Self> {
        let url = url::Url::parse(server).ok().filter(url::Url::has_host)?;
        let origin = format!("{}/", url.origin().ascii_serialization());
        let base = url.path().trim_matches('/');
        let prefix = if base.is_empty() { "v1".to_owned() } else { format!("{base}/v1") };
        Some(Self { origin, prefix })
    }
}

/// Sends `endpoint` in `envelope` and gives the answer, whatever its status.
pub(crate) async fn send<E: Endpoint>(
    http: &HttpClient,
    origin: &str,
    operation: &'static str,
    cap: usize,
    endpoint: E,
    envelope: &Envelope<'_>,
) -> Result<Answer> {
    let exchange = Exchange { http, origin, operation, cap };
    let done = endpoint.with_middleware(envelope).exec(&exchange).await;
    let response = done.map_err(|error| unwrapped(operation, error))?.response;
    let (parts, body) = response.into_parts();
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.into() })
}

#[async_trait]
impl Client for Exchange<'_> {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        let wrapped = |error: Error| ClientError::GenericError { source: error.into() };
        let mut answer = self.http.send(self.operation, request, self.cap).await.map_err(wrapped)?;
        let mut response = Response::new(std::mem::take(&mut *answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    fn base(&self) -> &str {
        self.origin
    }

    /// The default turns a status into an error that holds the body.
    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ClientError> {
        self.send(request).await
    }
}

impl MiddleWare for Envelope<'_> {
    fn request<E: Endpoint>(&self, _: &E, request: &mut Request<Vec<u8>>) -> Result<(), ClientError> {
        *request.uri_mut() = self.address(request.uri(), request.method())?;
        // Understood like LIST, and passes through proxies that know only the usual methods.
        if request.method().as_str() == "LIST" {
            *request.method_mut() = Method::GET;
        }
        let merges = request.method() == Method::PATCH;
        let headers = request.headers_mut();
        if merges {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/merge-patch+json"));
        }
        identify(headers, self.token, self.namespace)?;
        for state in &self.states {
            headers.append(INDEX, state.clone());
        }
        if self.forward_inconsistent {
            headers.insert(INCONSISTENT, HeaderValue::from_static("forward-active-node"));
        }
        Ok(())
    }

    fn response<E: Endpoint>(&self, _: &E, _: &mut Response<Vec<u8>>) -> Result<(), ClientError> {
        Ok(())
    }
}

impl Envelope<'_> {
    /// `uri` below the prefix. Some of vaultrs' paths begin with a tab or a slash, which would be doubled.
    fn address(&self, uri: &Uri, method: &Method) -> Result<Uri, ClientError> {
        let path = uri.path().trim_start_matches('/').trim_start_matches("%09").trim_matches('/');
        let query = match (uri.query(), method.as_str()) {
            (None, "LIST") => "?list=true".to_owned(),
            (Some(query), _) => format!("?{query}"),
            (None, _) => String::new(),
        };
        let mut parts = uri.clone().into_parts();
        let whole = PathAndQuery::try_from(format!("/{}/{path}{query}", self.prefix));
        parts.path_and_query = Some(whole.map_err(|_| unsendable("path"))?);
        Uri::from_parts(parts).map_err(|_| unsendable("path"))
    }
}

/// Says as whom a request is made, and where.
pub(crate) fn identify(
    headers: &mut HeaderMap,
    token: Option<&Token>,
    namespace: Option<&str>,
) -> Result<(), ClientError> {
    headers.insert(REQUEST, HeaderValue::from_static("true"));
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(token.expose()).map_err(|_| unsendable("token"))?;
        value.set_sensitive(true);
        headers.insert(TOKEN, value);
    }
    if let Some(namespace) = namespace {
        let value = HeaderValue::from_str(namespace).map_err(|_| unsendable("namespace"))?;
        headers.insert(NAMESPACE, value);
    }
    Ok(())
}

fn unsendable(what: &'static str) -> ClientError {
    let message = format!("the {what} cannot be sent over HTTP");
    ClientError::GenericError { source: Error::new(ErrorKind::InvalidConfig, "call Vault", message).into() }
}

/// Our own error from within rustify's. Its other errors come from building a request.
fn unwrapped(operation: &'static str, error: ClientError) -> Error {
    match error {
        ClientError::GenericError { source } => match source.downcast::<Error>() {
            Ok(own) => own,
            Err(_) => Error::new(ErrorKind::Internal, operation, "the request failed in an unknown way"),
        },
        _ => Error::new(ErrorKind::Internal, operation, "the request cannot be built"),
    }
}

#[cfg(test)]
mod tests {
    use vaultrs::api::kv2::requests::{ListSecretsRequest, ReadSecretRequest};
    use vaultrs::api::token::requests::{LookupTokenSelfRequest, RevokeTokenSelfRequest};

    use super::*;

    fn built(endpoint: impl Endpoint, prefix: &str) -> Request<Vec<u8>> {
        let token = Token::new(&"hvs.canary".into()).unwrap();
        let envelope = Envelope {
            prefix,
            token: Some(&token),
            namespace: Some("team/a"),
            states: vec![HeaderValue::from_static("c3RhdGU=")],
            forward_inconsistent: true,
        };
        endpoint.with_middleware(&envelope).request("https://vault.test:8200/").unwrap()
    }

    #[test]
    fn an_address_is_split_into_origin_and_prefix() {
        for (server, origin, prefix) in [
            ("https://vault.test", "https://vault.test/", "v1"),
            ("http://127.0.0.1:8200/", "http://127.0.0.1:8200/", "v1"),
            ("https://[::1]:8200/a b//vault/", "https://[::1]:8200/", "a%20b//vault/v1"),
        ] {
            let expected = Address { origin: origin.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(Address::parse(server), Some(expected));
        }
        assert_eq!(Address::parse("vault:8200"), None);
    }

    #[test]
    fn requests_of_vaultrs_reach_the_right_path_encoded() {
        let read = ReadSecretRequest { mount: "deep/kv".into(), path: "a b/ü?#%".into(), version: Some(3) };
        let uri = built(read, "base/v1").uri().to_string();
        assert_eq!(uri, "https://vault.test:8200/base/v1/deep/kv/data/a%20b/%C3%BC%3F%23%25?version=3");
        for (uri, path) in [
            (built(LookupTokenSelfRequest {}, "v1").uri().clone(), "/v1/auth/token/lookup-self"),
            (built(RevokeTokenSelfRequest {}, "v1").uri().clone(), "/v1/auth/token/revoke-self"),
        ] {
            assert_eq!(uri.path(), path);
        }
    }

    #[test]
    fn a_list_is_a_get_that_says_so() {
        let list = built(ListSecretsRequest { mount: "secret".into(), path: String::new() }, "v1");
        assert_eq!(list.method(), Method::GET);
        assert_eq!(list.uri().path_and_query().unwrap().as_str(), "/v1/secret/metadata?list=true");
    }

    #[test]
    fn every_request_has_its_headers_and_the_token_is_marked() {
        let request = built(LookupTokenSelfRequest {}, "v1");
        let headers = request.headers();
        assert_eq!(headers["x-vault-request"], "true");
        assert_eq!(headers["x-vault-namespace"], "team/a");
        assert_eq!(headers["x-vault-index"], "c3RhdGU=");
        assert_eq!(headers["x-vault-inconsistent"], "forward-active-node");
        assert_eq!(headers["x-vault-token"], "hvs.canary");
        assert!(!format!("{headers:?}").contains("canary"));
    }
}
