//! Key pairs as text: `openssh-key-v1` in PEM, and the line of `authorized_keys`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_provider_api::SecretBytes;
use zeroize::Zeroizing;

use super::pair::{Field, Pair};

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Without encryption the private part is padded to this.
const BLOCK: usize = 8;
const LINE: usize = 64;

/// Bytes on the wire; a reallocation would leave a copy behind, so there is room from the start.
struct Wire(Zeroizing<Vec<u8>>);

/// A key of 8192 bits has some 5 KiB.
const ROOM: usize = 16 << 10;

impl Wire {
    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(ROOM)))
    }

    fn count(&mut self, number: usize) {
        self.0.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn field(&mut self, field: &Field) {
        match field {
            Field::Text(bytes) => self.text(bytes),
            // A number is signed there: without the zero a high bit would make it negative.
            Field::Number(digits) if digits.first().is_some_and(|digit| *digit >= 0x80) => {
                self.count(digits.len() + 1);
                self.0.push(0);
                self.0.extend_from_slice(digits);
            }
            Field::Number(digits) => self.text(digits),
        }
    }
}

fn public_blob(pair: &Pair) -> Wire {
    let mut wire = Wire::new();
    wire.text(pair.name.as_bytes());
    for field in &pair.public {
        wire.field(field);
    }
    wire
}

/// The line of `authorized_keys`, with its end.
pub(super) fn public_key(pair: &Pair, comment: &str) -> String {
    let key = STANDARD.encode(public_blob(pair).0.as_slice());
    let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
    format!("{} {key}{comment}\n", pair.name)
}

/// The private key in PEM, not encrypted. `check` stands in it twice, as the format wants it.
pub(super) fn private_key(pair: &Pair, comment: &str, check: [u8; 4]) -> SecretBytes {
    let mut private = Wire::new();
    private.0.extend_from_slice(&check);
    private.0.extend_from_slice(&check);
    private.text(pair.name.as_bytes());
    for field in &pair.private {
        private.field(field);
    }
    private.text(comment.as_bytes());
    for padding in 1_u8.. {
        if private.0.len().is_multiple_of(BLOCK) {
            break;
        }
        private.0.push(padding);
    }
    let mut wire = Wire::new();
    wire.0.extend_from_slice(MAGIC);
    wire.text(b"none");
    wire.text(b"none");
    wire.text(b"");
    wire.count(1);
    wire.text(&public_blob(pair).0);
    wire.text(&private.0);
    pem(&wire.0)
}

fn pem(bytes: &[u8]) -> SecretBytes {
    let encoded = Zeroizing::new(STANDARD.encode(bytes));
    let mut text = Zeroizing::new(Vec::with_capacity(encoded.len() * 2 + 128));
    text.extend_from_slice(b"-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for line in encoded.as_bytes().chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"-----END OPENSSH PRIVATE KEY-----\n");
    SecretBytes::from(text)
}
