//! Decides from a template's raw text whether the parser may see it: the parser recurses, and deep nesting would
//! overflow its stack.
//!
//! Blocks and brackets are counted by a scan that reads tags, strings, comments, escapes and raw blocks as the
//! parser's grammar does. Where it cannot be sure, it refuses: a template that hides its nesting from the scan
//! must not exist.

use super::bytes::has_stand_ins;
use super::error::TemplateError;
use crate::limits::{MAX_TEMPLATE_BYTES, MAX_TEMPLATE_NESTING, MAX_TEMPLATE_READING, MAX_TEMPLATE_TAGS};

/// Checks the raw text of a template.
pub(super) fn source(source: &str) -> Result<(), TemplateError> {
    if source.len() > MAX_TEMPLATE_BYTES {
        return Err(TemplateError::TooLong);
    }
    if has_stand_ins(source) {
        return Err(TemplateError::ReservedCharacter);
    }
    let (tags, bytes) = (source.matches("{{").count(), source.len());
    if tags > MAX_TEMPLATE_TAGS {
        return Err(TemplateError::TooManyTags);
    }
    if tags * bytes > MAX_TEMPLATE_READING {
        return Err(TemplateError::TooManyTagsForLength { tags, bytes });
    }
    let mut scan = Scan { source, at: 0, depth: 0, open: Vec::new() };
    while let Some(start) = scan.next_tag() {
        scan.tag(start)?;
    }
    Ok(())
}

struct Scan<'s> {
    source: &'s str,
    /// Everything before this is read.
    at: usize,
    /// How deep blocks are nested here.
    depth: usize,
    /// What closing each open block takes off the depth: every inverse nests once more.
    open: Vec<usize>,
}

/// An open bracket inside a tag.
struct Bracket {
    kind: u8,
    /// For `[`: where it ends if it is a field's name and not a list.
    name_end: usize,
}

impl<'s> Scan<'s> {
    fn from(&self, at: usize) -> &'s str {
        self.source.get(at..).unwrap_or_default()
    }

    fn find(&self, at: usize, text: &str) -> Option<usize> {
        self.from(at).find(text).map(|found| at + found)
    }

    /// Steps over white space and one `~`.
    fn after_tilde(&self, at: usize) -> usize {
        let rest = self.from(at).trim_ascii_start();
        let rest = rest.strip_prefix('~').unwrap_or(rest).trim_ascii_start();
        self.source.len() - rest.len()
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.source.get(..at).unwrap_or(self.source);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn refused<T>(&self, at: usize, reason: &str) -> Result<T, TemplateError> {
        let (line, column) = self.place(at);
        Err(TemplateError::Syntax { reason: reason.to_owned(), line, column })
    }

    /// True if the braces at `at`, after text that begins at `from`, are escaped: by exactly one backslash.
    fn is_escaped(&self, from: usize, at: usize) -> bool {
        let before = self.source.get(from..at).unwrap_or_default();
        before.len() - before.trim_end_matches('\\').len() == 1
    }

    /// Where the next tag begins.
    fn next_tag(&mut self) -> Option<usize> {
        loop {
            let start = self.find(self.at, "{{")?;
            if !self.is_escaped(self.at, start) {
                return Some(start);
            }
            let braces = if self.from(start).starts_with("{{{{") { 4 } else { 2 };
            self.at = start + braces;
        }
    }

    fn tag(&mut self, start: usize) -> Result<(), TemplateError> {
        let rest = self.from(start);
        if rest.starts_with("{{{{") {
            return self.raw_block(start);
        }
        if rest.starts_with("{{!") {
            self.at = self.comment_end(start);
            return Ok(());
        }
        let body = self.after_tilde(start + 2);
        let inner = self.from(body);
        let after_hash = inner.strip_prefix('#').unwrap_or(inner).trim_ascii_start();
        let construct = match after_hash.bytes().next() {
            Some(b'>') => "partials",
            Some(b'*') => "decorators",
            _ => "",
        };
        if !construct.is_empty() {
            let (line, column) = self.place(start);
            return Err(TemplateError::Refused { construct, line, column });
        }
        self.count(inner);
        if self.depth > MAX_TEMPLATE_NESTING {
            return Err(TemplateError::TooNested { line: self.place(start).0 });
        }
        self.at = self.tag_end(body)?;
        Ok(())
    }

    fn count(&mut self, inner: &str) {
        if inner.starts_with('/') {
            self.depth -= self.open.pop().unwrap_or_default();
        } else if inner.starts_with('#') {
            self.depth += 1;
            self.open.push(1);
        } else if inner.starts_with('^') || inner.starts_with("else") {
            // Outside a block it is an error to the parser.
            if let Some(open) = self.open.last_mut() {
                self.depth += 1;
                *open += 1;
            }
        }
    }

    fn comment_end(&self, start: usize) -> usize {
        let body = self.source.len() - self.from(start + 3).trim_ascii_start().len();
        let long = if self.from(body).starts_with("--") { self.find(body + 2, "--}}") } else { None };
        let short = || self.find(start, "}}").map(|end| end + 2);
        long.map(|end| end + 4).or_else(short).unwrap_or(self.source.len())
    }

    /// `{{{{name}}}}` is text up to the next four braces.
    fn raw_block(&mut self, start: usize) -> Result<(), TemplateError> {
        let mut from = self.tag_end(start + 4)?;
        loop {
            let Some(end) = self.find(from, "{{{{") else {
                return self.refused(start, "raw block is not closed");
            };
            let escaped = self.is_escaped(from, end);
            from = end + 4;
            if !escaped {
                self.at = self.tag_end(from)?;
                return Ok(());
            }
        }
    }

    /// The index after the `}}` that ends the tag whose inner text begins at `from`.
    fn tag_end(&self, from: usize) -> Result<usize, TemplateError> {
        let mut brackets: Vec<Bracket> = Vec::new();
        let mut at = from;
        while let Some(&byte) = self.source.as_bytes().get(at) {
            let top = brackets.last().map(|bracket| bracket.kind);
            match byte {
                b'"' | b'\'' => {
                    let end = self.string_end(at, byte)?;
                    if brackets.iter().any(|bracket| (at..end).contains(&bracket.name_end)) {
                        return self
                            .refused(at, "a closing bracket inside a string inside brackets is ambiguous");
                    }
                    at = end;
                    continue;
                }
                b'[' if !self.may_be_list(at) => {
                    let Some(end) = self.find(at, "]") else {
                        return self.refused(at, "bracket is not closed");
                    };
                    at = end;
                }
                b'(' | b'[' | b'{' => {
                    let name_end = if byte == b'[' { self.find(at, "]") } else { None };
                    brackets.push(Bracket { kind: byte, name_end: name_end.unwrap_or(usize::MAX) });
                    if brackets.len() > MAX_TEMPLATE_NESTING + 1 {
                        return Err(TemplateError::TooNested { line: self.place(at).0 });
                    }
                }
                b')' | b']' if top == Some(opening(byte)) => drop(brackets.pop()),
                b'}' if top == Some(b'{') => drop(brackets.pop()),
                b'}' if brackets.is_empty() && self.from(at).starts_with("}}") => return Ok(at + 2),
                b')' | b']' | b'}' => return self.refused(at, "brackets do not match"),
                _ => {}
            }
            at += 1;
        }
        self.refused(from, "tag is not closed")
    }

    /// Inside a tag, `[` begins a list, or a field's name with any characters up to `]`.
    fn may_be_list(&self, at: usize) -> bool {
        let inner = self.from(at + 1).trim_ascii_start();
        inner.starts_with(['"', '\'', '[', ']', '{', '-'])
            || inner.starts_with(|first: char| first.is_ascii_digit())
            || ["true", "false", "null"].iter().any(|word| inner.starts_with(word))
    }

    fn string_end(&self, start: usize, quote: u8) -> Result<usize, TemplateError> {
        let mut at = start + 1;
        while let Some(&byte) = self.source.as_bytes().get(at) {
            match byte {
                b'\\' => at += 2,
                _ if byte == quote => return Ok(at + 1),
                _ => at += 1,
            }
        }
        self.refused(start, "string is not closed")
    }
}

fn opening(closing: u8) -> u8 {
    if closing == b')' { b'(' } else { b'[' }
}
