//! Writes and signs certificates with the fields and extensions that Go's crypto/x509 gives to sprig's.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use x509_parser::prelude::X509Certificate;

use super::arguments::raised;
use super::der::{self, Der};
use super::private_key::{PrivateKey, PublicKey};
use super::x509;
use crate::funcs::{Failure, Scope};
use crate::value::Text;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// What a certificate is to say.
pub(super) struct Request<'a> {
    /// The common name; none if empty.
    pub(super) name: &'a [u8],
    pub(super) addresses: &'a [IpAddr],
    pub(super) dns_names: &'a [Text],
    /// Valid from now for so many days.
    pub(super) days: i64,
    /// Whether it may sign others.
    pub(super) authority: bool,
}

/// Who signs.
pub(super) enum Issuer<'a> {
    Itself,
    Other(&'a X509Certificate<'a>, &'a PrivateKey),
}

/// A signed certificate for the key.
///
/// # Errors
/// A key that cannot sign, an issuer whose key is another one, a name that no certificate can hold.
pub(super) fn certificate(
    scope: &mut Scope<'_>,
    request: &Request<'_>,
    key: &PrivateKey,
    issuer: &Issuer<'_>,
) -> Result<Der, Failure> {
    let public =
        key.public_key().ok_or_else(|| raised("error creating certificate: unsupported key type"))?;
    let subject = subject(request.name)?;
    let (issuer_name, signing) = match issuer {
        Issuer::Itself => (subject.clone(), key),
        Issuer::Other(parent, signing) => {
            let signer = signing.public_key();
            if signer.is_none_or(|signer| signer.info().as_slice() != parent.public_key().raw) {
                return Err(raised("error creating certificate: the key is not that of the issuer"));
            }
            (Der::new(parent.subject().as_raw().to_vec()), *signing)
        }
    };
    let authority_key_id = match issuer {
        // As in Go, a certificate with its issuer's name names no authority.
        Issuer::Other(parent, _) if issuer_name != subject => x509::subject_key_id(parent),
        _ => &[],
    };
    let cannot_sign =
        || raised("error creating certificate: the key cannot sign (RSA keys have 2048 to 8192 bits)");
    let algorithm = signing.signature_algorithm().ok_or_else(cannot_sign)?;
    let body = der::sequence(&[
        der::constructed(der::context(0), &[der::unsigned(&[2])]),
        serial_number(scope),
        algorithm.clone(),
        issuer_name,
        validity(scope.now, request.days)?,
        subject,
        public.info(),
        extensions(request, &public, authority_key_id)?,
    ]);
    let signature = signing.signature(&body).ok_or_else(cannot_sign)?;
    Ok(der::sequence(&[body, algorithm, der::bit_string(&signature)]))
}

fn serial_number(scope: &mut Scope<'_>) -> Der {
    let mut digits = [0; 16];
    scope.random.fill(&mut digits);
    // Zero is not a serial number.
    if let Some(last) = digits.last_mut() {
        *last |= 1;
    }
    der::unsigned(&digits)
}

/// A name with only the common name in it.
fn subject(name: &[u8]) -> Result<Der, Failure> {
    if name.is_empty() {
        return Ok(der::sequence(&[]));
    }
    let name = std::str::from_utf8(name);
    let name = name.map_err(|_| raised("error creating certificate: the name is not UTF-8"))?;
    let attribute = der::sequence(&[der::element(der::OID, &[COMMON_NAME]), der::text(name)]);
    Ok(der::sequence(&[der::constructed(der::SET, &[attribute])]))
}

/// From now, for so many days.
fn validity(now: Timestamp, days: i64) -> Result<Der, Failure> {
    let out_of_range = || raised("error creating certificate: the end of its validity is out of range");
    let span = days.checked_mul(24 * 60 * 60).ok_or_else(out_of_range)?;
    let end = now.checked_add(SignedDuration::from_secs(span)).map_err(|_| out_of_range())?;
    Ok(der::sequence(&[time(now).ok_or_else(out_of_range)?, time(end).ok_or_else(out_of_range)?]))
}

/// With two digits of the year as long as they are enough.
fn time(time: Timestamp) -> Option<Der> {
    let time = time.to_zoned(TimeZone::UTC);
    let (tag, format) = match time.year() {
        1950..=2049 => (der::UTC_TIME, "%y%m%d%H%M%SZ"),
        0..=9999 => (der::GENERALIZED_TIME, "%Y%m%d%H%M%SZ"),
        _ => return None,
    };
    Some(der::element(tag, &[time.strftime(format).to_string().as_bytes()]))
}

fn extensions(request: &Request<'_>, public: &PublicKey, authority_key_id: &[u8]) -> Result<Der, Failure> {
    // Digital signature and key encipherment; for an authority also signing of certificates.
    let usage: &[u8] = if request.authority { &[2, 0xa4] } else { &[5, 0xa0] };
    let authority = if request.authority { vec![der::element(der::BOOLEAN, &[&[0xff]])] } else { Vec::new() };
    let purposes = [SERVER_AUTH, CLIENT_AUTH].map(|purpose| der::element(der::OID, &[purpose]));
    let mut list = vec![
        extension(KEY_USAGE, true, &der::element(der::BIT_STRING, &[usage])),
        extension(EXT_KEY_USAGE, false, &der::sequence(&purposes)),
        extension(BASIC_CONSTRAINTS, true, &der::sequence(&authority)),
    ];
    if request.authority {
        let sum = digest(&SHA256, &public.bits);
        let (id, _) = sum.as_ref().split_at_checked(20).unwrap_or_default();
        list.push(extension(SUBJECT_KEY_ID, false, &der::element(der::OCTET_STRING, &[id])));
    }
    if !authority_key_id.is_empty() {
        let id = der::element(0x80, &[authority_key_id]);
        list.push(extension(AUTHORITY_KEY_ID, false, &der::sequence(&[id])));
    }
    if !request.dns_names.is_empty() || !request.addresses.is_empty() {
        let names = alternative_names(request)?;
        list.push(extension(SUBJECT_ALT_NAME, request.name.is_empty(), &names));
    }
    Ok(der::constructed(der::context(3), &[der::sequence(&list)]))
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Der {
    let mut parts = vec![der::element(der::OID, &[oid])];
    if critical {
        parts.push(der::element(der::BOOLEAN, &[&[0xff]]));
    }
    parts.push(der::element(der::OCTET_STRING, &[value]));
    der::sequence(&parts)
}

fn alternative_names(request: &Request<'_>) -> Result<Der, Failure> {
    let mut names = Vec::with_capacity(request.dns_names.len() + request.addresses.len());
    for name in request.dns_names {
        if !name.is_ascii() {
            return Err(raised("error creating certificate: an alternate dns name is not ASCII"));
        }
        names.push(der::element(0x82, &[name]));
    }
    for address in request.addresses {
        names.push(match address.to_canonical() {
            IpAddr::V4(address) => der::element(0x87, &[&address.octets()]),
            IpAddr::V6(address) => der::element(0x87, &[&address.octets()]),
        });
    }
    Ok(der::sequence(&names))
}
