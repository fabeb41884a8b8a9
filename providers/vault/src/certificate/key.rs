//! Which key a certificate is for: the part of the spec for keys that are made here.

use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::Violation;

/// A key that is made here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivateKey {
    /// `RSA` (the default), `ECDSA` or `Ed25519`. The role must allow it (`key_type`).
    #[serde(default)]
    pub algorithm: Algorithm,
    /// In bits. RSA: 2048 (the default), 3072 or 4096. ECDSA: 256 (the default) or 384.
    pub size: Option<u32>,
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA.
    #[default]
    #[serde(rename = "RSA")]
    Rsa,
    /// ECDSA on a curve of NIST's.
    #[serde(rename = "ECDSA")]
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
impl JsonSchema for Algorithm {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Algorithm".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["RSA", "ECDSA", "Ed25519"] })
    }
}

/// A key of which algorithm and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyKind {
    pub(super) algorithm: Algorithm,
    pub(super) size: u32,
}

impl Algorithm {
    /// As Vault calls it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ecdsa => "ec",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl PrivateKey {
    /// What is asked for, with the defaults filled in.
    pub(super) fn kind(&self) -> KeyKind {
        let usual = match self.algorithm {
            Algorithm::Rsa => 2048,
            Algorithm::Ecdsa => 256,
            Algorithm::Ed25519 => 0,
        };
        KeyKind { algorithm: self.algorithm, size: self.size.unwrap_or(usual) }
    }

    /// Why there is no such key.
    pub(super) fn fault(&self) -> Option<Violation> {
        let sizes: &[u32] = match self.algorithm {
            Algorithm::Rsa => &[2048, 3072, 4096],
            Algorithm::Ecdsa => &[256, 384],
            Algorithm::Ed25519 => &[],
        };
        let size = self.size.filter(|size| !sizes.contains(size))?;
        Some(Violation::new("privateKey.size", format!("{size} bits are not to be had for this algorithm")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_algorithm() {
        let fault = |algorithm, size| PrivateKey { algorithm, size }.fault().is_some();
        assert!(!fault(Algorithm::Rsa, None) && !fault(Algorithm::Rsa, Some(4096)));
        assert!(fault(Algorithm::Rsa, Some(1024)) && fault(Algorithm::Ecdsa, Some(2048)));
        assert!(!fault(Algorithm::Ecdsa, Some(384)) && fault(Algorithm::Ed25519, Some(256)));
        assert_eq!(PrivateKey::default().kind(), KeyKind { algorithm: Algorithm::Rsa, size: 2048 });
    }
}
