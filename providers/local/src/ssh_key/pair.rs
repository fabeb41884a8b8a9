//! Makes key pairs, as the fields that OpenSSH keeps of them.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use strongroom_provider_api::{Error, ErrorKind, Random, Result};
use zeroize::Zeroizing;

use super::der::RsaNumbers;

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of so many bits.
    Rsa(u16),
    P256,
    P384,
    P521,
    Ed25519,
}

/// A key pair.
pub(super) struct Pair {
    /// OpenSSH's name for the algorithm.
    pub(super) name: &'static str,
    /// What the public key consists of, after the name.
    pub(super) public: Vec<Field>,
    /// What the private key consists of, after the name.
    pub(super) private: Vec<Field>,
}

/// One field of a key on the wire (RFC 4251, section 5).
pub(super) enum Field {
    /// Bytes as they are.
    Text(Zeroizing<Vec<u8>>),
    /// A number, big-endian, without leading zeros.
    Number(Zeroizing<Vec<u8>>),
}

impl Pair {
    /// A fresh pair. The library draws RSA and ECDSA keys itself, from the operating system; `random` gives the seed of
    /// an Ed25519 key.
    pub(super) fn generate(kind: Kind, random: &dyn Random) -> Result<Self> {
        let pair = match kind {
            Kind::Rsa(bits) => Self::rsa(bits),
            Kind::P256 => Self::ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, "ecdsa-sha2-nistp256", "nistp256"),
            Kind::P384 => Self::ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, "ecdsa-sha2-nistp384", "nistp384"),
            Kind::P521 => Self::ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING, "ecdsa-sha2-nistp521", "nistp521"),
            Kind::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                random.fill(seed.as_mut_slice())?;
                Self::ed25519(&seed)
            }
        };
        pair.ok_or_else(|| Error::new(ErrorKind::Internal, "generate a key", "the library gave none"))
    }

    fn rsa(bits: u16) -> Option<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return None,
        };
        let pair = rsa::KeyPair::generate(size).ok()?;
        let pkcs8: Pkcs8V1Der<'static> = pair.as_der().ok()?;
        let numbers = RsaNumbers::from_pkcs8(pkcs8.as_ref())?;
        let [first, second] = numbers.primes;
        let (modulus, exponent) = (numbers.modulus, numbers.public_exponent);
        Some(Self {
            name: "ssh-rsa",
            public: vec![Field::number(&exponent), Field::number(&modulus)],
            private: vec![
                Field::number(&modulus),
                Field::number(&exponent),
                Field::Number(numbers.private_exponent),
                Field::Number(numbers.coefficient),
                Field::Number(first),
                Field::Number(second),
            ],
        })
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, name: &'static str, curve: &str) -> Option<Self> {
        let pair = EcdsaKeyPair::generate(algorithm).ok()?;
        let number: EcPrivateKeyBin<'static> = pair.private_key().as_be_bytes().ok()?;
        let point = pair.public_key().as_ref();
        Some(Self {
            name,
            public: vec![Field::text(curve.as_bytes()), Field::text(point)],
            private: vec![Field::text(curve.as_bytes()), Field::text(point), Field::number(number.as_ref())],
        })
    }

    fn ed25519(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref();
        let mut private = Zeroizing::new(Vec::with_capacity(64));
        private.extend_from_slice(seed);
        private.extend_from_slice(public);
        Some(Self {
            name: "ssh-ed25519",
            public: vec![Field::text(public)],
            private: vec![Field::text(public), Field::Text(private)],
        })
    }
}

impl Field {
    fn text(bytes: &[u8]) -> Self {
        Self::Text(Zeroizing::new(bytes.to_vec()))
    }

    fn number(digits: &[u8]) -> Self {
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        Self::Number(Zeroizing::new(digits.get(zeros..).unwrap_or_default().to_vec()))
    }
}
