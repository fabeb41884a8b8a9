//! Decides what is a JSON document: the grammar and the leniency of Go's encoding/json.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Json, JsonFault, Node};
use crate::limits::MAX_DEPTH;

/// The document in `text`. Invalid UTF-8 and lone surrogates inside strings become U+FFFD, as in Go.
pub(crate) fn read(text: &[u8]) -> Result<Node<'_>, JsonFault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_space();
    let node = reader.node()?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.fault()) } else { Ok(node) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self) -> JsonFault {
        JsonFault::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it is next.
    fn took(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.took(byte) { Ok(()) } else { Err(self.fault()) }
    }

    fn span(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn node(&mut self) -> Result<Node<'a>, JsonFault> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Json::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Json::Bool(true))?,
            Some(b'f') => self.word("false", Json::Bool(false))?,
            Some(b'n') => self.word("null", Json::Null)?,
            _ => return Err(self.fault()),
        };
        Ok(Node { raw: self.span(start), value })
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Json<'a>, JsonFault>) -> Result<Json<'a>, JsonFault> {
        if self.depth >= MAX_DEPTH {
            return Err(JsonFault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json<'a>, JsonFault> {
        let mut members = BTreeMap::new();
        if self.took(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.fault());
            }
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let node = self.node()?;
            members.insert(name.to_string(), node);
            self.skip_space();
            if self.took(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn list(&mut self) -> Result<Json<'a>, JsonFault> {
        let mut items = Vec::new();
        if self.took(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.node()?);
            self.skip_space();
            if self.took(b']') {
                return Ok(Json::List(items));
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonFault> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Json<'a>, JsonFault> {
        let start = self.at;
        self.took(b'-');
        if !self.took(b'0') {
            self.digits()?;
        }
        if self.took(b'.') {
            self.digits()?;
        }
        if self.took(b'e') || self.took(b'E') {
            if !self.took(b'+') {
                self.took(b'-');
            }
            self.digits()?;
        }
        let text = std::str::from_utf8(self.span(start)).map_err(|_| self.fault())?;
        Ok(Json::Number(text))
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault()) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Zeroizing<String>, JsonFault> {
        self.expect(b'"')?;
        let mut text = Zeroizing::new(String::new());
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            for chunk in self.span(start).utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                _ => return Err(self.fault()),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, JsonFault> {
        let Some(byte) = self.peek() else { return Err(self.fault()) };
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(plain)
    }

    /// The character after `\u`; a surrogate without its partner is U+FFFD and its neighbour is kept.
    fn code_point(&mut self) -> Result<char, JsonFault> {
        let high = self.hex4()?;
        if let Some(plain) = char::from_u32(high) {
            return Ok(plain);
        }
        let back = self.at;
        if high < 0xdc00 && self.took(b'\\') && self.took(b'u') {
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let joined = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = back;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonFault> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.fault()) };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Escape, Numbers, printed};

    fn again(text: &str) -> Result<String, JsonFault> {
        let node = read(text.as_bytes())?;
        let out = printed(&node.value, Escape::Keep, Numbers::AsWritten)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_go_accepts_is_accepted() {
        let accepted = [
            (" {\"b\" : [1 , 2.50, -0, 1E+2] ,\"a\":null}\r\n", r#"{"a":null,"b":[1,2.50,-0,1E+2]}"#),
            (r#"{"a":"1","a":"2"}"#, r#"{"a":"2"}"#),
            (r#""\ud83d\ude00 \/ \u00fc""#, "\"😀 / ü\""),
            (r#""\ud83d \udc00 \ud83dA""#, "\"\u{fffd} \u{fffd} \u{fffd}A\""),
            ("[]", "[]"),
            ("{}", "{}"),
        ];
        for (text, expected) in accepted {
            assert_eq!(again(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_with_the_place_only() {
        let refused = [
            ("", 0),
            ("plain", 0),
            ("{\"a\":1,}", 7),
            ("[1,]", 3),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e", 2),
            (".5", 0),
            ("\"a\nb\"", 2),
            (r#""\x""#, 2),
            (r#""\u12g4""#, 5),
            ("\"abc", 4),
            ("{\"a\":\"1\"} tail", 10),
            ("{'a':1}", 1),
            ("nul", 3),
            ("{\"a\" 1}", 5),
        ];
        for (text, at) in refused {
            assert_eq!(again(text), Err(JsonFault::Syntax(at)), "{text}");
        }
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused_and_not_followed() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(read(deep.as_bytes()).err(), Some(JsonFault::TooDeep));
        let fits = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(read(fits.as_bytes()).is_ok());
    }
}
