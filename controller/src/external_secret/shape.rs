//! What one entry's payload becomes: select, rewrite or convert keys, decode. Pure; the work is `templating`'s,
//! the order is upstream's (spec eso-core 2.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_crds as api;
use strongroom_provider_api::{Content, Dialect, MissingProperty, Payload, PropertyOrder, SecretBytes};
use strongroom_templating::engine::go_template::Environment;
use strongroom_templating::transform::decode::{self, DecodeError, DecodingStrategy};
use strongroom_templating::transform::keys::{self, ConversionStrategy, KeyError};
use strongroom_templating::transform::null_bytes::{self, NullByteError, NullBytePolicy};
use strongroom_templating::transform::rewrite::{
    self, ConflictPolicy, Merge, MergeStrategy, PriorityPolicy, Rewrite, RewriteError,
};
use strongroom_templating::transform::select::{self, JsonMap, SelectError};

use super::near::{self, Near};
use crate::random::SystemRandom;

/// Data of one entry, by key.
pub(super) type Shaped = BTreeMap<String, SecretBytes>;

/// Values on their way, as `templating` takes them.
type Values = BTreeMap<String, Vec<u8>>;

/// Why a payload cannot be shaped as asked. Names keys and properties, never a value.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShapeError {
    /// The property is absent, and in this provider's dialect that means the secret is.
    #[error("Secret does not exist: there is no property {0:?}{1}")]
    Missing(String, Near),
    /// The property is absent.
    #[error("cannot find secret data for key: {0:?}{1}")]
    NoProperty(String, Near),
    /// The payload is not of the form that is needed.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The same, in the words of upstream's providers that do not print a document again.
    #[error("unable to unmarshal secret: {0}")]
    Unmarshal(SelectError),
    /// A value cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A key cannot be a key of a Secret.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A value holds NUL bytes and must not.
    #[error(transparent)]
    NullByte(#[from] NullByteError),
    /// A rewrite cannot be carried out.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// A rewrite says nothing.
    #[error("a rewrite must have one of regexp, transform and merge")]
    EmptyRewrite,
}

/// `data[]`: one value under `secret_key`.
///
/// # Errors
/// An absent property, a value that cannot be decoded or holds NUL bytes.
pub(super) fn value(
    secret_key: &str,
    remote: &api::RemoteRef,
    payload: &Payload,
    dialect: Dialect,
) -> Result<Shaped, ShapeError> {
    let selected = selected(remote, payload, dialect)?;
    let decoded = decode::decode(decoding(remote.decoding_strategy), &selected)?;
    null_bytes::check(null_policy(remote.null_byte_policy), secret_key, &decoded)?;
    Ok(Shaped::from([(secret_key.to_owned(), SecretBytes::new(decoded))]))
}

/// `dataFrom[].extract`: every member of the payload, or of its property.
///
/// # Errors
/// As [`value`], and a payload without members, a key that cannot be one, a rewrite that fails.
pub(super) fn members(
    remote: &api::RemoteRef,
    rewrite: &[api::Rewrite],
    payload: &Payload,
    dialect: Dialect,
    now: Timestamp,
) -> Result<Shaped, ShapeError> {
    let values: Values = if let (Content::Fields(fields), None) = (&payload.content, property_of(remote)) {
        fields.iter().map(|(name, value)| (name.clone(), value.expose().to_vec())).collect()
    } else {
        let document = selected(remote, payload, dialect)?;
        match select::fields(&document, json_map(dialect)) {
            Err(_) if dialect.property == PropertyOrder::RawPath => {
                Values::from([("value".to_owned(), document)])
            }
            Err(error) if json_map(dialect) != JsonMap::Reserialised => {
                return Err(ShapeError::Unmarshal(error));
            }
            members => members?.into_iter().collect(),
        }
    };
    finish(
        values,
        rewrite,
        conversion(remote.conversion_strategy),
        decoding(remote.decoding_strategy),
        null_policy(remote.null_byte_policy),
        now,
    )
}

/// `dataFrom[].find`: the whole of every entry found, by name.
///
/// # Errors
/// As [`members`].
pub(super) fn matches(
    find: &api::Find,
    rewrite: &[api::Rewrite],
    payloads: &[(String, Arc<Payload>)],
    dialect: Dialect,
    now: Timestamp,
) -> Result<Shaped, ShapeError> {
    let conversion = conversion(find.conversion_strategy);
    let mut values: Values =
        payloads.iter().map(|(name, payload)| (name.clone(), whole(payload, dialect))).collect();
    if dialect.find_converts_keys {
        values = keys::convert(conversion, values)?;
    }
    finish(
        values,
        rewrite,
        conversion,
        decoding(find.decoding_strategy),
        null_policy(find.null_byte_policy),
        now,
    )
}

/// `dataFrom[].sourceRef.generatorRef`: what a generator made.
///
/// # Errors
/// A key that cannot be one, a rewrite that fails.
pub(super) fn generated(
    fields: &[(String, SecretBytes)],
    rewrite: &[api::Rewrite],
    now: Timestamp,
) -> Result<Shaped, ShapeError> {
    let values: Values = fields.iter().map(|(name, value)| (name.clone(), value.expose().to_vec())).collect();
    let values = keys::valid_keys(rewritten(values, rewrite, now)?)?;
    Ok(values.into_iter().map(|(key, value)| (key, SecretBytes::new(value))).collect())
}

/// `values` with their keys rewritten.
fn rewritten(values: Values, rewrite: &[api::Rewrite], now: Timestamp) -> Result<Values, ShapeError> {
    if rewrite.is_empty() {
        return Ok(values);
    }
    let mut environment = Environment { now, random: &mut SystemRandom };
    Ok(rewrite::rewrite(&operations(rewrite)?, values, &mut environment)?)
}

/// The common end of `extract` and `find`: keys are converted only where no rewrite is asked for.
fn finish(
    values: Values,
    rewrite: &[api::Rewrite],
    conversion: ConversionStrategy,
    decoding: DecodingStrategy,
    null_bytes: NullBytePolicy,
    now: Timestamp,
) -> Result<Shaped, ShapeError> {
    let values = if rewrite.is_empty() {
        keys::convert(conversion, values)?
    } else {
        rewritten(values, rewrite, now)?
    };
    let values = decode::decode_map(decoding, &keys::valid_keys(values)?)?;
    null_bytes::check_map(null_bytes, &values)?;
    Ok(values.into_iter().map(|(key, value)| (key, SecretBytes::new(value))).collect())
}

/// The payload, or its property where one is asked for.
fn selected(remote: &api::RemoteRef, payload: &Payload, dialect: Dialect) -> Result<Vec<u8>, ShapeError> {
    let order = property_order(dialect);
    let (Some(property), Some(order)) = (property_of(remote), order) else {
        return Ok(whole(payload, dialect));
    };
    let found = match &payload.content {
        Content::Fields(fields) => field(fields, property, dialect)?,
        Content::Bytes(bytes) => select::property(bytes.expose(), property, order, json_map(dialect))?,
    };
    found.ok_or_else(|| {
        let near = near::property(&payload.content, property);
        match dialect.missing_property {
            MissingProperty::NotFound => ShapeError::Missing(property.to_owned(), near),
            MissingProperty::InvalidPayload => ShapeError::NoProperty(property.to_owned(), near),
        }
    })
}

/// A field of that name, or what the path behind the first dot finds in the field before it.
fn field(
    fields: &[(String, SecretBytes)],
    property: &str,
    dialect: Dialect,
) -> Result<Option<Vec<u8>>, ShapeError> {
    let named =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.expose());
    if let Some(value) = named(property) {
        return Ok(Some(value.to_vec()));
    }
    let Some((name, path)) = property.split_once('.') else { return Ok(None) };
    let Some(value) = named(name) else { return Ok(None) };
    Ok(select::property(value, path, select::PropertyOrder::PathOnly, json_map(dialect))?)
}

fn property_of(remote: &api::RemoteRef) -> Option<&str> {
    remote.property.as_deref().filter(|property| !property.is_empty())
}

fn whole(payload: &Payload, dialect: Dialect) -> Vec<u8> {
    match &payload.content {
        Content::Bytes(bytes) if dialect.property == PropertyOrder::ByProvider => bytes.expose().to_vec(),
        Content::Bytes(bytes) => select::whole(bytes.expose(), json_map(dialect)),
        Content::Fields(fields) => {
            let members: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value.expose()).into()))
                .collect();
            select::whole(serde_json::Value::Object(members).to_string().as_bytes(), json_map(dialect))
        }
    }
}

// === the API's words in templating's terms ===

/// `None` where the provider has selected.
fn property_order(dialect: Dialect) -> Option<select::PropertyOrder> {
    match dialect.property {
        PropertyOrder::LiteralThenPath => Some(select::PropertyOrder::LiteralThenPath),
        PropertyOrder::PathOnly => Some(select::PropertyOrder::PathOnly),
        PropertyOrder::LiteralOnly => Some(select::PropertyOrder::LiteralOnly),
        PropertyOrder::RawPath => Some(select::PropertyOrder::RawPath),
        PropertyOrder::ByProvider => None,
    }
}

fn json_map(dialect: Dialect) -> JsonMap {
    match dialect.map {
        strongroom_provider_api::JsonMap::Reserialised => JsonMap::Reserialised,
        strongroom_provider_api::JsonMap::RawText => JsonMap::RawText,
        strongroom_provider_api::JsonMap::Quoted => JsonMap::Quoted,
    }
}

pub(super) fn decoding(strategy: Option<api::DecodingStrategy>) -> DecodingStrategy {
    match strategy {
        None | Some(api::DecodingStrategy::None) => DecodingStrategy::None,
        Some(api::DecodingStrategy::Auto) => DecodingStrategy::Auto,
        Some(api::DecodingStrategy::Base64) => DecodingStrategy::Base64,
        Some(api::DecodingStrategy::Base64Url) => DecodingStrategy::Base64URL,
    }
}

fn conversion(strategy: Option<api::ConversionStrategy>) -> ConversionStrategy {
    match strategy {
        None | Some(api::ConversionStrategy::Default) => ConversionStrategy::Default,
        Some(api::ConversionStrategy::Unicode) => ConversionStrategy::Unicode,
    }
}

fn null_policy(policy: Option<api::NullBytePolicy>) -> NullBytePolicy {
    match policy {
        None | Some(api::NullBytePolicy::Ignore) => NullBytePolicy::Ignore,
        Some(api::NullBytePolicy::Fail) => NullBytePolicy::Fail,
    }
}

fn operations(rewrites: &[api::Rewrite]) -> Result<Vec<Rewrite>, ShapeError> {
    rewrites
        .iter()
        .map(|operation| match operation {
            api::Rewrite { regexp: Some(regexp), .. } => {
                Ok(Rewrite::Regexp { source: regexp.source.clone(), target: regexp.target.clone() })
            }
            api::Rewrite { transform: Some(transform), .. } => {
                Ok(Rewrite::Transform { template: transform.template.clone() })
            }
            api::Rewrite { merge: Some(merge), .. } => Ok(Rewrite::Merge(merge_operation(merge))),
            api::Rewrite { regexp: None, transform: None, merge: None } => Err(ShapeError::EmptyRewrite),
        })
        .collect()
}

fn merge_operation(merge: &api::Merge) -> Merge {
    Merge {
        strategy: match merge.strategy {
            api::MergeStrategy::Extract => MergeStrategy::Extract,
            api::MergeStrategy::Json => MergeStrategy::Json,
        },
        into: merge.into.clone(),
        priority: merge.priority.clone(),
        priority_policy: match merge.priority_policy {
            api::PriorityPolicy::Strict => PriorityPolicy::Strict,
            api::PriorityPolicy::IgnoreNotFound => PriorityPolicy::IgnoreNotFound,
        },
        conflict_policy: match merge.conflict_policy {
            api::ConflictPolicy::Error => ConflictPolicy::Error,
            api::ConflictPolicy::Ignore => ConflictPolicy::Ignore,
        },
    }
}

#[cfg(test)]
mod tests {
    use strongroom_provider_api::{EmptySearch, FindRule, JsonMap};

    use super::*;

    /// How the kubernetes provider's payloads are read.
    const KUBERNETES: Dialect = Dialect {
        property: PropertyOrder::PathOnly,
        map: JsonMap::Quoted,
        missing_property: MissingProperty::InvalidPayload,
        empty_search: EmptySearch::NoData,
        find: FindRule::Free,
        find_converts_keys: true,
    };

    /// How the webhook provider's are.
    const WEBHOOK: Dialect =
        Dialect { property: PropertyOrder::ByProvider, map: JsonMap::Reserialised, ..KUBERNETES };

    fn secret() -> Payload {
        let fields = [("foo.png", "png"), ("config", r#"{"a":{"b":"x"},"n":1.0,"t":"<y>"}"#)];
        Payload::fields(fields.map(|(name, value)| (name.to_owned(), value.into())).to_vec())
    }

    fn asks(property: &str) -> api::RemoteRef {
        let property = Some(property.to_owned()).filter(|property| !property.is_empty());
        api::RemoteRef { key: "k".to_owned(), property, ..api::RemoteRef::default() }
    }

    fn one(property: &str, payload: &Payload, dialect: Dialect) -> Result<String, ShapeError> {
        let shaped = value("s", &asks(property), payload, dialect)?;
        Ok(shaped["s"].expose_str().unwrap().to_owned())
    }

    fn all(property: &str, payload: &Payload, dialect: Dialect) -> Vec<(String, String)> {
        let shaped = members(&asks(property), &[], payload, dialect, Timestamp::UNIX_EPOCH).unwrap();
        shaped.into_iter().map(|(key, value)| (key, value.expose_str().unwrap().to_owned())).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn row_33_a_field_of_the_whole_name_wins_over_a_path() {
        assert_eq!(one("foo.png", &secret(), KUBERNETES).unwrap(), "png");
        assert_eq!(one("config.a.b", &secret(), KUBERNETES).unwrap(), "x");
        for absent in ["foo", "foo.jpg", "config.z", "z.a"] {
            assert!(
                matches!(one(absent, &secret(), KUBERNETES), Err(ShapeError::NoProperty(..))),
                "{absent}"
            );
        }
    }

    #[test]
    fn fields_without_a_property_are_an_object_of_texts_without_escapes() {
        let whole = one("", &Payload::fields(vec![("a".to_owned(), "<x&>".into())]), KUBERNETES).unwrap();
        assert_eq!(whole, r#"{"a":"<x&>"}"#);
        let expected = pairs([("config", r#"{"a":{"b":"x"},"n":1.0,"t":"<y>"}"#), ("foo.png", "png")]);
        assert_eq!(all("", &secret(), KUBERNETES), expected);
    }

    #[test]
    fn row_34_metadata_is_given_whole_as_it_is() {
        let metadata = Payload::bytes(r#"{"annotations":{},"labels":{"dev":"<seb>"}}"#);
        assert_eq!(one("", &metadata, KUBERNETES).unwrap(), r#"{"annotations":{},"labels":{"dev":"<seb>"}}"#);
        assert_eq!(one("labels", &metadata, KUBERNETES).unwrap(), r#"{"dev":"<seb>"}"#);
        assert_eq!(one("labels.dev", &metadata, KUBERNETES).unwrap(), "<seb>");
    }

    #[test]
    fn row_35_texts_of_a_map_keep_their_quotes() {
        let metadata = Payload::bytes(r#"{"annotations":{},"labels":{"dev":"seb"}}"#);
        assert_eq!(all("labels", &metadata, KUBERNETES), pairs([("dev", r#""seb""#)]));
        assert_eq!(
            all("", &metadata, KUBERNETES),
            pairs([("annotations", "{}"), ("labels", r#"{"dev":"seb"}"#)])
        );
        let expected = pairs([("a", r#"{"b":"x"}"#), ("n", "1"), ("t", r#""<y>""#)]);
        assert_eq!(all("config", &secret(), KUBERNETES), expected);
    }

    #[test]
    fn a_raw_path_gives_json_text_and_what_has_no_members_is_one() {
        let crd = Dialect { property: PropertyOrder::RawPath, map: JsonMap::RawText, ..KUBERNETES };
        let object =
            Payload::bytes(r#"{"spec":{"user":"app","port":5432.0,"hosts":["a"],"more":{"a":"b"}}}"#);
        assert_eq!(one("spec.port", &object, crd).unwrap(), "5432.0");
        assert_eq!(all("spec.more", &object, crd), pairs([("a", "b")]));
        assert_eq!(all("spec.hosts", &object, crd), pairs([("value", r#"["a"]"#)]));
        assert_eq!(all("spec.user", &object, crd), pairs([("value", "app")]));
        assert!(matches!(one("spec.x", &object, crd), Err(ShapeError::NoProperty(..))));
    }

    #[test]
    fn what_is_no_object_is_told_in_the_words_of_the_provider() {
        let told = |dialect| {
            let payload = Payload::bytes("[\"canary\"]");
            let shaped = members(&asks(""), &[], &payload, dialect, Timestamp::UNIX_EPOCH);
            shaped.unwrap_err().to_string()
        };
        assert_eq!(told(WEBHOOK), "expected a JSON object, found array");
        let fake = Dialect { map: JsonMap::RawText, ..KUBERNETES };
        assert_eq!(told(fake), "unable to unmarshal secret: expected a JSON object, found array");
    }

    #[test]
    fn row_36_what_the_provider_has_selected_is_left_as_it_is() {
        let body = Payload::bytes(r#"{"b":"<x>", "a":1.50}"#);
        for property in ["", "b"] {
            assert_eq!(one(property, &body, WEBHOOK).unwrap(), r#"{"b":"<x>", "a":1.50}"#);
        }
        assert_eq!(all("b", &body, WEBHOOK), pairs([("a", "1.5"), ("b", "<x>")]));
    }
}
