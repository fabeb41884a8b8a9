//! Changes properties of a value that is a JSON object, and leaves every other byte of what stands there as it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

/// The members of a JSON object in their order, each as its JSON text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl<'a> Members<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        // Of several members of one name the last counts, as for every reader.
        self.0.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value.get())
    }

    /// The object with `value` as the member `name`; without that member if there is no value.
    fn printed(&self, name: &str, value: Option<&SecretBytes>) -> SecretBytes {
        let kept = self.0.iter().filter(|(found, _)| found != name || value.is_some());
        let mut parts: Vec<(&str, &[u8])> = Vec::new();
        let mut is_new = true;
        for (found, old) in kept {
            let is_it = found == name;
            is_new &= !is_it;
            let new = value.filter(|_| is_it).map(SecretBytes::expose);
            parts.push((found, new.unwrap_or(old.get().as_bytes())));
        }
        parts.extend(value.filter(|_| is_new).map(|value| (name, value.expose())));
        let mut text =
            Vec::with_capacity(parts.iter().map(|(name, value)| name.len() * 2 + value.len() + 4).sum());
        text.push(b'{');
        for (index, (name, value)) in parts.into_iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(json_text(name).expose());
            text.push(b':');
            text.extend_from_slice(value);
        }
        text.push(b'}');
        text.into()
    }
}

/// The object `document` (an empty one if there is none) with the text `value` as `property`: a member of exactly that
/// name if there is one, else the way that its dots describe; `\.` is a dot in a name.
///
/// # Errors
/// `InvalidPayload` where something else than an object stands in the way, or the value is no text.
pub(crate) fn with(
    document: Option<&SecretBytes>,
    property: &str,
    value: &SecretBytes,
) -> Result<SecretBytes> {
    let text = value.expose_str().ok_or_else(|| {
        unusable(format!("the value for property {property:?} is not UTF-8 text, and JSON holds text"))
    })?;
    let document = document.map(|document| document.expose_str().unwrap_or_default());
    let steps = steps(document, property);
    set(document, &steps, &json_text(text)).ok_or_else(|| {
        unusable(format!("property {property:?} cannot be set: what stands there is no JSON object"))
    })
}

/// `document` without `property`, and without objects that have become empty; `None` where there is no such property.
pub(crate) fn without(document: &SecretBytes, property: &str) -> Option<SecretBytes> {
    let document = document.expose_str()?;
    removed(document, &steps(Some(document), property))
}

/// The value of `property`: of a text the text, else its JSON. `None` where there is none, or the value is null.
pub(crate) fn property(document: &SecretBytes, property: &str) -> Option<SecretBytes> {
    let mut text = document.expose_str()?;
    for step in steps(Some(text), property) {
        text = Members::parse(text)?.get(&step)?;
    }
    if text == "null" {
        return None;
    }
    let plain = serde_json::from_str::<zeroize::Zeroizing<String>>(text);
    Some(plain.map_or_else(|_| text.into(), |plain| plain.as_str().into()))
}

/// Whether it is the object without members.
pub(crate) fn is_empty(document: &SecretBytes) -> bool {
    document.expose() == b"{}"
}

/// An object of texts.
pub(crate) fn of_texts<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> SecretBytes {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_unstable();
    let mut text = b"{".to_vec();
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(json_text(name).expose());
        text.push(b':');
        text.extend_from_slice(json_text(value).expose());
    }
    text.push(b'}');
    text.into()
}

fn set(document: Option<&str>, steps: &[String], value: &SecretBytes) -> Option<SecretBytes> {
    let members = Members::parse(document.unwrap_or("{}"))?;
    let (step, rest) = steps.split_first()?;
    if rest.is_empty() {
        return Some(members.printed(step, Some(value)));
    }
    let inner = set(members.get(step), rest, value)?;
    Some(members.printed(step, Some(&inner)))
}

fn removed(document: &str, steps: &[String]) -> Option<SecretBytes> {
    let members = Members::parse(document)?;
    let (step, rest) = steps.split_first()?;
    let old = members.get(step)?;
    if rest.is_empty() {
        return Some(members.printed(step, None));
    }
    let inner = removed(old, rest)?;
    Some(members.printed(step, Some(&inner).filter(|inner| !is_empty(inner))))
}

/// The names on the way to `property`.
fn steps(document: Option<&str>, property: &str) -> Vec<String> {
    let literal = document.and_then(Members::parse).is_some_and(|members| members.get(property).is_some());
    if literal {
        return vec![property.to_owned()];
    }
    let (mut steps, mut step) = (Vec::new(), String::new());
    let mut letters = property.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => steps.push(std::mem::take(&mut step)),
            '\\' => step.extend(letters.next()),
            letter => step.push(letter),
        }
    }
    steps.push(step);
    steps
}

fn json_text(text: &str) -> SecretBytes {
    serde_json::to_vec(text).unwrap_or_default().into()
}

fn unusable(message: String) -> Error {
    Error::new(ErrorKind::InvalidPayload, "write", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_in(document: Option<&str>, name: &str) -> Result<String, ErrorKind> {
        let document = document.map(SecretBytes::from);
        let set = with(document.as_ref(), name, &"v\"".into());
        set.map(|text| text.expose_str().unwrap().to_owned()).map_err(|error| error.kind())
    }

    #[test]
    fn row_28_a_property_is_set_where_its_dots_lead_and_nothing_else_changes() {
        for (document, name, expected) in [
            (None, "a", r#"{"a":"v\""}"#),
            (None, "a.b", r#"{"a":{"b":"v\""}}"#),
            (None, r"a\.b", r#"{"a.b":"v\""}"#),
            (Some(r#"{"z":1.50, "a":{"x":"<"}}"#), "a.b", r#"{"z":1.50,"a":{"x":"<","b":"v\""}}"#),
            (Some(r#"{"a":1,"b":12345678901234567890}"#), "a", r#"{"a":"v\"","b":12345678901234567890}"#),
            // Reads take the literal name first.
            (Some(r#"{"a.b":1,"a":{"b":2}}"#), "a.b", r#"{"a.b":"v\"","a":{"b":2}}"#),
        ] {
            assert_eq!(set_in(document, name).as_deref(), Ok(expected), "{document:?} {name}");
        }
        for (document, name) in [("canary", "a"), (r#"{"a":"text"}"#, "a.b"), ("[1]", "0"), ("", "a")] {
            assert_eq!(set_in(Some(document), name), Err(ErrorKind::InvalidPayload), "{document} {name}");
        }
        assert_eq!(with(None, "a", &vec![0xff].into()).unwrap_err().kind(), ErrorKind::InvalidPayload);
    }

    #[test]
    fn a_property_is_removed_with_what_becomes_empty() {
        let removed = |document: &str, name: &str| {
            without(&document.into(), name).map(|text| text.expose_str().unwrap().to_owned())
        };
        assert_eq!(removed(r#"{"a":1,"b":2}"#, "a").as_deref(), Some(r#"{"b":2}"#));
        assert_eq!(removed(r#"{"a":{"b":1}}"#, "a.b").as_deref(), Some("{}"));
        assert_eq!(removed(r#"{"a":{"b":1,"c":2}}"#, "a.b").as_deref(), Some(r#"{"a":{"c":2}}"#));
        for (document, name) in [("{}", "a"), (r#"{"a":"x"}"#, "a.b"), ("text", "a")] {
            assert_eq!(removed(document, name), None, "{document} {name}");
        }
    }

    #[test]
    fn a_property_is_found_as_text_or_as_json() {
        let document = SecretBytes::from(r#"{"a.b":"x\n","a":{"c":[1, 2]},"n":null}"#);
        assert_eq!(property(&document, "a.b"), Some("x\n".into()));
        assert_eq!(property(&document, "a.c"), Some("[1, 2]".into()));
        assert_eq!(property(&document, "n"), None);
        assert_eq!(property(&document, "b"), None);
    }

    #[test]
    fn texts_become_a_sorted_object_without_escapes_for_html() {
        let printed = of_texts([("b", "<&>"), ("a", "\"")].into_iter());
        assert_eq!(printed.expose_str(), Some(r#"{"a":"\"","b":"<&>"}"#));
    }
}
