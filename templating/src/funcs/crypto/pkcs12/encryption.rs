//! The password-based encryption schemes of PKCS#12 stores: which there are, and how each is undone.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use des::TdesEde3;
use rc2::Rc2;
use zeroize::Zeroizing;

use super::derivation::{self, Hash, Password, Purpose};
use super::unreadable;
use crate::funcs::crypto::der::{self, Der, Reader};
use crate::funcs::{Failure, Scope};

const PBE_3DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03];
const PBE_RC2_128: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x05];
const PBE_RC2_40: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x06];
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const HMAC_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b];
const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02];
const AES_192_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

/// Rounds of every derivation in a store that is made here: what OpenSSL and go-pkcs12 take.
pub(super) const ROUNDS: u16 = 2048;
const AES_BLOCK_BYTES: usize = 16;
/// Bytes of every salt in a store that is made here.
pub(super) const SALT_BYTES: usize = 16;

/// What `sealed` holds, opened as the `AlgorithmIdentifier` (its content) says.
pub(super) fn opened(
    scope: &mut Scope<'_>,
    algorithm: &[u8],
    sealed: &[u8],
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let malformed = || unreadable("malformed encryption parameters");
    let mut algorithm = Reader::new(algorithm);
    let oid = algorithm.expect(der::OID).ok_or_else(malformed)?;
    let mut parameters = algorithm.enter(der::SEQUENCE).ok_or_else(malformed)?;
    scope.spend_steps(sealed.len() / 16)?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    if oid == PBES2 {
        return open_pbes2(scope, parameters, buffer, password);
    }
    let key_bytes = match oid {
        PBE_3DES => 24,
        PBE_RC2_128 => 16,
        PBE_RC2_40 => 5,
        _ => return Err(unreadable("an encryption algorithm that is not supported")),
    };
    let salt = parameters.expect(der::OCTET_STRING).ok_or_else(malformed)?;
    let salted = (salt, parameters.small().ok_or_else(malformed)?);
    let key = derivation::pkcs12(scope, Hash::Sha1, Purpose::Encryption, password, salted, key_bytes)?;
    let vector = derivation::pkcs12(scope, Hash::Sha1, Purpose::InitialVector, password, salted, 8)?;
    let plain = if oid == PBE_3DES {
        open_with(TdesEde3::new_from_slice(&key).ok(), &vector, &mut buffer)
    } else {
        open_with(Rc2::new_from_slice(&key).ok(), &vector, &mut buffer)
    };
    let length = plain.ok_or_else(cannot_decrypt)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn open_pbes2(
    scope: &mut Scope<'_>,
    mut parameters: Reader<'_>,
    mut buffer: Zeroizing<Vec<u8>>,
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let malformed = || unreadable("malformed encryption parameters");
    let mut kdf = parameters.enter(der::SEQUENCE).ok_or_else(malformed)?;
    let mut scheme = parameters.enter(der::SEQUENCE).ok_or_else(malformed)?;
    let cipher = scheme.expect(der::OID).ok_or_else(malformed)?;
    let vector = scheme.expect(der::OCTET_STRING).ok_or_else(malformed)?;
    let key_bytes = match cipher {
        AES_128_CBC => 16,
        AES_192_CBC => 24,
        AES_256_CBC => 32,
        _ => return Err(unreadable("an encryption algorithm that is not supported")),
    };
    let key = pbkdf2_key(scope, &mut kdf, password, Some(key_bytes))?;
    let plain = match key_bytes {
        16 => open_with(Aes128::new_from_slice(&key).ok(), vector, &mut buffer),
        24 => open_with(Aes192::new_from_slice(&key).ok(), vector, &mut buffer),
        _ => open_with(Aes256::new_from_slice(&key).ok(), vector, &mut buffer),
    };
    let length = plain.ok_or_else(cannot_decrypt)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The key that an `AlgorithmIdentifier` of PBKDF2 (what is inside of it) derives, of `length` bytes or else of
/// as many as it names itself.
pub(super) fn pbkdf2_key(
    scope: &mut Scope<'_>,
    kdf: &mut Reader<'_>,
    password: &Password,
    length: Option<usize>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let malformed = || unreadable("malformed key derivation parameters");
    if kdf.expect(der::OID).ok_or_else(malformed)? != PBKDF2 {
        return Err(unreadable("a key derivation that is not supported"));
    }
    let mut kdf = kdf.enter(der::SEQUENCE).ok_or_else(malformed)?;
    let salt = kdf.expect(der::OCTET_STRING).ok_or_else(malformed)?;
    let rounds = kdf.small().ok_or_else(malformed)?;
    let named = kdf.small();
    let hash = match kdf.enter(der::SEQUENCE) {
        Some(mut function) => hmac_hash(function.expect(der::OID).ok_or_else(malformed)?)?,
        None => Hash::Sha1,
    };
    let length = match length {
        Some(length) => length,
        // Shorter ones would let a forged store pass (RFC 9579), no hash gives longer ones.
        None => named
            .and_then(|named| usize::try_from(named).ok())
            .filter(|named| (20..=64).contains(named))
            .ok_or_else(malformed)?,
    };
    derivation::pbkdf2(scope, hash, &password.utf8, (salt, rounds), length)
}

/// The hash of an HMAC by its object identifier.
pub(super) fn hmac_hash(oid: &[u8]) -> Result<Hash, Failure> {
    match oid {
        HMAC_SHA1 => Ok(Hash::Sha1),
        HMAC_SHA256 => Ok(Hash::Sha256),
        HMAC_SHA512 => Ok(Hash::Sha512),
        _ => Err(unreadable("a hash that is not supported")),
    }
}

/// Decrypts in place and gives the length of the result.
fn open_with<C: BlockCipherDecrypt>(cipher: Option<C>, vector: &[u8], buffer: &mut [u8]) -> Option<usize>
where
    Decryptor<C>: InnerIvInit<Inner = C> + BlockModeDecrypt,
{
    let decryptor = Decryptor::inner_iv_slice_init(cipher?, vector).ok()?;
    Some(decryptor.decrypt_padded::<Pkcs7>(buffer).ok()?.len())
}

fn cannot_decrypt() -> Failure {
    unreadable("decryption error: the password may be wrong")
}

/// AES-256 under a key derived with PBKDF2: the `AlgorithmIdentifier` and the ciphertext.
pub(super) fn sealed(
    scope: &mut Scope<'_>,
    plain: &[u8],
    password: &Password,
) -> Result<(Der, Zeroizing<Vec<u8>>), Failure> {
    let (mut salt, mut vector) = ([0; SALT_BYTES], [0; AES_BLOCK_BYTES]);
    scope.random.fill(&mut salt);
    scope.random.fill(&mut vector);
    scope.spend_steps(plain.len() / 16)?;
    let key = derivation::pbkdf2(scope, Hash::Sha256, &password.utf8, (&salt, u32::from(ROUNDS)), 32)?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(plain.len() + AES_BLOCK_BYTES));
    buffer.extend_from_slice(plain);
    buffer.resize(plain.len() + AES_BLOCK_BYTES, 0);
    let failed = |_| unreadable("encryption failed");
    let cipher =
        Encryptor::<Aes256>::new_from_slices(&key, &vector).map_err(|_| unreadable("encryption failed"))?;
    let length = cipher.encrypt_padded::<Pkcs7>(&mut buffer, plain.len()).map(<[u8]>::len).map_err(failed)?;
    buffer.truncate(length);
    let function = der::algorithm(HMAC_SHA256, None);
    let derivation = der::sequence(&[
        der::element(der::OCTET_STRING, &[&salt]),
        der::unsigned(&ROUNDS.to_be_bytes()),
        function,
    ]);
    let vector = der::element(der::OCTET_STRING, &[&vector]);
    let parameters =
        der::sequence(&[der::algorithm(PBKDF2, Some(derivation)), der::algorithm(AES_256_CBC, Some(vector))]);
    Ok((der::algorithm(PBES2, Some(parameters)), buffer))
}
