//! Decides where the words of a template begin and end, as Go's text/template does.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::error::{Outcome, syntax};
use super::token::{Kind, Token};
use crate::value::is_assigned;

/// What `-` beside a delimiter takes: the marker and one space.
const TRIM_MARKER: usize = 2;
const COMMENT_START: &[u8] = b"/*";
const COMMENT_END: &[u8] = b"*/";

/// Reads the source word by word.
pub(super) struct Lexer<'s> {
    source: &'s [u8],
    left: &'s [u8],
    right: &'s [u8],
    /// Everything before this is read.
    at: usize,
    in_action: bool,
    open_parentheses: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s [u8], left: &'s str, right: &'s str) -> Self {
        let left = if left.is_empty() { "{{" } else { left };
        let right = if right.is_empty() { "}}" } else { right };
        let (left, right) = (left.as_bytes(), right.as_bytes());
        Self { source, left, right, at: 0, in_action: false, open_parentheses: 0 }
    }

    /// The next word. After the end of the source there is only [`Kind::EndOfSource`].
    pub(super) fn next(&mut self) -> Outcome<Token> {
        if self.in_action { self.in_action() } else { self.in_text() }
    }

    fn rest(&self, at: usize) -> &'s [u8] {
        self.source.get(at..).unwrap_or_default()
    }

    /// The character at a place and its length; a byte that is not UTF-8 is a replacement character.
    fn character(&self, at: usize) -> Option<(char, usize)> {
        let first = *self.source.get(at)?;
        if first.is_ascii() {
            return Some((char::from(first), 1));
        }
        let end = self.source.len().min(at + 4);
        let chunk = self.source.get(at..end)?.utf8_chunks().next()?;
        let valid = chunk.valid().chars().next().map(|character| (character, character.len_utf8()));
        Some(valid.unwrap_or((char::REPLACEMENT_CHARACTER, 1)))
    }

    fn token(&mut self, kind: Kind, end: usize) -> Token {
        let start = std::mem::replace(&mut self.at, end);
        Token { kind, start, end }
    }

    fn in_text(&mut self) -> Outcome<Token> {
        loop {
            let Some(found) = find(self.rest(self.at), self.left) else {
                let end = self.source.len();
                let kind = if self.at < end { Kind::Text } else { Kind::EndOfSource };
                return Ok(self.token(kind, end));
            };
            let delimiter = self.at + found;
            let inside = delimiter + self.left.len();
            let trims = trims_left(self.rest(inside));
            let text = self.source.get(self.at..delimiter).unwrap_or_default();
            let kept = if trims { text.trim_ascii_end_spaces() } else { text.len() };
            if kept > 0 {
                let token = Token { kind: Kind::Text, start: self.at, end: self.at + kept };
                self.at = delimiter;
                return Ok(token);
            }
            let body = inside + if trims { TRIM_MARKER } else { 0 };
            if !self.rest(body).starts_with(COMMENT_START) {
                self.in_action = true;
                self.open_parentheses = 0;
                self.at = body;
                return Ok(Token { kind: Kind::Left, start: delimiter, end: inside });
            }
            self.at = self.comment_end(body)?;
        }
    }

    /// Where the text after a comment goes on.
    fn comment_end(&self, start: usize) -> Outcome<usize> {
        let body = start + COMMENT_START.len();
        let Some(found) = find(self.rest(body), COMMENT_END) else {
            return syntax(start, "comment is not closed");
        };
        let end = body + found + COMMENT_END.len();
        match self.right_delimiter(end) {
            None => syntax(start, "comment ends before the closing delimiter"),
            Some((after, false)) => Ok(after),
            Some((after, true)) => Ok(self.after_spaces(after)),
        }
    }

    /// Where the right delimiter at a place ends, and whether it trims what follows.
    fn right_delimiter(&self, at: usize) -> Option<(usize, bool)> {
        let rest = self.rest(at);
        if trims_right(rest) && self.rest(at + TRIM_MARKER).starts_with(self.right) {
            return Some((at + TRIM_MARKER + self.right.len(), true));
        }
        rest.starts_with(self.right).then(|| (at + self.right.len(), false))
    }

    fn after_spaces(&self, at: usize) -> usize {
        at + self.rest(at).iter().take_while(|byte| is_space(**byte)).count()
    }

    fn in_action(&mut self) -> Outcome<Token> {
        let at = self.at;
        if let Some((after, trims)) = self.right_delimiter(at) {
            if self.open_parentheses > 0 {
                return syntax(at, "parenthesis is not closed");
            }
            return Ok(self.end_of_action(after, trims));
        }
        let Some((character, length)) = self.character(at) else {
            return syntax(at, "action is not closed");
        };
        let next = at + length;
        let following = self.source.get(next).copied();
        match character {
            ' ' | '\t' | '\r' | '\n' => Ok(self.spaces()),
            '=' => Ok(self.token(Kind::Assign, next)),
            ':' if following == Some(b'=') => Ok(self.token(Kind::Declare, next + 1)),
            ':' => syntax(at, "expected :="),
            '|' => Ok(self.token(Kind::Bar, next)),
            '"' => self.quoted(b'"', Kind::Quoted),
            '\'' => self.quoted(b'\'', Kind::Rune),
            '`' => self.raw(),
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if following.is_some_and(|byte| !byte.is_ascii_digit()) => self.name(Kind::Field, Kind::Dot),
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_word_character(character) => self.word(),
            '(' => {
                self.open_parentheses += 1;
                Ok(self.token(Kind::Open, next))
            }
            ')' => {
                let Some(open) = self.open_parentheses.checked_sub(1) else {
                    return syntax(at, "closing parenthesis without an opening one");
                };
                self.open_parentheses = open;
                Ok(self.token(Kind::Close, next))
            }
            '!'..='~' => Ok(self.token(Kind::Character, next)),
            _ => syntax(at, format!("character U+{:04X} cannot stand in an action", u32::from(character))),
        }
    }

    fn end_of_action(&mut self, after: usize, trims: bool) -> Token {
        self.in_action = false;
        let token = Token { kind: Kind::Right, start: self.at, end: after };
        self.at = if trims { self.after_spaces(after) } else { after };
        token
    }

    /// Spaces, but not the one that belongs to a trimming delimiter.
    fn spaces(&mut self) -> Token {
        let end = self.after_spaces(self.at);
        match self.right_delimiter(end - 1) {
            Some((_, true)) => self.token(Kind::Space, end - 1),
            _ => self.token(Kind::Space, end),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind) -> Outcome<Token> {
        let mut end = self.at + 1;
        loop {
            match self.source.get(end) {
                Some(b'\\') if self.source.get(end + 1).is_some_and(|byte| *byte != b'\n') => end += 2,
                None | Some(b'\\' | b'\n') => return syntax(self.at, "text in quotes is not closed"),
                Some(byte) if *byte == quote => return Ok(self.token(kind, end + 1)),
                Some(_) => end += 1,
            }
        }
    }

    fn raw(&mut self) -> Outcome<Token> {
        let body = self.at + 1;
        match self.rest(body).iter().position(|byte| *byte == b'`') {
            Some(length) => Ok(self.token(Kind::Raw, body + length + 1)),
            None => syntax(self.at, "text in backquotes is not closed"),
        }
    }

    /// A field or variable: a mark and letters, or the mark alone.
    fn name(&mut self, named: Kind, bare: Kind) -> Outcome<Token> {
        let body = self.at + 1;
        let end = self.word_end(body);
        if end == body && self.ends_word(body) {
            return Ok(self.token(bare, end));
        }
        self.checked_end(end)?;
        Ok(self.token(named, end))
    }

    fn word(&mut self) -> Outcome<Token> {
        let end = self.word_end(self.at);
        self.checked_end(end)?;
        let kind = Kind::of_word(self.source.get(self.at..end).unwrap_or_default());
        Ok(self.token(kind, end))
    }

    fn word_end(&self, from: usize) -> usize {
        let mut end = from;
        while let Some((_, length)) = self.character(end).filter(|(found, _)| is_word_character(*found)) {
            end += length;
        }
        end
    }

    fn checked_end(&self, end: usize) -> Outcome<()> {
        if self.ends_word(end) {
            return Ok(());
        }
        let character = self.character(end).map_or(0, |(character, _)| u32::from(character));
        syntax(end, format!("character U+{character:04X} cannot follow a name"))
    }

    /// True if a name may end here.
    fn ends_word(&self, at: usize) -> bool {
        match self.source.get(at) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => self.rest(at).starts_with(self.right),
        }
    }

    fn number(&mut self) -> Outcome<Token> {
        let start = self.at;
        let end = self.number_end(start)?;
        if !matches!(self.source.get(end), Some(b'+' | b'-')) {
            return Ok(self.token(Kind::Number, end));
        }
        let end = self.number_end(end)?;
        if self.source.get(end.saturating_sub(1)) != Some(&b'i') {
            return syntax(start, "not a number");
        }
        Ok(self.token(Kind::Complex, end))
    }

    /// Where a number ends. What is wrong with its digits is found later.
    fn number_end(&self, start: usize) -> Outcome<usize> {
        let mut end = self.after_one(start, b"+-");
        let mut digits: &[u8] = b"0123456789_";
        let mut exponent: &[u8] = b"eE";
        if self.source.get(end) == Some(&b'0') {
            end += 1;
            (digits, exponent) = match self.source.get(end) {
                Some(b'x' | b'X') => (b"0123456789abcdefABCDEF_".as_slice(), b"pP".as_slice()),
                Some(b'o' | b'O') => (b"01234567_".as_slice(), b"".as_slice()),
                Some(b'b' | b'B') => (b"01_".as_slice(), b"".as_slice()),
                _ => (digits, exponent),
            };
            end = self.after_one(end, b"xXoObB");
        }
        end = self.after_run(end, digits);
        if self.source.get(end) == Some(&b'.') {
            end = self.after_run(end + 1, digits);
        }
        if self.source.get(end).is_some_and(|byte| exponent.contains(byte)) {
            end = self.after_run(self.after_one(end + 1, b"+-"), b"0123456789_");
        }
        end = self.after_one(end, b"i");
        match self.character(end) {
            Some((character, _)) if is_word_character(character) => syntax(start, "not a number"),
            _ => Ok(end),
        }
    }

    fn after_one(&self, at: usize, allowed: &[u8]) -> usize {
        at + usize::from(self.source.get(at).is_some_and(|byte| allowed.contains(byte)))
    }

    fn after_run(&self, at: usize, allowed: &[u8]) -> usize {
        at + self.rest(at).iter().take_while(|byte| allowed.contains(byte)).count()
    }
}

trait TrimEnd {
    /// The length without the spaces at the end.
    fn trim_ascii_end_spaces(&self) -> usize;
}

impl TrimEnd for [u8] {
    fn trim_ascii_end_spaces(&self) -> usize {
        self.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1)
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted.first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if text.get(at..).is_some_and(|found| found.starts_with(wanted)) {
            return Some(at);
        }
        from = at + 1;
    }
}

fn trims_left(inside: &[u8]) -> bool {
    matches!(inside, [b'-', space, ..] if is_space(*space))
}

fn trims_right(inside: &[u8]) -> bool {
    matches!(inside, [space, b'-', ..] if is_space(*space))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Letters, decimal digits and `_`.
fn is_word_character(character: char) -> bool {
    if character.is_ascii() {
        return character == '_' || character.is_ascii_alphanumeric();
    }
    is_assigned(character)
        && matches!(
            get_general_category(character),
            GeneralCategory::UppercaseLetter
                | GeneralCategory::LowercaseLetter
                | GeneralCategory::TitlecaseLetter
                | GeneralCategory::ModifierLetter
                | GeneralCategory::OtherLetter
                | GeneralCategory::DecimalNumber
        )
}
