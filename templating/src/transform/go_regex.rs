//! Compiles regular expressions written for Go's RE2 with the same meaning, within a size limit.
//!
//! Go's `\d`, `\w`, `\s` and `\b` are ASCII, `\Q…\E` quotes, a lone `{` is itself, and a class knows no set
//! operations. The rest of the two languages is the same.

use regex::{Regex, RegexBuilder};

use crate::limits::{MAX_REGEX_BYTES, MAX_REGEX_SOURCE_BYTES};

/// Why a regular expression cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// How the compiler says that an expression is right, but compiles to more than it may.
const TOO_LARGE: &str = "exceeds size limit";

impl PatternError {
    /// True if the expression would compile with a higher limit.
    pub(crate) fn is_size(&self) -> bool {
        self.0.contains(TOO_LARGE)
    }
}

/// Largest repetition count that Go accepts.
const MAX_REPEAT: u32 = 1000;

/// What follows the name of a group if an earlier one has it already, before a number. No name of Go has it.
const SAME_NAME: char = '.';

/// The name that a group of a compiled expression has in Go.
pub(crate) fn group_name(name: &str) -> &str {
    name.split_once(SAME_NAME).map_or(name, |(name, _)| name)
}

/// The compiled expression, of at most [`MAX_REGEX_BYTES`].
///
/// # Errors
///
/// As [`compiled_within`].
pub(super) fn compiled(source: &str) -> Result<Regex, PatternError> {
    compiled_within(source, MAX_REGEX_BYTES)
}

/// The compiled expression.
///
/// # Errors
///
/// The source is too long, is not an expression, or compiles to more than so many bytes.
pub fn compiled_within(source: &str, most_bytes: usize) -> Result<Regex, PatternError> {
    if source.len() > MAX_REGEX_SOURCE_BYTES {
        return Err(PatternError(format!("expression is longer than {MAX_REGEX_SOURCE_BYTES} bytes")));
    }
    let mut translation =
        Translation { rest: source, out: String::with_capacity(source.len() + 16), names: Vec::new() };
    translation.run()?;
    RegexBuilder::new(&translation.out)
        .size_limit(most_bytes)
        .build()
        .map_err(|fault| PatternError(last_line(&fault)))
}

/// The parser's message is a drawing of several lines; its last one says what is wrong.
fn last_line(fault: &regex::Error) -> String {
    let text = fault.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn refused<T>(reason: &str) -> Result<T, PatternError> {
    Err(PatternError(reason.to_owned()))
}

struct Translation<'s> {
    rest: &'s str,
    out: String,
    /// Of the groups so far.
    names: Vec<&'s str>,
}

impl<'s> Translation<'s> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Steps over `text` if it is next.
    fn took(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Everything up to and including `end`.
    fn through(&mut self, end: char) -> Option<&'s str> {
        let (taken, after) = self.rest.split_at_checked(self.rest.find(end)? + end.len_utf8())?;
        self.rest = after;
        Some(taken)
    }

    fn run(&mut self) -> Result<(), PatternError> {
        let mut was_repeated = false;
        while let Some(character) = self.next() {
            let is_repeated = match character {
                '*' | '+' | '?' => {
                    self.out.push(character);
                    true
                }
                '{' => self.repetition()?,
                _ => {
                    self.atom(character)?;
                    false
                }
            };
            if is_repeated && was_repeated {
                return refused("invalid nested repetition operator");
            }
            if is_repeated && self.took("?") {
                self.out.push('?');
            }
            was_repeated = is_repeated;
        }
        Ok(())
    }

    fn atom(&mut self, character: char) -> Result<(), PatternError> {
        match character {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            _ => {
                self.out.push(character);
                Ok(())
            }
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(character) = self.next() else { return refused("trailing backslash at end of expression") };
        let class = match character {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[\t\n\f\r ]",
            'S' => r"[^\t\n\f\r ]",
            'b' => r"(?-u:\b)",
            // The ASCII form could match inside a character, which this engine rules out.
            'B' => r"\B",
            'A' => r"\A",
            'z' => r"\z",
            'Q' => {
                self.quotation();
                return Ok(());
            }
            'p' | 'P' => return self.property(character),
            _ => {
                let literal = self.escaped_literal(character)?;
                self.literal(literal);
                return Ok(());
            }
        };
        self.out.push_str(class);
        Ok(())
    }

    /// `\Q…\E`: everything in between is itself; without an end, all the rest.
    fn quotation(&mut self) {
        let (quoted, after) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rest = after;
        self.out.push_str(&regex::escape(quoted));
    }

    /// `\pN`, `\p{Greek}` and `\p{^Greek}`.
    fn property(&mut self, kind: char) -> Result<(), PatternError> {
        if !self.took("{") {
            let Some(letter) = self.next() else { return refused("invalid character class range: `\\p`") };
            self.out.extend(['\\', kind, letter]);
            return Ok(());
        }
        let negated = self.took("^");
        let Some(name) = self.through('}') else { return refused("invalid character class range: `\\p{`") };
        let kind = match (kind, negated) {
            ('p', false) | ('P', true) => 'p',
            _ => 'P',
        };
        self.out.extend(['\\', kind, '{']);
        self.out.push_str(name);
        Ok(())
    }

    /// The character that `\` and `character` stand for.
    fn escaped_literal(&mut self, character: char) -> Result<char, PatternError> {
        Ok(match character {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => return self.hexadecimal(),
            '0'..='7' => return self.octal(character),
            _ if character.is_ascii_punctuation() || character == ' ' => character,
            _ if character.is_ascii_control() => character,
            _ => return refused(&format!("invalid escape sequence: `\\{character}`")),
        })
    }

    fn hexadecimal(&mut self) -> Result<char, PatternError> {
        let digits = if self.took("{") {
            self.through('}').map(|digits| digits.trim_end_matches('}'))
        } else {
            let taken = self.rest.split_at_checked(2);
            taken.map(|(digits, after)| {
                self.rest = after;
                digits
            })
        };
        let plain = digits.filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        match plain.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32) {
            Some(character) => Ok(character),
            None => refused("invalid escape sequence: `\\x`"),
        }
    }

    /// `\0` with up to two more octal digits, or `\1` to `\7` with one or two more; `\1` alone would refer back.
    fn octal(&mut self, first: char) -> Result<char, PatternError> {
        let digit = |text: &str| text.chars().next().and_then(|found| found.to_digit(8));
        if first != '0' && digit(self.rest).is_none() {
            return refused(&format!("invalid escape sequence: `\\{first}`"));
        }
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(value) = digit(self.rest) else { break };
            code = code * 8 + value;
            self.next();
        }
        Ok(char::from_u32(code).unwrap_or_default())
    }

    fn literal(&mut self, character: char) {
        // Escapes of `<` and `>` mean something else here.
        if character.is_ascii_punctuation() && !matches!(character, '<' | '>') {
            self.out.push('\\');
        }
        self.out.push(character);
    }

    /// `{n}`, `{n,}` and `{n,m}` repeat; any other brace is itself. True if it repeats.
    fn repetition(&mut self) -> Result<bool, PatternError> {
        let counts = self.rest.split_once('}').map(|(counts, _)| counts).unwrap_or_default();
        let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
        let is_count = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        if !is_count(least) || !(most.is_empty() || is_count(most)) {
            self.out.push_str(r"\{");
            return Ok(false);
        }
        let too_many =
            |text: &str| !text.is_empty() && !text.parse::<u32>().is_ok_and(|count| count <= MAX_REPEAT);
        if too_many(least) || too_many(most) {
            return refused(&format!("invalid repeat count: `{{{counts}}}`"));
        }
        self.out.push('{');
        self.out.push_str(counts);
        self.out.push('}');
        self.rest = self.rest.get(counts.len() + 1..).unwrap_or_default();
        Ok(true)
    }

    /// Lets only Go's flags through: the others would change what the expression means.
    fn group(&mut self) -> Result<(), PatternError> {
        self.out.push('(');
        if !self.took("?") {
            return Ok(());
        }
        self.out.push('?');
        if self.took("P<") || self.took("<") {
            return self.group_name();
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let flags = self.rest.get(..end).unwrap_or_default();
        if flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-')) {
            self.out.push_str(flags);
            self.rest = self.rest.get(end..).unwrap_or_default();
            return Ok(());
        }
        refused(&format!(
            "invalid or unsupported Perl syntax: `(?{}`",
            flags.chars().take(8).collect::<String>()
        ))
    }

    /// A name may be given to several groups, which this engine does not know: the later ones get another.
    fn group_name(&mut self) -> Result<(), PatternError> {
        let name = self.through('>').and_then(|name| name.strip_suffix('>')).unwrap_or_default();
        let is_of_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if name.is_empty() || !name.chars().all(is_of_word) {
            return refused("invalid named capture");
        }
        self.out.push('<');
        self.out.push_str(name);
        if self.names.contains(&name) {
            self.out.push(SAME_NAME);
            self.out.push_str(&self.names.len().to_string());
        }
        self.out.push('>');
        self.names.push(name);
        Ok(())
    }

    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if self.took("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && self.took("]") {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
                && let Some((name, after)) = self.rest.split_at_checked(end + 2)
            {
                self.out.push_str(name);
                self.rest = after;
            } else {
                self.class_item()?;
            }
        }
    }

    fn class_item(&mut self) -> Result<(), PatternError> {
        let mut after = self.rest.chars();
        let named = match (after.next(), after.next()) {
            (Some('\\'), Some('d')) => "0-9",
            (Some('\\'), Some('D')) => "[^0-9]",
            (Some('\\'), Some('w')) => "0-9A-Za-z_",
            (Some('\\'), Some('W')) => "[^0-9A-Za-z_]",
            (Some('\\'), Some('s')) => r"\t\n\f\r\ ",
            (Some('\\'), Some('S')) => r"[^\t\n\f\r\ ]",
            (Some('\\'), Some(kind @ ('p' | 'P'))) => {
                self.rest = after.as_str();
                return self.property(kind);
            }
            _ => "",
        };
        if !named.is_empty() {
            self.rest = after.as_str();
            self.out.push_str(named);
            return Ok(());
        }
        let low = self.class_character()?;
        self.literal(low);
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
            self.took("-");
            let high = self.class_character()?;
            self.out.push('-');
            self.literal(high);
        }
        Ok(())
    }

    fn class_character(&mut self) -> Result<char, PatternError> {
        match self.next() {
            None => refused("missing closing ]"),
            Some('\\') => match self.next() {
                None => refused("trailing backslash at end of expression"),
                Some(character) => self.escaped_literal(character),
            },
            Some(character) => Ok(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        // Expectations from Go 1.26, regexp.MustCompile(source).FindString(text).
        let cases = [
            (r"\d+", "a٣4", Some("4")),
            (r"\w+", "é_a1", Some("_a1")),
            (r"\s", "\u{a0}\u{b} ", Some(" ")),
            (r"\bb", "éb", Some("b")),
            (r"[^\w]", "aé", Some("é")),
            (r"[\D]", "1a", Some("a")),
            (r"\Qa.b\E+", "a.bbb", Some("a.bbb")),
            (r"\Q[", "[", Some("[")),
            ("a{,2}", "a{,2}", Some("a{,2}")),
            ("a{", "a{", Some("a{")),
            ("a{2}", "aaa", Some("aa")),
            ("[a[b]", "[", Some("[")),
            ("[a&&b]", "&", Some("&")),
            ("[a~~b]+", "~", Some("~")),
            ("[--a]+", "-/", Some("-/")),
            ("[a-]+", "a-", Some("a-")),
            ("[]a]+", "]a", Some("]a")),
            ("[^]a]", "]ab", Some("b")),
            ("[[:alpha:]]+", "1ab", Some("ab")),
            (r"\<a\>", "<a>", Some("<a>")),
            (r"\x41\x{42}\103\0", "ABC\0", Some("ABC\0")),
            (r"\p{Greek}\p{^Greek}\pN", "αa1", Some("αa1")),
            ("(?i)straße", "STRASSE STRAßE", Some("STRAßE")),
            ("(?s).", "\n", Some("\n")),
            (".", "\n", None),
            ("a$", "a\n", None),
            ("(?U)a+", "aaa", Some("a")),
            ("(?P<n>a)(?<m>b)", "ab", Some("ab")),
            ("a|ab", "ab", Some("a")),
            (r"[\x41-\x43\-]+", "AB-", Some("AB-")),
            ("^dir/", "dir/x", Some("dir/")),
            ("(?P<n>a)(?<n>b)?", "ab", Some("ab")),
            ("a*?b+?", "aabb", Some("aab")),
            ("(a*)*b", "aab", Some("aab")),
            ("a{1,2}?", "aa", Some("a")),
        ];
        for (source, text, expected) in cases {
            let regex = compiled(source).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(regex.find(text).map(|found| found.as_str()), expected, "{source}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for source in [
            "(",
            "[a",
            "a)",
            r"\1",
            r"\u0041",
            r"\C",
            "(?x)a",
            "(?u)a",
            "(?=a)",
            "a{1001}",
            r"\",
            "*",
            "[b-a]",
            r"[\b]",
            r"\x{110000}",
            r"\p{Nope}",
            "(?R)a",
            "a**",
            "a*?*",
            "a{2}{3}",
            "a+{2}",
            "(?P<é>a)",
            "(?P<>a)",
            "(?P<n",
        ] {
            assert!(compiled(source).is_err(), "{source}");
        }
    }

    #[test]
    fn an_expression_that_compiles_to_too_much_is_refused() {
        let error = compiled("((a{500}){500}){500}").unwrap_err().to_string();
        assert!(error.contains("exceeds size limit"), "{error}");
        assert!(compiled(&"a".repeat(MAX_REGEX_SOURCE_BYTES + 1)).is_err());
        assert!(compiled(&"(".repeat(MAX_REGEX_SOURCE_BYTES)).is_err());
    }
}
