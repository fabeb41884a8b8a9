//! Decides what anchors, tags and directives say.

use super::YamlFault;
use super::cursor::{is_blank, is_blank_or_end, is_break_or_end, is_name};
use super::scanner::{Scanner, Token};

impl Scanner {
    /// `&name` or `*name`.
    pub(super) fn anchor(&mut self) -> Result<Token, YamlFault> {
        let alias = self.cursor.peek() == '*';
        self.cursor.skip();
        let name = self.name();
        let next = self.cursor.peek();
        let ends = is_blank_or_end(next) || matches!(next, '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`');
        if name.is_empty() || !ends {
            return Err(self.fault("did not find expected alphabetic or numeric character"));
        }
        Ok(if alias { Token::Alias(name) } else { Token::Anchor(name) })
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while is_name(self.cursor.peek()) {
            self.cursor.take(&mut name);
        }
        name
    }

    /// `!suffix`, `!handle!suffix` or `!<whole>`.
    pub(super) fn tag(&mut self) -> Result<Token, YamlFault> {
        let (handle, suffix) = if self.cursor.ahead(1) == '<' {
            self.cursor.skip();
            self.cursor.skip();
            let whole = self.uri(String::new(), false)?;
            if self.cursor.peek() != '>' {
                return Err(self.fault("did not find the expected '>'"));
            }
            self.cursor.skip();
            (String::new(), whole)
        } else {
            let handle = self.handle(false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                (handle, self.uri(String::new(), false)?)
            } else {
                match self.uri(handle.chars().skip(1).collect(), true)? {
                    suffix if suffix.is_empty() => (String::new(), "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        if !is_blank_or_end(self.cursor.peek()) {
            return Err(self.fault("did not find expected whitespace or line break"));
        }
        Ok(Token::Tag { handle, suffix })
    }

    fn handle(&mut self, directive: bool) -> Result<String, YamlFault> {
        if self.cursor.peek() != '!' {
            return Err(self.fault("did not find expected '!'"));
        }
        self.cursor.skip();
        let mut handle = format!("!{}", self.name());
        if self.cursor.peek() == '!' {
            self.cursor.take(&mut handle);
        } else if directive && handle != "!" {
            return Err(self.fault("did not find expected '!'"));
        }
        Ok(handle)
    }

    /// What may follow `start`. It must not be empty unless `optional`.
    fn uri(&mut self, start: String, optional: bool) -> Result<String, YamlFault> {
        let before = self.cursor.at.index;
        let mut bytes = start.into_bytes();
        loop {
            match self.cursor.peek() {
                '%' => self.uri_escape(&mut bytes)?,
                next if is_name(next) || ";/?:@&=+$,.!~*'()[]".contains(next) => {
                    bytes.extend(u8::try_from(next).ok());
                    self.cursor.skip();
                }
                _ => break,
            }
        }
        if !optional && self.cursor.at.index == before {
            return Err(self.fault("did not find expected tag URI"));
        }
        String::from_utf8(bytes).map_err(|_| self.fault("found an incorrect trailing UTF-8 octet"))
    }

    fn uri_escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), YamlFault> {
        let digits = [1, 2].map(|at| self.cursor.ahead(at).to_digit(16));
        let [Some(high), Some(low)] = digits else {
            return Err(self.fault("did not find URI escaped octet"));
        };
        bytes.extend(u8::try_from(high << 4 | low).ok());
        for _ in 0..3 {
            self.cursor.skip();
        }
        Ok(())
    }

    /// `%YAML 1.1` or `%TAG !handle! prefix`.
    pub(super) fn directive(&mut self) -> Result<Token, YamlFault> {
        self.cursor.skip();
        let name = self.name();
        if name.is_empty() {
            return Err(self.fault("could not find expected directive name"));
        }
        if !is_blank_or_end(self.cursor.peek()) {
            return Err(self.fault("found unexpected non-alphabetical character"));
        }
        self.cursor.skip_while(is_blank);
        let token = match name.as_str() {
            "YAML" => self.version()?,
            "TAG" => self.tag_directive()?,
            _ => return Err(self.fault("found unknown directive name")),
        };
        self.cursor.skip_while(is_blank);
        self.cursor.skip_comment();
        if !is_break_or_end(self.cursor.peek()) {
            return Err(self.fault("did not find expected comment or line break"));
        }
        self.cursor.line_break();
        Ok(token)
    }

    fn version(&mut self) -> Result<Token, YamlFault> {
        let major = self.version_number()?;
        if self.cursor.peek() != '.' {
            return Err(self.fault("did not find expected digit or '.' character"));
        }
        self.cursor.skip();
        Ok(Token::Version { major, minor: self.version_number()? })
    }

    fn version_number(&mut self) -> Result<u32, YamlFault> {
        let mut number = None;
        for _ in 0..2 {
            if let Some(digit) = self.cursor.peek().to_digit(10) {
                number = Some(number.unwrap_or(0) * 10 + digit);
                self.cursor.skip();
            }
        }
        if self.cursor.peek().is_ascii_digit() {
            return Err(self.fault("found extremely long version number"));
        }
        number.ok_or_else(|| self.fault("did not find expected version number"))
    }

    fn tag_directive(&mut self) -> Result<Token, YamlFault> {
        let handle = self.handle(true)?;
        if !is_blank(self.cursor.peek()) {
            return Err(self.fault("did not find expected whitespace"));
        }
        self.cursor.skip_while(is_blank);
        let prefix = self.uri(String::new(), false)?;
        if !is_blank_or_end(self.cursor.peek()) {
            return Err(self.fault("did not find expected whitespace or line break"));
        }
        Ok(Token::TagDirective { handle, prefix })
    }
}
