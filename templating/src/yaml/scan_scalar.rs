//! Decides what the text of a scalar is: folded lines, escapes, indentation.

use zeroize::Zeroizing;

use super::YamlFault;
use super::cursor::{END, is_blank, is_blank_or_end, is_break, is_break_or_end};
use super::scanner::Scanner;

/// What happens to the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// One stays.
    Clip,
    Strip,
    Keep,
}

/// Blanks and line breaks between two words.
#[derive(Default)]
struct Gap {
    blanks: String,
    first_break: Option<char>,
    more_breaks: String,
}

impl Gap {
    /// What the gap stands for: one line break is a blank, more are one less.
    fn fold(&mut self, text: &mut String) {
        match self.first_break.take() {
            None => text.push_str(&self.blanks),
            Some('\n') if self.more_breaks.is_empty() => text.push(' '),
            Some('\n') => text.push_str(&self.more_breaks),
            Some(separator) => {
                text.push(separator);
                text.push_str(&self.more_breaks);
            }
        }
        self.blanks.clear();
        self.more_breaks.clear();
    }

    fn add_break(&mut self, line_break: Option<char>) {
        if self.first_break.is_none() {
            self.blanks.clear();
            self.first_break = line_break;
        } else {
            self.more_breaks.extend(line_break);
        }
    }
}

impl Scanner {
    /// A `|` or `>` scalar.
    pub(super) fn block_scalar(&mut self) -> Result<Zeroizing<String>, YamlFault> {
        let literal = self.cursor.peek() == '|';
        self.cursor.skip();
        let (chomping, increment) = self.block_header()?;
        let mut indent = increment.map_or(0, |increment| self.indent().saturating_sub(1) + increment);
        let mut text = Zeroizing::new(String::new());
        let mut leading_break: Option<char> = None;
        let mut leading_blank = false;
        let mut breaks = self.block_breaks(&mut indent)?;
        while self.cursor.at.column == indent && self.cursor.peek() != END {
            let trailing_blank = is_blank(self.cursor.peek());
            if !literal && !leading_blank && !trailing_blank && leading_break == Some('\n') {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.extend(leading_break);
            }
            text.push_str(&breaks);
            leading_blank = trailing_blank;
            while !is_break_or_end(self.cursor.peek()) {
                self.cursor.take(&mut text);
            }
            leading_break = self.cursor.line_break();
            breaks = self.block_breaks(&mut indent)?;
        }
        if chomping != Chomping::Strip {
            text.extend(leading_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        Ok(text)
    }

    /// The indicators after `|` or `>`, in either order, up to the end of the line.
    fn block_header(&mut self) -> Result<(Chomping, Option<usize>), YamlFault> {
        let mut chomping = Chomping::Clip;
        let mut increment = None;
        for _ in 0..2 {
            match self.cursor.peek() {
                '+' if chomping == Chomping::Clip => chomping = Chomping::Keep,
                '-' if chomping == Chomping::Clip => chomping = Chomping::Strip,
                '0' if increment.is_none() => {
                    return Err(self.fault("found an indentation indicator equal to 0"));
                }
                digit @ '1'..='9' if increment.is_none() => {
                    increment = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                }
                _ => break,
            }
            self.cursor.skip();
        }
        self.cursor.skip_while(is_blank);
        self.cursor.skip_comment();
        if !is_break_or_end(self.cursor.peek()) {
            return Err(self.fault("did not find expected comment or line break"));
        }
        self.cursor.line_break();
        Ok((chomping, increment))
    }

    /// Line breaks and indentation up to the next line with text. An indent of 0 is not known yet and found out.
    fn block_breaks(&mut self, indent: &mut usize) -> Result<String, YamlFault> {
        let mut breaks = String::new();
        let mut widest = 0;
        loop {
            while (*indent == 0 || self.cursor.at.column < *indent) && self.cursor.peek() == ' ' {
                self.cursor.skip();
            }
            widest = widest.max(self.cursor.at.column);
            if (*indent == 0 || self.cursor.at.column < *indent) && self.cursor.peek() == '\t' {
                return Err(self.fault("found a tab character where an indentation space is expected"));
            }
            if !is_break(self.cursor.peek()) {
                break;
            }
            breaks.extend(self.cursor.line_break());
        }
        if *indent == 0 {
            *indent = widest.max(self.indent()).max(1);
        }
        Ok(breaks)
    }

    /// A scalar in quotes of either kind.
    pub(super) fn quoted_scalar(&mut self) -> Result<Zeroizing<String>, YamlFault> {
        let quote = self.cursor.peek();
        self.cursor.skip();
        let mut text = Zeroizing::new(String::new());
        let mut gap = Gap::default();
        loop {
            if self.cursor.is_at_document_indicator() {
                return Err(self.fault("found unexpected document indicator"));
            }
            if self.cursor.peek() == END {
                return Err(self.fault("found unexpected end of stream"));
            }
            let escaped_break = self.quoted_word(quote, &mut text)?;
            if self.cursor.peek() == quote {
                self.cursor.skip();
                return Ok(text);
            }
            self.quoted_gap(escaped_break, &mut gap, &mut text);
        }
    }

    /// The characters up to a gap or the closing quote; true if the last is an escaped line break.
    fn quoted_word(&mut self, quote: char, text: &mut String) -> Result<bool, YamlFault> {
        while !is_blank_or_end(self.cursor.peek()) {
            match (self.cursor.peek(), self.cursor.ahead(1)) {
                ('\'', '\'') if quote == '\'' => {
                    text.push('\'');
                    self.cursor.skip();
                    self.cursor.skip();
                }
                (next, _) if next == quote => break,
                ('\\', after) if quote == '"' && is_break(after) => {
                    self.cursor.skip();
                    self.cursor.line_break();
                    return Ok(true);
                }
                ('\\', after) if quote == '"' => self.escape(after, text)?,
                _ => self.cursor.take(text),
            }
        }
        Ok(false)
    }

    /// After an escaped line break the first unescaped one is one of several.
    fn quoted_gap(&mut self, escaped_break: bool, gap: &mut Gap, text: &mut String) {
        let mut broken = escaped_break;
        loop {
            let next = self.cursor.peek();
            if is_blank(next) {
                if broken {
                    self.cursor.skip();
                } else {
                    self.cursor.take(&mut gap.blanks);
                }
            } else if is_break(next) {
                let line_break = self.cursor.line_break();
                if broken {
                    gap.more_breaks.extend(line_break);
                } else {
                    gap.add_break(line_break);
                    broken = true;
                }
            } else {
                break;
            }
        }
        gap.fold_after(escaped_break, text);
    }

    fn escape(&mut self, name: char, text: &mut String) -> Result<(), YamlFault> {
        let character = match name {
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            ' ' | '"' | '\'' | '\\' => name,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => return self.code(2, text),
            'u' => return self.code(4, text),
            'U' => return self.code(8, text),
            _ => return Err(self.fault("found unknown escape character")),
        };
        text.push(character);
        self.cursor.skip();
        self.cursor.skip();
        Ok(())
    }

    fn code(&mut self, length: usize, text: &mut String) -> Result<(), YamlFault> {
        self.cursor.skip();
        self.cursor.skip();
        let mut code = 0_u32;
        for at in 0..length {
            let digit = self.cursor.ahead(at).to_digit(16);
            let digit = digit.ok_or_else(|| self.fault("did not find expected hexdecimal number"))?;
            code = code << 4 | digit;
        }
        let character = char::from_u32(code);
        text.push(character.ok_or_else(|| self.fault("found invalid Unicode character escape code"))?);
        for _ in 0..length {
            self.cursor.skip();
        }
        Ok(())
    }

    /// A scalar without quotes, over several lines if they are indented.
    pub(super) fn plain_scalar(&mut self) -> Result<Zeroizing<String>, YamlFault> {
        let mut text = Zeroizing::new(String::new());
        let mut gap = Gap::default();
        let indent = self.indent();
        while !self.cursor.is_at_document_indicator() && self.cursor.peek() != '#' {
            while !is_blank_or_end(self.cursor.peek()) && !self.is_end_of_plain() {
                gap.fold(&mut text);
                self.cursor.take(&mut text);
            }
            let next = self.cursor.peek();
            if !is_blank(next) && !is_break(next) {
                break;
            }
            self.plain_gap(indent, &mut gap)?;
            if self.flow_level == 0 && self.cursor.at.column < indent {
                break;
            }
        }
        if gap.first_break.is_some() {
            self.allow_simple_key();
        }
        Ok(text)
    }

    fn is_end_of_plain(&self) -> bool {
        match self.cursor.peek() {
            ':' => is_blank_or_end(self.cursor.ahead(1)),
            ',' | '?' | '[' | ']' | '{' | '}' => self.flow_level > 0,
            _ => false,
        }
    }

    fn plain_gap(&mut self, indent: usize, gap: &mut Gap) -> Result<(), YamlFault> {
        loop {
            let next = self.cursor.peek();
            if is_break(next) {
                let line_break = self.cursor.line_break();
                gap.add_break(line_break);
            } else if !is_blank(next) {
                return Ok(());
            } else if gap.first_break.is_none() {
                self.cursor.take(&mut gap.blanks);
            } else {
                if next == '\t' && self.cursor.at.column < indent {
                    return Err(self.fault("found a tab character that violates indentation"));
                }
                self.cursor.skip();
            }
        }
    }
}

impl Gap {
    /// An escaped line break stands for nothing.
    fn fold_after(&mut self, escaped_break: bool, text: &mut String) {
        if escaped_break {
            text.push_str(&self.more_breaks);
            *self = Self::default();
        } else {
            self.fold(text);
        }
    }
}
