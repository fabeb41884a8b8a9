//! What the specification expects of labels, hashes and names, worked out independently of the controller.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha3::{Digest, Sha3_224};

/// Label of every Secret that is kept in step.
pub const MANAGED: &str = "reconcile.external-secrets.io/managed";
/// Label of a Secret owned by an ExternalSecret.
pub const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";
/// Annotation with the hash of a Secret's data.
pub const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";
/// Finalizer of an ExternalSecret that has something to clean up.
pub const FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";

const FIELD_MANAGER_PREFIX: &str = "externalsecrets.external-secrets.io/";
const LONGEST_FIELD_MANAGER: usize = 63;

/// Lower-case hexadecimal SHA3-224 of a text.
pub fn hash(text: &str) -> String {
    let hexadecimal =
        |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap_or_default());
    Sha3_224::digest(text.as_bytes()).iter().flat_map(hexadecimal).collect()
}

/// The data hash of a Secret, over its data in the text form Go prints a map of byte slices in.
pub fn data_hash<'a>(data: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let sorted: BTreeMap<&str, &[u8]> = data.into_iter().collect();
    let entries: Vec<String> = sorted
        .into_iter()
        .map(|(key, value)| {
            let bytes: Vec<String> = value.iter().map(u8::to_string).collect();
            format!("{key}:[{}]", bytes.join(" "))
        })
        .collect();
    hash(&format!("map[{}]", entries.join(" ")))
}

/// The `syncedResourceVersion` an object shows once its present state has been synced.
pub fn synced_resource_version(object: &Value) -> String {
    let metadata = &object["metadata"];
    let go_map = |field: &Value| {
        let sorted: BTreeMap<&String, &Value> =
            field.as_object().map(Map::iter).into_iter().flatten().collect();
        let entries: Vec<String> = sorted
            .into_iter()
            .map(|(key, value)| format!("{key}:{}", value.as_str().unwrap_or_default()))
            .collect();
        format!("map[{}]", entries.join(" "))
    };
    let text = format!(
        "{{annotations:{} labels:{}}}",
        go_map(&metadata["annotations"]),
        go_map(&metadata["labels"])
    );
    format!("{}-{}", metadata["generation"], hash(&text))
}

/// The `created-by` label of a Secret owned by this ExternalSecret.
pub fn created_by(namespace: &str, external_secret: &str) -> String {
    hash(&format!("{namespace}/{external_secret}"))
}

/// The field manager with which this ExternalSecret's Secret is written.
pub fn field_manager(external_secret: &str) -> String {
    let plain = format!("{FIELD_MANAGER_PREFIX}{external_secret}");
    if plain.len() <= LONGEST_FIELD_MANAGER {
        plain
    } else {
        format!("{FIELD_MANAGER_PREFIX}sha3/{}", hash(external_secret))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hashes_agree_with_the_recorded_vectors() {
        assert_eq!(hash("hello there"), "f78681ec611ebaeea0689bff6c7812a83ff98a7faba986d9af76c999");
        assert_eq!(
            data_hash([("username", b"admin".as_slice()), ("password", b"p4ss")]),
            "023474c9022d28454869c30faf4319e44505f2bdc6f67fc83420462e"
        );
        assert_eq!(data_hash([]), "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b");
        assert_eq!(
            data_hash([("a", b"".as_slice())]),
            "b4267d3031c382774d3148a47147cc308a0e534ac8381b5d58565df8"
        );
        assert_eq!(
            created_by("default", "example"),
            "5b1224068cc3cca5aa3071e518838346f821fe1761229559d4959980"
        );
    }

    #[test]
    fn the_synced_resource_version_covers_generation_labels_and_annotations() {
        let plain = json!({ "metadata": { "generation": 3 } });
        assert_eq!(
            synced_resource_version(&plain),
            "3-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
        );
        let marked = json!({ "metadata": {
            "generation": 1, "labels": { "app": "web" }, "annotations": { "b": "two", "a": "1" },
        } });
        assert_eq!(
            synced_resource_version(&marked),
            "1-bebf0a81b34c8ec8e86d07056a63e72d4b9d5d1464f0f34833dc939b"
        );
    }

    #[test]
    fn a_long_field_manager_becomes_a_hash() {
        assert_eq!(field_manager("app"), "externalsecrets.external-secrets.io/app");
        let longest = "n".repeat(27);
        assert_eq!(field_manager(&longest), format!("externalsecrets.external-secrets.io/{longest}"));
        let longer = "n".repeat(28);
        assert_eq!(
            field_manager(&longer),
            format!("externalsecrets.external-secrets.io/sha3/{}", hash(&longer))
        );
    }
}
