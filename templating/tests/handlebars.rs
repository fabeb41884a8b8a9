//! Compares the helpers of the Handlebars engine with Go's functions: the oracle's templates that are one call, or one
//! pipeline of calls, are translated and must end the same way.

#![expect(clippy::unwrap_used, reason = "test support outside test functions")]

#[expect(dead_code, reason = "others need the rest")]
mod outcomes;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use outcomes::{Outcome, Reader, Verdict};

/// What Handlebars has itself under a function's name, and `nil`, which means more to Go than `null` to JSON.
const OTHERS: &[&str] = &["and", "eq", "gt", "len", "lt", "ne", "not", "or", "call", "nil"];

/// Functions that tell Go's types apart, or whose result is of a type that JSON does not have.
const TYPES: &[&str] = &["kindOf", "typeOf", "kindIs", "typeIs", "typeIsLike", "deepEqual", "int64"];

/// Functions that take a field that does not exist.
const FORGIVING: &[&str] = &["all", "any", "coalesce", "default", "empty", "ternary"];

/// A template of Go's that is one action, as Handlebars.
struct Translation<'g> {
    rest: &'g str,
    functions: BTreeSet<String>,
}

impl<'g> Translation<'g> {
    /// Nothing if the template is more than calls, fields and constants.
    fn of(template: &'g str) -> Option<(String, BTreeSet<String>)> {
        let inner = template.strip_prefix("{{")?.strip_suffix("}}")?;
        if inner.starts_with('-') || inner.ends_with('-') || inner.contains(['{', '}', '$', '\'']) {
            return None;
        }
        let mut translation = Translation { rest: inner, functions: BTreeSet::new() };
        let call = translation.pipeline()?;
        let is_known = |name: &String| !OTHERS.contains(&name.as_str());
        let is_call = call.starts_with('(') && translation.rest.is_empty();
        (is_call && translation.functions.iter().all(is_known))
            .then(|| (format!("{{{{{}}}}}", &call[1..call.len() - 1]), translation.functions))
    }

    /// `a | f x` is `(f x a)`.
    fn pipeline(&mut self) -> Option<String> {
        let mut value = self.command(None)?;
        while let Some(rest) = self.rest.strip_prefix('|') {
            self.rest = rest;
            value = self.command(Some(value))?;
        }
        Some(value)
    }

    fn command(&mut self, piped: Option<String>) -> Option<String> {
        self.skip();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        let is_function =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && !["true", "false"].contains(&name);
        if !is_function {
            return if piped.is_some() { None } else { self.operand() };
        }
        self.rest = &self.rest[end..];
        self.functions.insert(name.to_owned());
        let mut call = format!("({name}");
        self.skip();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            write!(call, " {}", self.operand()?).unwrap();
        }
        if let Some(piped) = piped {
            write!(call, " {piped}").unwrap();
        }
        call.push(')');
        Some(call)
    }

    fn operand(&mut self) -> Option<String> {
        self.skip();
        let found = match self.rest.chars().next()? {
            '(' => {
                self.rest = &self.rest[1..];
                let inner = self.pipeline()?;
                self.rest = self.rest.strip_prefix(')')?;
                inner
            }
            '.' => {
                let name = &self.word()[1..];
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                    return None;
                }
                format!("[{name}]")
            }
            '"' => {
                let mut end = 1;
                while !self.rest[end..].starts_with('"') {
                    let first = self.rest[end..].chars().next()?;
                    end += if first == '\\' { 2 } else { first.len_utf8() };
                    self.rest.get(end..)?;
                }
                let literal = &self.rest[..=end];
                self.rest = &self.rest[end + 1..];
                // Only what JSON escapes in the same way.
                serde_json::from_str::<String>(literal).ok()?;
                literal.to_owned()
            }
            '`' => {
                let (literal, rest) = self.rest[1..].split_once('`')?;
                self.rest = rest;
                serde_json::to_string(literal).unwrap()
            }
            'a'..='z' | 'A'..='Z' => {
                let word = self.word();
                if !["true", "false"].contains(&word) {
                    self.functions.insert(word.to_owned());
                }
                if ["true", "false"].contains(&word) { word.to_owned() } else { format!("({word})") }
            }
            _ => {
                let number = self.word();
                serde_json::from_str::<serde_json::Number>(number).ok()?;
                // Handlebars has no exponents.
                (!number.contains(['e', 'E'])).then(|| number.to_owned())?
            }
        };
        // A field of what is in parentheses, or a word that goes on.
        let is_whole = !self.rest.starts_with(['.', '"', '`', '(']);
        self.skip();
        is_whole.then_some(found)
    }

    fn word(&mut self) -> &'g str {
        let end =
            self.rest.find(|c: char| c.is_whitespace() || "()|\"`".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[test]
fn a_call_is_translated_and_what_is_more_than_calls_is_not() {
    let translated = |template| Translation::of(template).map(|(source, _)| source);
    let expected = [
        ("{{ upper \"a\" }}", Some("{{upper \"a\"}}")),
        ("{{ .a | trunc -3 | upper }}", Some("{{upper (trunc -3 [a])}}")),
        ("{{ add 1 (mul 2 .b) `x\"` now }}", Some("{{add 1 (mul 2 [b]) \"x\\\"\" (now)}}")),
        ("{{ .a }}", None),
        ("{{ $x := 1 }}", None),
        ("{{ (genCA \"a\" 1).Cert }}", None),
        ("{{ eq 1 2 }}", None),
        ("{{ upper \"\\xff\" }}", None),
        ("a{{ upper \"a\" }}", None),
    ];
    for (template, wanted) in expected {
        assert_eq!(translated(template).as_deref(), wanted, "{template}");
    }
}

/// True for calls that mean another type to Handlebars: numbers that JSON does not have, or a name without arguments,
/// which may be a field.
fn is_of_another_type(source: &str, called: &BTreeSet<String>) -> bool {
    let is_type = |name: &String| TYPES.contains(&name.as_str());
    let is_among = |parts: &[&str]| parts.iter().any(|part| source.contains(part));
    (called.len() > 1 && called.contains("int64"))
        || called.iter().any(|name| is_type(name) && name != "int64")
        || is_among(&["\"NaN", "\"Inf", "%T", "%#v", "\\r"])
        || !source.contains(' ')
        || source == "{{deepCopy (semver \"1.2.3\")}}"
}

/// The differences that `HANDLEBARS.md` tells: nothing prints nothing, and some functions forgive a missing field.
fn is_as_told(called: &BTreeSet<String>, expected: &Outcome, ours: &Outcome) -> bool {
    match (expected, ours) {
        (Outcome::Output(theirs), Outcome::Output(ours)) => {
            (theirs == b"<no value>" && ours.is_empty()) || (theirs == b"null" && ours == b"[]")
        }
        (Outcome::Stopped(text), Outcome::Output(_)) => {
            // A type that JSON does not tell from the wanted one, or a nil that upstream trips over.
            ["wrong type for value; expected ", "nil map", "nil pointer"]
                .iter()
                .any(|part| text.contains(part))
                || text.contains("map has no entry")
                    && called.iter().any(|name| FORGIVING.contains(&name.as_str()))
        }
        _ => false,
    }
}

#[test]
fn helpers_end_as_the_functions_of_go_do() {
    let (mut calls, mut functions, mut report) = (0, BTreeSet::new(), String::new());
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")).unwrap() {
        let lines = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut reader = Reader::default();
        for case in lines.lines().filter_map(|line| reader.case(line)) {
            let Some((source, called)) = Translation::of(&case.template) else { continue };
            if is_of_another_type(&source, &called) {
                continue;
            }
            // Go refuses some calls while it reads the template, Handlebars none.
            let expected = match &case.expected {
                Outcome::NotATemplate(_) => continue,
                other => other.clone(),
            };
            let ours = case.with_handlebars(&source);
            calls += 1;
            if outcomes::verdict(&expected, &ours) == Verdict::Same || is_as_told(&called, &expected, &ours) {
                functions.extend(called);
            } else {
                writeln!(report, "{source}\n  Go: {expected:?}\n  we: {ours:?}").unwrap();
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(calls >= 4_000 && functions.len() >= 200, "{calls} calls of {} functions", functions.len());
}
