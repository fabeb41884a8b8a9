//! Owns the functions on regular expressions, in Go's syntax and with Go's view of bytes.

use std::borrow::Cow;
use std::ops::Range;

use regex::{Captures, Regex};

use super::arguments::{int, raised, spend_building, spend_list, spend_reading, text};
use super::runes::{REPLACEMENT, is_digit, is_letter, runes};
use super::{Failure, Function, Scope};
use crate::limits::MAX_REGEX_BYTES;
use crate::transform::go_regex;
use crate::value::{Element, IntKind, List, Type, Value};

const TEXT_TWICE: &[Type] = &[Type::Text, Type::Text];
const TEXT_THRICE: &[Type] = &[Type::Text, Type::Text, Type::Text];
const TEXTS_AND_COUNT: &[Type] = &[Type::Text, Type::Text, Type::Int(IntKind::Int)];

pub(super) const FUNCTIONS: &[Function] = &[
    of("regexMatch", TEXT_TWICE, matches),
    of("mustRegexMatch", TEXT_TWICE, must_match),
    of("regexFind", TEXT_TWICE, find),
    of("mustRegexFind", TEXT_TWICE, find),
    of("regexFindAll", TEXTS_AND_COUNT, find_all),
    of("mustRegexFindAll", TEXTS_AND_COUNT, find_all),
    of("regexReplaceAll", TEXT_THRICE, replace_all),
    of("mustRegexReplaceAll", TEXT_THRICE, replace_all),
    of("regexReplaceAllLiteral", TEXT_THRICE, replace_all_literal),
    of("mustRegexReplaceAllLiteral", TEXT_THRICE, replace_all_literal),
    of("regexSplit", TEXTS_AND_COUNT, split),
    of("mustRegexSplit", TEXTS_AND_COUNT, split),
    of("regexQuoteMeta", &[Type::Text], quote_meta),
];

const fn of(
    name: &'static str,
    params: &'static [Type],
    call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>,
) -> Function {
    Function { name, params, rest: None, call }
}

/// Steps for trying to compile an expression to one of the sizes, besides those for its length.
const TRY_STEPS: usize = 100;
/// Bytes of a compiled expression that cost one step.
const COMPILED_BYTES_PER_STEP: usize = 256;
/// Kibibytes of a compiled expression with which one byte of text is searched for one step. With bad luck every part of
/// it is looked at for every byte.
const SEARCHED_KIB_PER_STEP: usize = 32;

/// Sizes to which expressions are compiled, in KiB: the first that is enough. And how much more than with the smallest
/// it costs to go on searching after a match.
const SIZES: &[(usize, usize)] =
    &[(2, 1), (8, 16), (32, 64), (128, 256), (512, 1_024), (MAX_REGEX_BYTES / KIB, 4_096)];
const KIB: usize = 1024;

/// A compiled expression and its size.
struct Pattern {
    regex: Regex,
    kib: usize,
    weight: usize,
}

/// A text as Go's expressions see it: every byte that is no character is a U+FFFD.
struct Subject<'t> {
    bytes: &'t [u8],
    seen: Cow<'t, str>,
    /// Where in `seen` a replacement of three bytes stands for one byte.
    replaced: Vec<usize>,
}

impl<'t> Subject<'t> {
    fn of(scope: &mut Scope<'_>, bytes: &'t [u8]) -> Result<Self, Failure> {
        spend_reading(scope, bytes.len())?;
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Self { bytes, seen: Cow::Borrowed(text), replaced: Vec::new() });
        }
        spend_building(scope, bytes.len().saturating_mul(11))?;
        let mut seen = String::with_capacity(bytes.len());
        let mut replaced = Vec::new();
        for (character, length) in runes(bytes) {
            if length != character.len_utf8() {
                replaced.push(seen.len());
            }
            seen.push(character);
        }
        Ok(Self { bytes, seen: Cow::Owned(seen), replaced })
    }

    /// The bytes behind a part of what is seen.
    fn part(&self, seen: Range<usize>) -> &'t [u8] {
        let surplus = REPLACEMENT.len_utf8() - 1;
        let place = |at: usize| at - surplus * self.replaced.partition_point(|replaced| *replaced < at);
        self.bytes.get(place(seen.start)..place(seen.end)).unwrap_or_default()
    }

    /// At most so many matches, each charged for what is left to be searched: it may have to be looked at for each.
    fn matches(
        &self,
        scope: &mut Scope<'_>,
        pattern: &Pattern,
        most: usize,
    ) -> Result<Vec<Range<usize>>, Failure> {
        let mut found = Vec::new();
        for one in pattern.regex.find_iter(&self.seen).take(most) {
            self.spend_search(scope, pattern, one.start())?;
            scope.spend_bytes(size_of::<Range<usize>>())?;
            found.push(one.range());
        }
        Ok(found)
    }

    fn spend_search(&self, scope: &mut Scope<'_>, pattern: &Pattern, from: usize) -> Result<(), Failure> {
        spend_reading(scope, (self.seen.len() - from).saturating_mul(pattern.weight))
    }

    /// Pays for one search through all of it.
    fn spend_first_search(&self, scope: &mut Scope<'_>, pattern: &Pattern) -> Result<(), Failure> {
        scope.spend_steps(self.seen.len().saturating_mul(pattern.kib) / SEARCHED_KIB_PER_STEP)
    }
}

fn compiled(scope: &mut Scope<'_>, source: &[u8]) -> Result<Pattern, Failure> {
    scope.spend_steps(source.len())?;
    let Ok(source) = std::str::from_utf8(source) else { return raised("regular expression is not UTF-8") };
    for (kib, weight) in SIZES {
        let bytes = kib * KIB;
        scope.spend_steps(TRY_STEPS + source.len() / 4 + bytes / COMPILED_BYTES_PER_STEP)?;
        match go_regex::compiled_within(source, bytes) {
            Ok(regex) => return Ok(Pattern { regex, kib: *kib, weight: *weight }),
            Err(fault) if fault.is_size() => {}
            Err(_) => break,
        }
    }
    raised("not a regular expression, or one that is too large")
}

/// The expression and the text: the first two arguments.
fn given<'a>(scope: &mut Scope<'_>, arguments: &'a [Value]) -> Result<(Pattern, Subject<'a>), Failure> {
    let pattern = compiled(scope, text(arguments, 0)?)?;
    let subject = Subject::of(scope, text(arguments, 1)?)?;
    subject.spend_first_search(scope, &pattern)?;
    Ok((pattern, subject))
}

fn must_match(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    Ok(Value::Bool(pattern.regex.is_match(&subject.seen)))
}

/// What is not an expression matches nothing.
fn matches(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match must_match(scope, arguments) {
        Err(Failure::Raised(_)) => Ok(Value::Bool(false)),
        outcome => outcome,
    }
}

/// The first match, or nothing.
fn find(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    let found = pattern.regex.find(&subject.seen).map(|found| subject.part(found.range()));
    let found = found.unwrap_or_default();
    spend_building(scope, found.len())?;
    Ok(Value::text(found))
}

/// At most so many matches; all with a negative number.
fn find_all(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    let most = usize::try_from(int(arguments, 2)?).unwrap_or(usize::MAX);
    let found = subject.matches(scope, &pattern, most)?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(Element::Text)));
    }
    spend_list(scope, found.len(), subject.bytes.len())?;
    Ok(Value::texts(found.into_iter().map(|range| subject.part(range))))
}

/// At most so many parts; all with a negative number.
fn split(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    let most = usize::try_from(int(arguments, 2)?).unwrap_or(usize::MAX);
    let Some(most_cuts) = most.checked_sub(1) else {
        return Ok(Value::List(List::nil(Element::Text)));
    };
    if subject.bytes.is_empty() && !pattern.regex.as_str().is_empty() {
        return Ok(Value::texts([b""]));
    }
    let cuts = subject.matches(scope, &pattern, most)?;
    spend_list(scope, cuts.len() + 1, subject.bytes.len())?;
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for cut in cuts {
        if parts.len() == most_cuts {
            break;
        }
        end = cut.start;
        if cut.end != 0 {
            parts.push(subject.part(start..end));
        }
        start = cut.end;
    }
    if end != subject.seen.len() {
        parts.push(subject.part(start..subject.seen.len()));
    }
    Ok(Value::texts(parts))
}

/// The text with every match replaced by what `append` writes.
fn replaced(
    scope: &mut Scope<'_>,
    pattern: &Pattern,
    subject: &Subject<'_>,
    append: impl Fn(&mut Scope<'_>, &mut Vec<u8>, &Captures<'_>) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let mut output = Vec::new();
    let mut done = 0;
    for captures in pattern.regex.captures_iter(&subject.seen) {
        let Some(whole) = captures.get(0) else { continue };
        subject.spend_search(scope, pattern, whole.start())?;
        let kept = subject.part(done..whole.start());
        spend_building(scope, kept.len())?;
        output.extend_from_slice(kept);
        append(scope, &mut output, &captures)?;
        done = whole.end();
    }
    let kept = subject.part(done..subject.seen.len());
    spend_building(scope, kept.len())?;
    output.extend_from_slice(kept);
    Ok(Value::text(output))
}

fn replace_all_literal(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    let literal = text(arguments, 2)?;
    replaced(scope, &pattern, &subject, |scope, output, _| {
        spend_building(scope, literal.len())?;
        output.extend_from_slice(literal);
        Ok(())
    })
}

fn replace_all(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (pattern, subject) = given(scope, arguments)?;
    let replacement = text(arguments, 2)?;
    spend_building(scope, replacement.len().saturating_mul(size_of::<Piece<'_>>()))?;
    let pieces = pieces(replacement, &pattern.regex);
    replaced(scope, &pattern, &subject, |scope, output, captures| {
        scope.spend_steps(pieces.len())?;
        for piece in &pieces {
            let added = match piece {
                Piece::Literal(text) => text,
                Piece::Groups(groups) => {
                    let found = groups.iter().find_map(|group| captures.get(*group));
                    found.map(|found| subject.part(found.range())).unwrap_or_default()
                }
            };
            spend_building(scope, added.len())?;
            output.extend_from_slice(added);
        }
        Ok(())
    })
}

/// A part of a replacement.
enum Piece<'r> {
    Literal(&'r [u8]),
    /// The first of these groups that took part in the match.
    Groups(Vec<usize>),
}

/// A replacement with its `$1`, `${1}`, `$name` and `${name}`; `$$` is a dollar, and so is any other.
fn pieces<'r>(replacement: &'r [u8], regex: &Regex) -> Vec<Piece<'r>> {
    let mut pieces = Vec::new();
    let mut rest = replacement;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        let (before, from_dollar) = rest.split_at_checked(dollar).unwrap_or((rest, &[]));
        pieces.push(Piece::Literal(before));
        let after = from_dollar.strip_prefix(b"$").unwrap_or_default();
        if let Some(after) = after.strip_prefix(b"$") {
            pieces.push(Piece::Literal(b"$"));
            rest = after;
        } else if let Some((name, after)) = reference(after) {
            pieces.push(Piece::Groups(groups(name, regex)));
            rest = after;
        } else {
            pieces.push(Piece::Literal(b"$"));
            rest = after;
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// The name behind a dollar, as long as it can be, and what follows.
fn reference(text: &[u8]) -> Option<(&str, &[u8])> {
    let bare = text.strip_prefix(b"{");
    let start = bare.unwrap_or(text);
    let is_of_name =
        |character: &(char, usize)| character.0 == '_' || is_letter(character.0) || is_digit(character.0);
    let length = runes(start).take_while(is_of_name).map(|(_, length)| length).sum();
    let (name, after) = start.split_at_checked(length)?;
    let after = if bare.is_some() { after.strip_prefix(b"}")? } else { after };
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((name, after))
}

/// The groups that a name means: one by its number, or all that have the name.
fn groups(name: &str, regex: &Regex) -> Vec<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_number && let Ok(number) = name.parse() {
        return vec![number];
    }
    let names = regex.capture_names().enumerate();
    names.filter(|(_, found)| found.map(go_regex::group_name) == Some(name)).map(|(group, _)| group).collect()
}

/// The text with a backslash before everything that means something in an expression.
fn quote_meta(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(2))?;
    let mut output = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            output.push(b'\\');
        }
        output.push(*byte);
    }
    Ok(Value::text(output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{called, fails, gives, int, run, text};

    #[test]
    fn expressions_work_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("regexMatch", vec![text("^ab.cd$"), text(b"ab\xffcd")], gives("true")),
                ("regexMatch", vec![text("["), text("x")], gives("false")),
                ("mustRegexMatch", vec![text("["), text("x")], fails()),
                ("regexMatch", vec![text("a**"), text("a")], gives("false")),
                ("regexMatch", vec![text("(?P<n>a)(?P<n>b)"), text("ab")], gives("true")),
                ("regexFind", vec![text("b.c"), text(b"ab\xffcd")], gives(b"b\xffc")),
                ("regexFind", vec![text("[a-z]+"), text("12ab3")], gives("ab")),
                ("regexFind", vec![text("z"), text("a")], gives("")),
                ("regexFindAll", vec![text("[a-z]+"), text("ab cd ef"), int(2)], gives("[ab cd]")),
                ("regexFindAll", vec![text("a*"), text("baac"), int(-1)], gives("[ aa ]")),
                ("regexFindAll", vec![text("."), text(b"\xff\xffa"), int(-1)], gives(b"[\xff \xff a]")),
                ("regexFindAll", vec![text("a"), text("aa"), int(0)], gives("[]")),
                (
                    "regexReplaceAll",
                    vec![text("(a)(x)?"), text("banana"), text("<$1${2}$$$3>")],
                    gives("b<a$>n<a$>n<a$>"),
                ),
                (
                    "regexReplaceAll",
                    vec![text("(?P<x>a)"), text("banana"), text("[$xy][${x}y]")],
                    gives("b[][ay]n[][ay]n[][ay]"),
                ),
                (
                    "regexReplaceAll",
                    vec![text("(?P<n>a)|(?P<n>b)"), text("ab"), text("<$n>")],
                    gives("<a><b>"),
                ),
                ("regexReplaceAll", vec![text("x*"), text("abc"), text("-")], gives("-a-b-c-")),
                (
                    "regexReplaceAll",
                    vec![text("a"), text("banana"), text("$ ${a ${} $")],
                    gives("b$ ${a ${} $n$ ${a ${} $n$ ${a ${} $"),
                ),
                ("regexReplaceAll", vec![text("[^a-z]"), text(b"ab\xffcd"), text("?")], gives("ab?cd")),
                ("regexReplaceAll", vec![text("a"), text("banana"), text("${01}$0")], gives("banana")),
                (
                    "regexReplaceAllLiteral",
                    vec![text("a(.)"), text("banana"), text("${1}")],
                    gives("b${1}${1}a"),
                ),
                ("regexReplaceAllLiteral", vec![text("("), text("a"), text("")], fails()),
                ("regexSplit", vec![text(","), text("a,b,c"), int(2)], gives("[a b,c]")),
                ("regexSplit", vec![text(","), text("a,b,c"), int(-1)], gives("[a b c]")),
                ("regexSplit", vec![text(","), text("a,b"), int(0)], gives("[]")),
                ("regexSplit", vec![text(","), text(""), int(-1)], gives("[]")),
                ("regexSplit", vec![text(""), text(""), int(-1)], gives("[]")),
                ("regexSplit", vec![text(""), text("abc"), int(-1)], gives("[a b c]")),
                ("regexSplit", vec![text("c"), text("abc"), int(-1)], gives("[ab ]")),
                ("regexSplit", vec![text("�"), text(b"a\xffb"), int(-1)], gives("[a b]")),
                (
                    "regexQuoteMeta",
                    vec![text("a.b*c[d]{e}(f)^$|\\?+-é")],
                    gives("a\\.b\\*c\\[d\\]\\{e\\}\\(f\\)\\^\\$\\|\\\\\\?\\+-é"),
                ),
            ],
        );
    }

    #[test]
    fn searching_again_and_again_is_charged_for() {
        let long = text("a".repeat(100_000));
        let outcome = called(FUNCTIONS, "regexFindAll", &[text("[ab]*c|a"), long, int(-1)]);
        assert!(matches!(outcome, Err(Failure::Limit("steps"))), "{outcome:?}");
        let large = called(FUNCTIONS, "regexMatch", &[text(r"\pL{9}"), text("a".repeat(100))]);
        assert!(matches!(large, Ok(Value::Bool(_))), "{large:?}");
        let large = called(FUNCTIONS, "regexMatch", &[text(r"\pL{9}"), text("a".repeat(100_000))]);
        assert!(matches!(large, Err(Failure::Limit("steps"))), "{large:?}");
    }
}
