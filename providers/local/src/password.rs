//! `Password`: random text by the rules of spec eso-providers E.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{
    Generated, Generator, GeneratorClient, Random, Resolver, Result, SecretBytes, Stability, Toolbox,
    Violation,
};
use zeroize::Zeroizing;

use crate::draw;
use crate::text::{base32, hex};

/// Random text with so many digits and symbols.
#[derive(Clone, Copy, Debug)]
pub struct Password;

/// `spec` of a Password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSpec {
    /// Characters of a password before it is encoded.
    #[serde(default = "default_length")]
    pub length: i64,
    /// How many of them are digits. Absent means a quarter; what is below zero is added to the letters, as upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<i64>,
    /// How many of them are symbols. Absent means a quarter; what is below zero is added to the letters, as upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbols: Option<i64>,
    /// What counts as a symbol. Absent means the special characters of ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol_characters: Option<String>,
    /// Whether upper-case letters are left out.
    #[serde(default)]
    pub no_upper: bool,
    /// Whether a character may come twice.
    #[serde(default)]
    pub allow_repeat: bool,
    /// Keys of the result, each with a password of its own. Absent means one, `password`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub secret_keys: Vec<String>,
    /// How a password is encoded.
    #[serde(default)]
    pub encoding: Encoding,
}

/// How a password is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Base64 with padding.
    Base64,
    /// Base64 for URLs, with padding.
    Base64url,
    /// Base32 with padding.
    Base32,
    /// Lower-case hex.
    Hex,
    /// As it is.
    #[default]
    Raw,
}

const DEFAULT_LENGTH: i64 = 24;
/// A Secret holds no more.
const LONGEST: i128 = 1 << 20;
const DEFAULT_KEY: &str = "password";
const SYMBOLS: &str = r#"~!@#$%^&*()_+`-={}|[]\:"<>?,./"#;

fn default_length() -> i64 {
    DEFAULT_LENGTH
}

/// How many characters of which kind.
#[derive(Debug)]
struct Recipe {
    letters: (usize, Vec<char>),
    digits: (usize, Vec<char>),
    symbols: (usize, Vec<char>),
    repeats: bool,
}

struct Client {
    random: Arc<dyn Random>,
}

#[async_trait]
impl Generator for Password {
    const KIND: &'static str = "Password";
    const STABILITY: Stability = Stability::Beta;
    type Spec = PasswordSpec;

    fn validate(spec: &PasswordSpec) -> Vec<Violation> {
        let mut violations: Vec<_> = spec.recipe().err().into_iter().collect();
        let mut seen = BTreeSet::new();
        for (index, key) in spec.secret_keys.iter().enumerate() {
            let field = || format!("secretKeys[{index}]");
            if key.is_empty() {
                violations.push(Violation::new(field(), "must not be empty"));
            } else if !seen.insert(key) {
                violations.push(Violation::new(field(), format!("{key:?} is there twice")));
            }
        }
        violations
    }

    async fn connect(
        _spec: PasswordSpec,
        _resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<PasswordSpec>>> {
        Ok(Arc::new(Client { random: toolbox.random }))
    }
}

#[async_trait]
impl GeneratorClient<PasswordSpec> for Client {
    async fn generate(&self, spec: &PasswordSpec) -> Result<Generated> {
        let recipe = spec.recipe().map_err(|violation| {
            let message = format!("spec.{}: {}", violation.field, violation.message);
            strongroom_provider_api::Error::new(
                strongroom_provider_api::ErrorKind::InvalidConfig,
                "use the settings",
                message,
            )
        })?;
        let default = [DEFAULT_KEY.to_owned()];
        let keys = if spec.secret_keys.is_empty() { &default } else { spec.secret_keys.as_slice() };
        let fields: Result<Vec<_>> = keys
            .iter()
            .map(|key| Ok((key.clone(), spec.encoding.of(&recipe.password(self.random.as_ref())?))))
            .collect();
        Ok(Generated { fields: fields?, ..Generated::default() })
    }
}

impl PasswordSpec {
    /// What the spec asks for, or why that cannot be had. The texts are upstream's.
    fn recipe(&self) -> Result<Recipe, Violation> {
        // Zero means the default there, too.
        let length = if self.length > 0 { self.length } else { DEFAULT_LENGTH };
        let quarter = length / 4;
        let [length, digits, symbols] =
            [length, self.digits.unwrap_or(quarter), self.symbols.unwrap_or(quarter)].map(i128::from);
        let letters = length - digits - symbols;
        if letters < 0 {
            let message = "number of digits and symbols must be less than total length";
            return Err(Violation::new("length", message));
        }
        // Of a kind whose number is negative nothing is drawn, but more letters are: it is the sum that needs a limit.
        let counts = [letters, digits, symbols].map(|count| count.max(0));
        if counts.iter().sum::<i128>() > LONGEST {
            let message = format!("the password must not be longer than {LONGEST} characters");
            return Err(Violation::new("length", message));
        }
        let [letters, digits, symbols] = counts.map(|count| usize::try_from(count).unwrap_or_default());
        let lower = 'a'..='z';
        let upper = ('A'..='Z').filter(|_| !self.no_upper);
        let own = self.symbol_characters.as_deref().filter(|own| !own.is_empty());
        let recipe = Recipe {
            letters: (letters, lower.chain(upper).collect()),
            digits: (digits, ('0'..='9').collect()),
            symbols: (symbols, own.unwrap_or(SYMBOLS).chars().collect()),
            repeats: self.allow_repeat,
        };
        recipe.checked()
    }
}

impl Recipe {
    fn checked(self) -> Result<Self, Violation> {
        let kinds = [
            ("length", "letters", &self.letters),
            ("digits", "digits", &self.digits),
            ("symbols", "symbols", &self.symbols),
        ];
        for (field, what, (count, characters)) in kinds {
            let distinct: BTreeSet<_> = characters.iter().collect();
            if !self.repeats && *count > distinct.len() {
                let message =
                    format!("number of {what} exceeds available {what} and repeats are not allowed");
                return Err(Violation::new(field, message));
            }
        }
        Ok(self)
    }

    fn password(&self, random: &dyn Random) -> Result<Zeroizing<String>> {
        let kinds = [&self.letters, &self.digits, &self.symbols];
        // Room for all of it, so that no copy is left behind.
        let mut drawn = Zeroizing::new(Vec::with_capacity(kinds.iter().map(|(count, _)| count).sum()));
        for (count, characters) in kinds {
            let mut left: Zeroizing<Vec<char>> = Zeroizing::new(characters.clone());
            for _ in 0..*count {
                let character = draw::one_of(random, &left)?;
                drawn.push(character);
                if !self.repeats {
                    left.retain(|other| *other != character);
                }
            }
        }
        // Fisher and Yates: every order is as likely as the others.
        for last in (1..drawn.len()).rev() {
            drawn.swap(last, draw::below(random, last + 1)?);
        }
        let mut password = Zeroizing::new(String::with_capacity(drawn.len() * 4));
        password.extend(drawn.iter());
        Ok(password)
    }
}

impl Encoding {
    fn of(self, password: &str) -> SecretBytes {
        let bytes = password.as_bytes();
        match self {
            Self::Raw => SecretBytes::from(password),
            Self::Base64 => SecretBytes::from(STANDARD.encode(bytes)),
            Self::Base64url => SecretBytes::from(URL_SAFE.encode(bytes)),
            Self::Base32 => SecretBytes::from(base32(bytes)),
            Self::Hex => SecretBytes::from(hex(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(value: Value) -> PasswordSpec {
        serde_json::from_value(value).unwrap()
    }

    async fn generated(value: Value) -> Vec<(String, String)> {
        let client = Client { random: Toolbox::default().random };
        let generated = client.generate(&spec(value)).await.unwrap();
        let text = |value: &SecretBytes| value.expose_str().unwrap().to_owned();
        generated.fields.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    async fn password(value: Value) -> String {
        generated(value).await.remove(0).1
    }

    fn count(password: &str, of: impl Fn(char) -> bool) -> usize {
        password.chars().filter(|character| of(*character)).count()
    }

    #[tokio::test]
    async fn without_settings_half_are_letters_and_none_comes_twice() {
        for _ in 0..50 {
            let password = password(json!({})).await;
            assert_eq!(password.len(), 24);
            assert_eq!(count(&password, |it| it.is_ascii_digit()), 6);
            assert_eq!(count(&password, |it| SYMBOLS.contains(it)), 6);
            assert_eq!(password.chars().collect::<BTreeSet<_>>().len(), 24);
        }
    }

    #[tokio::test]
    async fn quarters_are_cut_off_and_what_is_said_counts() {
        let password = password(json!({ "length": 11, "symbols": 1, "noUpper": true })).await;
        assert_eq!(count(&password, |it| it.is_ascii_digit()), 2);
        assert_eq!(count(&password, |it| it.is_ascii_lowercase()), 8);
        let symbols = json!({ "length": 40, "digits": 0, "symbols": 40, "symbolCharacters": "-ü", "allowRepeat": true });
        let password = super::tests::password(symbols).await;
        assert_eq!(password.chars().count(), 40);
        assert!(password.chars().all(|it| "-ü".contains(it)), "{password}");
    }

    #[tokio::test]
    async fn a_negative_number_gives_letters_in_place_of_what_it_takes_off() {
        for (settings, letters, digits, symbols) in [
            (json!({ "length": 10, "digits": -2, "symbols": 0 }), 12, 0, 0),
            (json!({ "length": 10, "digits": 4, "symbols": -1 }), 7, 4, 0),
            (json!({ "length": 10, "digits": -1 }), 9, 0, 2),
        ] {
            let password = password(settings.clone()).await;
            assert_eq!(count(&password, |it| it.is_ascii_alphabetic()), letters, "{settings}");
            assert_eq!(count(&password, |it| it.is_ascii_digit()), digits, "{settings}");
            assert_eq!(count(&password, |it| SYMBOLS.contains(it)), symbols, "{settings}");
        }
    }

    #[test]
    fn a_list_of_keys_must_not_be_empty_and_its_items_are_not_limited_by_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(PasswordSpec)).unwrap();
        let keys = &schema["properties"]["secretKeys"];
        assert_eq!((&keys["minItems"], &keys["items"]), (&json!(1), &json!({ "type": "string" })));
    }

    #[tokio::test]
    async fn every_place_may_hold_every_kind() {
        let mut firsts = BTreeSet::new();
        for _ in 0..300 {
            let password = password(json!({ "length": 4, "digits": 1, "symbols": 1 })).await;
            let first = password.chars().next().unwrap();
            firsts.insert((first.is_ascii_digit(), first.is_ascii_alphabetic()));
        }
        assert_eq!(firsts.len(), 3, "letters, digits and symbols");
    }

    #[tokio::test]
    async fn every_key_has_a_password_of_its_own_in_the_order_of_the_spec() {
        let generated = generated(json!({ "secretKeys": ["b", "a"] })).await;
        assert_eq!(generated.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_ne!(generated[0].1, generated[1].1);
    }

    #[tokio::test]
    async fn a_password_is_encoded_as_asked() {
        let of = |encoding: &str| {
            json!({
                "length": 2, "digits": 0, "symbols": 2, "symbolCharacters": "?", "allowRepeat": true,
                "encoding": encoding,
            })
        };
        for (encoding, expected) in [
            ("raw", "??"),
            ("base64", "Pz8="),
            ("base64url", "Pz8="),
            ("base32", "H47Q===="),
            ("hex", "3f3f"),
        ] {
            assert_eq!(password(of(encoding)).await, expected, "{encoding}");
        }
        let of = json!({ "length": 3, "digits": 0, "symbols": 3, "symbolCharacters": "?", "allowRepeat": true, "encoding": "base64url" });
        assert_eq!(password(of).await, "Pz8_");
    }

    #[test]
    fn what_cannot_be_had_is_refused_with_upstreams_text() {
        let said = |value: Value| -> Vec<String> {
            let violations = Password::validate(&spec(value));
            violations.into_iter().map(|it| format!("{}: {}", it.field, it.message)).collect()
        };
        let total = "length: number of digits and symbols must be less than total length";
        assert_eq!(said(json!({ "length": 10, "digits": 8, "symbols": 8 })), [total]);
        assert_eq!(said(json!({ "length": 10, "digits": 5, "symbols": 5 })), Vec::<String>::new());
        let exceeds = |field: &str, what: &str| {
            format!("{field}: number of {what} exceeds available {what} and repeats are not allowed")
        };
        assert_eq!(said(json!({ "length": 60, "digits": 0, "symbols": 0 })), [exceeds("length", "letters")]);
        assert_eq!(
            said(json!({ "length": 27, "digits": 0, "symbols": 0, "noUpper": true })),
            [exceeds("length", "letters")]
        );
        assert_eq!(said(json!({ "length": 60 })), [exceeds("digits", "digits")]);
        assert_eq!(said(json!({ "symbols": 2, "symbolCharacters": "--" })), [exceeds("symbols", "symbols")]);
        assert_eq!(said(json!({ "length": 60, "allowRepeat": true })), Vec::<String>::new());
        assert_eq!(
            said(json!({ "length": 10, "digits": -50, "symbols": 0 })),
            [exceeds("length", "letters")]
        );
        let longer = "length: the password must not be longer than 1048576 characters";
        assert_eq!(said(json!({ "length": 2_000_000 })), [longer]);
        for (digits, symbols) in [(-2_000_000_i64, 0), (i64::MIN, i64::MIN), (2_000_000, -2_000_000)] {
            let spec = json!({ "length": 10, "digits": digits, "symbols": symbols, "allowRepeat": true });
            assert_eq!(said(spec), [longer], "{digits} {symbols}");
        }
        assert_eq!(
            said(json!({ "secretKeys": ["a", "", "a"] })),
            ["secretKeys[1]: must not be empty", "secretKeys[2]: \"a\" is there twice"]
        );
    }
}
