//! The elliptic curves that keys may lie on.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaSigningAlgorithm, ParsedPublicKey, VerificationAlgorithm,
};

/// A curve of NIST's. Go's fourth, P-224, is not offered: the library signs on these only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// Everything that differs from curve to curve.
pub(super) struct Facts {
    /// As a JWK names it.
    pub(super) name: &'static str,
    /// The content of its object identifier.
    pub(super) oid: &'static [u8],
    /// Bytes of a private key, and of each coordinate of a public one.
    pub(super) bytes: usize,
    agreement: &'static agreement::Algorithm,
    pub(super) signing: &'static EcdsaSigningAlgorithm,
    verification: &'static dyn VerificationAlgorithm,
    /// The content of the object identifier of its signatures.
    pub(super) signature_oid: &'static [u8],
}

static P256: Facts = Facts {
    name: "P-256",
    oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    bytes: 32,
    agreement: &ECDH_P256,
    signing: &ECDSA_P256_SHA256_ASN1_SIGNING,
    verification: &ECDSA_P256_SHA256_ASN1,
    signature_oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
};
static P384: Facts = Facts {
    name: "P-384",
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x22],
    bytes: 48,
    agreement: &ECDH_P384,
    signing: &ECDSA_P384_SHA384_ASN1_SIGNING,
    verification: &ECDSA_P384_SHA384_ASN1,
    signature_oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
};
static P521: Facts = Facts {
    name: "P-521",
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x23],
    bytes: 66,
    agreement: &ECDH_P521,
    signing: &ECDSA_P521_SHA512_ASN1_SIGNING,
    verification: &ECDSA_P521_SHA512_ASN1,
    signature_oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04],
};

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::P256 => &P256,
            Self::P384 => &P384,
            Self::P521 => &P521,
        }
    }

    pub(super) fn with_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.facts().oid == oid)
    }

    pub(super) fn with_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.facts().name == name)
    }

    /// The public key (an uncompressed point) of this private one, if it is one: as long as the curve wants, not
    /// zero, and below the order.
    pub(super) fn public_key(self, private: &[u8]) -> Option<Vec<u8>> {
        let private = agreement::PrivateKey::from_private_key(self.facts().agreement, private).ok()?;
        Some(private.compute_public_key().ok()?.as_ref().to_vec())
    }

    /// Whether the bytes are an uncompressed point of the curve.
    pub(super) fn has(self, point: &[u8]) -> bool {
        point.first() == Some(&4)
            && point.len() == 2 * self.facts().bytes + 1
            && ParsedPublicKey::new(self.facts().verification, point).is_ok()
    }
}
