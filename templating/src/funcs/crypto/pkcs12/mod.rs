//! ESO's functions for PKCS#12 stores: PEM out of them, and stores out of PEM.

mod alias;
mod derivation;
mod encryption;
mod read;
mod write;

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::arguments::{raised, text};
use super::pem::{self, Block};
use super::private_key::{PrivateKey, reading_steps};
use super::{chain, x509};
use crate::funcs::{Failure, Function, Scope};
use crate::limits::MAX_PKCS12_BYTES;
use crate::value::{Type, Value};

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x01];
const SHROUDED_KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
const CERT_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

const ONE: &[Type] = &[Type::Text];
const TWO: &[Type] = &[Type::Text, Type::Text];
const THREE: &[Type] = &[Type::Text, Type::Text, Type::Text];

/// ESO's own functions for key stores (spec section 7.2). Those without `Pass` take an empty password.
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function {
        name: "pkcs12key",
        params: ONE,
        rest: None,
        call: |scope, from| key(scope, b"", &text(from, 0)?),
    },
    Function {
        name: "pkcs12keyPass",
        params: TWO,
        rest: None,
        call: |scope, from| key(scope, &text(from, 0)?, &text(from, 1)?),
    },
    Function {
        name: "pkcs12cert",
        params: ONE,
        rest: None,
        call: |scope, from| cert(scope, b"", &text(from, 0)?),
    },
    Function {
        name: "pkcs12certPass",
        params: TWO,
        rest: None,
        call: |scope, from| cert(scope, &text(from, 0)?, &text(from, 1)?),
    },
    Function {
        name: "pemToPkcs12",
        params: TWO,
        rest: None,
        call: |scope, from| store(scope, &text(from, 0)?, &text(from, 1)?, b"", Chain::Leaf),
    },
    Function {
        name: "pemToPkcs12Pass",
        params: THREE,
        rest: None,
        call: |scope, from| store(scope, &text(from, 0)?, &text(from, 1)?, &text(from, 2)?, Chain::Leaf),
    },
    Function {
        name: "fullPemToPkcs12",
        params: TWO,
        rest: None,
        call: |scope, from| store(scope, &text(from, 0)?, &text(from, 1)?, b"", Chain::All),
    },
    Function {
        name: "fullPemToPkcs12Pass",
        params: THREE,
        rest: None,
        call: |scope, from| store(scope, &text(from, 0)?, &text(from, 1)?, &text(from, 2)?, Chain::All),
    },
    Function {
        name: "pemTruststoreToPKCS12",
        params: ONE,
        rest: None,
        call: |scope, from| trust_store(scope, &text(from, 0)?, b""),
    },
    Function {
        name: "pemTruststoreToPKCS12Pass",
        params: TWO,
        rest: None,
        call: |scope, from| trust_store(scope, &text(from, 0)?, &text(from, 1)?),
    },
];

/// Which certificates of a PEM text go into a key store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    Leaf,
    All,
}

/// The failure of a store, as go-pkcs12 begins its texts.
fn unreadable(reason: &str) -> Failure {
    raised(format!("pkcs12: {reason}"))
}

fn key(scope: &mut Scope<'_>, password: &[u8], bytes: &[u8]) -> Result<Value, Failure> {
    let contents = opened(scope, password, bytes, "unable to decode pkcs12 with password: ")?;
    let pkcs8 = contents.key.pkcs8().ok_or_else(|| unreadable("private key missing"))?;
    Ok(Value::text(std::mem::take(&mut *Block::new("PRIVATE KEY", &pkcs8).text())))
}

fn cert(scope: &mut Scope<'_>, password: &[u8], bytes: &[u8]) -> Result<Value, Failure> {
    let contents = opened(scope, password, bytes, "unable to decode pkcs12 certificate with password: ")?;
    let certificates: Vec<&[u8]> = contents.certificates.iter().map(Vec::as_slice).collect();
    chain::ordered_text(scope, &certificates).map(Value::text)
}

fn opened(
    scope: &mut Scope<'_>,
    password: &[u8],
    bytes: &[u8],
    context: &str,
) -> Result<read::Contents, Failure> {
    read::contents(scope, bytes, password).map_err(|failure| match failure {
        Failure::Raised(reason) => raised(format!("{context}{reason}")),
        other => other,
    })
}

/// Base64 of a store with the first certificate, or all of them, and the key.
fn store(
    scope: &mut Scope<'_>,
    certificates: &[u8],
    key: &[u8],
    password: &[u8],
    chain: Chain,
) -> Result<Value, Failure> {
    scope.spend_steps(reading_steps(key.len()))?;
    let blocks = certificate_blocks(scope, certificates, chain)?;
    if blocks.is_empty() {
        return Err(raised("failed to decode PEM block of the certificate"));
    }
    let (block, _) =
        pem::decoded(key).ok_or_else(|| raised("failed to decode PEM block of the private key"))?;
    let key = PrivateKey::from_any(&block.bytes).ok_or_else(|| raised("failed to parse private key"))?;
    let certificates: Vec<&[u8]> = blocks.iter().map(|block| block.bytes.as_slice()).collect();
    let store = write::key_store(scope, &key, &certificates, password)?;
    encoded(scope, &store)
}

/// Base64 of a store with all certificates and no key.
fn trust_store(scope: &mut Scope<'_>, certificates: &[u8], password: &[u8]) -> Result<Value, Failure> {
    let blocks = certificate_blocks(scope, certificates, Chain::All)?;
    let certificates: Vec<&[u8]> = blocks.iter().map(|block| block.bytes.as_slice()).collect();
    let store = write::trust_store(scope, &certificates, password)?;
    encoded(scope, &store)
}

/// The blocks of the text, which must be certificates. In a chain nothing may follow the last one: upstream ends with a
/// nil dereference even on an empty line.
fn certificate_blocks(scope: &mut Scope<'_>, text: &[u8], chain: Chain) -> Result<Vec<Block>, Failure> {
    if text.len() > MAX_PKCS12_BYTES {
        return Err(Failure::Limit("PKCS#12 size"));
    }
    let (mut blocks, rest) = pem::all(scope, text)?;
    if chain == Chain::Leaf {
        blocks.truncate(1);
    } else if !rest.is_empty() {
        let blank = rest.trim_ascii().is_empty();
        let after = if blank { ": an empty line follows the last one" } else { "" };
        return Err(raised(format!("failed to decode PEM block of a certificate{after}")));
    }
    scope.spend_bytes(text.len().saturating_mul(4))?;
    for block in &blocks {
        scope.spend_steps(x509::steps(&block.bytes))?;
    }
    if blocks.iter().any(|block| x509::certificate(&block.bytes).is_none()) {
        return Err(raised("x509: malformed certificate"));
    }
    Ok(blocks)
}

fn encoded(scope: &mut Scope<'_>, store: &[u8]) -> Result<Value, Failure> {
    scope.spend_bytes(store.len().saturating_mul(2))?;
    Ok(Value::text(STANDARD.encode(store)))
}
