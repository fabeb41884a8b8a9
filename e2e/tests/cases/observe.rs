//! What is seen of a case at one stage, in the shape of its expectation.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use strongroom_e2e::{
    cluster::{Cluster, Kind},
    observed::{data, metadata_map, refresh_time, resource_version},
};

/// Marks data that is not text.
pub(crate) const BASE64: &str = "base64:";

/// (Object, observation) → value.
pub(crate) type Seen = BTreeMap<(String, String), Value>;

/// What must be remembered from stage to stage.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Secret of the case → its resource version after its creation.
    pub(crate) made: HashMap<String, String>,
    /// ClusterSecretStores of the case.
    pub(crate) cluster_stores: Vec<String>,
    /// ExternalSecret → its refreshTime at the last look.
    refreshed: HashMap<String, String>,
}

impl Memory {
    /// Looks at everything in the namespace.
    pub(crate) async fn look(&self, cluster: &Cluster, namespace: &str) -> Result<Vec<Value>> {
        let mut objects = Vec::new();
        for kind in [Kind::Secret, Kind::ExternalSecret, Kind::SecretStore] {
            for mut object in cluster.list(kind, namespace, "").await? {
                object["kind"] = kind.name().into();
                objects.push(object);
            }
        }
        for name in &self.cluster_stores {
            objects.extend(cluster.find(Kind::ClusterSecretStore, "", name).await?);
        }
        Ok(objects)
    }

    /// The observations about these objects. Secrets that the case made and nobody touched are left out.
    pub(crate) fn seen(&self, objects: &[Value]) -> Result<Seen> {
        let mut seen = Seen::new();
        let (mut secrets, mut external_secrets) = (Vec::new(), Vec::new());
        for object in objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let kind = object["kind"].as_str().unwrap_or_default();
            let observations = match Kind::named(kind)? {
                Kind::Secret if self.made.get(name) == Some(&resource_version(object)) => continue,
                Kind::Secret => {
                    secrets.push(name);
                    secret(object)?
                }
                Kind::ExternalSecret => {
                    external_secrets.push(name);
                    self.external_secret(name, object)
                }
                _ => store(object),
            };
            let about = observations
                .into_iter()
                .map(|(observation, value)| ((format!("{kind}/{name}"), observation), value));
            seen.extend(about);
        }
        secrets.sort_unstable();
        external_secrets.sort_unstable();
        seen.insert(("namespace".into(), "secrets".into()), json!(secrets));
        seen.insert(("namespace".into(), "externalsecrets".into()), json!(external_secrets));
        Ok(seen)
    }

    fn external_secret(&self, name: &str, object: &Value) -> Vec<(String, Value)> {
        let status = &object["status"];
        let time = refresh_time(object);
        let moved = !time.is_empty() && self.refreshed.get(name) != Some(&time);
        vec![
            ("conditions".into(), conditions(object)),
            ("binding".into(), text_or_null(&status["binding"]["name"])),
            ("syncedResourceVersion".into(), text_or_null(&status["syncedResourceVersion"])),
            ("refreshTime".into(), (!time.is_empty()).into()),
            ("refreshed".into(), moved.into()),
            ("deleting".into(), (!object["metadata"]["deletionTimestamp"].is_null()).into()),
        ]
    }

    /// Remembers what the next stage is compared with.
    pub(crate) fn remember(&mut self, objects: &[Value]) {
        for object in objects.iter().filter(|object| object["kind"] == Kind::ExternalSecret.name()) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            self.refreshed.insert(name.to_owned(), refresh_time(object));
        }
    }
}

fn secret(object: &Value) -> Result<Vec<(String, Value)>> {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten().map(|owner| {
        json!([
            owner["apiVersion"],
            owner["kind"],
            owner["name"],
            owner["controller"] == true,
            owner["blockOwnerDeletion"] == true,
        ])
    });
    let mut observations = vec![
        ("type".to_owned(), object["type"].clone()),
        ("immutable".to_owned(), (object["immutable"] == true).into()),
        ("labels".to_owned(), json!(metadata_map(object, "labels"))),
        ("annotations".to_owned(), json!(metadata_map(object, "annotations"))),
        ("owners".to_owned(), owners.collect()),
    ];
    for (key, value) in data(object)? {
        let text = String::from_utf8(value)
            .unwrap_or_else(|error| format!("{BASE64}{}", STANDARD.encode(error.as_bytes())));
        observations.push((format!("data/{key}"), text.into()));
    }
    Ok(observations)
}

fn store(object: &Value) -> Vec<(String, Value)> {
    vec![
        ("conditions".into(), conditions(object)),
        ("capabilities".into(), text_or_null(&object["status"]["capabilities"])),
    ]
}

fn conditions(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.map(|condition| json!([condition["type"], condition["status"], condition["reason"]])).collect()
}

/// An empty text is as good as none.
fn text_or_null(value: &Value) -> Value {
    if value == "" { Value::Null } else { value.clone() }
}
