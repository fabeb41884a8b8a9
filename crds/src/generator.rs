//! Owns the kinds of the generators' group: definitions for all of upstream's, a type for GeneratorState.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, CustomResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::definitions::DefinitionError;
use crate::names::{
    CATEGORY, CATEGORY_GENERATORS, COMPONENT_CONTROLLER, GENERATOR_GROUP, GENERATOR_VERSION, LABEL_COMPONENT,
};
use crate::source_ref::GeneratorKind;
use crate::structural::{structural, without_null};

/// What is to be undone when generated values are not needed any more (spec eso-core 6.3).
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "GeneratorState",
    plural = "generatorstates",
    shortname = "gs",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    derive = "PartialEq",
    doc = "A GeneratorState remembers what a generator made, so that it can be undone. It holds no secret.",
    printcolumn = r#"{"name":"GC Deadline","type":"string","jsonPath":".spec.garbageCollectionDeadline"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct GeneratorStateSpec {
    /// When it is deleted, and what it stands for undone. Absent means that it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garbage_collection_deadline: Option<Time>,
    /// The generator as it was.
    #[schemars(schema_with = "any")]
    pub resource: Value,
    /// What the generator remembers.
    #[schemars(schema_with = "any")]
    pub state: Value,
}

fn any(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// The schema of a generator that is built in.
#[derive(Clone, Debug)]
pub struct GeneratorSchema {
    /// The API group.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// JSON schema of its spec.
    pub spec: Value,
}

/// ClusterGenerator, GeneratorState, upstream's seventeen kinds and what is built in besides, in the order of
/// [`GeneratorKind::UPSTREAM`]. A kind that is not in `built_in` takes any object.
///
/// # Errors
/// If a schema is not a JSON schema of the kind that Kubernetes uses.
pub fn generator_definitions(
    built_in: &[GeneratorSchema],
) -> Result<Vec<CustomResourceDefinition>, DefinitionError> {
    let kinds = GeneratorKind::UPSTREAM.iter().map(|kind| kind.as_str());
    let upstream = kinds.map(|kind| match kind {
        "ClusterGenerator" => definition(GENERATOR_GROUP, kind, "Cluster", &cluster_generator(built_in)),
        kind => definition(GENERATOR_GROUP, kind, "Namespaced", &spec_of(built_in, kind)),
    });
    let own = built_in.iter().filter(|schema| schema.group != GENERATOR_GROUP);
    let own = own.map(|own| definition(own.group, own.kind, "Namespaced", &structural(own.spec.clone())));
    std::iter::once(generator_state()).chain(upstream).chain(own).collect()
}

/// The member of `spec.generator` that a ClusterGenerator of `kind` fills, for example `passwordSpec`.
pub fn cluster_member(kind: &str) -> String {
    // Go's capitals: the leading run of them is one word, and its last letter begins the next.
    let capitals = kind.bytes().take_while(u8::is_ascii_uppercase).count();
    let word = if capitals > 1 && capitals < kind.len() { capitals - 1 } else { capitals };
    let (word, rest) = kind.split_at_checked(word).unwrap_or((kind, ""));
    format!("{}{rest}Spec", word.to_ascii_lowercase())
}

/// The plural of a generator's kind, by which the API server names it in paths.
pub fn generator_plural(kind: &str) -> String {
    format!("{}s", kind.to_ascii_lowercase())
}

fn spec_of(built_in: &[GeneratorSchema], kind: &str) -> Value {
    let known = built_in.iter().find(|schema| schema.kind == kind);
    known.map_or_else(
        || json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
        |known| structural(known.spec.clone()),
    )
}

fn cluster_generator(built_in: &[GeneratorSchema]) -> Value {
    let upstream =
        GeneratorKind::UPSTREAM.into_iter().filter(|kind| *kind != GeneratorKind::ClusterGenerator);
    // Of our own only those that are built in: there is nothing to be had from the others.
    let is_built_in = |kind: &GeneratorKind| built_in.iter().any(|schema| schema.kind == kind.as_str());
    let own = GeneratorKind::OWN.into_iter().filter(is_built_in);
    let kinds: Vec<_> = upstream.chain(own).collect();
    let members: serde_json::Map<_, _> =
        kinds.iter().map(|kind| (cluster_member(kind.as_str()), spec_of(built_in, kind.as_str()))).collect();
    json!({
        "type": "object",
        "required": ["generator", "kind"],
        "properties": {
            "kind": { "type": "string", "enum": kinds, "description": "Kind of the generator." },
            "generator": {
                "type": "object",
                "description": "The generator's spec, under the one member that belongs to the kind.",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": members,
            },
        },
    })
}

fn definition(
    group: &str,
    kind: &str,
    scope: &str,
    spec: &Value,
) -> Result<CustomResourceDefinition, DefinitionError> {
    let plural = generator_plural(kind);
    let name = format!("{plural}.{group}");
    let text = |text: &str| json!({ "type": "string", "description": text });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": name, "labels": { LABEL_COMPONENT: COMPONENT_CONTROLLER } },
        "spec": {
            "group": group,
            "scope": scope,
            "names": {
                "categories": [CATEGORY, CATEGORY_GENERATORS],
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_ascii_lowercase(),
            },
            "versions": [{
                "name": GENERATOR_VERSION,
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "description": format!("{kind}: a generator of fresh values."),
                    "properties": {
                        "apiVersion": text("Group and version of the API."),
                        "kind": text("Kind of the object."),
                        "metadata": { "type": "object" },
                        "spec": spec,
                        "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                    },
                }},
            }],
        },
    });
    serde_json::from_value(definition).map_err(|source| DefinitionError { name, source })
}

fn generator_state() -> Result<CustomResourceDefinition, DefinitionError> {
    let mut definition = GeneratorState::crd();
    let labels = definition.metadata.labels.get_or_insert_default();
    labels.insert(LABEL_COMPONENT.to_owned(), COMPONENT_CONTROLLER.to_owned());
    definition.spec.names.list_kind = Some("GeneratorStateList".to_owned());
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut()) else {
            continue;
        };
        *schema = serde_json::to_value(&*schema)
            .and_then(|derived| serde_json::from_value(without_null(derived)))
            .map_err(|source| DefinitionError { name: "generatorstates".to_owned(), source })?;
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_cluster_generator_are_spelled_as_upstreams() {
        let members: Vec<_> =
            GeneratorKind::UPSTREAM.iter().map(|kind| cluster_member(kind.as_str())).collect();
        let expected = [
            "acrAccessTokenSpec",
            "beyondtrustWorkloadCredentialsDynamicSecretSpec",
            "clusterGeneratorSpec",
            "cloudsmithAccessTokenSpec",
            "ecrAuthorizationTokenSpec",
            "fakeSpec",
            "gcrAccessTokenSpec",
            "githubAccessTokenSpec",
            "gitlabDeployTokenSpec",
            "quayAccessTokenSpec",
            "passwordSpec",
            "sshKeySpec",
            "stsSessionTokenSpec",
            "uuidSpec",
            "vaultDynamicSecretSpec",
            "webhookSpec",
            "grafanaSpec",
            "mfaSpec",
        ];
        assert_eq!(members, expected);
    }

    #[test]
    fn every_kind_is_defined_with_upstreams_names() {
        let definitions = generator_definitions(&[]).unwrap();
        assert_eq!(definitions.len(), 19);
        for definition in &definitions {
            let (name, spec) = (definition.metadata.name.as_deref().unwrap(), &definition.spec);
            assert_eq!(name, format!("{}.{GENERATOR_GROUP}", spec.names.plural));
            assert_eq!(spec.names.plural, format!("{}s", spec.names.kind.to_lowercase()));
            let categories = [CATEGORY.to_owned(), CATEGORY_GENERATORS.to_owned()];
            assert_eq!(spec.names.categories.as_deref().unwrap(), categories, "{name}");
            assert_eq!(spec.scope == "Cluster", spec.names.kind == "ClusterGenerator", "{name}");
            let has_status = spec.versions[0].subresources.is_some();
            assert_eq!(has_status, spec.names.kind != "GeneratorState", "{name}");
        }
        let state = &definitions[0].spec;
        assert_eq!(state.names.short_names.as_deref().unwrap(), ["gs".to_owned()]);
        let columns = state.versions[0].additional_printer_columns.iter().flatten();
        assert_eq!(columns.map(|column| column.name.as_str()).collect::<Vec<_>>(), ["GC Deadline", "Age"]);
    }

    #[test]
    fn what_is_built_in_brings_its_schema_twice_and_the_rest_takes_anything() {
        let spec = json!({ "type": "object", "properties": { "length": { "type": "integer" } } });
        let own = GeneratorSchema { group: "own.example", kind: "Own", spec: spec.clone() };
        let password = GeneratorSchema { group: GENERATOR_GROUP, kind: "Password", spec };
        let definitions = generator_definitions(&[password, own]).unwrap();
        let schema = |name: &str, path: &str| -> Value {
            let found = definitions.iter().find(|it| it.metadata.name.as_deref() == Some(name)).unwrap();
            let schema = serde_json::to_value(&found.spec.versions[0].schema).unwrap();
            schema.pointer(&format!("/openAPIV3Schema/properties/spec{path}")).cloned().unwrap_or_default()
        };
        let length = "/properties/length/type";
        assert_eq!(schema("passwords.generators.external-secrets.io", length), "integer");
        assert_eq!(schema("owns.own.example", length), "integer");
        let member = format!("/properties/generator/properties/passwordSpec{length}");
        assert_eq!(schema("clustergenerators.generators.external-secrets.io", &member), "integer");
        let open = "/x-kubernetes-preserve-unknown-fields";
        assert_eq!(schema("grafanas.generators.external-secrets.io", open), true);
        assert_eq!(schema("passwords.generators.external-secrets.io", open), Value::Null);
    }
}
