//! `SystemRandom`: where templates get their randomness.

use strongroom_templating::Random;

/// The operating system's random numbers, fit for passwords and keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Without randomness nothing may be made up: the attempt ends, and is made again.
        #[expect(
            clippy::expect_used,
            reason = "a panic costs one attempt; a predictable password would stay"
        )]
        getrandom::fill(bytes).expect("the operating system has no random numbers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let mut drawn = [[0; 32]; 2];
        for bytes in &mut drawn {
            SystemRandom.fill(bytes);
        }
        assert_ne!(drawn[0], drawn[1]);
    }
}
