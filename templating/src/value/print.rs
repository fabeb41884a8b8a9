//! Decides how values and types look as text: `%v`, `%T` and kinds as Go prints them.

use super::float::general;
use super::{Element, IntKind, Integer, List, Map, Text, Value};
use crate::limits::MAX_VALUE_DEPTH;

/// What `fmt.Sprint` gives: `1e+06`, `[a b]`, `map[a:1 b:2]`, `<nil>`, `[1 2]` for bytes.
///
/// What is nested deeper than [`MAX_VALUE_DEPTH`] is left out; the engine refuses such a value before a function
/// gets it.
pub(crate) fn display(value: &Value) -> Vec<u8> {
    let mut output = Vec::new();
    append(&mut output, value, MAX_VALUE_DEPTH);
    output
}

fn append(output: &mut Vec<u8>, value: &Value, depth: usize) {
    match value {
        Value::Nil => output.extend_from_slice(b"<nil>"),
        Value::Bool(truth) => output.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(number) => output.extend_from_slice(number.value.to_string().as_bytes()),
        Value::Float(number) => output.extend_from_slice(general(*number).as_bytes()),
        Value::Text(text) => output.extend_from_slice(text),
        Value::Bytes(bytes) => append_bytes(output, bytes),
        Value::List(list) => append_list(output, list, depth),
        Value::Map(map) => append_map(output, map, depth),
        Value::Object(object) => output.extend_from_slice(&object.display()),
    }
}

fn append_bytes(output: &mut Vec<u8>, bytes: &Text) {
    output.push(b'[');
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            output.push(b' ');
        }
        output.extend_from_slice(byte.to_string().as_bytes());
    }
    output.push(b']');
}

fn append_list(output: &mut Vec<u8>, list: &List, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    output.push(b'[');
    for (at, item) in list.items.iter().enumerate() {
        if at > 0 {
            output.push(b' ');
        }
        append(output, item, depth);
    }
    output.push(b']');
}

fn append_map(output: &mut Vec<u8>, map: &Map, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    output.extend_from_slice(b"map[");
    for (at, (key, item)) in map.entries.borrow().iter().enumerate() {
        if at > 0 {
            output.push(b' ');
        }
        output.extend_from_slice(key);
        output.push(b':');
        append(output, item, depth);
    }
    output.push(b']');
}

/// The Go type, as `%T` prints it: `string`, `map[string]interface {}`, `<nil>` for no value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(Integer { kind, .. }) => kind.name(),
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::List(list) => list.element.list_name(),
        Value::Map(map) => map.element.map_name(),
        Value::Object(object) => object.type_name(),
    }
}

/// The Go kind, as `reflect.Kind` prints it: `string`, `slice`, `map`, `invalid` for no value.
pub(crate) fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(Integer { kind, .. }) => kind.name(),
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::Bytes(_) | Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(object) => object.kind_name(),
    }
}

/// The truth that `if` sees: false for no value, `false`, zero and what is empty.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(truth) => *truth,
        Value::Int(number) => number.value != 0,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) | Value::Bytes(text) => !text.is_empty(),
        Value::List(list) => !list.items.is_empty(),
        Value::Map(map) => !map.entries.borrow().is_empty(),
        Value::Object(object) => object.is_true(),
    }
}

impl IntKind {
    /// The Go type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }

    /// True for the types without a sign.
    pub(crate) fn is_unsigned(self) -> bool {
        matches!(self, Self::Uint | Self::Uint8 | Self::Uint16 | Self::Uint32 | Self::Uint64)
    }
}

impl Element {
    /// The Go type of a list of such elements.
    pub(crate) fn list_name(self) -> &'static str {
        match self {
            Self::Any => "[]interface {}",
            Self::Text => "[]string",
            Self::Int => "[]int",
            Self::AnyList => "[][]interface {}",
        }
    }

    /// The Go type of a map from text to such elements.
    pub(crate) fn map_name(self) -> &'static str {
        match self {
            Self::Any => "map[string]interface {}",
            Self::Text => "map[string]string",
            Self::Int => "map[string]int",
            Self::AnyList => "map[string][]interface {}",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown(value: &Value) -> String {
        String::from_utf8(display(value)).unwrap()
    }

    #[test]
    fn values_print_as_go_prints_them() {
        assert_eq!(shown(&Value::Nil), "<nil>");
        assert_eq!(shown(&Value::int(-3)), "-3");
        assert_eq!(shown(&Value::Float(1_000_000.0)), "1e+06");
        assert_eq!(shown(&Value::Bytes(Text::new(vec![1, 2]))), "[1 2]");
        let list = Value::list(vec![Value::text("a"), Value::Nil, Value::texts(["b", "c"])]);
        assert_eq!(shown(&list), "[a <nil> [b c]]");
        let map = BTreeMap::from([(Text::from("b"), Value::int(2)), (Text::from("a"), list)]);
        assert_eq!(shown(&Value::map(map)), "map[a:[a <nil> [b c]] b:2]");
    }

    #[test]
    fn what_is_nested_too_deeply_is_left_out() {
        let mut nested = Value::Nil;
        for _ in 0..2 * MAX_VALUE_DEPTH {
            nested = Value::list(vec![nested]);
        }
        assert_eq!(shown(&nested).len(), 2 * MAX_VALUE_DEPTH);
    }
}
