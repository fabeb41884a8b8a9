//! Makes PKCS#12 stores: PBES2 with AES-256 and PBKDF2 inside, an HMAC with SHA-256 around it.

use aws_lc_rs::{digest, hmac};

use super::derivation::{self, Hash, Password, Purpose};
use super::encryption::{ROUNDS, SALT_BYTES, sealed};
use super::{CERT_BAG, DATA, ENCRYPTED_DATA, SHA256, SHROUDED_KEY_BAG, X509_CERTIFICATE, alias, unreadable};
use crate::funcs::crypto::der::{self, Der};
use crate::funcs::crypto::private_key::PrivateKey;
use crate::funcs::crypto::x509;
use crate::funcs::{Failure, Scope};

const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
/// Java trusts a certificate without a key only if it carries this.
const JAVA_TRUST: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// A store with a key, its certificate (the first) and those above it.
pub(super) fn key_store(
    scope: &mut Scope<'_>,
    key: &PrivateKey,
    certificates: &[&[u8]],
    password: &[u8],
) -> Result<Der, Failure> {
    let password = Password::new(password)?;
    let own = certificates.first().ok_or_else(|| unreadable("certificate missing"))?;
    let print = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, own);
    let id = attribute(LOCAL_KEY_ID, der::element(der::OCTET_STRING, &[print.as_ref()]));
    let bags: Vec<Der> = certificates
        .iter()
        .enumerate()
        .map(|(place, certificate)| {
            cert_bag(certificate, if place == 0 { vec![id.clone()] } else { Vec::new() })
        })
        .collect();
    let certificates = encrypted_part(scope, &bags, &password)?;
    let pkcs8 = key.pkcs8().ok_or_else(|| unreadable("a key that PKCS#8 has no form for"))?;
    let (algorithm, sealed) = sealed(scope, &pkcs8, &password)?;
    let shrouded = der::sequence(&[algorithm, der::element(der::OCTET_STRING, &[&sealed])]);
    let key = der::sequence(&[bag(SHROUDED_KEY_BAG, shrouded, vec![id])]);
    let key = content_info(DATA, &der::element(der::OCTET_STRING, &[&key]));
    store(scope, &[certificates, key], &password)
}

/// A store of certificates that Java trusts, each under its subject as the alias.
pub(super) fn trust_store(
    scope: &mut Scope<'_>,
    certificates: &[&[u8]],
    password: &[u8],
) -> Result<Der, Failure> {
    let password = Password::new(password)?;
    let mut bags = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        scope.spend_steps(x509::steps(certificate))?;
        let trust = attribute(JAVA_TRUST, der::element(der::OID, &[ANY_PURPOSE]));
        let name = alias::of(certificate).ok_or_else(|| unreadable("malformed certificate"))?;
        let name = attribute(FRIENDLY_NAME, der::element(der::BMP_STRING, &[&utf16(&name)?]));
        bags.push(cert_bag(certificate, vec![trust, name]));
    }
    let certificates = encrypted_part(scope, &bags, &password)?;
    store(scope, &[certificates], &password)
}

fn utf16(text: &str) -> Result<Vec<u8>, Failure> {
    let units = text.chars().map(|character| Some(u16::try_from(u32::from(character)).ok()?.to_be_bytes()));
    let units = units.collect::<Option<Vec<_>>>();
    Ok(units.ok_or_else(|| unreadable("a subject has a character that PKCS#12 has no room for"))?.concat())
}

fn attribute(oid: &[u8], value: Der) -> Der {
    der::sequence(&[der::element(der::OID, &[oid]), der::constructed(der::SET, &[value])])
}

fn bag(kind: &[u8], value: Der, attributes: Vec<Der>) -> Der {
    let mut parts = vec![der::element(der::OID, &[kind]), der::constructed(der::context(0), &[value])];
    if !attributes.is_empty() {
        // The elements of a set are ordered by their encoding.
        let mut attributes = attributes;
        attributes.sort_by(|one, other| one.as_slice().cmp(other));
        parts.push(der::constructed(der::SET, &attributes));
    }
    der::sequence(&parts)
}

fn cert_bag(certificate: &[u8], attributes: Vec<Der>) -> Der {
    let value = der::constructed(der::context(0), &[der::element(der::OCTET_STRING, &[certificate])]);
    let value = der::sequence(&[der::element(der::OID, &[X509_CERTIFICATE]), value]);
    bag(CERT_BAG, value, attributes)
}

fn content_info(kind: &[u8], content: &[u8]) -> Der {
    der::sequence(&[der::element(der::OID, &[kind]), der::element(der::context(0), &[content])])
}

fn encrypted_part(scope: &mut Scope<'_>, bags: &[Der], password: &Password) -> Result<Der, Failure> {
    let (algorithm, sealed) = sealed(scope, &der::sequence(bags), password)?;
    let info = [der::element(der::OID, &[DATA]), algorithm, der::element(0x80, &[&sealed])];
    let data = der::sequence(&[der::unsigned(&[]), der::sequence(&info)]);
    Ok(content_info(ENCRYPTED_DATA, &data))
}

fn store(scope: &mut Scope<'_>, parts: &[Der], password: &Password) -> Result<Der, Failure> {
    let safe = der::sequence(parts);
    let mut salt = [0; SALT_BYTES];
    scope.random.fill(&mut salt);
    let salted = (&salt[..], u32::from(ROUNDS));
    let key = derivation::pkcs12(scope, Hash::Sha256, Purpose::Mac, password, salted, Hash::Sha256.bytes())?;
    let sum = hmac::sign(&Hash::Sha256.mac_key(&key), &safe);
    let info =
        der::sequence(&[der::algorithm(SHA256, None), der::element(der::OCTET_STRING, &[sum.as_ref()])]);
    let mac = der::sequence(&[
        info,
        der::element(der::OCTET_STRING, &[&salt]),
        der::unsigned(&ROUNDS.to_be_bytes()),
    ]);
    let safe = content_info(DATA, &der::element(der::OCTET_STRING, &[&safe]));
    Ok(der::sequence(&[der::unsigned(&[3]), safe, mac]))
}
