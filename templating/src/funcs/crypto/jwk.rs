//! `jwkPublicKeyPem` and `jwkPrivateKeyPem`: JSON web keys as PEM.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use num_bigint::BigUint;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::arguments::{raised, text};
use super::curve::Curve;
use super::der;
use super::pem::Block;
use super::private_key::{EcKey, PrivateKey, PublicKey};
use crate::funcs::{Failure, Function, Scope};
use crate::limits::{MAX_RSA_BYTES, SIGNATURE_STEPS};
use crate::value::{Type, Value};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// ESO's own functions for JSON web keys (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "jwkPublicKeyPem", params: &[Type::Text], rest: None, call: public_key_pem },
    Function { name: "jwkPrivateKeyPem", params: &[Type::Text], rest: None, call: private_key_pem },
];

/// The fields of a key that are text.
struct Jwk(BTreeMap<String, Zeroizing<String>>);

/// A `PUBLIC KEY` from a public key; a private one is an error.
fn public_key_pem(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let key = Jwk::read(scope, &text(arguments, 0)?)?;
    if key.0.contains_key("d") {
        return Err(raised("x509: unsupported public key type: it is a private key"));
    }
    let public = match key.kind()? {
        "RSA" => PublicKey::rsa(&key.number("n")?, &key.number("e")?),
        "EC" => {
            let (curve, point) = key.point()?;
            PublicKey::ec(curve, &point)
        }
        "OKP" if key.curve_name()? == "Ed25519" => PublicKey::ed25519(&key.bytes("x")?),
        _ => return Err(raised("x509: unsupported public key type")),
    };
    Ok(pem_text(&Block::new("PUBLIC KEY", &public.info())))
}

/// A `PRIVATE KEY` (PKCS#8) from a private key; a public one is an error.
fn private_key_pem(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let key = Jwk::read(scope, &text(arguments, 0)?)?;
    let unsupported = || raised("x509: unknown key type while marshaling PKCS#8: not a private key");
    let kind = key.kind()?;
    if !key.0.contains_key("d") {
        return Err(unsupported());
    }
    let private = match kind {
        "RSA" => key.rsa()?,
        "EC" => {
            let (curve, point) = key.point()?;
            let private = EcKey::new(curve, &key.bytes("d")?).filter(|key| key.public() == point);
            PrivateKey::Ec(private.ok_or_else(|| raised("invalid elliptic curve key"))?)
        }
        "OKP" if key.curve_name()? == "Ed25519" => key.ed25519()?,
        _ => return Err(unsupported()),
    };
    let pkcs8 = private.pkcs8().ok_or_else(unsupported)?;
    Ok(pem_text(&Block::new("PRIVATE KEY", &pkcs8)))
}

fn pem_text(block: &Block) -> Value {
    Value::text(std::mem::take(&mut *block.text()))
}

impl Jwk {
    fn read(scope: &mut Scope<'_>, text: &[u8]) -> Result<Self, Failure> {
        scope.spend_steps(SIGNATURE_STEPS + text.len() / 128)?;
        scope.spend_bytes(text.len().saturating_mul(4))?;
        let json = serde_json::from_slice(text).ok();
        let Some(Json::Object(fields)) = json else {
            return Err(raised("failed to unmarshal JSON into key hint"));
        };
        let texts = fields.into_iter().filter_map(|(name, value)| match value {
            Json::String(text) => Some((name, Zeroizing::new(text))),
            _ => None,
        });
        Ok(Self(texts.collect()))
    }

    fn kind(&self) -> Result<&'static str, Failure> {
        let kind = self.0.get("kty").map(|kind| kind.as_str());
        let known = ["RSA", "EC", "OKP", "oct"].into_iter().find(|known| Some(*known) == kind);
        known.ok_or_else(|| raised("invalid key type from JSON"))
    }

    fn curve_name(&self) -> Result<&str, Failure> {
        self.0.get("crv").map(|name| name.as_str()).ok_or_else(|| missing("crv"))
    }

    /// A field in base64, URL-safe or not, padded or not.
    fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let digits = self.0.get(name).ok_or_else(|| missing(name))?;
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(
            digits
                .bytes()
                .map(|digit| match digit {
                    b'+' => b'-',
                    b'/' => b'_',
                    digit => digit,
                })
                .collect(),
        );
        let bytes = URL_SAFE.decode(digits.as_slice());
        bytes.map(Zeroizing::new).map_err(|_| raised(format!("field {name} of the key is not base64")))
    }

    /// A field that is a number: neither zero nor larger than any key needs.
    fn number(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let bytes = self.bytes(name)?;
        let digits = der::without_leading_zeros(&bytes);
        if digits.is_empty() || digits.len() > MAX_RSA_BYTES {
            return Err(raised(format!("field {name} of the key is out of range")));
        }
        Ok(Zeroizing::new(digits.to_vec()))
    }

    /// The curve and the uncompressed point, which must lie on it.
    fn point(&self) -> Result<(Curve, Vec<u8>), Failure> {
        let curve = Curve::with_name(self.curve_name()?).ok_or_else(|| raised("invalid curve algorithm"))?;
        let invalid = || raised("x509: invalid elliptic curve public key");
        let mut point = vec![4];
        for name in ["x", "y"] {
            let bytes = self.bytes(name)?;
            let digits = der::without_leading_zeros(&bytes);
            let missing = curve.facts().bytes.checked_sub(digits.len()).ok_or_else(invalid)?;
            point.resize(point.len() + missing, 0);
            point.extend_from_slice(digits);
        }
        curve.has(&point).then_some((curve, point)).ok_or_else(invalid)
    }

    fn ed25519(&self) -> Result<PrivateKey, Failure> {
        let seed = <[u8; 32]>::try_from(self.bytes("d")?.as_slice());
        let key = PrivateKey::Ed25519(Zeroizing::new(seed.map_err(|_| raised("wrong private key size"))?));
        let x = self.bytes("x")?;
        let fits = key.public_key().is_some_and(|public| public.bits == *x);
        fits.then_some(key).ok_or_else(|| raised("invalid x value given d value"))
    }

    /// Exponents and coefficient may be left out: they follow from the rest. What the arithmetic for that leaves
    /// behind in memory is not wiped.
    fn rsa(&self) -> Result<PrivateKey, Failure> {
        let invalid = || raised("x509: invalid RSA key");
        let (modulus, exponent, private) = (self.number("n")?, self.number("e")?, self.number("d")?);
        let (first, second) = (self.number("p")?, self.number("q")?);
        let given = |name: &str| self.0.contains_key(name).then(|| self.number(name)).transpose();
        let first_exponent = match given("dp")? {
            Some(exponent) => exponent,
            None => reduced(&private, &first).ok_or_else(invalid)?,
        };
        let second_exponent = match given("dq")? {
            Some(exponent) => exponent,
            None => reduced(&private, &second).ok_or_else(invalid)?,
        };
        let coefficient = match given("qi")? {
            Some(coefficient) => coefficient,
            None => inverse(&second, &first).ok_or_else(invalid)?,
        };
        let numbers = [&modulus, &exponent, &private, &first, &second];
        let derived = [&first_exponent, &second_exponent, &coefficient];
        let mut parts = vec![der::unsigned(&[])];
        parts.extend(numbers.into_iter().chain(derived).map(|digits| der::unsigned(digits)));
        PrivateKey::from_pkcs1(&der::sequence(&parts)).ok_or_else(invalid)
    }
}

/// The private exponent for one prime.
fn reduced(private: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let one = BigUint::from(1_u8);
    let order = BigUint::from_bytes_be(prime) - &one;
    (order >= one).then(|| Zeroizing::new((BigUint::from_bytes_be(private) % order).to_bytes_be()))
}

fn inverse(number: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let prime = BigUint::from_bytes_be(prime);
    if prime <= BigUint::from(1_u8) {
        return None;
    }
    Some(Zeroizing::new(BigUint::from_bytes_be(number).modinv(&prime)?.to_bytes_be()))
}

fn missing(name: &str) -> Failure {
    raised(format!("required field {name} is missing"))
}
