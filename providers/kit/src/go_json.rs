//! Prints JSON as Go's encoder does after decoding it: users' Secrets depend on its bytes (spec eso-providers F).

use serde_json::{Number, Value};
use strongroom_provider_api::SecretBytes;
use zeroize::Zeroizing;

/// What Go has decoded numbers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Each to a 64-bit float.
    Floats,
    /// Whole ones to 64-bit integers, as Kubernetes' decoder does it, others to floats.
    Integers,
}

/// `value`: keys sorted, compact, `<`, `>` and `&` escaped.
pub fn printed(value: &Value, numbers: Numbers) -> SecretBytes {
    let mut text = Zeroizing::new(String::new());
    print(value, numbers, &mut text);
    text.as_bytes().to_vec().into()
}

fn print(value: &Value, numbers: Numbers, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&digits(number, numbers)),
        Value::String(inner) => quote(inner, text),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                print(item, numbers, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, member)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                quote(name, text);
                text.push(':');
                print(member, numbers, text);
            }
            text.push('}');
        }
    }
}

fn digits(number: &Number, numbers: Numbers) -> String {
    match number.as_i64().filter(|_| numbers == Numbers::Integers) {
        Some(whole) => whole.to_string(),
        None => float(number.as_f64().unwrap_or_default()),
    }
}

/// Shortest digits; an exponent below 1e-6 and from 1e21 on.
fn float(number: f64) -> String {
    if number == 0.0 || (1e-6..1e21).contains(&number.abs()) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn quote(inner: &str, text: &mut String) {
    let quoted = Zeroizing::new(Value::from(inner).to_string());
    for letter in quoted.chars() {
        match letter {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_digits_only_where_go_kept_them() {
        let value: Value =
            serde_json::from_str("[9007199254740993,1.0,1e21,-7,18446744073709551615]").unwrap();
        let text = |numbers| printed(&value, numbers).expose_str().unwrap().to_owned();
        assert_eq!(text(Numbers::Integers), "[9007199254740993,1,1e+21,-7,18446744073709552000]");
        assert_eq!(text(Numbers::Floats), "[9007199254740992,1,1e+21,-7,18446744073709552000]");
    }
}
