//! Decides how JSON is printed: byte for byte as Go's encoding/json and strconv do.

use super::{Json, JsonFault};

/// Whether strings are printed safe for HTML, as Go's `json.Marshal` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// `<`, `>` and `&` become `\u003c`, `\u003e` and `\u0026`.
    Html,
    /// They stay.
    Keep,
}

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// With the text it was read with (Go's `json.Number`).
    AsWritten,
    /// As the 64-bit float nearest to it: digits beyond 2^53 are lost, as in upstream's maps.
    AsFloat,
}

/// The value on one line: members sorted by name, no space.
pub(crate) fn printed(value: &Json<'_>, escape: Escape, numbers: Numbers) -> Result<Vec<u8>, JsonFault> {
    let mut out = Vec::new();
    append(&mut out, value, escape, numbers)?;
    Ok(out)
}

fn append(out: &mut Vec<u8>, value: &Json<'_>, escape: Escape, numbers: Numbers) -> Result<(), JsonFault> {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Number(text) => match numbers {
            Numbers::AsWritten => out.extend_from_slice(text.as_bytes()),
            Numbers::AsFloat => out.extend_from_slice(json_float(text)?.as_bytes()),
        },
        Json::Text(text) => append_quoted(out, text.as_bytes(), escape),
        Json::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append(out, &item.value, escape, numbers)?;
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append_quoted(out, name.as_bytes(), escape);
                out.push(b':');
                append(out, &member.value, escape, numbers)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become the escape of U+FFFD.
pub(crate) fn append_quoted(out: &mut Vec<u8>, text: &[u8], escape: Escape) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            append_character(out, character, escape);
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    out.push(b'"');
}

fn append_character(out: &mut Vec<u8>, character: char, escape: Escape) {
    match character {
        '"' => out.extend_from_slice(br#"\""#),
        '\\' => out.extend_from_slice(br"\\"),
        '\n' => out.extend_from_slice(br"\n"),
        '\r' => out.extend_from_slice(br"\r"),
        '\t' => out.extend_from_slice(br"\t"),
        '\u{8}' => out.extend_from_slice(br"\b"),
        '\u{c}' => out.extend_from_slice(br"\f"),
        '\0'..'\u{20}' | '\u{2028}' | '\u{2029}' => append_code(out, character),
        '<' | '>' | '&' if escape == Escape::Html => append_code(out, character),
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn append_code(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
}

/// The float without exponent and with the fewest digits that read back the same (Go's `'f', -1`).
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{number}")
    }
}

/// The number as Go's `json.Marshal` prints the float nearest to it: with an exponent below 1e-6 and from 1e21.
fn json_float(text: &str) -> Result<String, JsonFault> {
    let number: f64 = text.parse().map_err(|_| JsonFault::NumberRange)?;
    if !number.is_finite() {
        return Err(JsonFault::NumberRange);
    }
    Ok(float_json(number))
}

/// A finite float as Go's `json.Marshal` prints it.
pub(crate) fn float_json(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let plain = format!("{number:e}");
        return if plain.contains("e-") { plain } else { plain.replace('e', "e+") };
    }
    float_text(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_go_marshals_them() {
        let expected = [
            ("1.50", "1.5"),
            ("0", "0"),
            ("-0", "-0"),
            ("1e3", "1000"),
            ("12345678901234567890", "12345678901234567000"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1.5e300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-1.25E-9", "-1.25e-9"),
        ];
        for (text, printed) in expected {
            assert_eq!(json_float(text).as_deref(), Ok(printed), "{text}");
        }
        assert_eq!(json_float("1e400"), Err(JsonFault::NumberRange));
    }

    #[test]
    fn strings_are_escaped_as_go_marshals_them() {
        let quoted = |text: &[u8], escape| {
            let mut out = Vec::new();
            append_quoted(&mut out, text, escape);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(quoted(b"<&>", Escape::Html), r#""\u003c\u0026\u003e""#);
        assert_eq!(quoted(b"<&>", Escape::Keep), r#""<&>""#);
        assert_eq!(quoted("\u{2028}\u{2029}".as_bytes(), Escape::Keep), r#""\u2028\u2029""#);
        assert_eq!(
            quoted(b"\"\\\n\r\t\x08\x0c\x00\x1f\x7f/", Escape::Html),
            "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0000\\u001f\x7f/\""
        );
        assert_eq!(
            quoted("gr\u{fc}\u{df} \u{1f600}".as_bytes(), Escape::Html),
            "\"gr\u{fc}\u{df} \u{1f600}\""
        );
        assert_eq!(quoted(b"a\xffb", Escape::Html), r#""a\ufffdb""#);
    }
}
