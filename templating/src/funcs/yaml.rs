//! Owns `toYaml` and `fromYaml`.

use std::collections::BTreeMap;

use super::{Failure, Function, Scope};
use crate::json::{Escape, Layout, marshalled};
use crate::value::{Text, Type, Value};
use crate::yaml::{YamlFault, map_of, written};

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "toYaml", params: &[Type::Any], rest: None, call: to_yaml },
    Function { name: "fromYaml", params: &[Type::Text], rest: None, call: from_yaml },
];

/// Without a line break at the end; an empty text for what JSON cannot express.
fn to_yaml(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let json = match marshalled(scope, arguments.first().unwrap_or(&Value::Nil), Escape::Html, Layout::Line) {
        Ok(json) => zeroize::Zeroizing::new(json),
        Err(Failure::Raised(_)) => return Ok(Value::text("")),
        Err(other) => return Err(other),
    };
    scope.spend_steps(1 + json.len() / 4)?;
    scope.spend_bytes(json.len().saturating_mul(4))?;
    match written(&json) {
        Ok(text) => Ok(Value::text(text)),
        Err(YamlFault::TooDeep) => Err(Failure::Limit("depth")),
        Err(YamlFault::TooLarge) => Err(Failure::Limit("bytes")),
        Err(_) => Ok(Value::text("")),
    }
}

/// A map; of what is none, the key `Error` says why.
fn from_yaml(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some(Value::Text(document)) = arguments.first() else { return Ok(Value::map(BTreeMap::new())) };
    scope.spend_steps(1 + document.len() / 8)?;
    match map_of(document) {
        Ok((map, bytes)) => {
            scope.spend_steps(bytes / 64)?;
            scope.spend_bytes(bytes)?;
            Ok(map)
        }
        Err(YamlFault::TooDeep) => Err(Failure::Limit("depth")),
        Err(YamlFault::TooLarge) => Err(Failure::Limit("bytes")),
        Err(fault) => Ok(Value::map(BTreeMap::from([(Text::from("Error"), Value::text(fault.to_string()))]))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::{cases, dict, list, outcome};
    use super::*;

    #[test]
    fn values_are_written_without_the_last_line_break() {
        let nested = dict(&[("a", list(&["x", "1", ""])), ("b", dict(&[("c", Value::Float(1_000_000.0))]))]);
        cases(&[
            ("toYaml", vec![nested], "string a:\n- x\n- \"1\"\n- \"\"\nb:\n  c: 1000000"),
            ("toYaml", vec![Value::Nil], "string null"),
            ("toYaml", vec![dict(&[])], "string {}"),
            ("toYaml", vec![Value::text("a\nb\n")], "string |\n  a\n  b"),
            ("toYaml", vec![Value::Float(f64::NAN)], "string "),
            ("toYaml", vec![Value::text("a\u{7f}")], "string "),
        ]);
    }

    #[test]
    fn documents_become_maps_of_floats_or_say_why_not() {
        let map = |text: &str| format!("map[string]interface {{}} map[{text}]");
        let wrong = "Error:error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of \
                     type map[string]interface {}";
        let expected = [
            ("a: 1\nb: [yes, ~, 010]", map("a:1 b:[true <nil> 8]")),
            ("", map("")),
            ("a: 2000000", map("a:2e+06")),
            ("- a", map(wrong)),
            (
                "a: b: c",
                map(
                    "Error:error converting YAML to JSON: yaml: mapping values are not allowed in this context",
                ),
            ),
            ("a: .inf", map("Error:error converting YAML to JSON: json: unsupported value: +Inf")),
        ];
        for (document, expected) in expected {
            assert_eq!(outcome("fromYaml", &[Value::text(document)]), expected, "{document}");
        }
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let level = |level: usize| {
            let aliases = vec![format!("*a{}", level - 1); 9].join(",");
            format!("a{level}: &a{level} [{aliases}]")
        };
        let levels: Vec<String> = (1..10).map(level).collect();
        let document = format!("a0: &a0 [x,x,x,x,x,x,x,x,x]\n{}", levels.join("\n"));
        assert_eq!(outcome("fromYaml", &[Value::text(document)]), "limit: bytes");
        let deep = "[".repeat(100_000);
        assert_eq!(outcome("fromYaml", &[Value::text(deep)]), "limit: depth");
    }
}
