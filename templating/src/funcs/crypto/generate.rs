//! `genPrivateKey`: new private keys, and those that new certificates get.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use zeroize::Zeroizing;

use super::arguments::{raised, text};
use super::curve::Curve;
use super::dsa;
use super::pem::Block;
use super::private_key::{EcKey, PrivateKey};
use crate::funcs::{Failure, Function, Random, Scope};
use crate::limits::{DSA_STEPS, RSA_2048_STEPS, RSA_4096_STEPS};
use crate::value::{Type, Value};

/// Sprig's function for keys (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] =
    &[Function { name: "genPrivateKey", params: &[Type::Text], rest: None, call: gen_private_key }];

/// PEM of a new key, each type in its own format; a sentence for an unknown type.
fn gen_private_key(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let kind = text(arguments, 0)?;
    let block = match &*kind {
        b"" | b"rsa" => rsa_key(scope, KeySize::Rsa4096)?.block(),
        b"dsa" => {
            scope.spend_steps(DSA_STEPS)?;
            dsa::new_key(scope.random).map(|key| Block::new("DSA PRIVATE KEY", &key))
        }
        b"ecdsa" => ec_key(scope.random).map(PrivateKey::Ec).and_then(|key| key.block()),
        b"ed25519" => {
            let mut seed = Zeroizing::new([0; 32]);
            scope.random.fill(seed.as_mut());
            PrivateKey::Ed25519(seed).block()
        }
        _ => return Ok(Value::text([b"Unknown type ", &*kind].concat())),
    };
    let block = block.ok_or_else(|| raised("failed to generate private key"))?;
    Ok(Value::text(std::mem::take(&mut *block.text())))
}

/// A new RSA key. The library takes no source of randomness: its own makes the key.
pub(super) fn rsa_key(scope: &mut Scope<'_>, size: KeySize) -> Result<PrivateKey, Failure> {
    scope.spend_steps(if size == KeySize::Rsa2048 { RSA_2048_STEPS } else { RSA_4096_STEPS })?;
    let failed = || raised("error generating rsa key");
    let pair = rsa::KeyPair::generate(size).map_err(|_| failed())?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| failed())?;
    PrivateKey::from_pkcs8(pkcs8.as_ref()).ok_or_else(failed)
}

/// A new key on P-256.
fn ec_key(random: &mut dyn Random) -> Option<EcKey> {
    let mut private = Zeroizing::new([0; 32]);
    // Of 2^32 numbers at most one is not below the order. A source that gives nothing else is broken.
    for _ in 0..64 {
        random.fill(private.as_mut());
        if let Some(key) = EcKey::new(Curve::P256, private.as_slice()) {
            return Some(key);
        }
    }
    None
}
