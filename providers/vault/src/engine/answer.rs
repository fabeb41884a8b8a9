//! What an engine's answer holds: the fields that are asked for, and the lease. Numbers keep all their digits.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

/// Which part of the answer is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResultType {
    /// The members of `data`.
    #[default]
    Data,
    /// The members of `auth`.
    Auth,
    /// The whole answer.
    Raw,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for ResultType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResultType".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Data", "Auth", "Raw"] })
    }
}

/// Members of `auth` in upstream's order.
const AUTH: [&str; 11] = [
    "client_token",
    "accessor",
    "policies",
    "token_policies",
    "identity_policies",
    "metadata",
    "orphan",
    "entity_id",
    "lease_duration",
    "renewable",
    "mfa_requirement",
];

/// Members of the whole answer in upstream's order; the last two only where there is something.
const WHOLE: [&str; 8] =
    ["request_id", "lease_id", "lease_duration", "renewable", "data", "warnings", "auth", "wrap_info"];

/// The members of a JSON object in their order, as texts.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The lease in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Granted {
    /// Empty where there is none.
    #[serde(default)]
    pub(crate) lease_id: String,
    /// Seconds.
    #[serde(default)]
    pub(crate) lease_duration: i64,
    /// Whether it can be renewed.
    #[serde(default)]
    pub(crate) renewable: bool,
}

/// The life of a token that was generated.
#[derive(Deserialize)]
struct Login {
    auth: Option<Granted>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Read<'a>(Members<'a>);
        impl<'de: 'a, 'a> Visitor<'de> for Read<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(
                mut self,
                mut map: M,
            ) -> std::result::Result<Self::Value, M::Error> {
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    self.0.0.push(member);
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_map(Read(Members::default()))
    }
}

impl<'a> Members<'a> {
    /// The members, each name once: the last of equal ones.
    pub(crate) fn into_pairs(self) -> Vec<(String, &'a RawValue)> {
        let mut pairs: Vec<(String, &RawValue)> = Vec::new();
        for (name, value) in self.0 {
            match pairs.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => pairs.push((name, value)),
            }
        }
        pairs
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(member, _)| member == name);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }
}

/// The fields of `body` that `wanted` names.
///
/// # Errors
/// `InvalidPayload` where the answer is not an object, or not one of fields.
pub(crate) fn fields(body: &[u8], wanted: ResultType) -> Result<Vec<(String, SecretBytes)>> {
    let whole: Members<'_> = parsed(body)?;
    let part = |name: &str| -> Result<Members<'_>> {
        whole.get(name).map_or_else(|| Ok(Members::default()), |part| parsed(part.get().as_bytes()))
    };
    match wanted {
        ResultType::Data => {
            let Members(members) = part("data")?;
            let mut names = BTreeSet::new();
            members
                .into_iter()
                .filter(|(name, _)| names.insert(name.clone()))
                .map(|(name, value)| Ok((name, text(value)?)))
                .collect()
        }
        ResultType::Auth if whole.get("auth").is_none() => Ok(Vec::new()),
        ResultType::Auth => {
            let auth = part("auth")?;
            named(&auth, &AUTH)
        }
        ResultType::Raw => {
            let absent = |name: &&str| matches!(*name, "auth" | "wrap_info") && whole.get(name).is_none();
            let names: Vec<&str> = WHOLE.into_iter().filter(|name| !absent(name)).collect();
            named(&whole, &names)
        }
    }
}

/// What `data` of `body` holds.
///
/// # Errors
/// `InvalidPayload` where it is not of that form.
pub(crate) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Answer<T> {
        data: T,
    }
    parsed::<Answer<T>>(body).map(|answer| answer.data)
}

fn named(members: &Members<'_>, names: &[&str]) -> Result<Vec<(String, SecretBytes)>> {
    let field = |name: &&str| {
        let value = members.get(name).map_or_else(|| Ok(SecretBytes::from(unsaid(name))), text);
        Ok(((*name).to_owned(), value?))
    };
    names.iter().map(field).collect()
}

/// What upstream gives for a member that the answer does not have.
fn unsaid(name: &str) -> &'static str {
    match name {
        "orphan" | "renewable" => "false",
        "lease_duration" => "0",
        _ => "",
    }
}

/// The lease in `body`, or the life of the token that it holds.
pub(crate) fn granted(body: &[u8]) -> Granted {
    let lease: Granted = serde_json::from_slice(body).unwrap_or_default();
    let token = || serde_json::from_slice::<Login>(body).ok()?.auth;
    match token() {
        Some(token) if lease.lease_id.is_empty() => {
            Granted { lease_id: String::new(), lease_duration: token.lease_duration, renewable: false }
        }
        _ => lease,
    }
}

/// A string as it is, `null` as nothing, everything else as its JSON text.
pub(crate) fn text(value: &RawValue) -> Result<SecretBytes> {
    let text = value.get();
    if text == "null" {
        return Ok(SecretBytes::from(""));
    }
    if text.starts_with('"') {
        return parsed::<String>(text.as_bytes()).map(SecretBytes::from);
    }
    if text.starts_with(['{', '[']) {
        // Without the spaces between, and with every digit.
        return Ok(SecretBytes::from(compact(value)));
    }
    Ok(SecretBytes::from(text))
}

pub(crate) fn compact(value: &RawValue) -> String {
    let text = value.get();
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(text.len()), false, false);
    for character in text.chars() {
        if quoted || !character.is_ascii_whitespace() {
            out.push(character);
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    out
}

pub(crate) fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    // The parser's own words may quote what it read.
    serde_json::from_slice(body).map_err(|_| {
        let message = "Vault's answer is not the JSON that was expected";
        Error::new(ErrorKind::InvalidPayload, "generate", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"request_id":"r","lease_id":"database/creds/app/x","lease_duration":3600,
        "renewable":true,"data":{"username":"u","password":"p\"\u00fc","big":12345678901234567890,
        "list":[1, {"a": " b"}],"nothing":null,"flag":true},"warnings":null,"auth":null,"wrap_info":null}"#;

    fn shown(body: &str, wanted: ResultType) -> Vec<(String, String)> {
        let fields = fields(body.as_bytes(), wanted).unwrap();
        let text = |(name, value): (String, SecretBytes)| (name, value.expose_str().unwrap().to_owned());
        fields.into_iter().map(text).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn data_gives_its_members_as_text_with_every_digit() {
        assert_eq!(
            shown(BODY, ResultType::Data),
            [
                pair("username", "u"),
                pair("password", "p\"ü"),
                pair("big", "12345678901234567890"),
                pair("list", r#"[1,{"a":" b"}]"#),
                pair("nothing", ""),
                pair("flag", "true"),
            ]
        );
    }

    #[test]
    fn raw_gives_the_whole_answer() {
        let raw = shown(BODY, ResultType::Raw);
        let names: Vec<_> = raw.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["request_id", "lease_id", "lease_duration", "renewable", "data", "warnings"]);
        assert_eq!(raw[2].1, "3600");
    }

    #[test]
    fn auth_gives_the_login() {
        let body = r#"{"auth":{"client_token":"hvs.t","accessor":"a","policies":["p"],"lease_duration":60,
            "renewable":true}}"#;
        let auth = shown(body, ResultType::Auth);
        assert_eq!(auth[0], pair("client_token", "hvs.t"));
        assert_eq!(auth[2], pair("policies", r#"["p"]"#));
        let least = shown(r#"{"auth":{"client_token":"hvs.t"}}"#, ResultType::Auth);
        assert_eq!(
            least[5..10].iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
            ["", "false", "", "0", "false"]
        );
        assert_eq!(shown(r#"{"data":{},"auth":null}"#, ResultType::Auth), []);
        let life = Granted { lease_id: String::new(), lease_duration: 60, renewable: false };
        assert_eq!(granted(body.as_bytes()), life);
    }

    #[test]
    fn the_lease_is_read() {
        let expected =
            Granted { lease_id: "database/creds/app/x".to_owned(), lease_duration: 3600, renewable: true };
        assert_eq!(granted(BODY.as_bytes()), expected);
        assert_eq!(granted(br#"{"data":{}}"#), Granted::default());
    }

    #[test]
    fn what_is_no_object_is_refused_without_being_repeated() {
        for body in ["canary", r#"{"data":"canary"}"#, r#"["canary"]"#] {
            let error = fields(body.as_bytes(), ResultType::Data).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPayload);
            assert!(!error.to_string().contains("canary"));
        }
    }
}
