//! The API server's endpoints: one function for each.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};
use strongroom_provider_kit::remote_cluster::{Ask, NamePage, RemoteCluster, encoded};
use zeroize::Zeroizing;

/// The Secrets of one namespace.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) cluster: RemoteCluster,
    pub(crate) namespace: String,
}

/// A Secret, as far as it is of interest here.
pub(crate) struct Secret {
    pub(crate) data: BTreeMap<String, SecretBytes>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) version: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    resource_version: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct SecretObject {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, Wiped>>,
}

/// Text that is wiped on drop.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Wiped(Zeroizing<String>);

impl From<String> for Wiped {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rules {
    resource_rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
}

impl Secrets {
    /// The Secret `name`.
    pub(crate) async fn get(&self, name: &str) -> Result<Secret> {
        let answer = self.cluster.answer(&Ask::get("GetSecret", "read", self.path(name))).await?;
        let object: SecretObject = parsed("read", &answer.body)?;
        if object.kind != "Secret" {
            return Err(unreadable("read"));
        }
        let mut data = BTreeMap::new();
        for (key, text) in object.data.unwrap_or_default() {
            let bytes = STANDARD.decode(text.0.as_bytes()).map_err(|_| unreadable("read"))?;
            data.insert(key, SecretBytes::new(bytes));
        }
        let Metadata { labels, annotations, resource_version, .. } = object.metadata;
        Ok(Secret {
            data,
            labels: labels.unwrap_or_default(),
            annotations: annotations.unwrap_or_default(),
            version: resource_version,
        })
    }

    /// The Secret `name` as the API server has it, to be sent back changed; `None` where there is none.
    pub(crate) async fn object(&self, name: &str) -> Result<Option<Value>> {
        let ask = Ask::get("GetSecret", "read", self.path(name));
        match self.cluster.object(&ask).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a Secret.
    pub(crate) async fn create(&self, secret: &Value) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        let ask = Ask::get("CreateSecret", "write", path).sending(Method::POST, secret);
        self.cluster.answer(&ask).await.map(drop)
    }

    /// Puts `secret` in the place of the version of `name` that it was read from.
    pub(crate) async fn replace(&self, name: &str, secret: &Value) -> Result<()> {
        let ask = Ask::get("UpdateSecret", "write", self.path(name)).sending(Method::PUT, secret);
        self.cluster.answer(&ask).await.map(drop)
    }

    /// Takes away the Secret `name`, if it still is of `version`.
    pub(crate) async fn delete(&self, name: &str, version: &Value) -> Result<()> {
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "resourceVersion": version },
        });
        let ask = Ask::get("DeleteSecret", "delete", self.path(name)).sending(Method::DELETE, &options);
        self.cluster.answer(&ask).await.map(drop)
    }

    fn path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, encoded(name))
    }

    /// The names of the Secrets that carry all of `labels`, from `next` on.
    pub(crate) async fn names(&self, labels: &BTreeMap<String, String>, next: &str) -> Result<NamePage> {
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        self.cluster.names("ListSecrets", &path, labels, next).await
    }

    /// Whether the rules of whoever asks let them read Secrets here.
    pub(crate) async fn rules_allow(&self) -> Result<bool> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
            "spec": { "namespace": self.namespace },
        });
        let status = self.review("CreateSelfSubjectRulesReview", "selfsubjectrulesreviews", &review).await?;
        let rules: Rules = serde_json::from_value(status).unwrap_or_default();
        let names = |list: &[String], name: &str| list.iter().any(|found| found == name || found == "*");
        Ok(rules.resource_rules.iter().any(|rule| {
            names(&rule.verbs, "get") && names(&rule.api_groups, "") && names(&rule.resources, "secrets")
        }))
    }

    /// Whether the API server would let whoever asks read Secrets here.
    pub(crate) async fn access_allowed(&self) -> Result<bool> {
        let attributes = json!({ "namespace": self.namespace, "verb": "get", "resource": "secrets" });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let status =
            self.review("CreateSelfSubjectAccessReview", "selfsubjectaccessreviews", &review).await?;
        Ok(status.get("allowed").and_then(Value::as_bool).unwrap_or(false))
    }

    async fn review(&self, call: &'static str, kind: &str, review: &Value) -> Result<Value> {
        let path = format!("/apis/authorization.k8s.io/v1/{kind}");
        let ask = Ask::get(call, "check the rights", path).sending(Method::POST, review);
        let mut answer = self.cluster.object(&ask).await?;
        Ok(answer.get_mut("status").map(Value::take).unwrap_or_default())
    }
}

fn parsed<T: DeserializeOwned>(operation: &'static str, body: &[u8]) -> Result<T> {
    // The parser's own words are dropped: they may quote what it read.
    serde_json::from_slice(body).map_err(|_| unreadable(operation))
}

fn unreadable(operation: &'static str) -> Error {
    let message = "the answer is not what a Kubernetes API server gives";
    Error::new(ErrorKind::InvalidPayload, operation, message)
}
