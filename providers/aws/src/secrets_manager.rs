//! Secrets of AWS Secrets Manager: read, listed, described (spec eso-providers C.3).

mod many;
mod push;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::BoxStream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use strongroom_provider_api::{
    Aspect, Error, ErrorKind, Listed, Payload, Random, RemoteKey, Result, Scope, SecretBytes,
};
use strongroom_provider_kit::aws::{Ask, SECRETS_MANAGER, sent};
use zeroize::Zeroizing;

use crate::config::{AwsConfig, SecretsManagerSettings};
use crate::identity::Caller;
use crate::pages::{Page, all};
use crate::tags::Tags;

pub(crate) use push::present;

/// The version that is read where none is asked for.
const CURRENT: &str = "AWSCURRENT";

/// The secrets of one region as one identity sees them.
#[derive(Debug)]
pub(crate) struct SecretsManager {
    pub(crate) caller: Caller,
    prefix: String,
    deletion: SecretsManagerSettings,
    random: Arc<dyn Random>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Held {
    secret_string: Option<Zeroizing<String>>,
    secret_binary: Option<Zeroizing<String>>,
    version_id: Option<String>,
}

/// What AWS keeps beside a value.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(default)]
    tags: Tags,
    deleted_date: Option<Value>,
    version_ids_to_stages: Option<Map<String, Value>>,
    replication_status: Option<Vec<Replica>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Replica {
    region: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSecret {
    name: String,
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPage {
    secret_list: Vec<ListedSecret>,
    next_token: Option<String>,
}

impl SecretsManager {
    pub(crate) fn new(caller: Caller, config: &AwsConfig, random: Arc<dyn Random>) -> Self {
        let deletion = config.secrets_manager.unwrap_or_default();
        Self { caller, prefix: config.prefix().to_owned(), deletion, random }
    }

    /// What is stored under `key`, or its tags.
    pub(crate) async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        if key.aspect == Aspect::Metadata {
            let described = self.described("read", &key.key).await?;
            if described.deleted_date.is_some() {
                let message = "Secret does not exist: it is marked for deletion";
                return Err(Error::new(ErrorKind::NotFound, "read", message));
            }
            return Ok(Payload::bytes(described.tags.document()));
        }
        self.value("read", &key.key, key.version.as_deref()).await
    }

    /// The secrets in `scope`. Secrets that are marked for deletion are not among them.
    pub(crate) fn entries<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        all(move |token| async move {
            let mut body = json!({ "MaxResults": 100, "Filters": filters(scope) });
            if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
                body.insert("NextToken".to_owned(), token.into());
            }
            let page: ListedPage = self.ask("list", "ListSecrets", &sent(&body)).await?;
            let path = scope.path.as_deref().unwrap_or_default();
            let fits = |secret: &ListedSecret| secret.name.starts_with(path) && secret.tags.hold(&scope.tags);
            let entries =
                page.secret_list.into_iter().filter(fits).map(|secret| self.listed(secret)).collect();
            Ok(Page { entries, next: page.next_token })
        })
    }

    /// Reads put the prefix before the name; what does not begin with it is read by its ARN.
    fn listed(&self, secret: ListedSecret) -> Listed {
        let key = secret.name.strip_prefix(&self.prefix).map_or(secret.arn, ToOwned::to_owned);
        Listed { key: RemoteKey::latest(key), name: secret.name }
    }

    /// What AWS calls `key`.
    fn id(&self, key: &str) -> String {
        if key.starts_with("arn:") { key.to_owned() } else { format!("{}{key}", self.prefix) }
    }

    async fn value(&self, operation: &'static str, key: &str, version: Option<&str>) -> Result<Payload> {
        let version = version.filter(|version| !version.is_empty()).unwrap_or(CURRENT);
        let body = match version.strip_prefix("uuid/") {
            Some(id) => json!({ "SecretId": self.id(key), "VersionId": id }),
            None => json!({ "SecretId": self.id(key), "VersionStage": version }),
        };
        let held: Held = self.ask(operation, "GetSecretValue", &sent(&body)).await?;
        held.payload(operation)
    }

    async fn described(&self, operation: &'static str, key: &str) -> Result<Described> {
        let body = json!({ "SecretId": self.id(key) });
        self.ask(operation, "DescribeSecret", &sent(&body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        action: &'static str,
        body: &SecretBytes,
    ) -> Result<T> {
        self.caller.ask(Ask { operation, service: &SECRETS_MANAGER, action }, body).await
    }
}

impl Held {
    fn payload(&self, operation: &'static str) -> Result<Payload> {
        let payload = Payload::bytes(self.bytes(operation)?);
        Ok(match &self.version_id {
            Some(version) => payload.with_version(version),
            None => payload,
        })
    }

    fn bytes(&self, operation: &'static str) -> Result<SecretBytes> {
        let unusable = |message| Error::new(ErrorKind::InvalidPayload, operation, message);
        match (&self.secret_string, &self.secret_binary) {
            (Some(text), _) => Ok(text.as_str().into()),
            (None, Some(encoded)) => {
                let bytes = STANDARD.decode(encoded.as_bytes());
                bytes.map(SecretBytes::new).map_err(|_| unusable("SecretBinary is not base64"))
            }
            (None, None) => Err(unusable("the secret has neither SecretString nor SecretBinary")),
        }
    }
}

/// Filters that leave out most of what `scope` does not hold. AWS compares beginnings, and one tag's key with another's
/// value; the rest is left out here.
fn filters(scope: &Scope) -> Value {
    let mut filters = Vec::new();
    // An exclamation mark would mean "all but".
    let usable = |text: &&str| !text.is_empty() && !text.starts_with('!');
    let path = scope.path.as_deref().filter(usable);
    filters.extend(path.map(|path| json!({ "Key": "name", "Values": [path] })));
    if let Some((name, value)) = scope.tags.iter().next() {
        let name = Some(name.as_str()).filter(usable);
        filters.extend(name.map(|name| json!({ "Key": "tag-key", "Values": [name] })));
        let value = Some(value.as_str()).filter(usable);
        filters.extend(value.map(|value| json!({ "Key": "tag-value", "Values": [value] })));
    }
    filters.into()
}
