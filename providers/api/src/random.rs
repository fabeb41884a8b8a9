//! `Random`: the one place where randomness comes from.

use std::fmt;

use crate::{Error, ErrorKind, Result};

/// Where random bytes come from, so that tests can choose them. Fit for passwords and keys.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// `Internal` if there is no randomness: nothing may be made up then.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let none = |error| {
            let message = "the operating system has no random numbers";
            Error::new(ErrorKind::Internal, "draw random numbers", message).with_source(error)
        };
        getrandom::fill(bytes).map_err(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let mut drawn = [[0; 32]; 2];
        for bytes in &mut drawn {
            SystemRandom.fill(bytes).unwrap();
        }
        assert_ne!(drawn[0], drawn[1]);
    }
}
