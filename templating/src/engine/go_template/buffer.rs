//! `Buffer`: owns bytes while they are built, and leaves no copy of them behind when it grows.

use zeroize::Zeroizing;

/// Growing bytes.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    pub(super) fn extend(&mut self, piece: &[u8]) {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            // A growing Vec would free its old place as it is.
            let mut grown = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two().max(64)));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(piece);
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes)
    }
}
