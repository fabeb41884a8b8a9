//! Reads base64 as Go's `base64.StdEncoding` does: padded, with line ends anywhere, and without a look at the bits
//! of the last character that carry no data.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes that the text stands for, if it is base64.
pub(super) fn decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    STANDARD.decode(digits.as_slice()).ok().map(Zeroizing::new)
}
