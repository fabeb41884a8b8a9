//! Owns `spec.target`: which object is written, under which policies, from which template.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::remote_ref::DecodingStrategy;
use crate::shapes::{KEY, NAME};

/// The object that an ExternalSecret writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its name. Absent means the name of the ExternalSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: Option<String>,
    /// Who makes and owns it.
    #[serde(default)]
    pub creation_policy: CreationPolicy,
    /// What becomes of it once the store has nothing any more.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Whether the Secret is made immutable. Absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Kind of the object, where it is not a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What it is rendered from. Absent means the fetched data as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

impl Target {
    /// Whether the object is a Secret: no manifest is given, or one that says `v1` `Secret`.
    pub fn is_secret(&self) -> bool {
        self.manifest.as_ref().is_none_or(|it| it.api_version == "v1" && it.kind == "Secret")
    }
}

/// Who makes and owns the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CreationPolicy {
    /// We make it and own it; it goes with the ExternalSecret.
    #[default]
    Owner,
    /// We make it; it stays when the ExternalSecret goes.
    Orphan,
    /// Somebody else makes it; we add our keys.
    Merge,
    /// Nothing is written.
    None,
    /// We make it where it is missing, and add our keys where it is not.
    CreateOrMerge,
}

/// What becomes of the target once the store has nothing any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// Our keys are removed, the object stays.
    Merge,
    /// It stays as it is.
    #[default]
    Retain,
}

/// Kind of a target that is not a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// API group and version.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Kind.
    #[schemars(length(min = 1))]
    pub kind: String,
}

/// What the target is rendered from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Type of the Secret.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The template engine.
    #[serde(default)]
    pub engine_version: EngineVersion,
    /// Labels, annotations and finalizers; once given, even empty, the ExternalSecret's own are not copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Whether fetched data stays beside rendered data.
    #[serde(default)]
    pub merge_policy: MergePolicy,
    /// Key to template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// Further templates, applied in order before `data`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template_from: Vec<TemplateFrom>,
}

/// The template engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EngineVersion {
    /// Go templates.
    #[default]
    #[serde(rename = "v2")]
    V2,
    /// Handlebars templates: an addition of ours, which upstream's definitions refuse.
    #[serde(rename = "handlebars")]
    Handlebars,
}

/// Whether fetched data stays beside rendered data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MergePolicy {
    /// Only rendered data, as soon as anything is rendered.
    #[default]
    Replace,
    /// Rendered data over fetched data.
    Merge,
}

/// Metadata of the target; values of labels and annotations are templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers to add; they are never removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

/// One further template: a ConfigMap, a Secret, or text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// Items of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// Items of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// A template that renders to keys and values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// Where the result goes: Data, Annotations or Labels in any case; a dotted path where the target is no Secret.
    #[serde(default = "data_target")]
    pub target: String,
    /// How each rendered value is decoded. Absent means None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_decoding_strategy: Option<DecodingStrategy>,
}

impl Default for TemplateFrom {
    fn default() -> Self {
        Self {
            config_map: None,
            secret: None,
            literal: None,
            target: data_target(),
            values_decoding_strategy: None,
        }
    }
}

fn data_target() -> String {
    "Data".to_owned()
}

/// Items of a ConfigMap or Secret in the namespace of the ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Which of its keys.
    pub items: Vec<TemplateItem>,
}

/// One key of a ConfigMap or Secret that holds a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub key: String,
    /// What the rendered text is.
    #[serde(default)]
    pub template_as: TemplateAs,
}

/// What a rendered text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TemplateAs {
    /// The value of the item's key.
    #[default]
    Values,
    /// A YAML mapping of keys to values.
    KeysAndValues,
}
