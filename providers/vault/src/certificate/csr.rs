//! A key of ours and the request that has it signed: the key never leaves this process but into the Secret.

use std::net::IpAddr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256,
};
use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

use super::der;
use super::key::{Algorithm, KeyKind};

const COMMON_NAME: &str = "2.5.4.3";
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// Tags of a subject's other names (RFC 5280, 4.2.1.6).
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
/// The attributes of a request.
const ATTRIBUTES: u8 = 0xa0;

/// For whom a certificate is, as far as a request says it: Vault takes other names and user ids from the parameters beside
/// it, whatever the role says, and would have them twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) common_name: Option<&'a str>,
    pub(super) alt_names: &'a [String],
    pub(super) ip_sans: &'a [String],
    pub(super) uri_sans: &'a [String],
}

/// A key pair.
enum Pair {
    Rsa(rsa::KeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key, and the request for its certificate.
pub(super) struct Requested {
    /// PKCS #8, DER.
    pub(super) key: SecretBytes,
    /// The public half as certificates hold it, DER.
    pub(super) public: Vec<u8>,
    /// The request, DER.
    pub(super) csr: Vec<u8>,
}

/// A fresh key of `kind`, and a request for `subject` that is signed with it.
///
/// # Errors
/// `InvalidConfig` for a name that cannot be written into a request; `Internal` where no key can be made.
pub(super) fn requested(kind: KeyKind, subject: &Subject<'_>) -> Result<Requested> {
    let names = names(subject)?;
    let failed = |_: Unspecified| Error::new(ErrorKind::Internal, "make a key", "no key could be made");
    let pair = Pair::generate(kind).map_err(failed)?;
    let public = pair.public().map_err(failed)?;
    let info = info(subject, &public, &names)?;
    let signature = pair.signature(&info).map_err(failed)?;
    let csr = der::sequence([&info[..], &pair.algorithm()?[..], &der::bits(&signature)[..]]);
    Ok(Requested { key: pair.private().map_err(failed)?, public, csr })
}

fn info(subject: &Subject<'_>, public: &[u8], names: &[u8]) -> Result<Vec<u8>> {
    let attribute = |kind: &str, value: &str| -> Result<Vec<u8>> {
        Ok(der::set_of(&der::sequence([&oid(kind)?[..], &der::utf8(value)[..]])))
    };
    let name = subject.common_name.map(|common| attribute(COMMON_NAME, common)).transpose()?;
    let name = der::sequence(name.as_deref());
    let attributes = if names.is_empty() {
        Vec::new()
    } else {
        let names = der::octets(&der::sequence([names]));
        let extension = der::sequence([&oid(SUBJECT_ALT_NAME)?[..], &names[..]]);
        let extensions = der::set_of(&der::sequence([&extension[..]]));
        der::sequence([&oid(EXTENSION_REQUEST)?[..], &extensions[..]])
    };
    let attributes = der::tagged(ATTRIBUTES, &attributes);
    Ok(der::sequence([&der::zero()[..], &name[..], public, &attributes[..]]))
}

/// The subject's other names, one after the other.
fn names(subject: &Subject<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for name in subject.alt_names {
        out.extend(der::tagged(if name.contains('@') { EMAIL } else { DNS }, &ascii("altNames", name)?));
    }
    for ip in subject.ip_sans {
        let parsed =
            ip.parse::<IpAddr>().map_err(|_| unusable("ipSans", "one of them is not an IP address"))?;
        let bytes = match parsed {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        out.extend(der::tagged(IP, &bytes));
    }
    for uri in subject.uri_sans {
        out.extend(der::tagged(URI, &ascii("uriSans", uri)?));
    }
    Ok(out)
}

/// `OID;UTF8:VALUE`, as Vault takes it.
pub(super) fn other_name(text: &str) -> Option<(Vec<u8>, &str)> {
    let (kind, value) = text.split_once(';')?;
    let (form, value) = value.split_once(':')?;
    let is_text = ["utf8", "utf-8"].contains(&form.to_ascii_lowercase().as_str());
    Some((der::oid(kind)?, value)).filter(|_| is_text)
}

fn ascii(field: &str, text: &str) -> Result<Vec<u8>> {
    let plain = text.is_ascii() && !text.is_empty() && !text.chars().any(|letter| letter.is_ascii_control());
    if plain {
        Ok(text.as_bytes().to_vec())
    } else {
        Err(unusable(field, "one of them is empty or not ASCII"))
    }
}

fn unusable(field: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "request a certificate", format!("spec.{field}: {why}"))
}

fn oid(dotted: &str) -> Result<Vec<u8>> {
    der::oid(dotted).ok_or_else(|| unusable("", "an object identifier of ours is wrong"))
}

impl Pair {
    fn generate(kind: KeyKind) -> Result<Self, Unspecified> {
        let size = match kind.size {
            4096 => KeySize::Rsa4096,
            3072 => KeySize::Rsa3072,
            _ => KeySize::Rsa2048,
        };
        Ok(match kind.algorithm {
            Algorithm::Rsa => Self::Rsa(rsa::KeyPair::generate(size)?),
            Algorithm::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate()?),
            Algorithm::Ecdsa if kind.size == 384 => {
                Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING)?)
            }
            Algorithm::Ecdsa => Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?),
        })
    }

    fn public(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der()?,
            Self::Ecdsa(pair) => pair.public_key().as_der()?,
            Self::Ed25519(pair) => pair.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }

    fn private(&self) -> Result<SecretBytes, Unspecified> {
        Ok(match self {
            Self::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                SecretBytes::new(der.as_ref().to_vec())
            }
            Self::Ecdsa(pair) => SecretBytes::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
            Self::Ed25519(pair) => SecretBytes::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
        })
    }

    fn algorithm(&self) -> Result<Vec<u8>> {
        let alone = |dotted: &str| Ok(der::sequence([&oid(dotted)?[..]]));
        match self {
            Self::Rsa(_) => Ok(der::sequence([&oid("1.2.840.113549.1.1.11")?[..], &der::null()[..]])),
            Self::Ecdsa(pair) if pair.algorithm() == &ECDSA_P384_SHA384_ASN1_SIGNING => {
                alone("1.2.840.10045.4.3.3")
            }
            Self::Ecdsa(..) => alone("1.2.840.10045.4.3.2"),
            Self::Ed25519(_) => alone("1.3.101.112"),
        }
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out)?;
                out
            }
            Self::Ecdsa(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension};

    use super::*;

    fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(ToOwned::to_owned).to_vec()
    }

    #[test]
    fn a_request_says_for_whom_it_is() {
        let (alt, ip) = (texts(["a.test", "ops@a.test"]), texts(["10.0.0.1", "2001:db8::1"]));
        let uri = texts(["spiffe://a/b"]);
        let subject = Subject { common_name: Some("a.test"), alt_names: &alt, ip_sans: &ip, uri_sans: &uri };
        for kind in [
            KeyKind { algorithm: Algorithm::Rsa, size: 2048 },
            KeyKind { algorithm: Algorithm::Ecdsa, size: 256 },
            KeyKind { algorithm: Algorithm::Ecdsa, size: 384 },
            KeyKind { algorithm: Algorithm::Ed25519, size: 0 },
        ] {
            let made = requested(kind, &subject).unwrap();
            let (rest, csr) = X509CertificationRequest::from_der(&made.csr).unwrap();
            assert!(rest.is_empty());
            let info = &csr.certification_request_info;
            assert_eq!(info.subject.to_string(), "CN=a.test");
            assert_eq!(info.subject_pki.raw, made.public);
            let mut found = Vec::new();
            for extension in csr.requested_extensions().unwrap() {
                let ParsedExtension::SubjectAlternativeName(names) = extension else { continue };
                for name in &names.general_names {
                    found.push(match name {
                        GeneralName::DNSName(text) => format!("dns {text}"),
                        GeneralName::RFC822Name(text) => format!("mail {text}"),
                        GeneralName::URI(text) => format!("uri {text}"),
                        GeneralName::IPAddress(bytes) => format!("ip {}", bytes.len()),
                        other => format!("{other:?}"),
                    });
                }
            }
            assert_eq!(found, ["dns a.test", "mail ops@a.test", "ip 4", "ip 16", "uri spiffe://a/b",]);
        }
    }

    #[test]
    fn two_requests_have_two_keys() {
        let none: Vec<String> = Vec::new();
        let subject = Subject { common_name: None, alt_names: &none, ip_sans: &none, uri_sans: &none };
        let kind = KeyKind { algorithm: Algorithm::Ecdsa, size: 256 };
        let (one, other) = (requested(kind, &subject).unwrap(), requested(kind, &subject).unwrap());
        assert_ne!(one.key, other.key);
        assert_ne!(one.public, other.public);
        assert!(X509CertificationRequest::from_der(&one.csr).unwrap().0.is_empty());
    }

    #[test]
    fn what_cannot_be_written_names_its_field_and_no_value() {
        let none: Vec<String> = Vec::new();
        for field in ["altNames", "ipSans", "uriSans"] {
            let wrong = texts(["canary\u{7}"]);
            let at = |name: &str| if name == field { wrong.as_slice() } else { none.as_slice() };
            let subject = Subject {
                common_name: None,
                alt_names: at("altNames"),
                ip_sans: at("ipSans"),
                uri_sans: at("uriSans"),
            };
            let kind = KeyKind { algorithm: Algorithm::Ed25519, size: 0 };
            let error = requested(kind, &subject).err().unwrap().to_string();
            assert!(error.contains(&format!("spec.{field}")) && !error.contains("canary"), "{error}");
        }
    }
}
