//! Decides where the tokens of a YAML text are: indentation and the keys before a `:` become tokens of their own.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::YamlFault;
use super::cursor::{Cursor, END, Mark, is_blank_or_end, is_break};

/// Most characters of a key on the line of its value.
const MAX_SIMPLE_KEY: usize = 1024;

/// A piece of syntax.
#[derive(PartialEq, Eq)]
pub(super) enum Token {
    StreamEnd,
    Version { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockListStart,
    BlockMapStart,
    BlockEnd,
    FlowListStart,
    FlowListEnd,
    FlowMapStart,
    FlowMapEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { text: Zeroizing<String>, plain: bool },
}

/// A token and where it starts.
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) line: usize,
}

/// Something that a `:` may turn out to follow.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// It stands where nothing but a key may stand.
    required: bool,
    /// Counted from the first token of the text.
    number: usize,
    mark: Mark,
}

/// Tokens are scanned as they are asked for: whatever follows the last one does not matter.
pub(super) struct Scanner {
    pub(super) cursor: Cursor,
    tokens: VecDeque<Placed>,
    /// How many tokens have been taken.
    taken: usize,
    /// Columns of the block collections around the cursor, with 1 added; 0 outside all.
    indents: Vec<usize>,
    pub(super) flow_level: usize,
    simple_key_allowed: bool,
    /// One for the block and one for each flow collection around the cursor.
    simple_keys: Vec<SimpleKey>,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
        }
    }

    /// The next token. At the end of the text it is [`Token::StreamEnd`], as often as one asks.
    pub(super) fn peek(&mut self) -> Result<&Placed, YamlFault> {
        while self.needs_more()? {
            self.fetch()?;
        }
        self.tokens.front().ok_or(YamlFault::Syntax("unexpected end of stream"))
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Token, YamlFault> {
        self.peek()?;
        self.taken += 1;
        Ok(self.tokens.pop_front().map_or(Token::StreamEnd, |placed| placed.token))
    }

    pub(super) fn fault(&self, reason: &'static str) -> YamlFault {
        match self.cursor.at.line {
            0 => YamlFault::Syntax(reason),
            line => YamlFault::SyntaxAt { line: line + 1, reason },
        }
    }

    /// One more than the column of the innermost block collection.
    pub(super) fn indent(&self) -> usize {
        self.indents.last().copied().unwrap_or(0)
    }

    pub(super) fn allow_simple_key(&mut self) {
        self.simple_key_allowed = true;
    }

    /// True while a `:` could still make a key of the first token, and other tokens come before it then.
    fn needs_more(&mut self) -> Result<bool, YamlFault> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        match self.simple_keys.iter().position(|key| key.possible && key.number == self.taken) {
            Some(at) => self.is_still_key(at),
            None => Ok(false),
        }
    }

    fn is_still_key(&mut self, at: usize) -> Result<bool, YamlFault> {
        let Some(&key) = self.simple_keys.get(at) else { return Ok(false) };
        if !key.possible {
            return Ok(false);
        }
        let now = self.cursor.at;
        if key.mark.line == now.line && key.mark.index + MAX_SIMPLE_KEY >= now.index {
            return Ok(true);
        }
        if key.required {
            return Err(self.fault("could not find expected ':'"));
        }
        if let Some(key) = self.simple_keys.get_mut(at) {
            key.possible = false;
        }
        Ok(false)
    }

    fn push(&mut self, token: Token, mark: Mark) {
        self.tokens.push_back(Placed { token, line: mark.line });
    }

    /// Makes a token of the next `length` characters.
    fn push_skipping(&mut self, token: Token, length: usize) {
        self.push(token, self.cursor.at);
        for _ in 0..length {
            self.cursor.skip();
        }
    }

    fn fetch(&mut self) -> Result<(), YamlFault> {
        self.skip_to_token();
        self.unroll_indent(self.cursor.at.column + 1);
        let (next, after) = (self.cursor.peek(), self.cursor.ahead(1));
        let flow = self.flow_level > 0;
        match next {
            END => self.fetch_stream_end(),
            '%' if self.cursor.at.column == 0 => self.fetch_directive(),
            _ if self.cursor.is_at_indicator('-') => self.fetch_document_indicator(Token::DocumentStart),
            _ if self.cursor.is_at_indicator('.') => self.fetch_document_indicator(Token::DocumentEnd),
            '[' => self.fetch_flow_start(Token::FlowListStart),
            '{' => self.fetch_flow_start(Token::FlowMapStart),
            ']' => self.fetch_flow_end(Token::FlowListEnd),
            '}' => self.fetch_flow_end(Token::FlowMapEnd),
            ',' => self.fetch_flow_entry(),
            '-' if is_blank_or_end(after) => self.fetch_block_entry(),
            '?' if flow || is_blank_or_end(after) => self.fetch_key(),
            ':' if flow || is_blank_or_end(after) => self.fetch_value(),
            '*' | '&' => self.fetch_named(Self::anchor),
            '!' => self.fetch_named(Self::tag),
            '|' | '>' if !flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.fetch_scalar(Self::block_scalar, false)
            }
            '\'' | '"' => self.fetch_named(|scanner| scanner.quoted_scalar().map(scalar(false))),
            '#' | '|' | '>' | '%' | '@' | '`' => Err(self.no_token()),
            _ if is_blank_or_end(next) => Err(self.no_token()),
            _ => self.fetch_named(|scanner| scanner.plain_scalar().map(scalar(true))),
        }
    }

    fn no_token(&self) -> YamlFault {
        self.fault("found character that cannot start any token")
    }

    /// A tab is no indentation where a key may stand.
    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            while self.cursor.peek() == ' ' || (tabs && self.cursor.peek() == '\t') {
                self.cursor.skip();
            }
            self.cursor.skip_comment();
            if !is_break(self.cursor.peek()) {
                return;
            }
            self.cursor.line_break();
            self.simple_key_allowed |= self.flow_level == 0;
        }
    }

    fn save_simple_key(&mut self) -> Result<(), YamlFault> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let mark = self.cursor.at;
        let required = self.flow_level == 0 && self.indent() == mark.column + 1;
        let number = self.taken + self.tokens.len();
        self.remove_simple_key()?;
        if let Some(last) = self.simple_keys.last_mut() {
            *last = SimpleKey { possible: true, required, number, mark };
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<(), YamlFault> {
        match self.simple_keys.last_mut() {
            Some(SimpleKey { possible: true, required: true, .. }) => {
                Err(self.fault("could not find expected ':'"))
            }
            Some(key) => {
                key.possible = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Opens a block collection at the column, before the token with that number.
    fn roll_indent(&mut self, mark: Mark, number: Option<usize>, token: Token) {
        if self.flow_level > 0 || self.indent() > mark.column {
            return;
        }
        self.indents.push(mark.column + 1);
        let placed = Placed { token, line: mark.line };
        let at = number.map_or(self.tokens.len(), |number| number.saturating_sub(self.taken));
        self.tokens.insert(at.min(self.tokens.len()), placed);
    }

    /// Closes the block collections that are further right.
    fn unroll_indent(&mut self, indent: usize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent() > indent {
            self.indents.pop();
            self.push(Token::BlockEnd, self.cursor.at);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), YamlFault> {
        if self.cursor.at.column != 0 {
            self.cursor.at.column = 0;
            self.cursor.at.line += 1;
        }
        self.unroll_indent(0);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Token::StreamEnd, self.cursor.at);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), YamlFault> {
        self.unroll_indent(0);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.cursor.at;
        let token = self.directive()?;
        self.push(token, mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, token: Token) -> Result<(), YamlFault> {
        self.unroll_indent(0);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push_skipping(token, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token) -> Result<(), YamlFault> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey::default());
        self.flow_level += 1;
        self.simple_key_allowed = true;
        self.push_skipping(token, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token) -> Result<(), YamlFault> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_skipping(token, 1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), YamlFault> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_skipping(Token::FlowEntry, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), YamlFault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault("block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.cursor.at, None, Token::BlockListStart);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_skipping(Token::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), YamlFault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.fault("mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.cursor.at, None, Token::BlockMapStart);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_skipping(Token::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), YamlFault> {
        let last = self.simple_keys.len().saturating_sub(1);
        if self.is_still_key(last)? {
            let key = self.simple_keys.get(last).copied().unwrap_or_default();
            let at = key.number.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(at, Placed { token: Token::Key, line: key.mark.line });
            self.roll_indent(key.mark, Some(key.number), Token::BlockMapStart);
            if let Some(key) = self.simple_keys.get_mut(last) {
                key.possible = false;
            }
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.fault("mapping values are not allowed in this context"));
                }
                self.roll_indent(self.cursor.at, None, Token::BlockMapStart);
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_skipping(Token::Value, 1);
        Ok(())
    }

    /// What may be a key.
    fn fetch_named(&mut self, scan: fn(&mut Self) -> Result<Token, YamlFault>) -> Result<(), YamlFault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let mark = self.cursor.at;
        let token = scan(self)?;
        self.push(token, mark);
        Ok(())
    }

    fn fetch_scalar(
        &mut self,
        scan: fn(&mut Self) -> Result<Zeroizing<String>, YamlFault>,
        plain: bool,
    ) -> Result<(), YamlFault> {
        let mark = self.cursor.at;
        let text = scan(self)?;
        self.push(Token::Scalar { text, plain }, mark);
        Ok(())
    }
}

fn scalar(plain: bool) -> impl Fn(Zeroizing<String>) -> Token {
    move |text| Token::Scalar { text, plain }
}
