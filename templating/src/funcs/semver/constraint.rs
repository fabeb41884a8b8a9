//! Decides which versions a constraint like `>=1.2, <2 || ^3.1` allows.

use std::cmp::Ordering;

use super::version::{Pieces, Version, compare_prereleases, leading};

/// Alternatives of constraints that must all hold.
pub(super) struct Constraints(Vec<Alternative>);

struct Alternative {
    all: Vec<Constraint>,
    /// One of them names a pre-release: only then pre-releases are allowed.
    has_prerelease: bool,
}

struct Constraint {
    operator: Operator,
    version: Version,
    precision: Precision,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How much of a version a constraint names; the rest is missing or a wildcard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Nothing,
    Major,
    Minor,
    Whole,
}

/// Longer ones first, so that `>` is not taken for `>=`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

/// What Go's expressions mean by a space.
const SPACES: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];

/// Digits and wildcards. A bar is let through here and refused later.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

fn is_wildcard(piece: &str) -> bool {
    matches!(piece, "" | "x" | "X" | "*")
}

fn without_spaces(text: &str) -> &str {
    text.trim_start_matches(SPACES)
}

impl Constraints {
    pub(super) fn parsed(source: &str) -> Option<Self> {
        with_ranges_written_out(source).split("||").map(Alternative::parsed).collect::<Option<_>>().map(Self)
    }

    /// True if the version satisfies one of the alternatives.
    pub(super) fn allow(&self, version: &Version) -> bool {
        self.0.iter().any(|alternative| alternative.allows(version))
    }
}

/// `1.2 - 2.3` becomes `>= 1.2, <= 2.3 `.
fn with_ranges_written_out(source: &str) -> String {
    let mut output = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if let Some((from, to, after)) = leading_range(rest) {
            output.extend([">= ", from, ", <= ", to, " "]);
            rest = after;
        } else {
            output.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    output
}

/// Two versions with a hyphen and spaces between, and what follows.
fn leading_range(text: &str) -> Option<(&str, &str, &str)> {
    let from = without_spaces(text);
    let (_, after_from) = leading(from, is_digit)?;
    let hyphen = without_spaces(after_from);
    let behind = hyphen.strip_prefix('-').filter(|_| hyphen.len() < after_from.len())?;
    let to = without_spaces(behind);
    let (_, after_to) = leading(to, is_digit).filter(|_| to.len() < behind.len())?;
    let from = from.get(..from.len() - after_from.len())?;
    Some((from, to.get(..to.len() - after_to.len())?, without_spaces(after_to)))
}

impl Alternative {
    /// Constraints with spaces or a comma between.
    fn parsed(source: &str) -> Option<Self> {
        let mut all = Vec::new();
        let mut rest = source;
        loop {
            let (constraint, after) = Constraint::leading(without_spaces(rest))?;
            all.push(constraint);
            let next = without_spaces(after);
            if next.is_empty() {
                break;
            }
            rest = match next.strip_prefix(',') {
                Some(behind) => behind,
                None if next.len() < after.len() => next,
                None => return None,
            };
        }
        let has_prerelease = all.iter().any(|constraint| !constraint.version.prerelease.is_empty());
        Some(Self { all, has_prerelease })
    }

    fn allows(&self, version: &Version) -> bool {
        (version.prerelease.is_empty() || self.has_prerelease)
            && self.all.iter().all(|constraint| constraint.allows(version))
    }
}

impl Constraint {
    fn leading(text: &str) -> Option<(Self, &str)> {
        OPERATORS.iter().find_map(|(sign, operator)| {
            let (pieces, rest) = leading(without_spaces(text.strip_prefix(sign)?), is_digit)?;
            Some((Self::of(*operator, pieces)?, rest))
        })
    }

    fn of(operator: Operator, pieces: Pieces<'_>) -> Option<Self> {
        let precision = match pieces {
            Pieces { major, .. } if is_wildcard(major) => Precision::Nothing,
            Pieces { minor, .. } if is_wildcard(minor) => Precision::Major,
            Pieces { patch, .. } if is_wildcard(patch) => Precision::Minor,
            _ => Precision::Whole,
        };
        let Pieces { major, minor, patch, prerelease, metadata } = pieces;
        let numbers = match precision {
            Precision::Nothing => "0.0.0".to_owned(),
            Precision::Major => format!("{major}.0.0"),
            Precision::Minor => format!("{major}.{minor}.0"),
            Precision::Whole => format!("{major}.{minor}.{patch}"),
        };
        let mut text = numbers;
        if !prerelease.is_empty() {
            text.push('-');
            text.push_str(prerelease);
        }
        if precision == Precision::Whole && !metadata.is_empty() {
            text.push('+');
            text.push_str(metadata);
        }
        Some(Self { operator, version: Version::parsed(&text)?, precision })
    }

    fn allows(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        match self.operator {
            Operator::Equal if self.precision == Precision::Whole => order.is_eq(),
            Operator::Equal | Operator::Tilde => order.is_ge() && self.has_same_start(version),
            Operator::NotEqual => self.differs(version, order),
            Operator::Greater => self.is_below(version, order),
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual => self.is_not_below(version, order),
            Operator::Caret => order.is_ge() && self.is_compatible(version),
        }
    }

    /// Tilde: the same major version, and the same minor one if it is named.
    fn has_same_start(&self, version: &Version) -> bool {
        let Version { major, minor, patch, .. } = self.version;
        let is_named = matches!(self.precision, Precision::Nothing | Precision::Whole);
        if (major, minor, patch) == (0, 0, 0) && is_named {
            return true;
        }
        version.major == major && (version.minor == minor || self.precision == Precision::Major)
    }

    fn differs(&self, version: &Version, order: Ordering) -> bool {
        let named = &self.version;
        match self.precision {
            Precision::Whole => order.is_ne(),
            _ if named.major != version.major => true,
            Precision::Major => false,
            _ if named.minor != version.minor => true,
            Precision::Minor => compare_prereleases(&version.prerelease, &named.prerelease).is_ne(),
            Precision::Nothing => named.patch != version.patch || order.is_ne(),
        }
    }

    /// Greater: of a version of which not all is named, everything is meant.
    fn is_below(&self, version: &Version, order: Ordering) -> bool {
        let named = &self.version;
        match self.precision {
            Precision::Whole => order.is_gt(),
            _ if version.major != named.major => version.major > named.major,
            Precision::Major => false,
            Precision::Minor => version.minor > named.minor,
            Precision::Nothing => order.is_gt(),
        }
    }

    fn is_not_below(&self, version: &Version, order: Ordering) -> bool {
        let named = &self.version;
        match self.precision {
            Precision::Whole => order.is_le(),
            _ if version.major != named.major => version.major < named.major,
            Precision::Major => true,
            Precision::Minor | Precision::Nothing => version.minor <= named.minor,
        }
    }

    /// Caret: nothing before the first number that is not zero changes, nor that number.
    fn is_compatible(&self, version: &Version) -> bool {
        let named = &self.version;
        if named.major > 0 || self.precision == Precision::Major {
            return version.major == named.major;
        }
        if version.major > 0 {
            return false;
        }
        if named.minor > 0 || self.precision == Precision::Minor {
            return version.minor == named.minor;
        }
        version.minor == 0 && version.patch == named.patch
    }
}
