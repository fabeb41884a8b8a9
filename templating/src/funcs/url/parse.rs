//! Decides what a URL is, and takes it apart.

use std::net::Ipv6Addr;

use memchr::{memchr, memmem, memrchr};

use super::address::{Url, User, is_port};
use super::escape::{Part, escaped, unescaped};

/// The text before and after the first such byte; nothing after if there is none.
fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    memchr(at, text).map_or((text, &[]), |place| around(text, place))
}

/// The text before and after the byte at this place.
fn around(text: &[u8], place: usize) -> (&[u8], &[u8]) {
    (text.get(..place).unwrap_or_default(), text.get(place + 1..).unwrap_or_default())
}

impl Url {
    pub(super) fn parsed(text: &[u8]) -> Option<Self> {
        let (text, fragment) = cut(text, b'#');
        let mut url = Self::without_fragment(text)?;
        url.fragment = unescaped(fragment, Part::Fragment)?;
        if escaped(&url.fragment, Part::Fragment) != fragment {
            url.raw_fragment = fragment.to_vec();
        }
        Some(url)
    }

    fn without_fragment(text: &[u8]) -> Option<Self> {
        let mut url = Self::default();
        if text.iter().any(u8::is_ascii_control) {
            return None;
        }
        if text == b"*" {
            url.path = text.to_vec();
            return Some(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = cut(rest, b'?');
        url.query = query.to_vec();
        url.has_empty_query = query.is_empty() && text.ends_with(b"?");
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Some(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return None;
            }
        }
        url.read_authority(rest)?;
        Some(url)
    }

    /// What follows the scheme: two slashes with a host, and a path.
    fn read_authority(&mut self, rest: &[u8]) -> Option<()> {
        let mut path = rest;
        let has_scheme = !self.scheme.is_empty();
        if let Some(authority) =
            rest.strip_prefix(b"//").filter(|after| has_scheme || !after.starts_with(b"/"))
        {
            let end = memchr(b'/', authority).unwrap_or(authority.len());
            let (authority, after) = authority.split_at_checked(end)?;
            let host = memrchr(b'@', authority).map_or(authority, |at| around(authority, at).1);
            self.host = host_of(&self.scheme, host)?;
            if host.len() < authority.len() {
                self.user = Some(user_of(authority.get(..authority.len() - host.len() - 1)?)?);
            }
            path = after;
        } else {
            self.has_no_authority = has_scheme && rest.starts_with(b"/");
        }
        self.path = unescaped(path, Part::Path)?;
        if escaped(&self.path, Part::Path) != path {
            self.raw_path = path.to_vec();
        }
        Some(())
    }
}

/// The scheme before the first colon, if there is one, and what follows it. Nothing if the text starts with a
/// colon.
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let end = text.iter().position(|byte| !is_of_scheme(byte)).unwrap_or(text.len());
    let is_colon = text.get(end) == Some(&b':');
    match text.first() {
        Some(b':') => None,
        Some(first) if first.is_ascii_alphabetic() && is_colon => Some(around(text, end)),
        _ => Some((&[], text)),
    }
}

fn user_of(userinfo: &[u8]) -> Option<User> {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !userinfo.iter().all(is_allowed) {
        return None;
    }
    let (name, password) = match memchr(b':', userinfo) {
        Some(colon) => {
            let (name, password) = around(userinfo, colon);
            (name, Some(unescaped(password, Part::User)?))
        }
        None => (userinfo, None),
    };
    Some(User { name: unescaped(name, Part::User)?, password })
}

/// A host with its port, unescaped.
fn host_of(scheme: &[u8], host: &[u8]) -> Option<Vec<u8>> {
    match memrchr(b'[', host) {
        Some(0) => return literal_of(host),
        Some(_) => return None,
        None => {}
    }
    // Only the schemes of the web forbid several colons.
    let colon = if matches!(scheme, b"http" | b"https") { memchr(b':', host) } else { memrchr(b':', host) };
    if !is_port(colon.and_then(|colon| host.get(colon..)).unwrap_or_default()) {
        return None;
    }
    unescaped(host, Part::Host)
}

/// An IPv6 address in brackets, with an optional zone and an optional port.
fn literal_of(host: &[u8]) -> Option<Vec<u8>> {
    let close = memrchr(b']', host)?;
    let (inner, port) = (host.get(1..close)?, host.get(close + 1..)?);
    if !is_port(port) {
        return None;
    }
    let (address, zone) = inner.split_at_checked(memmem::find(inner, b"%25").unwrap_or(inner.len()))?;
    let address = [unescaped(address, Part::Host)?, unescaped(zone, Part::Zone)?].concat();
    if !is_ipv6(&address) {
        return None;
    }
    Some([b"[".as_slice(), &address, b"]", &unescaped(port, Part::Host)?].concat())
}

/// True for an IPv6 address, with a zone that is not empty if there is a percent sign.
fn is_ipv6(address: &[u8]) -> bool {
    let (address, zone) = address.split_at(memchr(b'%', address).unwrap_or(address.len()));
    let is_address = std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    is_address && zone != b"%"
}
