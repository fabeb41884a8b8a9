//! Decides which keys of a store `find.name.regexp` means (spec eso-providers B.5): an unanchored search.

use regex::Regex;

use super::go_regex::{PatternError, compiled};

/// The compiled filter of one `find`.
#[derive(Clone, Debug)]
pub struct NameFilter(Regex);

/// `find.name.regexp` is not a usable expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not compile find.name.regexp [{source_text}]: {reason}")]
pub struct FindError {
    /// The expression, cut short if it is long.
    pub source_text: String,
    /// What is wrong with it.
    pub reason: PatternError,
}

/// Most characters of an expression that an error message repeats.
const SHOWN: usize = 128;

impl NameFilter {
    /// The filter for an expression in Go's syntax.
    ///
    /// # Errors
    ///
    /// The expression does not compile, or to too much.
    pub fn new(source: &str) -> Result<Self, FindError> {
        compiled(source)
            .map(Self)
            .map_err(|reason| FindError { source_text: source.chars().take(SHOWN).collect(), reason })
    }

    /// True if the expression is found anywhere in `key`.
    pub fn matches(&self, key: &str) -> bool {
        self.0.is_match(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_is_not_anchored() {
        let filter = NameFilter::new("ir").unwrap();
        assert!(filter.matches("dir/x"));
        assert!(!filter.matches("top"));
        assert!(NameFilter::new("(?i)^DIR/X$").unwrap().matches("dir/x"));
        assert!(!NameFilter::new("^[vw]$").unwrap().matches("vw"));
    }

    #[test]
    fn a_bad_expression_is_named() {
        let error = NameFilter::new("(a").unwrap_err().to_string();
        assert_eq!(error, "could not compile find.name.regexp [(a]: unclosed group");
    }
}
