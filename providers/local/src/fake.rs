//! `Fake`: values that are written in the generator's own spec.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use strongroom_provider_api::{
    Generated, Generator, GeneratorClient, Resolver, Result, SecretBytes, Stability, Toolbox, Violation,
};

/// Values that are written in the generator's own spec (spec eso-providers E).
#[derive(Clone, Copy, Debug)]
pub struct Fake;

/// `spec` of a Fake.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FakeSpec {
    /// The values, by name.
    #[serde(default, deserialize_with = "secret_values", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub data: BTreeMap<String, SecretBytes>,
    /// Class of the controller that shall use this generator. Absent or empty means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
}

#[async_trait]
impl Generator for Fake {
    const KIND: &'static str = "Fake";
    const STABILITY: Stability = Stability::Beta;
    type Spec = FakeSpec;

    fn validate(_spec: &FakeSpec) -> Vec<Violation> {
        Vec::new()
    }

    fn controller_class(spec: &FakeSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    async fn connect(
        _spec: FakeSpec,
        _resolver: Arc<dyn Resolver>,
        _toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<FakeSpec>>> {
        Ok(Arc::new(Fake))
    }
}

#[async_trait]
impl GeneratorClient<FakeSpec> for Fake {
    async fn generate(&self, spec: &FakeSpec) -> Result<Generated> {
        Ok(Generated::fields(spec.data.clone()))
    }
}

/// Texts by name. Serde's own message would repeat a value of another type.
fn secret_values<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, SecretBytes>, D::Error> {
    let values = BTreeMap::<String, SecretText>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(name, SecretText(value))| (name, value)).collect())
}

struct SecretText(SecretBytes);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText(SecretBytes::from(text)))
            }

            fn visit_string<E>(self, text: String) -> Result<SecretText, E> {
                Ok(SecretText(SecretBytes::from(text)))
            }
        }
        deserializer.deserialize_string(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn it_gives_what_is_written() {
        let spec: FakeSpec = serde_json::from_value(json!({ "data": { "b": "2", "a": "1" } })).unwrap();
        assert_eq!(Fake.generate(&spec).await.unwrap(), Generated::fields([("a", "1"), ("b", "2")]));
        assert_eq!(Fake.generate(&FakeSpec::default()).await.unwrap(), Generated::default());
    }

    #[test]
    fn debug_shows_names_and_never_values() {
        let spec: FakeSpec = serde_json::from_value(json!({ "data": { "name": "canary" } })).unwrap();
        let debug = format!("{spec:?}");
        assert!(debug.contains("name") && !debug.contains("canary"), "{debug}");
    }
}
