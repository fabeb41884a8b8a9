//! What a generic target looks like: the content laid over what is there. Pure.

use kube::core::DynamicObject;
use serde_json::{Map, Value, json};
use strongroom_crds::CreationPolicy;

use super::super::desired::Desired;
use super::super::render;
use super::content::{GenericContent, Put};
use crate::kube_io::ManifestKind;

/// The target as it should be, given what is there. Under the merging policies everything that is not ours stays;
/// under the others the object's content is replaced. Status, finalizers and foreign metadata stay always.
///
/// Gives nothing if the object has neither `spec` nor `data` to claim.
pub(super) fn rendered(
    existing: Option<&DynamicObject>,
    kind: &ManifestKind,
    desired: &Desired<GenericContent>,
) -> Option<DynamicObject> {
    let mut object = existing.cloned().unwrap_or_else(|| kind.empty(&desired.key));
    if let Some(existing) = existing {
        render::remove_stale_metadata(&mut object.metadata, &existing.metadata, &desired.manager);
    }
    let merges = matches!(desired.policy, CreationPolicy::Merge | CreationPolicy::CreateOrMerge);
    if !merges || existing.is_none() {
        object.data = emptied(object.data, kind);
    }
    for Put { path, value, merges } in &desired.content.puts {
        path.put(&mut object.data, |place| put(place, value, *merges));
    }
    let meta = &mut object.metadata;
    meta.labels.get_or_insert_default().extend(desired.content.labels.clone());
    meta.annotations.get_or_insert_default().extend(desired.content.annotations.clone());
    let hash = crate::hash::manifest(&object.data)?;
    render::claim(&mut object.metadata, desired, hash);
    Some(object)
}

/// Only what is not content: the API server's own part of the object.
fn emptied(data: Value, kind: &ManifestKind) -> Value {
    let container = if kind.is_config_map() { "data" } else { "spec" };
    let mut kept = Map::new();
    if let Value::Object(mut members) = data {
        kept.extend(members.remove_entry("status"));
    }
    kept.insert(container.to_owned(), json!({}));
    Value::Object(kept)
}

fn put(place: &mut Value, value: &Value, merges: bool) {
    match (place, value) {
        (Value::Object(there), Value::Object(new)) if merges => there.extend(new.clone()),
        (place, value) => *place = value.clone(),
    }
}
