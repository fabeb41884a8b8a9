//! Parameters of AWS Systems Manager's Parameter Store: read, listed, described (spec eso-providers C.4).

mod many;
mod push;

use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strongroom_provider_api::{Aspect, ErrorKind, Listed, Payload, RemoteKey, Result, Scope, SecretBytes};
use strongroom_provider_kit::aws::{Ask, PARAMETER_STORE, sent};
use zeroize::Zeroizing;

use crate::config::AwsConfig;
use crate::identity::Caller;
use crate::pages::{Page, all};
use crate::tags::Tags;

/// The parameters of one region as one identity sees them.
#[derive(Debug)]
pub(crate) struct ParameterStore {
    pub(crate) caller: Caller,
    prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: Zeroizing<String>,
    #[serde(default)]
    version: u64,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagList {
    #[serde(default)]
    tag_list: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Name {
    name: String,
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    #[serde(default)]
    parameters: Vec<Name>,
    next_token: Option<String>,
}

/// How parameters are searched.
#[derive(Clone, Copy)]
enum Search {
    /// By their path: needs the right to read below it.
    ByPath,
    /// By what is known of them: needs the right to describe.
    Described,
}

impl ParameterStore {
    pub(crate) fn new(caller: Caller, config: &AwsConfig) -> Self {
        Self { caller, prefix: config.prefix().to_owned() }
    }

    /// What is stored under `key`, decrypted, or its tags.
    pub(crate) async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        if key.aspect == Aspect::Metadata {
            return Ok(Payload::bytes(self.tags("read", &key.key).await?.document()));
        }
        Ok(self.parameter("read", &key.key, key.version.as_deref()).await?.payload())
    }

    /// The parameters in `scope`. Where reading by path is not allowed, they are searched by their descriptions.
    pub(crate) fn entries<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        if !scope.tags.is_empty() {
            return self.found(scope, Search::Described);
        }
        let first = async move {
            let mut entries = self.found(scope, Search::ByPath);
            match entries.try_next().await {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    self.found(scope, Search::Described)
                }
                Ok(first) => stream::iter(first.map(Ok)).chain(entries).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        Box::pin(stream::once(first).flatten())
    }

    fn found<'a>(&'a self, scope: &'a Scope, search: Search) -> BoxStream<'a, Result<Listed>> {
        all(move |token| async move {
            let (action, mut body) = search.request(scope);
            if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
                body.insert("NextToken".to_owned(), token.into());
            }
            let page: Names = self.ask("list", action, &sent(&body)).await?;
            let entries = page.parameters.into_iter().map(|found| self.listed(found)).collect();
            Ok(Page { entries, next: page.next_token })
        })
    }

    /// Reads put the prefix before the name; what does not begin with it is read by its ARN.
    fn listed(&self, found: Name) -> Listed {
        let key = match found.name.strip_prefix(&self.prefix) {
            Some(rest) => rest.to_owned(),
            None => found.arn.unwrap_or_else(|| found.name.clone()),
        };
        Listed { key: RemoteKey::latest(key), name: found.name }
    }

    /// What AWS calls `key`.
    fn name(&self, key: &str) -> String {
        if key.starts_with("arn:") { key.to_owned() } else { format!("{}{key}", self.prefix) }
    }

    /// What AWS calls `key` at `version`.
    fn versioned(&self, key: &str, version: Option<&str>) -> String {
        let version = version.filter(|version| !version.is_empty()).map(|version| format!(":{version}"));
        format!("{}{}", self.name(key), version.unwrap_or_default())
    }

    async fn parameter(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Parameter> {
        let body = sent(&json!({ "Name": self.versioned(key, version), "WithDecryption": true }));
        let found: Found = self.ask(operation, "GetParameter", &body).await?;
        Ok(found.parameter)
    }

    async fn tags(&self, operation: &'static str, key: &str) -> Result<Tags> {
        let body = sent(&json!({ "ResourceType": "Parameter", "ResourceId": self.name(key) }));
        let found: TagList = self.ask(operation, "ListTagsForResource", &body).await?;
        Ok(found.tag_list)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        action: &'static str,
        body: &SecretBytes,
    ) -> Result<T> {
        self.caller.ask(Ask { operation, service: &PARAMETER_STORE, action }, body).await
    }
}

impl Parameter {
    fn payload(&self) -> Payload {
        Payload::bytes(self.value.as_str()).with_version(self.version.to_string())
    }
}

impl Search {
    /// Action and body of the first request for `scope`.
    fn request(self, scope: &Scope) -> (&'static str, Value) {
        let path = scope.path.as_deref().filter(|path| !path.is_empty());
        match self {
            Self::ByPath => {
                let path = path.unwrap_or("/");
                ("GetParametersByPath", json!({ "Path": path, "Recursive": true, "MaxResults": 10 }))
            }
            Self::Described => {
                let filter = |key: String, option: &str, value: &str| json!({ "Key": key, "Option": option, "Values": [value] });
                let tags =
                    scope.tags.iter().map(|(name, value)| filter(format!("tag:{name}"), "Equals", value));
                let mut filters: Vec<_> = tags.collect();
                filters.extend(path.map(|path| filter("Path".to_owned(), "Recursive", path)));
                ("DescribeParameters", json!({ "ParameterFilters": filters, "MaxResults": 50 }))
            }
        }
    }
}
