//! The `certificate` of sprig's functions, and those functions.

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;

use aws_lc_rs::rsa::KeySize;
use x509_parser::prelude::X509Certificate;

use super::arguments::{number, object, raised, text, texts};
use super::generate::rsa_key;
use super::issue::{self, Issuer, Request};
use super::private_key::{PrivateKey, reading_steps};
use super::{base64_text, pem, x509};
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Element, IntKind, Object, Text, Type, Value};

/// A certificate and its private key, both PEM.
pub(super) struct Certificate {
    cert: Text,
    key: Text,
}

const TYPE_NAME: &str = "sprig.certificate";
const DAYS: Type = Type::Int(IntKind::Int);
const NAMES: Type = Type::List(Element::Any);
const CERTIFICATE: Type = Type::Object(TYPE_NAME);

/// Sprig's functions for certificates (spec section 7.2). Keys are RSA of 2048 bits unless one is given.
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function {
        name: "buildCustomCert",
        params: &[Type::Text, Type::Text],
        rest: None,
        call: build_custom_cert,
    },
    Function {
        name: "genCA",
        params: &[Type::Text, DAYS],
        rest: None,
        call: |scope, arguments| gen_ca(scope, arguments, None),
    },
    Function {
        name: "genCAWithKey",
        params: &[Type::Text, DAYS, Type::Text],
        rest: None,
        call: |scope, arguments| gen_ca(scope, arguments, Some(2)),
    },
    Function {
        name: "genSelfSignedCert",
        params: &[Type::Text, NAMES, NAMES, DAYS],
        rest: None,
        call: |scope, arguments| gen_self_signed(scope, arguments, None),
    },
    Function {
        name: "genSelfSignedCertWithKey",
        params: &[Type::Text, NAMES, NAMES, DAYS, Type::Text],
        rest: None,
        call: |scope, arguments| gen_self_signed(scope, arguments, Some(4)),
    },
    Function {
        name: "genSignedCert",
        params: &[Type::Text, NAMES, NAMES, DAYS, CERTIFICATE],
        rest: None,
        call: |scope, arguments| gen_signed(scope, arguments, None),
    },
    Function {
        name: "genSignedCertWithKey",
        params: &[Type::Text, NAMES, NAMES, DAYS, CERTIFICATE, Type::Text],
        rest: None,
        call: |scope, arguments| gen_signed(scope, arguments, Some(5)),
    },
];

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn kind_name(&self) -> &'static str {
        "struct"
    }

    fn display(&self) -> Vec<u8> {
        [b"{", &*self.cert, b" ", &*self.key, b"}"].concat()
    }

    fn text_bytes(&self) -> usize {
        self.cert.len() + self.key.len() + 3
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::Text(self.cert.clone())),
            "Key" => Some(Value::Text(self.key.clone())),
            _ => None,
        }
    }

    fn method(&self, _name: &str) -> Option<&'static [Type]> {
        None
    }

    fn call(&self, _scope: &mut Scope<'_>, _method: &str, _arguments: &[Value]) -> Result<Value, Failure> {
        Err(raised("a certificate has no methods"))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A certificate from base64 of the two PEM texts, which are only looked at.
fn build_custom_cert(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (cert, key) = (text(arguments, 0)?, text(arguments, 1)?);
    scope.spend_bytes(cert.len() + key.len())?;
    scope.spend_steps(x509::steps(&cert) + reading_steps(key.len()))?;
    let cert = unwrapped(&cert).ok_or_else(|| raised("unable to decode base64 certificate"))?;
    let key = unwrapped(&key).ok_or_else(|| raised("unable to decode base64 private key"))?;
    first_certificate(&cert)?;
    PrivateKey::from_pem(&key).map_err(key_failure)?;
    Ok(Value::Object(Rc::new(Certificate { cert, key })))
}

fn gen_ca(scope: &mut Scope<'_>, arguments: &[Value], key: Option<usize>) -> Result<Value, Failure> {
    let name = text(arguments, 0)?;
    let key = given_or_new_key(scope, arguments, key)?;
    let request =
        Request { name: &name, addresses: &[], dns_names: &[], days: days(arguments, 1)?, authority: true };
    certificate(scope, &request, &key, &Issuer::Itself)
}

fn gen_self_signed(scope: &mut Scope<'_>, arguments: &[Value], key: Option<usize>) -> Result<Value, Failure> {
    issued(scope, arguments, key, &Issuer::Itself)
}

fn gen_signed(scope: &mut Scope<'_>, arguments: &[Value], key: Option<usize>) -> Result<Value, Failure> {
    let issuer = object(arguments, 4)?;
    let issuer = issuer.as_any().downcast_ref::<Certificate>();
    let issuer = issuer.ok_or_else(|| raised("argument 4 is not a certificate"))?;
    scope.spend_steps(2 * x509::steps(&issuer.cert) + reading_steps(issuer.key.len()))?;
    let parent = first_certificate(&issuer.cert)?;
    let parent: X509Certificate<'_> = x509::certificate(&parent.bytes).ok_or_else(certificate_failure)?;
    let signing = PrivateKey::from_pem(&issuer.key).map_err(key_failure)?;
    issued(scope, arguments, key, &Issuer::Other(&parent, &signing))
}

/// What name, addresses, names and days in the first four arguments ask for.
fn issued(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    key: Option<usize>,
    issuer: &Issuer<'_>,
) -> Result<Value, Failure> {
    let name = text(arguments, 0)?;
    let addresses = texts(arguments, 1, "ip")?;
    let dns_names = texts(arguments, 2, "alternate dns name")?;
    scope.spend_steps(addresses.len() + dns_names.len())?;
    let addresses: Option<Vec<IpAddr>> =
        addresses.iter().map(|address| std::str::from_utf8(address).ok()?.parse().ok()).collect();
    let addresses = addresses.ok_or_else(|| raised("error parsing ip: not an address"))?;
    let key = given_or_new_key(scope, arguments, key)?;
    let days = days(arguments, 3)?;
    let request =
        Request { name: &name, addresses: &addresses, dns_names: &dns_names, days, authority: false };
    certificate(scope, &request, &key, issuer)
}

fn certificate(
    scope: &mut Scope<'_>,
    request: &Request<'_>,
    key: &PrivateKey,
    issuer: &Issuer<'_>,
) -> Result<Value, Failure> {
    let signing = match issuer {
        Issuer::Itself => key,
        Issuer::Other(_, signing) => signing,
    };
    scope.spend_steps(signing.signing_steps())?;
    let cert = issue::certificate(scope, request, key, issuer)?;
    let cert = std::mem::take(&mut *pem::Block::new("CERTIFICATE", &cert).text());
    let key = key.block().ok_or_else(|| raised("error pem-encoding key"))?;
    let key = std::mem::take(&mut *key.text());
    Ok(Value::Object(Rc::new(Certificate { cert: Text::new(cert), key: Text::new(key) })))
}

/// The key that argument `index` holds as PEM, or a new one.
fn given_or_new_key(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    index: Option<usize>,
) -> Result<PrivateKey, Failure> {
    let Some(index) = index else { return rsa_key(scope, KeySize::Rsa2048) };
    let key = text(arguments, index)?;
    scope.spend_steps(reading_steps(key.len()))?;
    PrivateKey::from_pem(&key).map_err(|reason| raised(format!("parsing private key: {reason}")))
}

fn days(arguments: &[Value], index: usize) -> Result<i64, Failure> {
    i64::try_from(number(arguments, index)?).map_err(|_| raised("the days are out of range"))
}

/// The first PEM block, if it is a certificate.
fn first_certificate(text: &[u8]) -> Result<pem::Block, Failure> {
    let (block, _) = pem::decoded(text).ok_or_else(|| raised("unable to decode certificate"))?;
    x509::certificate(&block.bytes).ok_or_else(certificate_failure)?;
    Ok(block)
}

fn certificate_failure() -> Failure {
    raised("error parsing certificate: x509: malformed certificate")
}

fn key_failure(reason: &str) -> Failure {
    raised(format!("error parsing private key: {reason}"))
}

fn unwrapped(base64: &[u8]) -> Option<Text> {
    base64_text::decoded(base64).map(|mut bytes| Text::new(std::mem::take(&mut *bytes)))
}
