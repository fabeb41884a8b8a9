//! Makes the request of a call from templates; what they render to is checked before it is sent.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING,
};
use http::{Method, Request};
use strongroom_provider_api::{
    Error, ErrorKind, RemoteKey, Result, SecretBytes, TemplateFields, TemplateRenderer,
};
use url::Url;
use zeroize::Zeroizing;

use crate::config::WebhookConfig;

/// What the templates of one call are rendered with.
pub(crate) struct Templates<'a> {
    pub(crate) renderer: &'a dyn TemplateRenderer,
    /// The store's Secrets.
    pub(crate) secrets: &'a TemplateFields,
    /// `.remoteRef`
    pub(crate) remote: Remote,
}

/// `.remoteRef`: what is asked for. A pushed value is among it.
pub(crate) type Remote = BTreeMap<String, SecretBytes>;

/// `.remoteRef` of a read.
pub(crate) fn remote(key: &RemoteKey, caller: Option<&str>) -> Remote {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields = [
        ("key", key.key.clone()),
        ("version", text(&key.version)),
        ("property", text(&key.property)),
        ("namespace", caller.unwrap_or_default().to_owned()),
    ];
    fields.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
}

/// `.remoteRef` of a push or a deletion: upstream's `remoteKey` and, where one key's value is pushed, `secretKey`; and what
/// a read has, so that one address serves both.
pub(crate) fn pushed(
    key: &RemoteKey,
    property: Option<&str>,
    secret_key: Option<&str>,
    caller: Option<&str>,
) -> Remote {
    let property = property.map(ToOwned::to_owned);
    let mut fields = remote(&RemoteKey { property, ..RemoteKey::latest(&key.key) }, caller);
    fields.insert("remoteKey".to_owned(), key.key.as_str().into());
    fields.extend(secret_key.map(|name| ("secretKey".to_owned(), name.into())));
    fields
}

impl Templates<'_> {
    /// The request of a call with `method`, with the body that the settings make.
    ///
    /// # Errors
    /// `InvalidConfig` for a template that cannot be rendered or gives no legal URL or header; `InvalidPayload` where
    /// the key would lead out of the URL's path. The messages name the setting, never what it rendered to.
    pub(crate) fn request(&self, config: &WebhookConfig, method: Method) -> Result<Request<Vec<u8>>> {
        let body = self.rendered("body", config.body.as_deref().unwrap_or_default(), false)?;
        self.request_with(config, method, &body)
    }

    /// The same with `body`.
    pub(crate) fn request_with(
        &self,
        config: &WebhookConfig,
        method: Method,
        body: &SecretBytes,
    ) -> Result<Request<Vec<u8>>> {
        let url = self.rendered("url", &config.url, true)?;
        let url = url.expose_str().and_then(address).ok_or_else(|| illegal("url", "no http or https URL"))?;
        let mut headers = HeaderMap::new();
        if let Some(login) = login(&url) {
            headers.insert(AUTHORIZATION, header("url", login.as_bytes())?);
        }
        for (name, template) in &config.headers {
            let field = format!("headers[{name:?}]");
            let parsed = name.parse::<HeaderName>().map_err(|_| illegal(&field, "no legal header"))?;
            let value = self.rendered(&field, template, false)?;
            // Go's client sets these by itself, whatever it is given; so does ours.
            if ![HOST, CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].contains(&parsed) {
                headers.insert(parsed, header(&field, value.expose())?);
            }
        }
        let mut request = Request::builder()
            .method(method)
            .uri(bare(url))
            .body(body.expose().to_vec())
            .map_err(|_| illegal("url", "no http or https URL"))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// What `template` renders to; with `in_url`, the remote key's parts are escaped as in a query.
    pub(crate) fn rendered(&self, field: &str, template: &str, in_url: bool) -> Result<SecretBytes> {
        if !template.contains("{{") {
            return Ok(template.into());
        }
        let part =
            |text: &SecretBytes| if in_url { query_escaped(text.expose()).into() } else { text.clone() };
        let remote = self.remote.iter().map(|(name, text)| (name.clone(), part(text))).collect();
        let mut fields = self.secrets.clone();
        fields.insert("remoteRef".to_owned(), remote);
        let rendered = self.renderer.rendered(template, &fields);
        let rendered = rendered.map_err(|fault| illegal(field, &format!("not rendered: {fault}")))?;
        if in_url && rendered.expose_str().is_some_and(climbs) {
            let message = "the key would lead out of the path in the store's url";
            return Err(Error::new(ErrorKind::InvalidPayload, "make the request", message));
        }
        Ok(rendered)
    }
}

fn illegal(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "make the request", format!("{field}: {what}"))
}

fn header(field: &str, value: &[u8]) -> Result<HeaderValue> {
    // A file's last line end is no part of a token, and nothing else may break a line.
    let mut header = HeaderValue::from_bytes(value.trim_ascii())
        .map_err(|_| illegal(field, "holds characters that cannot stand in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Basic authentication from the URL's user and password, as Go's client makes it.
fn login(url: &Url) -> Option<Zeroizing<String>> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let pair = Zeroizing::new(format!(
        "{}:{}",
        String::from_utf8_lossy(&decoded(url.username())),
        String::from_utf8_lossy(&decoded(url.password().unwrap_or_default()))
    ));
    Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
}

/// The URL without user, password and fragment, which are not sent.
fn bare(mut url: Url) -> String {
    // Neither can fail: the URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.into()
}

/// True if a segment of the path stands for the folder above it: a key of `..` must not choose another endpoint.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    })
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    bytes
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escaped(text: &[u8]) -> String {
    url::form_urlencoded::byte_serialize(text).collect::<String>().replace('*', "%2A").replace("%7E", "~")
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::Toolbox;

    use super::*;

    fn request(config: &WebhookConfig, key: &str) -> Result<Request<Vec<u8>>> {
        let group = BTreeMap::from([("token".to_owned(), SecretBytes::from("canary\n"))]);
        let toolbox = Toolbox::default();
        let templates = Templates {
            renderer: toolbox.templates.as_ref(),
            secrets: &BTreeMap::from([("login".to_owned(), group)]),
            remote: remote(&RemoteKey::latest(key), Some("team-a")),
        };
        templates.request(config, Method::GET)
    }

    fn config(url: &str, headers: &[(&str, &str)], body: &str) -> WebhookConfig {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let body = Some(body.to_owned());
        WebhookConfig { url: url.to_owned(), headers: headers.collect(), body, ..WebhookConfig::default() }
    }

    #[test]
    fn the_key_is_escaped_in_the_url_and_nowhere_else() {
        let url = "https://a/v1/{{ .remoteRef.key }}?ns={{ .remoteRef.namespace }}";
        let config = config(url, &[("x-key", "{{ .remoteRef.key }}"), ("host", "b")], "{{.remoteRef.key}}");
        let request = request(&config, "team/a b*~?&ü").unwrap();
        assert_eq!(request.uri(), "https://a/v1/team%2Fa+b%2A~%3F%26%C3%BC?ns=team-a");
        assert_eq!(request.headers()["x-key"].as_bytes(), "team/a b*~?&ü".as_bytes());
        assert_eq!(request.body(), "team/a b*~?&ü".as_bytes());
        assert!(!request.headers().contains_key("host"));
    }

    #[test]
    fn secrets_stand_in_headers_and_never_show() {
        let headers = [("authorization", "Bearer {{ .login.token }}")];
        let request = request(&config("https://a", &headers, ""), "k").unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer canary");
        assert!(!format!("{request:?}").contains("canary"));
    }

    #[test]
    fn a_user_in_the_url_becomes_a_login() {
        let request = request(&config("https://me:p%40ss@a/x#y", &[], ""), "k").unwrap();
        assert_eq!(request.uri(), "https://a/x");
        assert_eq!(request.headers()["authorization"], format!("Basic {}", STANDARD.encode("me:p@ss")));
    }

    #[test]
    fn a_key_cannot_climb_out_of_the_path_or_break_a_header() {
        for key in ["..", "."] {
            let error = request(&config("https://a/v1/{{ .remoteRef.key }}", &[], ""), key).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload, "{key}");
        }
        assert!(request(&config("https://a/?k={{ .remoteRef.key }}", &[], ""), "..").is_ok());
        let error =
            request(&config("https://a", &[("x", "{{ .remoteRef.key }}")], ""), "a\r\nb: c").unwrap_err();
        assert!(error.message().starts_with("headers[\"x\"]"), "{error}");
    }

    #[test]
    fn faults_name_the_setting_and_no_value() {
        for (url, body) in [("ftp://{{ .login.token }}", ""), ("https://a", "{{ nothing .login.token }}")] {
            let error = request(&config(url, &[], body), "k").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
