//! `UUID`: a random identifier.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{
    Generated, Generator, GeneratorClient, Random, Resolver, Result, Stability, Toolbox, Violation,
};

use crate::text::hex;

/// A random UUID, version 4 (spec eso-providers E).
#[derive(Clone, Copy, Debug)]
pub struct Uuid;

/// `spec` of a UUID: there is nothing to choose.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct UuidSpec {}

struct Client {
    random: Arc<dyn Random>,
}

#[async_trait]
impl Generator for Uuid {
    const KIND: &'static str = "UUID";
    const STABILITY: Stability = Stability::Beta;
    type Spec = UuidSpec;

    fn validate(_spec: &UuidSpec) -> Vec<Violation> {
        Vec::new()
    }

    async fn connect(
        _spec: UuidSpec,
        _resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<UuidSpec>>> {
        Ok(Arc::new(Client { random: toolbox.random }))
    }
}

#[async_trait]
impl GeneratorClient<UuidSpec> for Client {
    async fn generate(&self, _spec: &UuidSpec) -> Result<Generated> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes)?;
        Ok(Generated::fields([("uuid", text(u128::from_be_bytes(bytes)))]))
    }
}

/// The 122 bits that version and variant leave free are those of `number`.
fn text(number: u128) -> String {
    let version = 0xf_u128 << 76;
    let variant = 0b11_u128 << 62;
    let number = number & !version & !variant | 4 << 76 | 0b10 << 62;
    let digits = hex(&number.to_be_bytes());
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set_and_nothing_else() {
        assert_eq!(text(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(text(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(text(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[tokio::test]
    async fn each_is_another() {
        let client = Client { random: Toolbox::default().random };
        let first = client.generate(&UuidSpec {}).await.unwrap();
        assert_ne!(first, client.generate(&UuidSpec {}).await.unwrap());
        assert_eq!(first.fields[0].1.len(), 36);
    }
}
