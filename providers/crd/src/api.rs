//! The API server's endpoints for one kind of object: one function for each.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_provider_api::{Error, ErrorKind, Result};
use strongroom_provider_kit::remote_cluster::{Ask, NamePage, RemoteCluster, encoded};
use tokio::sync::Mutex;

use crate::config::CrdResource;

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Objects {
    cluster: RemoteCluster,
    resource: CrdResource,
    /// Found out at the first call: how the API server calls the kind. Locked while it is asked.
    served: Mutex<Option<Served>>,
}

/// How the API server serves the kind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Served {
    /// The name in its paths: the plural.
    name: String,
    kind: String,
    pub(crate) namespaced: bool,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Served>,
}

impl Objects {
    pub(crate) fn new(cluster: RemoteCluster, resource: CrdResource) -> Self {
        Self { cluster, resource, served: Mutex::default() }
    }

    /// How the kind is served.
    ///
    /// # Errors
    /// `InvalidConfig` where the API server does not serve it.
    pub(crate) async fn served(&self) -> Result<Served> {
        let mut known = self.served.lock().await;
        if let Some(served) = known.as_ref() {
            return Ok(served.clone());
        }
        let served = self.discovered().await?;
        *known = Some(served.clone());
        Ok(served)
    }

    /// A definition that was made anew may be served otherwise.
    pub(crate) async fn forget(&self) {
        *self.served.lock().await = None;
    }

    async fn discovered(&self) -> Result<Served> {
        let ask = Ask::get("GetAPIResources", "find the kind", self.resource.root());
        let answer = self.cluster.answer(&ask).await.map_err(|error| match error.kind() {
            ErrorKind::InvalidConfig | ErrorKind::NotFound => {
                self.unknown("group and version are not served")
            }
            _ => error,
        })?;
        let list: ResourceList = serde_json::from_slice(&answer.body).map_err(|_| {
            let message = "the answer is not what a Kubernetes API server gives";
            Error::new(ErrorKind::InvalidPayload, "find the kind", message)
        })?;
        // What has a slash in its name is a part of an object, such as its status.
        let mut kinds = list.resources.into_iter().filter(|it| !it.name.contains('/'));
        kinds.find(|it| it.kind == self.resource.kind).ok_or_else(|| self.unknown("there is no such kind"))
    }

    fn unknown(&self, what: &str) -> Error {
        let CrdResource { kind, .. } = &self.resource;
        let message =
            format!("resource {kind} of {}: {what} by the API server", self.resource.group_version());
        Error::new(ErrorKind::InvalidConfig, "find the kind", message)
    }

    /// The object `name`; `namespace` is empty where the kind has none.
    pub(crate) async fn get(&self, served: &Served, namespace: &str, name: &str) -> Result<Value> {
        let path = format!("{}/{}", self.path(served, namespace), encoded(name));
        let object = self.cluster.object(&Ask::get("GetObject", "read", path)).await?;
        if object.get("kind").and_then(Value::as_str) == Some(served.kind.as_str()) {
            return Ok(object);
        }
        let message = "the answer is not what a Kubernetes API server gives";
        Err(Error::new(ErrorKind::InvalidPayload, "read", message))
    }

    /// The names of those that carry all of `labels`, from `next` on; in all namespaces where `namespace` is empty.
    pub(crate) async fn names(
        &self,
        served: &Served,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        next: &str,
    ) -> Result<NamePage> {
        self.cluster.names("ListObjects", &self.path(served, namespace), labels, next).await
    }

    /// Whether the API server would let whoever asks read them; everywhere, where `namespace` is empty.
    pub(crate) async fn are_readable(&self, served: &Served, namespace: &str) -> Result<bool> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": "get", "group": self.resource.group, "version": self.resource.version,
                "resource": served.name, "namespace": namespace,
            } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let ask = Ask::get("CreateSelfSubjectAccessReview", "check the rights", path);
        let answer = self.cluster.object(&ask.sending(Method::POST, &review)).await?;
        Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
    }

    fn path(&self, served: &Served, namespace: &str) -> String {
        let root = self.resource.root();
        match namespace {
            "" => format!("{root}/{}", served.name),
            namespace => format!("{root}/namespaces/{namespace}/{}", served.name),
        }
    }
}
