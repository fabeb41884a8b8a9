//! The store client: a remote key is what the templates make of it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use serde_json::Value;
use strongroom_provider_api::{
    Content, Deleted, Edit, Error, ErrorKind, Health, Payload, RemoteKey, Resolver, Result, SecretBytes,
    StoreClient, Toolbox, WriteRequest, Written,
};
use strongroom_provider_kit::reach;
use url::Url;

use crate::access::{Access, invalid};
use crate::config::WebhookConfig;
use crate::json_path::JsonPath;
use crate::request::{pushed, remote};
use crate::value;

/// How long a probe waits for a connection, as upstream's.
const DIAL: Duration = Duration::from_secs(15);

/// A live handle.
#[derive(Debug)]
pub(crate) struct WebhookClient {
    access: Access,
    config: WebhookConfig,
    caller: Option<String>,
}

impl WebhookClient {
    /// A client with the Secrets of its templates.
    ///
    /// # Errors
    /// As [`Access::connect`].
    pub(crate) async fn connect(
        config: WebhookConfig,
        resolver: &dyn Resolver,
        toolbox: Toolbox,
    ) -> Result<Self> {
        let access = Access::connect(&config, resolver, toolbox).await?;
        let caller = if names_the_caller(&config) { Some(resolver.caller()?) } else { None };
        Ok(Self { access, config, caller })
    }

    async fn value(&self, key: &RemoteKey) -> Result<SecretBytes> {
        let templates = self.access.templates(remote(key, self.caller.as_deref()));
        let method = self.config.call_method(Method::GET).ok_or_else(illegal_method)?;
        let body = self.access.api.call("read", templates.request(&self.config, method)?).await?.body;
        let Some(path) = self.config.path() else { return Ok(body) };
        let path = templates.rendered("result.jsonPath", path, false)?;
        if path.is_empty() {
            return Ok(body);
        }
        found(path.expose_str().unwrap_or_default(), &body)
    }

    /// One push. The service cannot be asked what it holds, so it is told every time, as upstream does.
    async fn push(
        &self,
        key: &str,
        property: Option<&str>,
        secret_key: Option<&str>,
        value: SecretBytes,
    ) -> Result<Written> {
        let mut fields = pushed(&RemoteKey::latest(key), property, secret_key, self.caller.as_deref());
        // A remote key called `key` must not put the value where the address is meant.
        fields.entry(key.to_owned()).or_insert_with(|| value.clone());
        let templates = self.access.templates(fields);
        let method = self.config.call_method(Method::POST).ok_or_else(illegal_method)?;
        let request = match self.config.body.as_deref().filter(|body| !body.is_empty()) {
            Some(_) => templates.request(&self.config, method)?,
            None => templates.request_with(&self.config, method, &value)?,
        };
        let answer = self.access.api.call("write", request).await.map_err(nowhere)?;
        Ok(if answer.is_new { Written::Created } else { Written::Updated })
    }
}

#[async_trait]
impl StoreClient for WebhookClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let value = self.value(key).await.map_err(|error| error.with_key(&key.key))?;
        Ok(Payload::bytes(value))
    }

    /// A whole entry is one request, and so is each property. What was pushed before is not looked at.
    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let named = |error: Error| error.with_key(&key.key);
        let secret_key = request.secret_key.as_deref();
        match &request.edit {
            Edit::Whole(content) => {
                self.push(&key.key, None, secret_key, whole(content)).await.map_err(named)
            }
            Edit::Properties(properties) => {
                let mut written = Written::Unchanged;
                for (name, value) in properties {
                    let one =
                        self.push(&key.key, Some(name), secret_key, value.clone()).await.map_err(named)?;
                    written = if written == Written::Unchanged { one } else { Written::Updated };
                }
                Ok(written)
            }
        }
    }

    /// The whole entry goes, as upstream's does: a property is for the templates. What is gone already is no fault.
    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let templates = self.access.templates(pushed(key, property, None, self.caller.as_deref()));
        let request = templates.request_with(&self.config, Method::DELETE, &SecretBytes::default());
        let called = match request {
            Ok(request) => self.access.api.call("delete", request).await,
            Err(error) => Err(error),
        };
        match called {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deleted::Absent),
            Err(error) => Err(error.with_key(&key.key)),
        }
    }

    /// As upstream: whether a read is answered, whatever it gives.
    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let asked = RemoteKey { property: property.map(ToOwned::to_owned), ..RemoteKey::latest(&key.key) };
        let templates = self.access.templates(remote(&asked, self.caller.as_deref()));
        let method = self.config.call_method(Method::GET).ok_or_else(illegal_method)?;
        match self.access.api.call("look for", templates.request(&self.config, method)?).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.with_key(&key.key)),
        }
    }

    /// A connection to the host, without a request. A host that templates make cannot be tried.
    async fn probe(&self) -> Result<Health> {
        let url = Url::parse(&self.config.url).ok();
        let place = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        match place {
            Some((host, port)) if !host.contains(['{', '%']) => {
                reach::dial(self.access.reach, host, port, DIAL).await?;
                Ok(Health::Ready)
            }
            _ => Ok(Health::Unknown("the host in url is made by a template".to_owned())),
        }
    }
}

/// One key's value as it is; all keys of a Secret as a JSON object of texts (spec eso-providers D).
fn whole(content: &Content) -> SecretBytes {
    match content {
        Content::Bytes(bytes) => bytes.clone(),
        Content::Fields(fields) => {
            let texts: BTreeMap<&str, _> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.expose())))
                .collect();
            // Texts by texts: nothing that JSON could not hold.
            SecretBytes::new(serde_json::to_vec(&texts).unwrap_or_default())
        }
    }
}

/// An address that takes no pushes is the store's fault; absence would be the wrong word for it.
fn nowhere(error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    Error::new(
        ErrorKind::InvalidConfig,
        error.operation(),
        "the service answered 404: it takes nothing there",
    )
}

fn illegal_method() -> Error {
    invalid("method: not a legal HTTP method")
}

/// What `path` leads to in the JSON document `body`.
fn found(path: &str, body: &SecretBytes) -> Result<SecretBytes> {
    let value = at(path, body, "read")?;
    value::bytes(&value).ok_or_else(|| unusable("read", "filter worked but didn't get any result".to_owned()))
}

/// The same as JSON.
pub(crate) fn at(path: &str, body: &SecretBytes, operation: &'static str) -> Result<Value> {
    let fault = |error: &dyn std::fmt::Display| unusable(operation, format!("result.jsonPath: {error}"));
    let path = JsonPath::parse(path).map_err(|error| fault(&error))?;
    path.value(&document(body, operation)?).map_err(|error| fault(&error))
}

/// `body` as JSON.
pub(crate) fn document(body: &SecretBytes, operation: &'static str) -> Result<Value> {
    // The parser's own words are dropped: they may quote what it read.
    serde_json::from_slice(body.expose())
        .map_err(|_| unusable(operation, "the answer is not JSON".to_owned()))
}

pub(crate) fn unusable(operation: &'static str, message: String) -> Error {
    Error::new(ErrorKind::InvalidPayload, operation, message)
}

/// Whether a template asks for the namespace that is read for. A client that knows it serves that one alone.
fn names_the_caller(config: &WebhookConfig) -> bool {
    let fixed = [Some(config.url.as_str()), config.body.as_deref(), config.path()];
    let mut templates = fixed.into_iter().flatten().chain(config.headers.values().map(String::as_str));
    templates.any(|template| template.contains("remoteRef") && template.contains("namespace"))
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
