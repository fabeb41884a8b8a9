//! Decides what a Secret becomes when something is pushed to it, and writes it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strongroom_provider_api::{
    Content, Deleted, Edit, Error, ErrorKind, Result, SecretBytes, WriteRequest, Written,
};

use crate::api::Secrets;

/// `metadata` of a PushSecret's entry (spec eso-providers D).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    api_version: String,
    kind: String,
    #[serde(default)]
    spec: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    target_merge_policy: MergePolicy,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// What becomes of labels and annotations that stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum MergePolicy {
    /// They stay beside ours.
    #[default]
    Merge,
    /// Ours take their place.
    Replace,
    /// They stay, and ours are left out.
    Ignore,
}

/// Makes the Secret `name` hold what `request` says. Whoever made it: upstream has no mark either, and users push into
/// Secrets that are there.
pub(crate) async fn written(api: &Secrets, name: &str, request: &WriteRequest) -> Result<Written> {
    let settings = settings(request.metadata.as_ref())?;
    let found = api.object(name).await?;
    let wanted = changed(found.clone(), name, &request.edit, &settings)?;
    match found {
        None => api.create(&wanted).await.map(|()| Written::Created),
        Some(found) if found == wanted => Ok(Written::Unchanged),
        Some(_) => api.replace(name, &wanted).await.map(|()| Written::Updated),
    }
}

/// Takes away the Secret `name`, or its key `property`; the last key takes the Secret with it.
pub(crate) async fn deleted(api: &Secrets, name: &str, property: Option<&str>) -> Result<Deleted> {
    let Some(mut found) = api.object(name).await? else { return Ok(Deleted::Absent) };
    if let Some(property) = property {
        let Some(data) = found.get_mut("data").and_then(Value::as_object_mut) else {
            return Ok(Deleted::Absent);
        };
        if data.remove(property).is_none() {
            return Ok(Deleted::Absent);
        }
        if !data.is_empty() {
            return api.replace(name, &found).await.map(|()| Deleted::Removed);
        }
    }
    let version = found.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    match api.delete(name, &version).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deleted::Absent),
        outcome => outcome.map(|()| Deleted::Removed),
    }
}

/// Whether there is a Secret `name`, with the key `property` where one is named.
pub(crate) async fn exists(api: &Secrets, name: &str, property: Option<&str>) -> Result<bool> {
    let Some(found) = api.object(name).await? else { return Ok(false) };
    let data = found.get("data");
    Ok(property.is_none_or(|property| data.is_some_and(|data| data.get(property).is_some())))
}

/// The Secret as it is to be. Its version goes with it, so that nobody's write in between is lost.
fn changed(found: Option<Value>, name: &str, edit: &Edit, settings: &Settings) -> Result<Value> {
    let mut object = match found {
        Some(Value::Object(found)) => found,
        Some(_) | None => Map::from_iter([
            ("apiVersion".to_owned(), json!("v1")),
            ("kind".to_owned(), json!("Secret")),
            ("type".to_owned(), json!("Opaque")),
            ("metadata".to_owned(), json!({ "name": name })),
        ]),
    };
    let data = match edit {
        Edit::Whole(Content::Fields(fields)) => encoded(fields.iter().map(|(key, value)| (key, value))),
        Edit::Whole(Content::Bytes(bytes)) => encoded(members(bytes)?.iter()),
        Edit::Properties(properties) => {
            let mut data = object.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
            data.extend(encoded(properties.iter()));
            data
        }
    };
    object.insert("data".to_owned(), Value::Object(data));
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        settings.apply(metadata);
    }
    Ok(Value::Object(object))
}

impl Settings {
    fn apply(&self, metadata: &mut Map<String, Value>) {
        for (field, ours) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            let theirs = metadata.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
            let mut all = match self.target_merge_policy {
                MergePolicy::Ignore => continue,
                MergePolicy::Merge => theirs,
                MergePolicy::Replace => Map::new(),
            };
            if !ours.is_empty() {
                all.extend(ours.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
                metadata.insert(field.to_owned(), Value::Object(all));
            }
        }
    }
}

fn encoded<'a>(fields: impl Iterator<Item = (&'a String, &'a SecretBytes)>) -> Map<String, Value> {
    fields.map(|(key, value)| (key.clone(), STANDARD.encode(value.expose()).into())).collect()
}

/// One value without a property can only be all keys at once: an object of texts, as a read without a property gives it.
fn members(bytes: &SecretBytes) -> Result<BTreeMap<String, SecretBytes>> {
    let texts: Option<BTreeMap<String, String>> = serde_json::from_slice(bytes.expose()).ok();
    let texts = texts.ok_or_else(|| {
        let message = "requires property in RemoteRef to push secret value if secret key is defined";
        Error::new(ErrorKind::InvalidPayload, "write", message)
    })?;
    Ok(texts.into_iter().map(|(key, text)| (key, SecretBytes::from(text))).collect())
}

fn settings(metadata: Option<&Value>) -> Result<Settings> {
    let Some(metadata) = metadata.filter(|metadata| !metadata.is_null()) else {
        return Ok(Settings::default());
    };
    let fault = |message: String| Error::new(ErrorKind::InvalidPayload, "write", message);
    let parsed = Metadata::deserialize(metadata).map_err(|_| {
        fault("metadata is not a PushSecretMetadata with labels, annotations, targetMergePolicy".to_owned())
    })?;
    if parsed.api_version != "kubernetes.external-secrets.io/v1alpha1" || parsed.kind != "PushSecretMetadata"
    {
        return Err(fault("metadata has another apiVersion or kind than PushSecretMetadata".to_owned()));
    }
    Ok(parsed.spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(spec: &Value) -> Value {
        let version = "kubernetes.external-secrets.io/v1alpha1";
        json!({ "apiVersion": version, "kind": "PushSecretMetadata", "spec": spec })
    }

    fn labels(policy: &str) -> Value {
        let metadata = spec(&json!({ "targetMergePolicy": policy, "labels": { "b": "2" } }));
        let settings = settings(Some(&metadata)).unwrap();
        let found = json!({ "metadata": { "labels": { "a": "1" }, "resourceVersion": "7" }, "type": "x" });
        let edit = Edit::Properties(BTreeMap::from([("k".to_owned(), "v".into())]));
        let changed = changed(Some(found), "s", &edit, &settings).unwrap();
        assert_eq!((&changed["data"], &changed["type"]), (&json!({ "k": "dg==" }), &json!("x")));
        assert_eq!(changed["metadata"]["resourceVersion"], "7");
        changed["metadata"]["labels"].clone()
    }

    #[test]
    fn labels_are_merged_replaced_or_left_as_the_policy_says() {
        assert_eq!(labels("Merge"), json!({ "a": "1", "b": "2" }));
        assert_eq!(labels("Replace"), json!({ "b": "2" }));
        assert_eq!(labels("Ignore"), json!({ "a": "1" }));
    }

    #[test]
    fn one_value_needs_a_property_unless_it_is_all_keys() {
        let whole = |text: &str| {
            let edit = Edit::Whole(Content::Bytes(text.into()));
            changed(None, "s", &edit, &Settings::default())
        };
        assert_eq!(whole(r#"{"a":"x"}"#).unwrap()["data"], json!({ "a": "eA==" }));
        for text in ["canary", r#"{"a":{}}"#, "[]"] {
            let error = whole(text).unwrap_err();
            assert!(error.message().contains("requires property") && !error.to_string().contains("canary"));
        }
    }

    #[test]
    fn other_metadata_is_refused() {
        for metadata in
            [json!({}), spec(&json!({ "remoteNamespace": "x" })), json!({ "apiVersion": "v1", "kind": "x" })]
        {
            assert_eq!(settings(Some(&metadata)).unwrap_err().kind(), ErrorKind::InvalidPayload);
        }
    }
}
