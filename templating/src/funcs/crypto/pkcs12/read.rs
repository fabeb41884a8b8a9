//! Opens PKCS#12 stores: checks the MAC, decrypts, and finds the private key and the certificates.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::derivation::{self, Hash, Password, Purpose};
use super::encryption::{self, hmac_hash, pbkdf2_key};
use super::{
    CERT_BAG, DATA, ENCRYPTED_DATA, KEY_BAG, SHA256, SHROUDED_KEY_BAG, X509_CERTIFICATE, unreadable,
};
use crate::funcs::crypto::der::{self, Reader};
use crate::funcs::crypto::private_key::{PrivateKey, reading_steps};
use crate::funcs::crypto::x509;
use crate::funcs::{Failure, Scope};
use crate::limits::{MAX_PEM_BLOCKS, MAX_PKCS12_BYTES};

/// Parts of a store: certificates and a key.
const MOST_PARTS: usize = 2;
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e];

/// What a store holds.
pub(super) struct Contents {
    pub(super) key: PrivateKey,
    /// The first is the key's own.
    pub(super) certificates: Vec<Vec<u8>>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    key: Option<PrivateKey>,
    certificates: Vec<Vec<u8>>,
}

/// Opens a store (DER) with exactly one private key and at least one certificate.
///
/// # Errors
/// The bytes are not such a store, the password is wrong, an algorithm is not supported.
pub(super) fn contents(scope: &mut Scope<'_>, bytes: &[u8], password: &[u8]) -> Result<Contents, Failure> {
    if bytes.len() > MAX_PKCS12_BYTES {
        return Err(Failure::Limit("PKCS#12 size"));
    }
    scope.spend_steps(bytes.len() / 128 + 1)?;
    scope.spend_bytes(bytes.len().saturating_mul(3))?;
    let malformed = || unreadable("error reading P12 data");
    let mut store = Reader::new(der::sole(bytes, der::SEQUENCE).ok_or_else(malformed)?);
    if store.small().ok_or_else(malformed)? != 3 {
        return Err(unreadable("can only decode v3 PFX PDU's"));
    }
    let (kind, content) = content_info(&mut store).ok_or_else(malformed)?;
    if kind != DATA {
        return Err(unreadable("only password-protected PFX is implemented"));
    }
    let safe = der::sole(content, der::OCTET_STRING).ok_or_else(malformed)?;
    let password = checked_password(scope, store.optional(der::SEQUENCE), safe, password)?;
    let mut parts = Reader::new(der::sole(safe, der::SEQUENCE).ok_or_else(malformed)?);
    let mut found = Found::default();
    let wrong_count = || unreadable("expected between 1 and 2 items in the authenticated safe");
    let mut count = 0;
    while !parts.is_empty() {
        count += 1;
        // Each part is decrypted under a key of its own: none beyond the last that may be there.
        if count > MOST_PARTS {
            return Err(wrong_count());
        }
        let (kind, content) = content_info(&mut parts).ok_or_else(malformed)?;
        let bags = part(scope, kind, content, &password)?;
        found.read(scope, &bags, &password)?;
    }
    if count == 0 {
        return Err(wrong_count());
    }
    if found.certificates.is_empty() {
        return Err(unreadable("certificate missing"));
    }
    let key = found.key.ok_or_else(|| unreadable("private key missing"))?;
    Ok(Contents { key, certificates: found.certificates })
}

/// The type and the content of the next `ContentInfo`.
fn content_info<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut info = reader.enter(der::SEQUENCE)?;
    Some((info.expect(der::OID)?, info.expect(der::context(0))?))
}

/// The password in the form with which the MAC fits. A store without a MAC opens with an empty password only.
fn checked_password(
    scope: &mut Scope<'_>,
    mac: Option<&[u8]>,
    safe: &[u8],
    password: &[u8],
) -> Result<Password, Failure> {
    let password = Password::new(password)?;
    let Some(mac) = mac else {
        return if password.is_empty() { Ok(password) } else { Err(unreadable("no MAC in data")) };
    };
    if mac_fits(scope, mac, safe, &password)? {
        return Ok(password);
    }
    if password.is_empty() {
        let password = Password::without_terminator();
        if mac_fits(scope, mac, safe, &password)? {
            return Ok(password);
        }
    }
    Err(unreadable("decryption password incorrect"))
}

fn mac_fits(scope: &mut Scope<'_>, mac: &[u8], safe: &[u8], password: &Password) -> Result<bool, Failure> {
    let malformed = || unreadable("malformed MAC");
    let mut fields = Reader::new(mac);
    let mut info = fields.enter(der::SEQUENCE).ok_or_else(malformed)?;
    let mut algorithm = info.enter(der::SEQUENCE).ok_or_else(malformed)?;
    let wanted = info.expect(der::OCTET_STRING).ok_or_else(malformed)?;
    let salt = fields.expect(der::OCTET_STRING).ok_or_else(malformed)?;
    let rounds = if fields.is_empty() { 1 } else { fields.small().ok_or_else(malformed)? };
    let oid = algorithm.expect(der::OID).ok_or_else(malformed)?;
    let (hash, key) = if oid == PBMAC1 {
        let mut parameters = algorithm.enter(der::SEQUENCE).ok_or_else(malformed)?;
        let mut kdf = parameters.enter(der::SEQUENCE).ok_or_else(malformed)?;
        let mut scheme = parameters.enter(der::SEQUENCE).ok_or_else(malformed)?;
        let hash = hmac_hash(scheme.expect(der::OID).ok_or_else(malformed)?)?;
        (hash, pbkdf2_key(scope, &mut kdf, password, None)?)
    } else {
        let hash = match oid {
            SHA1 => Hash::Sha1,
            SHA256 => Hash::Sha256,
            SHA512 => Hash::Sha512,
            _ => return Err(unreadable("MAC digest algorithm not supported")),
        };
        let key = derivation::pkcs12(scope, hash, Purpose::Mac, password, (salt, rounds), hash.bytes())?;
        (hash, key)
    };
    Ok(hmac::verify(&hash.mac_key(&key), safe, wanted).is_ok())
}

/// The bags of one part of the store.
fn part(
    scope: &mut Scope<'_>,
    kind: &[u8],
    content: &[u8],
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let malformed = || unreadable("malformed authenticated safe");
    match kind {
        DATA => {
            let bags = der::sole(content, der::OCTET_STRING).ok_or_else(malformed)?;
            Ok(Zeroizing::new(bags.to_vec()))
        }
        ENCRYPTED_DATA => {
            let mut data = Reader::new(der::sole(content, der::SEQUENCE).ok_or_else(malformed)?);
            if data.small().ok_or_else(malformed)? != 0 {
                return Err(unreadable("only version 0 of EncryptedData is supported"));
            }
            let mut info = data.enter(der::SEQUENCE).ok_or_else(malformed)?;
            info.expect(der::OID).ok_or_else(malformed)?;
            let algorithm = info.expect(der::SEQUENCE).ok_or_else(malformed)?;
            // An implicit tag: the octet string itself.
            let sealed = info.expect(0x80).ok_or_else(malformed)?;
            encryption::opened(scope, algorithm, sealed, password)
        }
        _ => Err(unreadable("only data and encryptedData content types are supported")),
    }
}

impl Found {
    /// Takes keys and certificates out of the bags; others are passed over.
    fn read(&mut self, scope: &mut Scope<'_>, bags: &[u8], password: &Password) -> Result<(), Failure> {
        let malformed = || unreadable("malformed safe bag");
        let mut bags = Reader::new(der::sole(bags, der::SEQUENCE).ok_or_else(malformed)?);
        while !bags.is_empty() {
            scope.spend_steps(1)?;
            let mut bag = bags.enter(der::SEQUENCE).ok_or_else(malformed)?;
            let kind = bag.expect(der::OID).ok_or_else(malformed)?;
            let value = bag.expect(der::context(0)).ok_or_else(malformed)?;
            match kind {
                KEY_BAG => self.set_key(scope, value)?,
                SHROUDED_KEY_BAG => {
                    let mut sealed = Reader::new(der::sole(value, der::SEQUENCE).ok_or_else(malformed)?);
                    let algorithm = sealed.expect(der::SEQUENCE).ok_or_else(malformed)?;
                    let sealed = sealed.expect(der::OCTET_STRING).ok_or_else(malformed)?;
                    let key = encryption::opened(scope, algorithm, sealed, password)?;
                    self.set_key(scope, &key)?;
                }
                CERT_BAG => {
                    scope.spend_steps(x509::steps(value))?;
                    self.add_certificate(value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn set_key(&mut self, scope: &mut Scope<'_>, pkcs8: &[u8]) -> Result<(), Failure> {
        if self.key.is_some() {
            return Err(unreadable("expected exactly one key bag"));
        }
        scope.spend_steps(reading_steps(pkcs8.len()))?;
        let key = PrivateKey::from_pkcs8(pkcs8);
        self.key = Some(key.ok_or_else(|| unreadable("error parsing PKCS#8 private key"))?);
        Ok(())
    }

    fn add_certificate(&mut self, value: &[u8]) -> Result<(), Failure> {
        let malformed = || unreadable("error decoding cert bag");
        let mut bag = Reader::new(der::sole(value, der::SEQUENCE).ok_or_else(malformed)?);
        if bag.expect(der::OID).ok_or_else(malformed)? != X509_CERTIFICATE {
            return Err(unreadable("only X509 certificates are supported in cert bags"));
        }
        let value = bag.expect(der::context(0)).ok_or_else(malformed)?;
        let certificate = der::sole(value, der::OCTET_STRING).ok_or_else(malformed)?;
        x509::certificate(certificate).ok_or_else(malformed)?;
        if self.certificates.len() >= MAX_PEM_BLOCKS {
            return Err(Failure::Limit("certificates"));
        }
        self.certificates.push(certificate.to_vec());
        Ok(())
    }
}
