//! `encryptAES` and `decryptAES`: AES-256-CBC with the password itself as the key.

use aes::Aes256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use zeroize::Zeroizing;

use super::arguments::{raised, text};
use super::base64_text;
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value};

const BLOCK_BYTES: usize = 16;

/// Sprig's functions for AES (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "encryptAES", params: &[Type::Text, Type::Text], rest: None, call: encrypt },
    Function { name: "decryptAES", params: &[Type::Text, Type::Text], rest: None, call: decrypt },
];

/// Base64 of the initialisation vector and the ciphertext; nothing for nothing.
fn encrypt(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (password, plain) = (text(arguments, 0)?, text(arguments, 1)?);
    if plain.is_empty() {
        return Ok(Value::text(""));
    }
    scope.spend_bytes(plain.len().saturating_mul(3))?;
    scope.spend_steps(plain.len() / 128 + 1)?;
    let mut vector = [0; BLOCK_BYTES];
    scope.random.fill(&mut vector);
    let mut buffer = Zeroizing::new(Vec::with_capacity(plain.len() + BLOCK_BYTES));
    buffer.extend_from_slice(&plain);
    buffer.resize(plain.len() + BLOCK_BYTES, 0);
    let cipher = cbc::Encryptor::<Aes256>::new((&*key(&password)).into(), &vector.into());
    let sealed =
        cipher.encrypt_padded::<Pkcs7>(&mut buffer, plain.len()).map_err(|_| raised("encryption failed"))?;
    Ok(Value::text(STANDARD.encode([&vector[..], sealed].concat())))
}

/// The opposite. As sprig, it looks only at the last byte of the padding, so that a wrong password may give bytes
/// without a meaning instead of an error.
fn decrypt(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (password, sealed) = (text(arguments, 0)?, text(arguments, 1)?);
    if sealed.is_empty() {
        return Ok(Value::text(""));
    }
    scope.spend_bytes(sealed.len().saturating_mul(3))?;
    scope.spend_steps(sealed.len() / 128 + 1)?;
    let sealed = base64_text::decoded(&sealed).ok_or_else(|| raised("illegal base64 data"))?;
    let too_short = || raised("the ciphertext is too short");
    let (vector, sealed) = sealed.split_first_chunk::<BLOCK_BYTES>().ok_or_else(too_short)?;
    if sealed.is_empty() {
        return Err(too_short());
    }
    let mut plain = Zeroizing::new(sealed.to_vec());
    let cipher = cbc::Decryptor::<Aes256>::new((&*key(&password)).into(), vector.into());
    cipher
        .decrypt_padded::<NoPadding>(&mut plain)
        .map_err(|_| raised("the ciphertext is not a multiple of the block size"))?;
    let padding = plain.last().copied().map_or(0, usize::from);
    let length = plain.len().checked_sub(padding).ok_or_else(|| raised("the padding is not one"))?;
    Ok(Value::text(plain.get(..length).unwrap_or_default()))
}

/// The password's first 32 bytes, filled up with zeros.
fn key(password: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    for (place, byte) in key.iter_mut().zip(password) {
        *place = *byte;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::crypto::testing::{call, told};

    #[test]
    fn what_was_encrypted_comes_back() {
        for plain in ["x", "sixteen bytes ok", "longer than one block, and not a multiple"] {
            let sealed = told("encryptAES", &["secret", plain]).unwrap();
            assert_eq!(told("decryptAES", &["secret", &sealed]).unwrap(), plain);
        }
        assert_eq!(told("encryptAES", &["secret", ""]).unwrap(), "");
        assert_eq!(told("decryptAES", &["secret", ""]).unwrap(), "");
    }

    #[test]
    fn what_sprig_encrypted_opens() {
        // Made with sprig 3.3.0.
        assert_eq!(told("decryptAES", &["secretkey", SPRIG]).unwrap(), "plaintext");
    }

    #[test]
    fn damaged_ciphertexts_are_errors() {
        let short = STANDARD.encode([0; 16]);
        let odd = STANDARD.encode([0; 33]);
        for sealed in ["!", "AAAA", &short, &odd] {
            assert!(matches!(
                call("decryptAES", &[Value::text("k"), Value::text(sealed)]),
                Err(Failure::Raised(_))
            ));
        }
    }

    const SPRIG: &str = "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=";
}
