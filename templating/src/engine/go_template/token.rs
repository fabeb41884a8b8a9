//! The words of the template language.

/// One word, by its place in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text outside of actions.
    Text,
    Left,
    Right,
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// `|`
    Bar,
    Open,
    Close,
    /// Any other printable ASCII character; only a comma has a use.
    Character,
    Dot,
    /// `.name`
    Field,
    /// `$name`
    Variable,
    Identifier,
    Bool,
    Nil,
    Number,
    /// `1+2i`
    Complex,
    /// `'a'`
    Rune,
    /// `"text"`
    Quoted,
    /// Text in backquotes.
    Raw,
    Keyword(Keyword),
    EndOfSource,
}

/// The words that begin or end a construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Kind {
    /// What a word of letters is.
    pub(super) fn of_word(word: &[u8]) -> Self {
        match word {
            b"block" => Self::Keyword(Keyword::Block),
            b"break" => Self::Keyword(Keyword::Break),
            b"continue" => Self::Keyword(Keyword::Continue),
            b"define" => Self::Keyword(Keyword::Define),
            b"else" => Self::Keyword(Keyword::Else),
            b"end" => Self::Keyword(Keyword::End),
            b"if" => Self::Keyword(Keyword::If),
            b"range" => Self::Keyword(Keyword::Range),
            b"template" => Self::Keyword(Keyword::Template),
            b"with" => Self::Keyword(Keyword::With),
            b"nil" => Self::Nil,
            b"true" | b"false" => Self::Bool,
            _ => Self::Identifier,
        }
    }
}
