//! Owns the mutations of the short run: no coverage, no clock, the same inputs in every run.

/// Inputs made of seeds, one after the other.
#[derive(Debug)]
pub struct Mutations<'s> {
    seeds: &'s [Vec<u8>],
    words: &'s [Vec<u8>],
    state: u64,
}

/// Longest input, in bytes.
const MAX_INPUT: usize = 4096;

/// Bytes and pieces that are often special.
const SPECIAL: [&[u8]; 12] =
    [b"\0", b"\xff", b"\n", b"\"", b"{", b"}", b"[", b"-1", b"9223372036854775808", b"{{", b"}}", b"0x"];

impl<'s> Mutations<'s> {
    /// Inputs from these seeds and words; `seed` decides which.
    pub fn new(seeds: &'s [Vec<u8>], words: &'s [Vec<u8>], seed: u64) -> Self {
        Self { seeds, words, state: seed.wrapping_mul(2).wrapping_add(1) }
    }

    fn number(&mut self, below: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or_default() % below.max(1)
    }

    fn picked<'a>(&mut self, from: &'a [Vec<u8>]) -> &'a [u8] {
        from.get(self.number(from.len())).map_or(&[], Vec::as_slice)
    }

    fn mutated(&mut self, input: &mut Vec<u8>) {
        let at = self.number(input.len() + 1);
        let end = (at + self.number(16)).min(input.len());
        match self.number(8) {
            0 => drop(input.drain(at..end)),
            1 => {
                let piece = input.get(at..end).unwrap_or_default().to_vec();
                let to = self.number(input.len() + 1);
                input.splice(to..to, piece);
            }
            2 => {
                let special = SPECIAL[self.number(SPECIAL.len())];
                input.splice(at..end.min(at + special.len()), special.iter().copied());
            }
            3 => {
                let word = self.picked(self.words);
                input.splice(at..at, word.iter().copied());
            }
            4 => {
                let word = self.picked(self.words);
                input.splice(at..end, word.iter().copied());
            }
            5 => {
                let other = self.picked(self.seeds);
                let from = self.number(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            6 => {
                let bit = self.number(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            _ => {
                let byte = u8::try_from(self.number(256)).unwrap_or_default();
                input.insert(at, byte);
            }
        }
        input.truncate(MAX_INPUT);
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.picked(self.seeds).to_vec();
        for _ in 0..=self.number(4) {
            self.mutated(&mut input);
        }
        Some(input)
    }
}
