//! Finds where JSON values end, in text that need not be JSON: nothing here fails, and nothing recurses.

/// A string literal, found by its opening quote.
pub(super) struct Quoted {
    /// Index after the closing quote, or the end of the text.
    pub(super) end: usize,
    /// There is a backslash inside.
    pub(super) escaped: bool,
    /// There is a closing quote.
    pub(super) closed: bool,
}

/// The byte at `at`; 0 beyond the end, which no rule looks for.
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or_default()
}

/// The text from `at`; empty beyond the end.
pub(super) fn tail(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// The text between two indices; empty if there is none.
pub(super) fn span(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or_default()
}

/// The string whose opening quote is at `start`.
pub(super) fn quoted(text: &[u8], start: usize) -> Quoted {
    let mut at = start + 1;
    let mut escaped = false;
    while let Some(found) = text.get(at) {
        match found {
            b'"' => return Quoted { end: at + 1, escaped, closed: true },
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Quoted { end: text.len(), escaped, closed: false }
}

/// The index after the brackets that open at `start`, or after the string if a quote stands there.
pub(super) fn balanced(text: &[u8], start: usize) -> usize {
    if byte(text, start) == b'"' { quoted(text, start).end } else { closing(text, start + 1) }
}

/// The index after the first bracket from `start` on that closes one opened before `start`; all kinds of
/// brackets count alike. One more than the text's length if a string inside has no end.
pub(super) fn closing(text: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 1_usize;
    while let Some(found) = text.get(at) {
        match found {
            b'"' => {
                let inner = quoted(text, at);
                at = inner.end;
                if !inner.closed {
                    return at + 1;
                }
                continue;
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The index after the lower-case word that starts at `start`.
pub(super) fn word_end(text: &[u8], start: usize) -> usize {
    let length = tail(text, start + 1).iter().take_while(|found| found.is_ascii_lowercase()).count();
    (start + 1 + length).min(text.len())
}

/// The index after the number that starts at `start`: whatever reaches to the next separator counts as one.
pub(super) fn number_end(text: &[u8], start: usize) -> usize {
    let ends = |found: &&u8| !matches!(**found, 0..=b' ' | b',' | b']' | b'}');
    (start + 1 + tail(text, start + 1).iter().take_while(ends).count()).min(text.len())
}
