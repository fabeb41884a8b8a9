//! A cluster's own description of its kinds, as files that kubeconform understands.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::{cluster::Cluster, testbed::Testbed};

/// One schema for each kind.
#[derive(Clone, Debug)]
pub struct Schemas {
    kubeconform: PathBuf,
    folder: PathBuf,
}

impl Schemas {
    /// Those of `cluster`, in the folder `name` of the test bed's files.
    pub async fn of(testbed: &Testbed, cluster: &Cluster, name: &str) -> Result<Self> {
        let (good, described, said) = cluster.kubectl(&["get", "--raw", "/openapi/v2"]).await?;
        ensure!(good, "the cluster does not describe itself: {said}");
        let mut described: Value = serde_json::from_str(&described)?;
        let definitions = described["definitions"].as_object_mut().context("no definitions")?;
        let folder = testbed.run_dir.join(name);
        std::fs::create_dir_all(&folder)?;
        for (name, definition) in definitions.iter_mut() {
            let kinds = definition["x-kubernetes-group-version-kind"].as_array().cloned();
            for kind in kinds.into_iter().flatten() {
                let schema = json!({ "$ref": format!("all.json#/definitions/{name}") });
                std::fs::write(folder.join(file(&kind)), schema.to_string())?;
            }
            close(definition);
        }
        definitions.insert(
            "io.k8s.apimachinery.pkg.api.resource.Quantity".to_owned(),
            json!({ "type": ["string", "number", "null"] }),
        );
        std::fs::write(folder.join("all.json"), json!({ "definitions": definitions }).to_string())?;
        Ok(Self { kubeconform: testbed.kubeconform.clone(), folder })
    }

    /// What kubeconform says about the documents of `manifests`, and whether it has nothing against them: neither a field
    /// that the cluster does not know nor a kind.
    pub async fn judge(&self, manifests: &Path) -> Result<(bool, String)> {
        let files = self.folder.join("{{ .Group }}_{{ .ResourceAPIVersion }}_{{ .ResourceKind }}.json");
        let output = Command::new(&self.kubeconform)
            .args(["-strict", "-summary", "-schema-location"])
            .arg(files)
            .arg(manifests)
            .output()
            .await
            .with_context(|| format!("cannot run {}", self.kubeconform.display()))?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }
}

/// The name of a kind's file; kubeconform takes the version for the group where there is none.
fn file(kind: &Value) -> String {
    let text = |key: &str| kind[key].as_str().unwrap_or_default();
    let group = if text("group").is_empty() { text("version") } else { text("group") };
    format!("{group}_{}_{}.json", text("version"), text("kind").to_lowercase())
}

/// Lets nothing else into objects whose fields are listed, as the API server does where it is asked to be strict, and
/// `null` wherever a field may be left out.
fn close(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is_open = fields.contains_key("additionalProperties")
        || fields.get("x-kubernetes-preserve-unknown-fields").is_some_and(|open| open == true);
    if fields.contains_key("properties") && !is_open {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    let either = fields.get("format").is_some_and(|format| format == "int-or-string")
        || fields.contains_key("x-kubernetes-int-or-string");
    if either {
        fields.insert("type".to_owned(), json!(["string", "integer", "null"]));
    } else if let Some(Value::String(kind)) = fields.get("type").cloned() {
        fields.insert("type".to_owned(), json!([kind, "null"]));
    }
    // Formats of Go's numbers are none of JSON Schema's.
    fields.remove("format");
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        each(properties);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            close(inner);
        }
    }
}

fn each(properties: &mut Map<String, Value>) {
    properties.values_mut().for_each(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_with_listed_fields_are_closed_and_the_others_stay_open() {
        let mut schema = json!({ "type": "object", "properties": {
            "listed": { "type": "object", "properties": { "port": { "type": "string", "format": "int-or-string" } } },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
            "any": { "type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": true },
        } });
        close(&mut schema);
        assert_eq!(schema["additionalProperties"], false);
        let inner = &schema["properties"];
        assert_eq!(inner["listed"]["additionalProperties"], false);
        assert_eq!(inner["listed"]["properties"]["port"], json!({ "type": ["string", "integer", "null"] }));
        assert_eq!(inner["labels"]["additionalProperties"], json!({ "type": ["string", "null"] }));
        assert_eq!(inner["any"].get("additionalProperties"), None);
    }

    #[test]
    fn files_are_named_as_kubeconform_looks_for_them() {
        let kind = |group: &str| json!({ "group": group, "version": "v1", "kind": "Deployment" });
        assert_eq!(file(&kind("apps")), "apps_v1_deployment.json");
        assert_eq!(file(&kind("")), "v1_v1_deployment.json");
    }
}
