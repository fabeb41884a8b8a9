//! Decides whether a text matches a wildcard pattern: `*` any text, `?` any character, `\` takes the next literally.

use super::scan::{byte, tail};

/// True if all of `text` matches `pattern`. Takes at most their lengths' product in steps.
pub(super) fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    // Where to go on if the rest does not fit: the last `*`, taking one more character.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(in_pattern) {
            Some(b'*') => {
                in_pattern += 1;
                retry = Some((at, in_pattern));
                continue;
            }
            None if at == text.len() => return true,
            Some(b'?') if at < text.len() => Some((width(tail(text, at)), 1)),
            Some(b'\\') if in_pattern + 1 < pattern.len() => {
                (text.get(at) == pattern.get(in_pattern + 1)).then_some((1, 2))
            }
            Some(wanted) => (text.get(at) == Some(wanted)).then_some((1, 1)),
            None => None,
        };
        if let Some((taken, used)) = step {
            at += taken;
            in_pattern += used;
            continue;
        }
        let Some((from, back)) = retry else { return false };
        if from >= text.len() {
            return false;
        }
        at = from + width(tail(text, from));
        in_pattern = back;
        retry = Some((at, back));
    }
}

/// The worst case of [`matches`], in bytes read.
pub(super) fn cost(text: &[u8], pattern: &[u8]) -> usize {
    text.len().saturating_mul(pattern.len()) / 16
}

/// Bytes of the first character; 1 where there is none or it is not UTF-8.
fn width(text: &[u8]) -> usize {
    let length = match byte(text, 0) {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if text.get(..length).is_some_and(|character| std::str::from_utf8(character).is_ok()) {
        length
    } else {
        1
    }
}
