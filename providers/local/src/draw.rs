//! Draws numbers and characters, each as likely as the others.

use strongroom_provider_api::{Error, ErrorKind, Random, Result};

/// A number below `bound`; `bound` must not be zero.
///
/// # Errors
/// `Internal` if there is no randomness, or no such number.
pub(crate) fn below(random: &dyn Random, bound: usize) -> Result<usize> {
    let bound = u64::try_from(bound).ok().filter(|bound| *bound > 0).ok_or_else(nothing)?;
    // Numbers in the last, incomplete run of `bound` would make the small ones likelier.
    let excess = (u64::MAX % bound + 1) % bound;
    loop {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        if number <= u64::MAX - excess {
            return usize::try_from(number % bound).map_err(|_| nothing());
        }
    }
}

/// One of `characters`.
///
/// # Errors
/// As [`below`].
pub(crate) fn one_of(random: &dyn Random, characters: &[char]) -> Result<char> {
    characters.get(below(random, characters.len())?).copied().ok_or_else(nothing)
}

fn nothing() -> Error {
    Error::new(ErrorKind::Internal, "draw", "there is nothing to draw from")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use strongroom_provider_api::SystemRandom;

    use super::*;

    /// Gives these numbers, one after the other.
    #[derive(Debug)]
    struct Given(Mutex<Vec<u64>>);

    impl Random for Given {
        fn fill(&self, bytes: &mut [u8]) -> Result<()> {
            bytes.copy_from_slice(&self.0.lock().unwrap().remove(0).to_le_bytes());
            Ok(())
        }
    }

    #[test]
    fn a_number_that_would_favour_the_small_ones_is_drawn_again() {
        // 2^64 is 16 mod 100: the last 16 numbers are too many.
        let given = |numbers: &[u64]| Given(Mutex::new(numbers.to_vec()));
        assert_eq!(below(&given(&[u64::MAX - 15, 7]), 100).unwrap(), 7);
        assert_eq!(below(&given(&[u64::MAX - 16, 7]), 100).unwrap(), 99);
        assert_eq!(below(&given(&[u64::MAX]), 1 << 32).unwrap(), (1 << 32) - 1);
    }

    #[test]
    fn every_character_comes_up() {
        let letters: Vec<char> = ('a'..='e').collect();
        let mut seen: Vec<char> = (0..500).map(|_| one_of(&SystemRandom, &letters).unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, letters);
        assert_eq!(one_of(&SystemRandom, &[]).unwrap_err().kind(), ErrorKind::Internal);
    }
}
