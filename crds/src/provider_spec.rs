//! Owns `spec.provider` of a store: an opaque union of which exactly one member is set.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The settings of one provider under the provider's key; whatever is stored here reads without an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderSpec(pub Value);

/// Why no provider can be told from `spec.provider`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderSpecError {
    /// No key, or only keys without a value.
    #[error("spec.provider names no provider")]
    Missing,
    /// More than one key.
    #[error("spec.provider names {}: exactly one provider is allowed", .0.join(" and "))]
    Several(Vec<String>),
    /// Not a JSON object.
    #[error("spec.provider is not an object")]
    NotAnObject,
}

impl ProviderSpec {
    /// The settings of one provider.
    pub fn new(provider: &str, settings: Value) -> Self {
        Self(Value::Object(Map::from_iter([(provider.to_owned(), settings)])))
    }

    /// The one key and its settings; a key with a null counts as absent, as everywhere in Kubernetes.
    ///
    /// # Errors
    /// If there is no key, more than one (all are named), or no object at all.
    pub fn single(&self) -> Result<(&str, &Value), ProviderSpecError> {
        let Value::Object(members) = &self.0 else {
            return Err(ProviderSpecError::NotAnObject);
        };
        let mut present = members.iter().filter(|(_, settings)| !settings.is_null());
        let Some((name, settings)) = present.next() else {
            return Err(ProviderSpecError::Missing);
        };
        let further: Vec<String> = present.map(|(other, _)| other.clone()).collect();
        if further.is_empty() {
            return Ok((name, settings));
        }
        Err(ProviderSpecError::Several([vec![name.clone()], further].concat()))
    }
}

impl JsonSchema for ProviderSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ProviderSpec".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let members: Map<String, Value> =
            UPSTREAM_PROVIDERS.iter().map(|&name| (name.to_owned(), open_schema())).collect();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": members,
        })
    }
}

/// The schema of an object of which nothing is known.
pub(crate) fn open_schema() -> Value {
    serde_json::json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// Every key that upstream 2.9 knows under `spec.provider`, in the order of the alphabet.
pub const UPSTREAM_PROVIDERS: [&str; 43] = [
    "akeyless",
    "aws",
    "azurekv",
    "barbican",
    "beyondtrust",
    "beyondtrustworkloadcredentials",
    "bitwardensecretsmanager",
    "chef",
    "cloudrusm",
    "conjur",
    "crd",
    "delinea",
    "doppler",
    "dvls",
    "fake",
    "fortanix",
    "gcpsm",
    "github",
    "gitlab",
    "ibm",
    "infisical",
    "keepersecurity",
    "kubernetes",
    "nebiusmysterybox",
    "ngrok",
    "onboardbase",
    "onepassword",
    "onepasswordSDK",
    "openBao",
    "oracle",
    "ovh",
    "passbolt",
    "passworddepot",
    "previder",
    "pulumi",
    "scaleway",
    "secretserver",
    "senhasegura",
    "vault",
    "volcengine",
    "webhook",
    "yandexcertificatemanager",
    "yandexlockbox",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_one_key_is_found_with_its_settings() {
        let spec = ProviderSpec::new("vault", json!({ "server": "http://v" }));
        assert_eq!(spec.single(), Ok(("vault", &json!({ "server": "http://v" }))));
    }

    #[test]
    fn a_null_counts_as_absent() {
        let spec = ProviderSpec(json!({ "aws": null, "fake": {} }));
        assert_eq!(spec.single(), Ok(("fake", &json!({}))));
        assert_eq!(ProviderSpec(json!({ "aws": null })).single(), Err(ProviderSpecError::Missing));
    }

    #[test]
    fn every_one_of_several_keys_is_named() {
        let error = ProviderSpec(json!({ "vault": {}, "aws": {}, "fake": {} })).single().unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.provider names vault and aws and fake: exactly one provider is allowed"
        );
    }

    #[test]
    fn what_is_no_object_reads_and_is_refused_later() {
        for odd in [json!(null), json!("vault"), json!([{}]), json!(3)] {
            let spec: ProviderSpec = serde_json::from_value(odd.clone()).unwrap();
            assert_eq!(spec.single(), Err(ProviderSpecError::NotAnObject));
            assert_eq!(serde_json::to_value(&spec).unwrap(), odd);
        }
        assert_eq!(ProviderSpec(json!({})).single(), Err(ProviderSpecError::Missing));
    }

    #[test]
    fn the_keys_are_sorted_and_distinct() {
        let mut sorted = UPSTREAM_PROVIDERS;
        sorted.sort_by_key(|it| it.to_lowercase());
        assert_eq!(sorted, UPSTREAM_PROVIDERS);
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
