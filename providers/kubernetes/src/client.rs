//! The store client: a remote key is the name of a Secret.

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use strongroom_provider_api::{
    Aspect, Deleted, Error, ErrorKind, Health, Listed, Payload, RemoteKey, Result, Scope, StoreClient,
    WriteRequest, Written, is_dns_name,
};

use crate::api::{Secret, Secrets};
use crate::push;

/// A live handle for the Secrets of one namespace.
#[derive(Debug)]
pub(crate) struct KubernetesClient {
    pub(crate) api: Secrets,
}

#[async_trait]
impl StoreClient for KubernetesClient {
    async fn read(&self, key: &RemoteKey) -> Result<Payload> {
        let secret = self.api.get(legal(key)?).await.map_err(|error| error.with_key(&key.key))?;
        Ok(match key.aspect {
            Aspect::Value => value(secret),
            Aspect::Metadata => metadata(&secret),
        })
    }

    /// Paths are ignored, as upstream does: Secrets have no folders.
    fn list<'a>(&'a self, scope: &'a Scope) -> BoxStream<'a, Result<Listed>> {
        let pages = stream::try_unfold(Some(String::new()), move |next| async move {
            let Some(next) = next else { return Ok::<_, Error>(None) };
            let page = self.api.names(&scope.tags, &next).await?;
            let names = page.names.into_iter().map(|object| object.name);
            let listed = names.map(|name| Listed { key: RemoteKey::latest(&name), name });
            let rest = Some(page.next).filter(|next| !next.is_empty());
            Ok(Some((stream::iter(listed.map(Ok)), rest)))
        });
        pages.try_flatten().boxed()
    }

    async fn write(&self, key: &RemoteKey, request: &WriteRequest) -> Result<Written> {
        let written = push::written(&self.api, legal(key)?, request).await;
        written.map_err(|error| error.with_key(&key.key))
    }

    async fn delete(&self, key: &RemoteKey, property: Option<&str>) -> Result<Deleted> {
        let deleted = push::deleted(&self.api, legal(key)?, property).await;
        deleted.map_err(|error| error.with_key(&key.key))
    }

    async fn exists(&self, key: &RemoteKey, property: Option<&str>) -> Result<bool> {
        let exists = push::exists(&self.api, legal(key)?, property).await;
        exists.map_err(|error| error.with_key(&key.key))
    }

    async fn probe(&self) -> Result<Health> {
        if self.api.rules_allow().await? || self.api.access_allowed().await? {
            return Ok(Health::Ready);
        }
        let message = format!("client is not allowed to get secrets in namespace {:?}", self.api.namespace);
        Err(Error::new(ErrorKind::PermissionDenied, "check the rights", message))
    }
}

/// The name of a Secret. No Secret can bear another one, but that is a mistake, not absence.
fn legal(key: &RemoteKey) -> Result<&str> {
    if is_dns_name(&key.key) {
        return Ok(&key.key);
    }
    let message = "not a legal name of a Secret";
    Err(Error::new(ErrorKind::InvalidPayload, "name the Secret", message).with_key(&key.key))
}

fn value(secret: Secret) -> Payload {
    Payload::fields(secret.data.into_iter().collect()).with_version(secret.version)
}

fn metadata(secret: &Secret) -> Payload {
    let both = json!({ "annotations": secret.annotations, "labels": secret.labels });
    Payload::bytes(both.to_string()).with_version(secret.version.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn secret(labels: &[(&str, &str)]) -> Secret {
        Secret {
            data: BTreeMap::from([("foo.png".to_owned(), vec![0, 159, 146].into())]),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: BTreeMap::new(),
            version: "7".to_owned(),
        }
    }

    #[test]
    fn row_33_every_key_is_a_field_with_its_bytes() {
        let expected = Payload::fields(vec![("foo.png".to_owned(), vec![0, 159, 146].into())]);
        assert_eq!(value(secret(&[])), expected.with_version("7"));
    }

    #[test]
    fn row_34_labels_and_annotations_are_not_escaped() {
        let expected = Payload::bytes(r#"{"annotations":{},"labels":{"dev":"<seb>"}}"#).with_version("7");
        assert_eq!(metadata(&secret(&[("dev", "<seb>")])), expected);
    }
}
