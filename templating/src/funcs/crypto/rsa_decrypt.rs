//! `rsaDecrypt`: RSA-OAEP with a private key from the template's data.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use zeroize::Zeroizing;

use super::arguments::{raised, text};
use super::pem;
use super::private_key::{PrivateKey, reading_steps};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value};

/// ESO's own function for decryption (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[Function {
    name: "rsaDecrypt",
    params: &[Type::Text, Type::Text, Type::Text, Type::Text],
    rest: None,
    call: rsa_decrypt,
}];

/// Scheme (`None` gives the text as it is, or `RSA-OAEP`), hash (`SHA1`, `SHA512`, anything else is SHA-256),
/// ciphertext, private key. Keys have 2048 to 8192 bits.
fn rsa_decrypt(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (scheme, hash, sealed) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
    match &*scheme {
        b"None" => return Ok(Value::Text(sealed)),
        b"RSA-OAEP" => {}
        _ => return Err(raised("decryption scheme is not supported")),
    }
    let key = text(arguments, 3)?;
    scope.spend_steps(reading_steps(key.len()) + (key.len() + sealed.len()) / 128)?;
    let (block, _) = pem::decoded(&key).ok_or_else(|| raised("failed to decode PEM block"))?;
    let key = PrivateKey::from_any(&block.bytes).ok_or_else(|| raised("could not parse private key"))?;
    if !matches!(key, PrivateKey::Rsa(_)) {
        return Err(raised("could not parse RSA private key"));
    }
    // It is read twice: by us, and by what decrypts.
    scope.spend_steps(reading_steps(block.bytes.len()) + key.signing_steps())?;
    let unusable = || raised("could not use RSA private key: it must have 2048 to 8192 bits");
    let pkcs8 = key.pkcs8().ok_or_else(unusable)?;
    let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|_| unusable())?;
    let key = OaepPrivateDecryptingKey::new(key).map_err(|_| unusable())?;
    let algorithm = match &*hash {
        b"SHA1" => &OAEP_SHA1_MGF1SHA1,
        b"SHA512" => &OAEP_SHA512_MGF1SHA512,
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
    let plain = key.decrypt(algorithm, &sealed, &mut buffer, None);
    plain.map(|plain| Value::text(&*plain)).map_err(|_| raised("error decrypting data with RSA"))
}
