//! Owns the functions that read and write JSON.

use super::{Failure, Function, Scope};
use crate::json::{Escape, Layout, marshalled, read, to_value};
use crate::value::{Type, Value};

/// About what a value takes besides its text.
const VALUE_BYTES: usize = 64;

const TEXT: &[Type] = &[Type::Text];
const VALUE: &[Type] = &[Type::Any];

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "fromJson", params: TEXT, rest: None, call: from_json },
    Function { name: "mustFromJson", params: TEXT, rest: None, call: must_from_json },
    Function { name: "toJson", params: VALUE, rest: None, call: to_json },
    Function { name: "mustToJson", params: VALUE, rest: None, call: must_to_json },
    Function { name: "toPrettyJson", params: VALUE, rest: None, call: to_pretty_json },
    Function { name: "mustToPrettyJson", params: VALUE, rest: None, call: must_to_pretty_json },
    Function { name: "toRawJson", params: VALUE, rest: None, call: must_to_raw_json },
    Function { name: "mustToRawJson", params: VALUE, rest: None, call: must_to_raw_json },
];

/// Nothing if the text is not JSON; a number beyond a float is nothing by itself.
fn from_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    parsed(scope, arguments).map(|parsed| parsed.map_or(Value::Nil, |(value, _)| value))
}

fn must_from_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match parsed(scope, arguments)? {
        Ok((value, true)) => Ok(value),
        Ok((_, false)) => Err(Failure::Raised("json: a number is out of range".to_owned())),
        Err(text) => Err(Failure::Raised(text)),
    }
}

/// The value and whether every number fits, or why the text is not JSON.
fn parsed(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Result<(Value, bool), String>, Failure> {
    let Some(Value::Text(text)) = arguments.first() else { return Ok(Ok((Value::Nil, true))) };
    let values = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':')).count();
    scope.spend_steps(1 + values + text.len() / 256)?;
    scope.spend_bytes(text.len().saturating_add(values.saturating_mul(VALUE_BYTES)))?;
    match read(text) {
        Ok(node) => Ok(Ok(to_value(&node.value))),
        Err(crate::json::JsonFault::TooDeep) => Err(Failure::Limit("depth")),
        Err(fault) => Ok(Err(fault.to_string())),
    }
}

/// An empty text for what JSON cannot express.
fn to_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    forgiven(must_to_json(scope, arguments))
}

fn must_to_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, arguments, Escape::Html, Layout::Line)
}

/// An empty text for what JSON cannot express.
fn to_pretty_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    forgiven(must_to_pretty_json(scope, arguments))
}

fn must_to_pretty_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, arguments, Escape::Html, Layout::Indented)
}

/// `toRawJson` fails like its `must` form.
fn must_to_raw_json(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    written(scope, arguments, Escape::Keep, Layout::Line)
}

fn written(
    scope: &mut Scope<'_>,
    arguments: &[Value],
    escape: Escape,
    layout: Layout,
) -> Result<Value, Failure> {
    marshalled(scope, arguments.first().unwrap_or(&Value::Nil), escape, layout).map(Value::text)
}

fn forgiven(result: Result<Value, Failure>) -> Result<Value, Failure> {
    match result {
        Err(Failure::Raised(_)) => Ok(Value::text("")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::{cases, dict, list, outcome};
    use super::*;
    use crate::value::{Text, display};

    fn through(text: &str, name: &str) -> String {
        let value = super::super::probe::call("fromJson", &[Value::text(text)]).unwrap();
        let Value::Text(json) = super::super::probe::call(name, &[value]).unwrap() else { panic!() };
        String::from_utf8(json.to_vec()).unwrap()
    }

    #[test]
    fn numbers_become_floats() {
        let text = r#"{"z":1000000,"b":[1,"x",null,true],"c":{}}"#;
        cases(&[
            (
                "fromJson",
                vec![Value::text(text)],
                "map[string]interface {} map[b:[1 x <nil> true] c:map[] z:1e+06]",
            ),
            ("fromJson", vec![Value::text("1")], "float64 1"),
            ("fromJson", vec![Value::text("\"a\"")], "string a"),
            ("fromJson", vec![Value::text("null")], "<nil> <nil>"),
            ("fromJson", vec![Value::text("[1e400,2]")], "[]interface {} [<nil> 2]"),
            ("fromJson", vec![Value::text("{")], "<nil> <nil>"),
            ("mustFromJson", vec![Value::text("{")], "raised"),
            ("mustFromJson", vec![Value::text("[1e400,2]")], "raised"),
            ("fromJson", vec![Value::text("{\"a\":1,\"a\":2}")], "map[string]interface {} map[a:2]"),
        ]);
    }

    #[test]
    fn json_is_written_as_go_marshals_it() {
        let text = r#"{"b":[1,2.5,1e21,1e-7,12345678901234567890],"a":"<&>\u2028","c":{},"d":[],"e":null}"#;
        let numbers = "1,2.5,1e+21,1e-7,12345678901234567000";
        assert_eq!(
            through(text, "toJson"),
            format!(r#"{{"a":"\u003c\u0026\u003e\u2028","b":[{numbers}],"c":{{}},"d":[],"e":null}}"#)
        );
        assert_eq!(
            through(text, "toRawJson"),
            format!(r#"{{"a":"<&>\u2028","b":[{numbers}],"c":{{}},"d":[],"e":null}}"#)
        );
        assert_eq!(
            through(r#"{"b":[1,{}],"a":{"x":[]}}"#, "toPrettyJson"),
            "{\n  \"a\": {\n    \"x\": []\n  },\n  \"b\": [\n    1,\n    {}\n  ]\n}"
        );
        cases(&[
            ("toJson", vec![Value::Nil], "string null"),
            ("toJson", vec![Value::int(5)], "string 5"),
            ("toJson", vec![Value::Bytes(Text::from("ab"))], "string \"YWI=\""),
            ("toJson", vec![Value::text(b"a\xffb".to_vec())], r#"string "a\ufffdb""#),
            ("toJson", vec![Value::Float(f64::NAN)], "string "),
            ("mustToJson", vec![Value::Float(f64::NAN)], "raised: json: unsupported value: NaN"),
            ("toRawJson", vec![Value::Float(f64::INFINITY)], "raised: json: unsupported value: +Inf"),
            ("toJson", vec![list(&["a", "b"])], r#"string ["a","b"]"#),
            ("toPrettyJson", vec![dict(&[])], "string {}"),
        ]);
    }

    #[test]
    fn a_text_that_doubles_itself_runs_out_of_bytes() {
        let mut value = Value::text("a".repeat(1000));
        for _ in 0..40 {
            value = Value::list(vec![value.clone(), value]);
        }
        assert!(outcome("toJson", &[value]).starts_with("limit: "));
        assert_eq!(display(&Value::Nil), b"<nil>");
    }
}
