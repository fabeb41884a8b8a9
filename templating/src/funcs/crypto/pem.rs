//! Reads and writes PEM blocks as Go's encoding/pem does: what counts as a block, and what is left after it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use zeroize::Zeroizing;

use super::base64_text;
use crate::funcs::{Failure, Scope};
use crate::limits::MAX_PEM_BLOCKS;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";
const LINE_BYTES: usize = 64;

/// One block.
pub(super) struct Block {
    pub(super) kind: Vec<u8>,
    headers: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// The first block and what comes after it. Text before the block is passed over.
pub(super) fn decoded(data: &[u8]) -> Option<(Block, &[u8])> {
    let mut rest = data;
    loop {
        let end = position(rest, END)?;
        let after_end = rest.get(end + END.len()..)?;
        // Of several BEGIN lines in a row the last one before END counts.
        let begin = last_position(rest.get(..end)?, BEGIN);
        let begin = begin.filter(|begin| *begin == 0 || rest.get(begin - 1) == Some(&b'\n'));
        if let Some(begin) = begin {
            // With the line feed before END, so that a block without a body is one too.
            let inside = rest.get(begin + BEGIN.len()..=end)?;
            if let Some(found) = block(inside, after_end) {
                return Some(found);
            }
        }
        rest = after_end;
    }
}

/// Every block, each charged to the budget, and what is left after the last one.
pub(super) fn all<'a>(scope: &mut Scope<'_>, data: &'a [u8]) -> Result<(Vec<Block>, &'a [u8]), Failure> {
    scope.spend_steps(data.len() / 128 + 1)?;
    let mut blocks = Vec::new();
    let mut rest = data;
    while let Some((block, after)) = decoded(rest) {
        if blocks.len() >= MAX_PEM_BLOCKS {
            return Err(Failure::Limit("PEM blocks"));
        }
        blocks.push(block);
        rest = after;
    }
    Ok((blocks, rest))
}

/// The block between BEGIN and END, if the two lines fit and the body is base64.
fn block<'a>(inside: &[u8], after_end: &'a [u8]) -> Option<(Block, &'a [u8])> {
    let (kind, mut body) = line(inside);
    let kind = kind.strip_suffix(DASHES)?;
    let (ending, rest) = line(after_end);
    if ending.strip_suffix(DASHES)? != kind {
        return None;
    }
    let mut headers = BTreeMap::new();
    while !body.is_empty() {
        let (text, next) = line(body);
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { break };
        let (name, value) = text.split_at_checked(colon)?;
        headers.insert(name.trim_ascii().to_vec(), value.get(1..)?.trim_ascii().to_vec());
        body = next;
    }
    // Headers end with an empty line.
    if !headers.is_empty() && body.is_empty() {
        return None;
    }
    let mut digits = Zeroizing::new(Vec::with_capacity(body.len()));
    digits.extend(body.iter().filter(|byte| !matches!(byte, b' ' | b'\t')));
    let bytes = base64_text::decoded(&digits)?;
    Some((Block { kind: kind.to_vec(), headers, bytes }, rest))
}

/// The first line without its end and without blanks before that, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (data.get(..end).unwrap_or_default(), data.get(end + 1..).unwrap_or_default()),
        None => (data, &[][..]),
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (line.get(..line.len() - blanks).unwrap_or_default(), rest)
}

fn position(data: &[u8], wanted: &[u8]) -> Option<usize> {
    memmem::find(data, wanted)
}

fn last_position(data: &[u8], wanted: &[u8]) -> Option<usize> {
    memmem::rfind(data, wanted)
}

impl Block {
    pub(super) fn new(kind: &str, bytes: &[u8]) -> Self {
        let bytes = Zeroizing::new(bytes.to_vec());
        Self { kind: kind.into(), headers: BTreeMap::new(), bytes }
    }

    /// The block's text: `Proc-Type` first, the other headers by name, lines of 64 characters.
    pub(super) fn text(&self) -> Zeroizing<Vec<u8>> {
        let digits = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let capacity = digits.len() + digits.len() / LINE_BYTES + headers + 2 * self.kind.len() + 48;
        let mut text = Zeroizing::new(Vec::with_capacity(capacity));
        for part in [BEGIN, &self.kind, b"-----\n"] {
            text.extend_from_slice(part);
        }
        let (first, others): (Vec<_>, Vec<_>) =
            self.headers.iter().partition(|(name, _)| name.as_slice() == b"Proc-Type");
        for (name, value) in first.into_iter().chain(others) {
            for part in [name, &b": "[..], value, b"\n"] {
                text.extend_from_slice(part);
            }
        }
        if !self.headers.is_empty() {
            text.push(b'\n');
        }
        for line in digits.as_bytes().chunks(LINE_BYTES) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        for part in [b"-----END ", self.kind.as_slice(), b"-----\n"] {
            text.extend_from_slice(part);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> (Vec<String>, String) {
        let mut rest = text.as_bytes();
        let mut kinds = Vec::new();
        while let Some((block, after)) = decoded(rest) {
            kinds.push(String::from_utf8(block.kind).unwrap());
            rest = after;
        }
        (kinds, String::from_utf8_lossy(rest).into_owned())
    }

    // The outcomes are those of Go 1.26's encoding/pem.
    #[test]
    fn a_block_is_what_go_takes_for_one() {
        let cases: [(&str, &[&str], &str); 16] = [
            ("-----BEGIN A-----\nYWJj\n-----END A-----\n", &["A"], ""),
            ("-----BEGIN A-----\r\nYWJj\r\n-----END A-----\r\n", &["A"], ""),
            ("-----BEGIN A-----\nYWJj\n-----END A-----", &["A"], ""),
            ("-----BEGIN A-----\n-----END A-----\n", &["A"], ""),
            ("junk\n-----BEGIN A-----\nYWJj\n-----END A-----\nrest\n", &["A"], "rest\n"),
            (
                "junk-----BEGIN A-----\nYWJj\n-----END A-----\n",
                &[],
                "junk-----BEGIN A-----\nYWJj\n-----END A-----\n",
            ),
            ("-----BEGIN A-----\nYWJj\n-----END B-----\n", &[], "-----BEGIN A-----\nYWJj\n-----END B-----\n"),
            ("-----BEGIN A-----\n!!\n-----END A-----\n", &[], "-----BEGIN A-----\n!!\n-----END A-----\n"),
            ("-----BEGIN A-----\nx\n-----BEGIN B-----\nYWJj\n-----END B-----\n", &["B"], ""),
            (
                "-----BEGIN A-----\n!\n-----END A-----\n-----BEGIN B-----\nYWJj\n-----END B-----\nr",
                &["B"],
                "r",
            ),
            ("-----BEGIN A-----\nY W\tJj\n-----END A-----  \n", &["A"], ""),
            (
                "-----BEGIN A-----\nYWJj\n-----END A-----x\n",
                &[],
                "-----BEGIN A-----\nYWJj\n-----END A-----x\n",
            ),
            ("-----BEGIN A-----\nk: v\nDEK: x\n\nYWJj\n-----END A-----\n", &["A"], ""),
            ("-----BEGIN A-----\nk: v\n-----END A-----\n", &[], "-----BEGIN A-----\nk: v\n-----END A-----\n"),
            ("-----BEGIN A-----\nk: v\n\n-----END A-----\n", &["A"], ""),
            ("", &[], ""),
        ];
        for (text, wanted, left) in cases {
            let (kinds, rest) = kinds(text);
            assert_eq!(
                (kinds.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), rest.as_str()),
                (wanted, left),
                "{text:?}"
            );
        }
    }

    #[test]
    fn headers_are_written_again() {
        let text = "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\nAa: b\n\nYWJj\n-----END A-----\n";
        let (block, _) = decoded(text.as_bytes()).unwrap();
        let written = String::from_utf8(block.text().to_vec()).unwrap();
        let wanted =
            "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nAa: b\nDEK-Info: x\n\nYWJj\n-----END A-----\n";
        assert_eq!(written, wanted);
    }

    #[test]
    fn long_bodies_are_broken_after_64_characters() {
        let text = Block::new("X", &[0; 96]).text();
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lines, [17, 64, 64, 15, 0]);
    }
}
