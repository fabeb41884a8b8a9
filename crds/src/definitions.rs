//! Builds the CustomResourceDefinitions of the four kinds, with the schemas of the providers that are built in.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceStatus,
    CustomResourceSubresources, CustomResourceValidation, JSONSchemaProps,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::names::{COMPONENT_CONTROLLER, LABEL_COMPONENT, OLD_VERSION};
use crate::structural::{structural, without_null};
use crate::{
    ClusterExternalSecret, ClusterSecretStore, ExternalSecret, SecretLease, SecretStore, SyncPolicy,
};

/// Where the schemas of the providers are.
const PROVIDERS: &str = "/properties/spec/properties/provider/properties";

/// The only field that upstream allows to be null.
const NULLABLE: &str = "/properties/status/properties/refreshTime";

/// A schema that Kubernetes does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the schema of {name} is not one that Kubernetes understands: {source}")]
pub struct DefinitionError {
    /// Name of the CustomResourceDefinition.
    pub name: String,
    /// What is wrong.
    pub source: serde_json::Error,
}

/// ExternalSecret, ClusterExternalSecret, SecretStore and ClusterSecretStore, in that order (spec section 1).
///
/// `provider_schemas` maps a key under `spec.provider` to the JSON schema of its settings. A key that upstream has and
/// that is not in the map takes any object; a key that upstream does not have is added.
///
/// # Errors
/// If a provider's schema is not a JSON schema of the kind that Kubernetes uses.
pub fn definitions(
    provider_schemas: &BTreeMap<String, Value>,
) -> Result<Vec<CustomResourceDefinition>, DefinitionError> {
    [ExternalSecret::crd(), ClusterExternalSecret::crd(), SecretStore::crd(), ClusterSecretStore::crd()]
        .into_iter()
        .map(|derived| finished(derived, provider_schemas).map(without_required))
        .collect()
}

/// The kinds of our own: SecretLease and SyncPolicy.
///
/// # Errors
/// As [`definitions`].
pub fn own_definitions() -> Result<Vec<CustomResourceDefinition>, DefinitionError> {
    let definition = |derived| {
        let mut definition = finished(derived, &BTreeMap::new())?;
        // Upstream never had it: there is no old version.
        definition.spec.versions.retain(|version| version.name != OLD_VERSION);
        Ok(definition)
    };
    [SecretLease::crd(), SyncPolicy::crd()].into_iter().map(definition).collect()
}

/// The derived definition with what a derive cannot say.
fn finished(
    mut crd: CustomResourceDefinition,
    provider_schemas: &BTreeMap<String, Value>,
) -> Result<CustomResourceDefinition, DefinitionError> {
    let name = crd.metadata.name.clone().unwrap_or_default();
    let labels = crd.metadata.labels.get_or_insert_default();
    labels.insert(LABEL_COMPONENT.to_owned(), COMPONENT_CONTROLLER.to_owned());
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        let Some(derived) = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut()) else {
            continue;
        };
        *derived = serde_json::to_value(&*derived)
            .and_then(|schema| serde_json::from_value(completed(schema, provider_schemas)))
            .map_err(|source| DefinitionError { name: name.clone(), source })?;
    }
    crd.spec.versions.push(old_version());
    Ok(crd)
}

/// Upstream's schemas ask for nothing at their top: an object without a spec is stored, and told that it has none.
fn without_required(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut()) {
            schema.required = None;
        }
    }
    crd
}

fn completed(schema: Value, provider_schemas: &BTreeMap<String, Value>) -> Value {
    let mut schema = without_null(schema);
    if let Some(Value::Object(time)) = schema.pointer_mut(NULLABLE) {
        time.insert("nullable".to_owned(), true.into());
    }
    if let Some(Value::Object(providers)) = schema.pointer_mut(PROVIDERS) {
        for (name, settings) in provider_schemas {
            providers.insert(name.clone(), structural(settings.clone()));
        }
    }
    schema
}

/// The version that upgraded clusters may still list in `status.storedVersions`: present, so that the definition can
/// be applied over theirs, and never served.
fn old_version() -> CustomResourceDefinitionVersion {
    let open = JSONSchemaProps {
        type_: Some("object".to_owned()),
        x_kubernetes_preserve_unknown_fields: Some(true),
        ..JSONSchemaProps::default()
    };
    CustomResourceDefinitionVersion {
        name: OLD_VERSION.to_owned(),
        served: false,
        storage: false,
        deprecated: Some(true),
        schema: Some(CustomResourceValidation { open_api_v3_schema: Some(open) }),
        subresources: Some(CustomResourceSubresources {
            scale: None,
            status: Some(CustomResourceSubresourceStatus(json!({}))),
        }),
        ..CustomResourceDefinitionVersion::default()
    }
}
