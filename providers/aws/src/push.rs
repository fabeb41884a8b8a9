//! What a PushSecret's `metadata` says of an entry, and what its value becomes (spec eso-providers C.3 and C.4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strongroom_provider_api::{Content, Edit, Error, ErrorKind, Result, SecretBytes};

use crate::document;
use crate::tags::MARK;

/// `metadata` of a PushSecret's entry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata<S> {
    api_version: String,
    kind: String,
    #[serde(default)]
    spec: S,
}

/// For Secrets Manager.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretSettings {
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) secret_push_format: PushFormat,
    pub(crate) kms_key_id: Option<String>,
    resource_policy: Option<Value>,
    replication_locations: Option<Value>,
}

/// Which of the two forms of a secret a value becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PushFormat {
    /// `SecretBinary`
    #[default]
    Binary,
    /// `SecretString`
    String,
}

/// For the Parameter Store.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ParameterSettings {
    #[serde(default)]
    pub(crate) secret_type: ParameterType,
    #[serde(rename = "kmsKeyID")]
    pub(crate) kms_key_id: Option<String>,
    #[serde(default)]
    pub(crate) tier: Tier,
    #[serde(default)]
    pub(crate) encode_as_decoded: bool,
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) description: Option<String>,
}

/// How a parameter is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum ParameterType {
    /// In plain text.
    #[default]
    String,
    /// In plain text, as a list.
    StringList,
    /// Encrypted.
    SecureString,
}

/// Which tier a parameter belongs to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    #[serde(rename = "type")]
    pub(crate) kind: Option<TierType>,
    /// Policies of an advanced parameter.
    pub(crate) policies: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum TierType {
    Standard,
    Advanced,
    #[serde(alias = "Intelligent-Tiering")]
    Intelligent,
}

impl ParameterType {
    /// AWS's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

impl SecretSettings {
    /// # Errors
    /// `InvalidPayload` for metadata that cannot be read, `Unsupported` for what is not built in.
    pub(crate) fn read(metadata: Option<&Value>) -> Result<Self> {
        let settings: Self = parsed(metadata)?;
        for (field, given) in [
            ("resourcePolicy", settings.resource_policy.is_some()),
            ("replicationLocations", settings.replication_locations.is_some()),
        ] {
            if given {
                let message = format!("metadata.spec.{field} is not supported");
                return Err(Error::new(ErrorKind::Unsupported, "write", message));
            }
        }
        check_tags(settings.tags.as_ref())?;
        Ok(settings)
    }
}

impl ParameterSettings {
    /// # Errors
    /// `InvalidPayload` for metadata that cannot be read.
    pub(crate) fn read(metadata: Option<&Value>) -> Result<Self> {
        let settings: Self = parsed(metadata)?;
        check_tags(settings.tags.as_ref())?;
        Ok(settings)
    }
}

/// The value that `edit` makes of `current`. With `encoded`, all keys of a Secret stay base64, as upstream's do.
pub(crate) fn wanted(edit: &Edit, current: Option<&SecretBytes>, encoded: bool) -> Result<SecretBytes> {
    match edit {
        Edit::Whole(Content::Bytes(bytes)) => Ok(bytes.clone()),
        Edit::Whole(Content::Fields(fields)) => whole(fields, encoded),
        Edit::Properties(properties) => {
            let is_set = |(name, value): (&String, &SecretBytes)| {
                current.and_then(|current| document::property(current, name)).as_ref() == Some(value)
            };
            if let Some(current) = current.filter(|_| properties.iter().all(is_set)) {
                return Ok(current.clone());
            }
            let mut value = current.cloned();
            for (name, property) in properties {
                value = Some(document::with(value.as_ref(), name, property)?);
            }
            value.ok_or_else(|| unusable("no property is named".to_owned()))
        }
    }
}

fn whole(fields: &[(String, SecretBytes)], encoded: bool) -> Result<SecretBytes> {
    if encoded {
        let texts: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name, zeroize::Zeroizing::new(STANDARD.encode(value.expose()))))
            .collect();
        return Ok(document::of_texts(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))));
    }
    let text = |(name, value): &'_ (String, SecretBytes)| {
        let message = || format!("the value of key {name:?} is not UTF-8 text, and JSON holds text");
        value.expose_str().map(drop).ok_or_else(|| unusable(message()))
    };
    fields.iter().try_for_each(text)?;
    let texts = fields.iter().filter_map(|(name, value)| Some((name.as_str(), value.expose_str()?)));
    Ok(document::of_texts(texts))
}

fn parsed<S: Default + DeserializeOwned>(metadata: Option<&Value>) -> Result<S> {
    let Some(metadata) = metadata.filter(|metadata| !metadata.is_null()) else { return Ok(S::default()) };
    let parsed = Metadata::<S>::deserialize(metadata).map_err(|_| {
        unusable("metadata is not a PushSecretMetadata with settings of this service".to_owned())
    })?;
    if parsed.api_version != "kubernetes.external-secrets.io/v1alpha1" || parsed.kind != "PushSecretMetadata"
    {
        return Err(unusable("metadata has another apiVersion or kind than PushSecretMetadata".to_owned()));
    }
    Ok(parsed.spec)
}

fn check_tags(tags: Option<&BTreeMap<String, String>>) -> Result<()> {
    if tags.is_some_and(|tags| tags.contains_key(MARK.0)) {
        return Err(unusable(format!("metadata.spec.tags must not hold {:?}, which is ours", MARK.0)));
    }
    Ok(())
}

pub(crate) fn unusable(message: String) -> Error {
    Error::new(ErrorKind::InvalidPayload, "write", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(spec: &Value) -> Value {
        let version = "kubernetes.external-secrets.io/v1alpha1";
        json!({ "apiVersion": version, "kind": "PushSecretMetadata", "spec": spec })
    }

    #[test]
    fn settings_are_read_and_what_is_unknown_is_refused() {
        let given = spec(&json!({ "secretPushFormat": "string", "kmsKeyId": "k", "tags": { "a": "1" } }));
        let settings = SecretSettings::read(Some(&given)).unwrap();
        assert_eq!(
            (settings.secret_push_format, settings.kms_key_id.as_deref()),
            (PushFormat::String, Some("k"))
        );
        let given = spec(&json!({ "secretType": "SecureString", "tier": { "type": "Advanced" } }));
        assert_eq!(ParameterSettings::read(Some(&given)).unwrap().secret_type, ParameterType::SecureString);
        for (wrong, kind) in [
            (json!({}), ErrorKind::InvalidPayload),
            (json!({ "apiVersion": "v1", "kind": "x" }), ErrorKind::InvalidPayload),
            (spec(&json!({ "secretType": "String" })), ErrorKind::InvalidPayload),
            (spec(&json!({ "tags": { "managed-by": "me" } })), ErrorKind::InvalidPayload),
            (spec(&json!({ "resourcePolicy": {} })), ErrorKind::Unsupported),
        ] {
            assert_eq!(SecretSettings::read(Some(&wrong)).unwrap_err().kind(), kind, "{wrong}");
        }
    }

    #[test]
    fn all_keys_become_an_object_of_texts_or_of_base64() {
        let fields =
            |value: &[u8]| Edit::Whole(Content::Fields(vec![("k".to_owned(), value.to_vec().into())]));
        let made =
            |edit, encoded| wanted(&edit, None, encoded).map(|text| text.expose_str().unwrap().to_owned());
        assert_eq!(made(fields(b"<x>"), false).unwrap(), r#"{"k":"<x>"}"#);
        assert_eq!(made(fields(b"x"), true).unwrap(), r#"{"k":"eA=="}"#);
        assert_eq!(made(fields(&[0xff]), false).unwrap_err().kind(), ErrorKind::InvalidPayload);
        assert_eq!(made(fields(&[0xff]), true).unwrap(), r#"{"k":"/w=="}"#);
    }

    #[test]
    fn a_property_that_is_set_already_leaves_every_byte() {
        let current = SecretBytes::from(r#"{ "a": "x" }"#);
        let edit = Edit::Properties(BTreeMap::from([("a".to_owned(), "x".into())]));
        assert_eq!(wanted(&edit, Some(&current), false).unwrap(), current);
    }
}
