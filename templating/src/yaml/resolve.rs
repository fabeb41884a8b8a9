//! Decides what a scalar without quotes means: the rules of YAML 1.1 as go-yaml v2 has them.

use super::timestamp::is_timestamp;
use crate::funcs::{parse_float, parse_int, parse_unsigned};

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    /// Between the smallest `i64` and the largest `u64`.
    Int(i128),
    Float(f64),
    /// A point in time: its text is kept.
    Timestamp,
    Text,
}

const TRUE: &[&str] = &["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: &[&str] = &["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];
const NULL: &[&str] = &["", "~", "null", "Null", "NULL"];
const NOT_A_NUMBER: &[&str] = &[".nan", ".NaN", ".NAN"];
const INFINITE: &[&str] = &[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"];
const NEGATIVE_INFINITE: &[&str] = &["-.inf", "-.Inf", "-.INF"];

/// What the text of a plain scalar stands for. Points in time are only looked for if `times` says so.
pub(super) fn resolved(text: &str, times: bool) -> Resolved {
    match text {
        _ if NULL.contains(&text) => Resolved::Null,
        _ if TRUE.contains(&text) => Resolved::Bool(true),
        _ if FALSE.contains(&text) => Resolved::Bool(false),
        _ if NOT_A_NUMBER.contains(&text) => Resolved::Float(f64::NAN),
        _ if INFINITE.contains(&text) => Resolved::Float(f64::INFINITY),
        _ if NEGATIVE_INFINITE.contains(&text) => Resolved::Float(f64::NEG_INFINITY),
        _ if text.starts_with('.') => parse_float(text.as_bytes()).map_or(Resolved::Text, Resolved::Float),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) => {
            if times && is_timestamp(text) { Resolved::Timestamp } else { number(&text.replace('_', "")) }
        }
        _ => Resolved::Text,
    }
}

fn number(text: &str) -> Resolved {
    let bytes = text.as_bytes();
    if let Ok(number) = parse_int(bytes, 0) {
        return Resolved::Int(i128::from(number));
    }
    if let Some(number) = parse_unsigned(bytes, 0).ok().filter(|&number| number <= i128::from(u64::MAX)) {
        return Resolved::Int(number);
    }
    if is_float(bytes)
        && let Some(number) = parse_float(bytes)
    {
        return Resolved::Float(number);
    }
    // go-yaml reads `0b` once more, and so takes a sign behind it.
    match text.strip_prefix("0b").map(|digits| parse_int(digits.as_bytes(), 2)) {
        Some(Ok(number)) => Resolved::Int(i128::from(number)),
        _ => Resolved::Text,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &[u8]) -> bool {
    let unsigned = |text: &'_ [u8]| usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let text = text.get(unsigned(text)..).unwrap_or_default();
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let places = digits(fraction);
        if whole + places == 0 {
            return false;
        }
        rest = fraction.get(places..).unwrap_or_default();
    } else if whole == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let exponent = exponent.get(unsigned(exponent)..).unwrap_or_default();
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_yaml_makes_of_them() {
        let int = Resolved::Int;
        let expected = [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("y", Resolved::Bool(true)),
            ("Off", Resolved::Bool(false)),
            ("oN", Resolved::Text),
            ("010", int(8)),
            ("0o10", int(8)),
            ("0x1F", int(31)),
            ("0b11", int(3)),
            ("0b-11", int(-3)),
            ("1_000", int(1000)),
            ("08", Resolved::Float(8.0)),
            ("+1", int(1)),
            ("-0", int(0)),
            ("18446744073709551615", int(18_446_744_073_709_551_615)),
            ("-9223372036854775809", Resolved::Float(-9_223_372_036_854_775_809.0)),
            ("1e3", Resolved::Float(1000.0)),
            ("1.", Resolved::Float(1.0)),
            (".5", Resolved::Float(0.5)),
            ("-.5", Resolved::Float(-0.5)),
            (".", Resolved::Text),
            ("+.inf", Resolved::Float(f64::INFINITY)),
            ("1e400", Resolved::Text),
            ("1e", Resolved::Text),
            ("190:20:30", Resolved::Text),
            ("2001-01-01", Resolved::Timestamp),
            ("<<", Resolved::Text),
            ("=", Resolved::Text),
            ("-", Resolved::Text),
        ];
        for (text, meaning) in expected {
            assert_eq!(resolved(text, true), meaning, "{text}");
        }
    }
}
