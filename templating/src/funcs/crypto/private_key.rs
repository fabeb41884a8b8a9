//! Private keys: read from PKCS#1, PKCS#8 and SEC 1, written as each of them, and used to sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use zeroize::Zeroizing;

use super::curve::Curve;
use super::der::{self, Der, Reader};
use super::pem::{self, Block};
use crate::limits::{MAX_RSA_BYTES, SIGNATURE_STEPS};

/// Bytes of the smallest modulus that can sign.
const RSA_2048_BYTES: usize = 256;

/// Steps of reading a private key from so many bytes of DER or PEM: the numbers of an RSA key are checked against
/// each other, and the public half of others is computed.
pub(super) fn reading_steps(bytes: usize) -> usize {
    SIGNATURE_STEPS / 4 + bytes
}

const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const X25519_OID: &[u8] = &[0x2b, 0x65, 0x6e];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];
const SHA256_WITH_RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

/// A private key.
pub(super) enum PrivateKey {
    /// An `RSAPrivateKey` (PKCS#1) with two primes.
    Rsa(Der),
    Ec(EcKey),
    /// The seed.
    Ed25519(Zeroizing<[u8; 32]>),
    /// Only for key exchange: it is carried, but cannot sign.
    X25519(Zeroizing<[u8; 32]>),
    /// Known to be one, and good for nothing else: certificates cannot be made with it.
    Dsa,
}

/// A private key on a curve.
pub(super) struct EcKey {
    curve: Curve,
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl EcKey {
    /// The key with this number, if the curve has one.
    pub(super) fn new(curve: Curve, private: &[u8]) -> Option<Self> {
        let digits = der::without_leading_zeros(private);
        let missing = curve.facts().bytes.checked_sub(digits.len())?;
        let mut private = Zeroizing::new(Vec::with_capacity(curve.facts().bytes));
        private.resize(missing, 0);
        private.extend_from_slice(digits);
        let public = curve.public_key(&private)?;
        Some(Self { curve, private, public })
    }

    /// The uncompressed point.
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// An `ECPrivateKey`, with the curve's name if it is to stand alone.
    fn sec1(&self, named: bool) -> Der {
        let mut parts = vec![der::unsigned(&[1]), der::element(der::OCTET_STRING, &[&self.private])];
        if named {
            let name = der::element(der::OID, &[self.curve.facts().oid]);
            parts.push(der::constructed(der::context(0), &[name]));
        }
        parts.push(der::constructed(der::context(1), &[der::bit_string(&self.public)]));
        der::sequence(&parts)
    }
}

impl PrivateKey {
    /// Reads an `RSAPrivateKey`. A key of a size that can sign is also checked to be consistent.
    pub(super) fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(der::sole(bytes, der::SEQUENCE)?);
        (fields.small()? == 0).then_some(())?;
        let mut parts = vec![der::unsigned(&[])];
        for _ in 0..8 {
            parts.push(der::unsigned(Some(fields.unsigned()?).filter(|digits| !digits.is_empty())?));
        }
        let pkcs1 = fields.is_empty().then(|| der::sequence(&parts))?;
        let key = Self::Rsa(pkcs1);
        match &key {
            Self::Rsa(pkcs1) if key.can_sign() => rsa::KeyPair::from_der(pkcs1).is_ok().then_some(key),
            _ => Some(key),
        }
    }

    /// Reads an `ECPrivateKey` that names its curve.
    pub(super) fn from_sec1(bytes: &[u8]) -> Option<Self> {
        ec_key(bytes, None).map(Self::Ec)
    }

    /// Reads a `PrivateKeyInfo`.
    pub(super) fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(bytes).enter(der::SEQUENCE)?;
        fields.small()?;
        let mut algorithm = fields.enter(der::SEQUENCE)?;
        let oid = algorithm.expect(der::OID)?;
        let key = fields.expect(der::OCTET_STRING)?;
        let seed = || Some(Zeroizing::new(<[u8; 32]>::try_from(der::sole(key, der::OCTET_STRING)?).ok()?));
        match oid {
            RSA_OID => Self::from_pkcs1(key),
            EC_OID => {
                let curve = algorithm.optional(der::OID).map(Curve::with_oid);
                ec_key(key, curve.flatten()).map(Self::Ec)
            }
            ED25519_OID => seed().map(Self::Ed25519),
            X25519_OID => seed().map(Self::X25519),
            _ => None,
        }
    }

    /// Reads any of the three, whatever the block around it was called.
    pub(super) fn from_any(bytes: &[u8]) -> Option<Self> {
        Self::from_pkcs1(bytes).or_else(|| Self::from_pkcs8(bytes)).or_else(|| Self::from_sec1(bytes))
    }

    /// Reads the first PEM block, in the format that its name tells.
    ///
    /// # Errors
    /// Says what is wrong, without anything of the key.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, &'static str> {
        let (block, _) = pem::decoded(text).ok_or("no PEM data in input")?;
        match block.kind.as_slice() {
            b"PRIVATE KEY" => Self::from_pkcs8(&block.bytes).ok_or("decoding PEM as PKCS#8 failed"),
            b"RSA PRIVATE KEY" => {
                Self::from_pkcs1(&block.bytes).ok_or("parsing RSA private key from PEM failed")
            }
            b"EC PRIVATE KEY" => {
                Self::from_sec1(&block.bytes).ok_or("parsing EC private key from PEM failed")
            }
            b"DSA PRIVATE KEY" => {
                is_dsa(&block.bytes).then_some(Self::Dsa).ok_or("parsing DSA private key from PEM failed")
            }
            kind if kind.ends_with(b" PRIVATE KEY") => Err("invalid private key type"),
            _ => Err("no private key data in PEM block"),
        }
    }

    /// A `PrivateKeyInfo`; nothing for a DSA key.
    pub(super) fn pkcs8(&self) -> Option<Der> {
        let (algorithm, key) = match self {
            Self::Rsa(pkcs1) => (der::algorithm(RSA_OID, Some(der::null())), pkcs1.clone()),
            Self::Ec(key) => {
                let name = der::element(der::OID, &[key.curve.facts().oid]);
                (der::algorithm(EC_OID, Some(name)), key.sec1(false))
            }
            Self::Ed25519(seed) => {
                let key = der::element(der::OCTET_STRING, &[seed.as_slice()]);
                (der::algorithm(ED25519_OID, None), key)
            }
            Self::X25519(seed) => {
                let key = der::element(der::OCTET_STRING, &[seed.as_slice()]);
                (der::algorithm(X25519_OID, None), key)
            }
            Self::Dsa => return None,
        };
        Some(der::sequence(&[der::unsigned(&[]), algorithm, der::element(der::OCTET_STRING, &[&key])]))
    }

    /// The key in its own format: PKCS#1 for RSA, SEC 1 for curves, PKCS#8 for the rest; nothing for a DSA key.
    pub(super) fn block(&self) -> Option<Block> {
        match self {
            Self::Rsa(pkcs1) => Some(Block::new("RSA PRIVATE KEY", pkcs1)),
            Self::Ec(key) => Some(Block::new("EC PRIVATE KEY", &key.sec1(true))),
            _ => self.pkcs8().map(|bytes| Block::new("PRIVATE KEY", &bytes)),
        }
    }

    /// The public key as it stands in a certificate; nothing for keys that certificates are not made for.
    pub(super) fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Rsa(pkcs1) => {
                let mut fields = Reader::new(der::sole(pkcs1, der::SEQUENCE)?);
                fields.unsigned()?;
                Some(PublicKey::rsa(fields.unsigned()?, fields.unsigned()?))
            }
            Self::Ec(key) => Some(PublicKey::ec(key.curve, &key.public)),
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
                Some(PublicKey::ed25519(pair.public_key().as_ref()))
            }
            Self::X25519(_) | Self::Dsa => None,
        }
    }

    /// The algorithm's identifier and the signature over the message; nothing for a key that cannot sign, such as
    /// an RSA key outside of 2048 to 8192 bits.
    pub(super) fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pkcs1) => {
                let pair = rsa::KeyPair::from_der(pkcs1).ok()?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ec(key) => {
                let signing = key.curve.facts().signing;
                let pair =
                    EcdsaKeyPair::from_private_key_and_public_key(signing, &key.private, &key.public).ok()?;
                Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
                Some(pair.sign(message).as_ref().to_vec())
            }
            Self::X25519(_) | Self::Dsa => None,
        }
    }

    /// The identifier of the algorithm that [`signature`](Self::signature) uses.
    pub(super) fn signature_algorithm(&self) -> Option<Der> {
        match self {
            Self::Rsa(_) => Some(der::algorithm(SHA256_WITH_RSA_OID, Some(der::null()))),
            Self::Ec(key) => Some(der::algorithm(key.curve.facts().signature_oid, None)),
            Self::Ed25519(_) => Some(der::algorithm(ED25519_OID, None)),
            Self::X25519(_) | Self::Dsa => None,
        }
    }

    /// Whether this is an RSA key of a size that the library works with.
    /// Steps of one operation with the key, and of reading it once more for that. The time that an RSA key takes
    /// grows with the cube of its size.
    pub(super) fn signing_steps(&self) -> usize {
        match self {
            Self::Rsa(_) => {
                let size = self
                    .modulus_bytes()
                    .unwrap_or_default()
                    .clamp(RSA_2048_BYTES, MAX_RSA_BYTES)
                    .div_ceil(RSA_2048_BYTES);
                SIGNATURE_STEPS * size * size * size
            }
            Self::Ec(_) | Self::Ed25519(_) | Self::X25519(_) | Self::Dsa => SIGNATURE_STEPS,
        }
    }

    fn modulus_bytes(&self) -> Option<usize> {
        let Self::Rsa(pkcs1) = self else { return None };
        let mut fields = Reader::new(der::sole(pkcs1, der::SEQUENCE)?);
        fields.unsigned()?;
        fields.unsigned().map(<[u8]>::len)
    }

    fn can_sign(&self) -> bool {
        self.modulus_bytes().is_some_and(|bytes| (RSA_2048_BYTES..=MAX_RSA_BYTES).contains(&bytes))
    }
}

fn ec_key(bytes: &[u8], curve: Option<Curve>) -> Option<EcKey> {
    let mut fields = Reader::new(bytes).enter(der::SEQUENCE)?;
    (fields.small()? == 1).then_some(())?;
    let private = fields.expect(der::OCTET_STRING)?;
    let named = fields.optional(der::context(0)).and_then(|name| der::sole(name, der::OID));
    EcKey::new(curve.or_else(|| Curve::with_oid(named?))?, private)
}

/// OpenSSL's own format: version, p, q, g, public and private number.
fn is_dsa(bytes: &[u8]) -> bool {
    let Some(mut fields) = Reader::new(bytes).enter(der::SEQUENCE) else { return false };
    (0..6).all(|_| fields.unsigned().is_some())
}

/// A public key as a `SubjectPublicKeyInfo` tells it.
pub(super) struct PublicKey {
    algorithm: Der,
    /// The key itself, the content of the bit string.
    pub(super) bits: Vec<u8>,
}

impl PublicKey {
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let bits = der::sequence(&[der::unsigned(modulus), der::unsigned(exponent)]).to_vec();
        Self { algorithm: der::algorithm(RSA_OID, Some(der::null())), bits }
    }

    pub(super) fn ec(curve: Curve, point: &[u8]) -> Self {
        let name = der::element(der::OID, &[curve.facts().oid]);
        Self { algorithm: der::algorithm(EC_OID, Some(name)), bits: point.to_vec() }
    }

    pub(super) fn ed25519(bytes: &[u8]) -> Self {
        Self { algorithm: der::algorithm(ED25519_OID, None), bits: bytes.to_vec() }
    }

    /// The `SubjectPublicKeyInfo`.
    pub(super) fn info(&self) -> Der {
        der::sequence(&[self.algorithm.clone(), der::bit_string(&self.bits)])
    }
}
