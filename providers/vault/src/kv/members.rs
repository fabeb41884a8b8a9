//! `Members`: a value as named JSON texts, so that what is not changed keeps every digit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use strongroom_provider_api::{Result, SecretBytes};

use super::parsed;

/// The members of a JSON object, each as its JSON text; wiped on drop.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(pub(super) BTreeMap<String, SecretBytes>);

impl Members {
    /// The members of the JSON object in `text`.
    ///
    /// # Errors
    /// `InvalidPayload` where it is none.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let members: BTreeMap<String, &RawValue> = parsed(text)?;
        let owned = members.into_iter().map(|(name, value)| (name, SecretBytes::from(value.get())));
        Ok(Self(owned.collect()))
    }

    /// Whether both hold the same members with the same values, however they are written. Numbers are compared as
    /// floating-point numbers: a version 2 engine keeps no more of them, so digits that it has dropped must not
    /// look like a change at every comparison.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|(name, value)| {
                other.0.get(name).is_some_and(|found| same(value.expose(), found.expose()))
            })
    }

    /// The JSON object.
    pub(super) fn printed(&self) -> SecretBytes {
        let mut text =
            Vec::with_capacity(self.0.iter().map(|(name, value)| name.len() + value.len() + 16).sum());
        text.push(b'{');
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(json_text(name).expose());
            text.push(b':');
            text.extend_from_slice(value.expose());
        }
        text.push(b'}');
        text.into()
    }
}

/// `text` as JSON.
pub(super) fn json_text(text: &str) -> SecretBytes {
    serde_json::to_vec(text).unwrap_or_default().into()
}

/// The text that the JSON `value` is; `None` where it is something else.
pub(super) fn plain_text(value: &SecretBytes) -> Option<SecretBytes> {
    serde_json::from_slice::<String>(value.expose()).ok().map(SecretBytes::from)
}

fn same(one: &[u8], other: &[u8]) -> bool {
    if let (Ok(one), Ok(other)) = (Members::parse(one), Members::parse(other)) {
        return one.same(&other);
    }
    let list = |text| serde_json::from_slice::<Vec<&RawValue>>(text).ok();
    if let (Some(one), Some(other)) = (list(one), list(other)) {
        let mut pairs = one.iter().zip(&other);
        return one.len() == other.len() && pairs.all(|(a, b)| same(a.get().as_bytes(), b.get().as_bytes()));
    }
    let (one, other) = (SecretBytes::new(one.to_vec()), SecretBytes::new(other.to_vec()));
    match (plain_text(&one), plain_text(&other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            let number = |text: &SecretBytes| serde_json::from_slice::<f64>(text.expose()).ok();
            let numbers = number(&one).zip(number(&other));
            numbers.is_some_and(|(one, other)| one.to_bits() == other.to_bits())
                || one.expose().trim_ascii() == other.expose().trim_ascii()
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members {
        Members::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let table = [
            (r#"{"a":1,"b":{"x":[1,null,"<"]}}"#, r#"{ "b": {"x": [1, null, "\u003c"]}, "a": 1 }"#, true),
            (r#"{"a":12345678901234567890}"#, r#"{"a":12345678901234567000}"#, true),
            (r#"{"a":1.50}"#, r#"{"a":1.5}"#, true),
            (r#"{"a":9007199254740991}"#, r#"{"a":9007199254740992}"#, false),
            (r#"{"a":true}"#, r#"{"a":false}"#, false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
            (r#"{"a":{}}"#, r#"{"a":[]}"#, false),
            (r#"{"a":null}"#, "{}", false),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
            (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, false),
        ];
        for (one, other, equal) in table {
            assert_eq!(members(one).same(&members(other)), equal, "{one} {other}");
            assert_eq!(members(other).same(&members(one)), equal, "{other} {one}");
        }
    }

    #[test]
    fn what_is_printed_keeps_names_and_digits() {
        let printed = members(r#"{"b\"c":1.10, "a":12345678901234567890}"#).printed();
        assert_eq!(printed.expose_str(), Some(r#"{"a":12345678901234567890,"b\"c":1.10}"#));
        assert_eq!(Members::default().printed().expose_str(), Some("{}"));
    }
}
