//! Decides what a semantic version is, and which of two comes first. Lenient: `v1`, `1.2` and leading zeros are
//! versions too.

use std::cmp::Ordering;
use std::fmt;

/// A version.
#[derive(Clone, Default)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: String,
    pub(super) metadata: String,
    /// As it was written.
    pub(super) original: String,
}

/// The pieces of something that looks like a version, as they are written.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'t> {
    pub(super) major: &'t str,
    /// Nothing if it is not given.
    pub(super) minor: &'t str,
    pub(super) patch: &'t str,
    pub(super) prerelease: &'t str,
    pub(super) metadata: &'t str,
}

/// The longest version that the text starts with, and what follows it. `is_digit` says what numbers consist of.
pub(super) fn leading(text: &str, is_digit: fn(u8) -> bool) -> Option<(Pieces<'_>, &str)> {
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (major, rest) = run(rest, is_digit)?;
    let (minor, rest) = after('.', rest, |rest| run(rest, is_digit));
    let (patch, rest) = after('.', rest, |rest| run(rest, is_digit));
    let (prerelease, rest) = after('-', rest, identifiers);
    let (metadata, rest) = after('+', rest, identifiers);
    Some((Pieces { major, minor, patch, prerelease, metadata }, rest))
}

/// A piece behind its sign; if there is none, nothing.
fn after<'t>(
    sign: char,
    text: &'t str,
    piece: impl Fn(&'t str) -> Option<(&'t str, &'t str)>,
) -> (&'t str, &'t str) {
    text.strip_prefix(sign).and_then(piece).unwrap_or(("", text))
}

/// At least one byte of these, and what follows.
fn run(text: &str, belongs: fn(u8) -> bool) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| belongs(*byte)).count();
    text.split_at_checked(length).filter(|(run, _)| !run.is_empty())
}

/// Words of letters, digits and hyphens with dots between.
fn identifiers(text: &str) -> Option<(&str, &str)> {
    let is_identifier = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let (_, mut rest) = run(text, is_identifier)?;
    while let Some((_, after)) = rest.strip_prefix('.').and_then(|rest| run(rest, is_identifier)) {
        rest = after;
    }
    text.split_at_checked(text.len() - rest.len())
}

impl Version {
    pub(super) fn parsed(text: &str) -> Option<Self> {
        let (pieces, rest) = leading(text, |byte| byte.is_ascii_digit())?;
        let number = |piece: &str| if piece.is_empty() { Some(0) } else { piece.parse().ok() };
        if !rest.is_empty() || !is_prerelease(pieces.prerelease) {
            return None;
        }
        Some(Self {
            major: number(pieces.major)?,
            minor: number(pieces.minor)?,
            patch: number(pieces.patch)?,
            prerelease: pieces.prerelease.to_owned(),
            metadata: pieces.metadata.to_owned(),
            original: text.to_owned(),
        })
    }

    /// Which comes first. Metadata does not count.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        let by_release = self.prerelease.is_empty().cmp(&other.prerelease.is_empty());
        let by_number = numbers(self).cmp(&numbers(other));
        by_number.then(by_release).then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }

    /// The version with a new original.
    pub(super) fn renamed(mut self) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{prefix}{self}");
        self
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch, prerelease, metadata, .. } = self;
        write!(f, "{major}.{minor}.{patch}")?;
        if !prerelease.is_empty() {
            write!(f, "-{prerelease}")?;
        }
        if !metadata.is_empty() {
            write!(f, "+{metadata}")?;
        }
        Ok(())
    }
}

fn is_number(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for nothing, and for identifiers whose numbers have no leading zeros.
pub(super) fn is_prerelease(text: &str) -> bool {
    text.is_empty() || text.split('.').all(|part| is_identifier(part) && !has_leading_zero(part))
}

fn has_leading_zero(identifier: &str) -> bool {
    identifier.len() > 1 && identifier.starts_with('0') && is_number(identifier)
}

/// True for nothing, and for identifiers.
pub(super) fn is_metadata(text: &str) -> bool {
    text.is_empty() || text.split('.').all(is_identifier)
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Identifier by identifier: fewer come first, numbers come before words.
pub(super) fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let (one, other) = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => (one.unwrap_or_default(), other.unwrap_or_default()),
        };
        let order = compare_identifiers(one, other);
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_identifiers(one: &str, other: &str) -> Ordering {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        _ if one == other => Ordering::Equal,
        _ if one.is_empty() || other.is_empty() => one.len().cmp(&other.len()),
        (Err(_), Err(_)) => one.cmp(other),
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
    }
}
