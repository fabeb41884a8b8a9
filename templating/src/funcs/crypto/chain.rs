//! `filterPEM`, `filterCertChain`, `certSANs`: pieces of PEM texts, and the order of certificate chains.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::prelude::{GeneralName, X509Certificate};

use super::arguments::{raised, text};
use super::pem::{self, Block};
use super::x509;
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value};

/// ESO's own functions for PEM texts (spec section 7.2).
pub(in crate::funcs) const FUNCTIONS: &[Function] = &[
    Function { name: "filterPEM", params: &[Type::Text, Type::Text], rest: None, call: filter_pem },
    Function {
        name: "filterCertChain",
        params: &[Type::Text, Type::Text],
        rest: None,
        call: filter_cert_chain,
    },
    Function { name: "certSANs", params: &[Type::Text], rest: None, call: cert_sans },
];

/// One certificate of a chain.
struct Link<'a> {
    der: &'a [u8],
    /// Its issuer's key, if it names one; a root names itself or none.
    authority: Option<Vec<u8>>,
    subject: Vec<u8>,
}

/// All blocks of one type, whatever the case of its name. No block of that type and something left after the
/// last block is an error.
fn filter_pem(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (kind, input) = (text(arguments, 0)?, text(arguments, 1)?);
    let (blocks, rest) = pem::all(scope, from_first_begin(&input))?;
    let wanted: Vec<_> = blocks.into_iter().filter(|block| is_kind(block, &kind)).collect();
    if wanted.is_empty() && !rest.is_empty() {
        return Err(raised("error filtering pem: found junk"));
    }
    joined(scope, &wanted).map(Value::text)
}

/// Go folds more letters than ASCII's; names of PEM types have none of those.
fn is_kind(block: &Block, kind: &[u8]) -> bool {
    block.kind.eq_ignore_ascii_case(kind)
}

/// A block's BEGIN must stand at the beginning of a line; the first one may stand anywhere.
fn from_first_begin(input: &[u8]) -> &[u8] {
    let mark = b"-----BEGIN";
    let begin = memchr::memmem::find(input, mark).unwrap_or_default();
    input.get(begin..).unwrap_or_default()
}

/// The leaf, the intermediate certificates or the root of a chain; nothing for any other word.
fn filter_cert_chain(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (kind, input) = (text(arguments, 0)?, text(arguments, 1)?);
    let (blocks, _) = pem::all(scope, &input)?;
    let certificates: Vec<&[u8]> = blocks.iter().map(|block| block.bytes.as_slice()).collect();
    let chain = ordered(scope, &certificates)?;
    let wanted: Vec<_> = match &*kind {
        b"leaf" => chain.iter().take(1).filter(|link| link.is_leaf()).collect(),
        b"intermediate" => chain.iter().skip(1).take_while(|link| !link.is_root()).collect(),
        b"root" => chain.last().into_iter().filter(|link| link.is_root()).collect(),
        _ => Vec::new(),
    };
    let blocks: Vec<_> = wanted.iter().map(|link| Block::new("CERTIFICATE", link.der)).collect();
    joined(scope, &blocks).map(Value::text)
}

impl Link<'_> {
    fn is_leaf(&self) -> bool {
        self.authority.as_ref().is_some_and(|authority| *authority != self.subject)
    }

    fn is_root(&self) -> bool {
        !self.is_leaf()
    }
}

/// The certificates from leaf to root, by the identifiers of their keys. Signatures and validity are not looked
/// at: this orders text, and tells nothing about trust.
fn ordered<'a>(scope: &mut Scope<'_>, certificates: &[&'a [u8]]) -> Result<Vec<Link<'a>>, Failure> {
    for der in certificates {
        scope.spend_steps(x509::steps(der))?;
    }
    let links: Option<Vec<Link<'a>>> = certificates.iter().map(|der| link(der)).collect();
    let links = links.ok_or_else(|| raised("x509: malformed certificate"))?;
    let parents = parents(&links);
    let authorities: HashSet<usize> = parents.iter().copied().flatten().collect();
    let mut leaves = (0..links.len()).filter(|place| !authorities.contains(place));
    let leaf = leaves.next().ok_or_else(|| raised("no leaf certificate found"))?;
    if leaves.next().is_some() {
        return Err(raised("found multiple leaf or disjunct certificates"));
    }
    let mut links: Vec<_> = links.into_iter().map(Some).collect();
    let mut chain = Vec::with_capacity(links.len());
    let mut place = Some(leaf);
    while let Some(current) = place {
        let link = links.get_mut(current).and_then(Option::take);
        chain.push(link.ok_or_else(|| raised("constructing chain resulted in cycle"))?);
        place = parents.get(current).copied().flatten();
    }
    Ok(chain)
}

fn link(der: &[u8]) -> Option<Link<'_>> {
    let certificate = x509::certificate(der)?;
    let authority = x509::authority_key_id(&certificate).map(<[u8]>::to_vec);
    Some(Link { der, authority, subject: x509::subject_key_id(&certificate).to_vec() })
}

/// Each one's parent: the first other certificate with the key that it names. As upstream, naming none fits having
/// none.
fn parents(links: &[Link<'_>]) -> Vec<Option<usize>> {
    let mut subjects: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, link) in links.iter().enumerate() {
        let places = subjects.entry(&link.subject).or_default();
        // Of several with one key the second is asked for by the first alone.
        if places.len() < 2 {
            places.push(place);
        }
    }
    let parent = |(child, link): (usize, &Link<'_>)| {
        let places = subjects.get(link.authority.as_deref().unwrap_or_default())?;
        places.iter().copied().find(|place| *place != child)
    };
    links.iter().enumerate().map(parent).collect()
}

/// PEM of the certificates, as a chain from leaf to root if they are one, otherwise as they come.
pub(super) fn ordered_text(scope: &mut Scope<'_>, certificates: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let chain = match ordered(scope, certificates) {
        Ok(chain) => chain.iter().map(|link| link.der).collect(),
        Err(limit @ Failure::Limit(_)) => return Err(limit),
        Err(_) => certificates.to_vec(),
    };
    let blocks: Vec<_> = chain.into_iter().map(|der| Block::new("CERTIFICATE", der)).collect();
    joined(scope, &blocks)
}

fn joined(scope: &mut Scope<'_>, blocks: &[Block]) -> Result<Vec<u8>, Failure> {
    let texts: Vec<_> = blocks.iter().map(Block::text).collect();
    let length = texts.iter().map(|text| text.len()).sum();
    scope.spend_bytes(length)?;
    let mut joined = Vec::with_capacity(length);
    for text in texts {
        joined.extend_from_slice(&text);
    }
    Ok(joined)
}

/// The alternative names of the first block: DNS names, addresses, mail addresses, URIs.
fn cert_sans(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let input = text(arguments, 0)?;
    scope.spend_steps(x509::steps(&input))?;
    let (block, _) =
        pem::decoded(from_first_begin(&input)).ok_or_else(|| raised("failed to decode PEM block"))?;
    let malformed = || raised("failed to parse certificate: x509: malformed certificate");
    let certificate: X509Certificate<'_> = x509::certificate(&block.bytes).ok_or_else(malformed)?;
    let names = x509::alternative_names(&certificate).ok_or_else(malformed)?;
    scope.spend_steps(names.len())?;
    let mut groups: [Vec<String>; 4] = [const { Vec::new() }; 4];
    let [dns_names, addresses, mails, uris] = &mut groups;
    for name in names {
        match name {
            GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => addresses.push(address(bytes).ok_or_else(malformed)?),
            GeneralName::RFC822Name(name) => mails.push((*name).to_owned()),
            GeneralName::URI(name) => uris.push((*name).to_owned()),
            _ => {}
        }
    }
    Ok(Value::texts(groups.concat()))
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some(address.to_canonical().to_string())
}
