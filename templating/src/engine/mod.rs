//! The template engines.

pub mod go_template;
pub mod handlebars;
pub mod near;

use std::fmt;

use jiff::Timestamp;

use crate::funcs::Random;

/// What functions reach besides the fields.
pub struct Environment<'a> {
    /// The time that `now` tells.
    pub now: Timestamp,
    /// Where passwords, keys and identifiers come from.
    pub random: &'a mut dyn Random,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("now", &self.now).finish_non_exhaustive()
    }
}
