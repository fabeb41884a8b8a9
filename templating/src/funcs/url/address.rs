//! Owns a URL in parts, and how it is written.

use memchr::memrchr;

use super::escape::{Part, escaped, is_escaped, unescaped};

/// A URL in parts. All but the raw ones, the query and the opaque part are unescaped.
#[derive(Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    /// What follows the scheme if that is not a slash.
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<User>,
    pub(super) host: Vec<u8>,
    /// The path followed the scheme directly.
    pub(super) has_no_authority: bool,
    pub(super) path: Vec<u8>,
    /// The path as it was written; nothing if it is what escaping it gives.
    pub(super) raw_path: Vec<u8>,
    pub(super) query: Vec<u8>,
    /// A question mark with nothing behind it.
    pub(super) has_empty_query: bool,
    pub(super) fragment: Vec<u8>,
    /// As [`raw_path`](Self::raw_path).
    pub(super) raw_fragment: Vec<u8>,
}

/// A user name, and a password that may be empty.
pub(super) struct User {
    pub(super) name: Vec<u8>,
    pub(super) password: Option<Vec<u8>>,
}

impl User {
    pub(super) fn written(&self) -> Vec<u8> {
        let mut output = escaped(&self.name, Part::User);
        if let Some(password) = &self.password {
            output.push(b':');
            output.extend(escaped(password, Part::User));
        }
        output
    }
}

/// True for nothing, and for a colon with digits.
pub(super) fn is_port(text: &[u8]) -> bool {
    text.is_empty() || text.strip_prefix(b":").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

/// What was written, if it still means the same and is valid; otherwise what escaping gives.
fn kept_or_escaped(raw: &[u8], plain: &[u8], part: Part) -> Vec<u8> {
    let is_kept = !raw.is_empty() && is_escaped(raw, part) && unescaped(raw, part).as_deref() == Some(plain);
    if is_kept { raw.to_vec() } else { escaped(plain, part) }
}

impl Url {
    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let port = memrchr(b':', &self.host).and_then(|colon| self.host.split_at_checked(colon));
        let host = port.filter(|(_, port)| is_port(port)).map_or(self.host.as_slice(), |(host, _)| host);
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    pub(super) fn written(&self) -> Vec<u8> {
        let mut output = Vec::new();
        if !self.scheme.is_empty() {
            output.extend_from_slice(&self.scheme);
            output.push(b':');
        }
        if self.opaque.is_empty() {
            self.append_authority(&mut output);
            self.append_path(&mut output);
        } else {
            output.extend_from_slice(&self.opaque);
        }
        if self.has_empty_query || !self.query.is_empty() {
            output.push(b'?');
            output.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            output.push(b'#');
            output.extend(kept_or_escaped(&self.raw_fragment, &self.fragment, Part::Fragment));
        }
        output
    }

    fn append_authority(&self, output: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        // A path behind a scheme has slashes before it even without a host, unless it was read without.
        if has_authority || !self.scheme.is_empty() && !self.path.is_empty() && !self.has_no_authority {
            output.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            output.extend(user.written());
            output.push(b'@');
        }
        output.extend(escaped(&self.host, Part::Host));
    }

    fn append_path(&self, output: &mut Vec<u8>) {
        let path = if self.path == b"*" {
            self.path.clone()
        } else {
            kept_or_escaped(&self.raw_path, &self.path, Part::Path)
        };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            output.push(b'/');
        }
        // A colon in the first segment would make a scheme of it.
        let mut segments = path.split(|byte| *byte == b'/');
        if output.is_empty() && segments.next().is_some_and(|first| first.contains(&b':')) {
            output.extend_from_slice(b"./");
        }
        output.extend_from_slice(&path);
    }
}
