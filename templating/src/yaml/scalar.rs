//! Decides whether a text needs quotes, which, and where its lines may break.

use super::emit::Emitter;
use super::resolve::{Resolved, resolved};

/// Column from which the next blank becomes a line break.
const BEST_WIDTH: usize = 80;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` and then line by line.
    Literal,
}

/// A text that is to be written, and what its characters allow.
pub(super) struct Scalar<'a> {
    pub(super) text: &'a str,
    wish: Style,
    plain_allowed: bool,
    single_quoted_allowed: bool,
    literal_allowed: bool,
    lines: bool,
}

impl<'a> Scalar<'a> {
    /// A number or a word: no quotes.
    pub(super) fn plain(text: &'a str) -> Self {
        Self::analysed(text, Style::Plain)
    }

    /// A string: quotes if it would be read as something else.
    pub(super) fn of(text: &'a str) -> Self {
        let wish = if text.contains('\n') {
            Style::Literal
        } else if resolved(text, true) == Resolved::Text && !is_base_60(text) {
            Style::Plain
        } else {
            Style::DoubleQuoted
        };
        Self::analysed(text, wish)
    }

    fn analysed(text: &'a str, wish: Style) -> Self {
        let mut before = None;
        // They would begin or end a document.
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut lines) = (false, false);
        let (mut space_break, mut break_space) = (false, false);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let blank_follows = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= is_indicator(character, before, blank_follows);
            special |= !is_printable(character);
            let after = |is: fn(char) -> bool| before.is_some_and(is);
            space_break |= is_break(character) && after(|before| before == ' ');
            break_space |= character == ' ' && after(is_break);
            lines |= is_break(character);
            before = Some(character);
        }
        let edge = |character: Option<char>| character.is_some_and(|edge| edge == ' ' || is_break(edge));
        let edges = edge(text.chars().next()) || edge(text.chars().next_back());
        Self {
            text,
            wish,
            plain_allowed: !(edges || indicators || special || lines),
            single_quoted_allowed: !(break_space || space_break || special),
            literal_allowed: !(text.ends_with(' ') || space_break || special),
            lines,
        }
    }

    /// Whether it can stand before a `:` on one line.
    pub(super) fn is_on_one_line(&self) -> bool {
        !self.lines
    }

    pub(super) fn style(&self, simple_key: bool) -> Style {
        let mut style = self.wish;
        if style == Style::Plain && (!self.plain_allowed || (self.text.is_empty() && simple_key)) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted_allowed {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!self.literal_allowed || simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }
}

/// What would end or change a plain scalar at this place. The text starts after nothing.
fn is_indicator(character: char, before: Option<char>, blank_follows: bool) -> bool {
    match (before, character) {
        (
            None,
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
        ) => true,
        (None, '?' | '-') | (_, ':') => blank_follows,
        (Some(before), '#') => before == ' ' || before == '\t' || is_break(before),
        _ => false,
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters outside the first plane are not, to go-yaml v2.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// `190:20:30`, a number in YAML 1.1: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = text.split(':');
    let first = groups.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let minute = |group: &str| match group.as_bytes() {
        [one] | [b'0'..=b'5', one] => one.is_ascii_digit(),
        _ => false,
    };
    let mut groups = groups.peekable();
    first.starts_with(|first: char| first.is_ascii_digit())
        && digits(first)
        && digits(fraction)
        && groups.peek().is_some()
        && groups.all(minute)
}

impl Emitter {
    pub(super) fn write_plain(&mut self, text: &str, may_break: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.write_folded(text, may_break, false, |_| false);
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn write_single_quoted(&mut self, text: &str, may_break: bool) {
        self.write_indicator("'", true, false, false);
        self.write_folded(text, may_break, true, |character| character == '\'');
        self.write_indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The text, with a line break for a blank beyond the best width; inside quotes not at their edges.
    fn write_folded(&mut self, text: &str, may_break: bool, quoted: bool, doubled: fn(char) -> bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let space_follows = characters.peek().is_some_and(|(_, next)| *next == ' ');
            if character == ' ' {
                let inside = !quoted || (at > 0 && at + 1 < text.len());
                if may_break && !spaces && self.column > BEST_WIDTH && inside && !space_follows {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.put_break();
                }
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if doubled(character) {
                    self.put(character);
                }
                self.put(character);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    pub(super) fn write_double_quoted(&mut self, text: &str, may_break: bool) {
        self.write_indicator("\"", true, false, false);
        // go-yaml looks for the mark at the start of the text, whichever character it is at.
        let marked = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let space_follows = characters.peek().is_some_and(|(_, next)| *next == ' ');
            if marked || !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                for escaped in escape(character).chars() {
                    self.put(escaped);
                }
                spaces = false;
            } else if character == ' ' {
                let inside = at > 0 && at + 1 < text.len();
                if may_break && !spaces && self.column > BEST_WIDTH && inside {
                    self.write_indent();
                    if space_follows {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                spaces = false;
            }
        }
        self.write_indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn write_literal(&mut self, text: &str) {
        self.write_indicator("|", true, false, false);
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.write_indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
        match (ends.next().is_some_and(is_break), ends.next()) {
            (false, _) => self.write_indicator("-", false, false, false),
            (true, None) => self.write_indicator("+", false, false, false),
            (true, Some(before)) if is_break(before) => self.write_indicator("+", false, false, false),
            (true, Some(_)) => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for character in text.chars() {
            if is_break(character) {
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(character);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn write_break(&mut self, character: char) {
        if character == '\n' {
            self.put_break();
        } else {
            self.put(character);
            self.column = 0;
        }
    }
}

fn escape(character: char) -> String {
    let code = u32::from(character);
    match character {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{a0}' => "\\_".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        _ if code <= 0xff => format!("\\x{code:02X}"),
        _ if code <= 0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}
