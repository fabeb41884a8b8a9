//! Owns the place in a YAML text that is being read, and what kinds of characters there are.

use zeroize::Zeroizing;

/// What is read beyond the end. No document may hold it.
pub(super) const END: char = '\0';

/// The text and a place in it.
pub(super) struct Cursor {
    text: Zeroizing<Vec<char>>,
    pub(super) at: Mark,
}

/// A place in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Characters before it.
    pub(super) index: usize,
    /// Lines before it.
    pub(super) line: usize,
    /// Characters before it on its line.
    pub(super) column: usize,
}

impl Cursor {
    pub(super) fn new(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text: Zeroizing::new(text.chars().collect()), at: Mark::default() }
    }

    pub(super) fn peek(&self) -> char {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, distance: usize) -> char {
        self.text.get(self.at.index + distance).copied().unwrap_or(END)
    }

    pub(super) fn skip(&mut self) {
        if self.at.index < self.text.len() {
            self.at.index += 1;
            self.at.column += 1;
        }
    }

    pub(super) fn skip_while(&mut self, wanted: fn(char) -> bool) {
        while wanted(self.peek()) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.peek() == '#' {
            self.skip_while(|character| !is_break_or_end(character));
        }
    }

    /// Moves the character at the cursor to the end of `text`.
    pub(super) fn take(&mut self, text: &mut String) {
        text.push(self.peek());
        self.skip();
    }

    /// Steps over one line break and gives what it stands for; nothing at the end of the text.
    pub(super) fn line_break(&mut self) -> Option<char> {
        let length = match (self.peek(), self.ahead(1)) {
            ('\r', '\n') => 2,
            (first, _) if is_break(first) => 1,
            _ => return None,
        };
        let kept = match self.peek() {
            separator @ ('\u{2028}' | '\u{2029}') => separator,
            _ => '\n',
        };
        self.at = Mark { index: self.at.index + length, line: self.at.line + 1, column: 0 };
        Some(kept)
    }

    /// True before `---` or `...` at the start of a line.
    pub(super) fn is_at_document_indicator(&self) -> bool {
        self.is_at_indicator('-') || self.is_at_indicator('.')
    }

    pub(super) fn is_at_indicator(&self, character: char) -> bool {
        self.at.column == 0 && (0..3).all(|at| self.ahead(at) == character) && is_blank_or_end(self.ahead(3))
    }
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_break_or_end(character: char) -> bool {
    is_break(character) || character == END
}

/// A blank, a line break or the end.
pub(super) fn is_blank_or_end(character: char) -> bool {
    is_blank(character) || is_break_or_end(character)
}

/// What anchors and the handles of tags are made of.
pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}
