//! Owns the kind ClusterSecretStore: a SecretStore for the whole cluster, with the same spec and status.

use std::borrow::Cow;

use k8s_openapi::ClusterResourceScope;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ObjectMeta;
use kube::core::{ApiResource, object};
use kube::{CustomResourceExt, Resource};
use serde::{Deserialize, Serialize, Serializer};

use crate::names::{API_VERSION, GROUP, VERSION};
use crate::secret_store::{SecretStore, SecretStoreSpec, SecretStoreStatus};

const KIND: &str = "ClusterSecretStore";
const PLURAL: &str = "clustersecretstores";

/// A ClusterSecretStore is an external store that ExternalSecrets of any namespace may draw from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClusterSecretStore {
    /// Metadata of the object.
    pub metadata: ObjectMeta,
    /// Where entries are stored and how to get at them.
    pub spec: SecretStoreSpec,
    /// What is known of the store.
    #[serde(default)]
    pub status: Option<SecretStoreStatus>,
}

impl ClusterSecretStore {
    /// A store of that name, without a status.
    pub fn new(name: &str, spec: SecretStoreSpec) -> Self {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Self { metadata, spec, status: None }
    }
}

impl Serialize for ClusterSecretStore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Manifest<'a> {
            api_version: &'static str,
            kind: &'static str,
            metadata: &'a ObjectMeta,
            spec: &'a SecretStoreSpec,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<&'a SecretStoreStatus>,
        }
        Manifest {
            api_version: API_VERSION,
            kind: KIND,
            metadata: &self.metadata,
            spec: &self.spec,
            status: self.status.as_ref(),
        }
        .serialize(serializer)
    }
}

impl Resource for ClusterSecretStore {
    type DynamicType = ();
    type Scope = ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn api_version((): &()) -> Cow<'_, str> {
        API_VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl object::HasSpec for ClusterSecretStore {
    type Spec = SecretStoreSpec;

    fn spec(&self) -> &SecretStoreSpec {
        &self.spec
    }

    fn spec_mut(&mut self) -> &mut SecretStoreSpec {
        &mut self.spec
    }
}

impl object::HasStatus for ClusterSecretStore {
    type Status = SecretStoreStatus;

    fn status(&self) -> Option<&SecretStoreStatus> {
        self.status.as_ref()
    }

    fn status_mut(&mut self) -> &mut Option<SecretStoreStatus> {
        &mut self.status
    }
}

impl CustomResourceExt for ClusterSecretStore {
    fn crd() -> CustomResourceDefinition {
        let mut crd = SecretStore::crd();
        crd.metadata.name = Some(Self::crd_name().to_owned());
        KIND.clone_into(&mut crd.spec.names.kind);
        PLURAL.clone_into(&mut crd.spec.names.plural);
        crd.spec.names.singular = Some("clustersecretstore".to_owned());
        crd.spec.names.short_names = Some(Self::shortnames().iter().map(|&it| it.to_owned()).collect());
        "Cluster".clone_into(&mut crd.spec.scope);
        for version in &mut crd.spec.versions {
            if let Some(schema) = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut()) {
                schema.description = Some(
                    "A ClusterSecretStore is an external store that ExternalSecrets of any namespace may draw from."
                        .to_owned(),
                );
            }
        }
        crd
    }

    fn crd_name() -> &'static str {
        "clustersecretstores.external-secrets.io"
    }

    fn api_resource() -> ApiResource {
        ApiResource::erase::<Self>(&())
    }

    fn shortnames() -> &'static [&'static str] {
        &["css"]
    }
}
