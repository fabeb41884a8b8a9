//! Owns the functions that tell what type a value has.

#![expect(clippy::unnecessary_wraps, reason = "all functions that templates call have one type")]

use super::walk::spend_walk;
use super::{Failure, Function, Scope};
use crate::value::{Type, Value, deep_equal, kind_name, type_name};

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "typeOf", params: &[Type::Any], rest: None, call: type_of },
    Function { name: "typeIs", params: &[Type::Text, Type::Any], rest: None, call: type_is },
    Function { name: "typeIsLike", params: &[Type::Text, Type::Any], rest: None, call: type_is_like },
    Function { name: "kindOf", params: &[Type::Any], rest: None, call: kind_of },
    Function { name: "kindIs", params: &[Type::Text, Type::Any], rest: None, call: kind_is },
    Function { name: "deepEqual", params: &[Type::Any, Type::Any], rest: None, call: equal },
];

fn type_of(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(type_name(arguments.first().unwrap_or(&Value::Nil))))
}

fn kind_of(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(kind_name(arguments.first().unwrap_or(&Value::Nil))))
}

fn type_is(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(asked(arguments) == type_name(arguments.get(1).unwrap_or(&Value::Nil)).as_bytes()))
}

/// True for a pointer to the type too.
fn type_is_like(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let name = type_name(arguments.get(1).unwrap_or(&Value::Nil)).as_bytes();
    let target = name.strip_prefix(b"*").unwrap_or(name);
    Ok(Value::Bool(asked(arguments) == name || asked(arguments) == target))
}

fn kind_is(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(asked(arguments) == kind_name(arguments.get(1).unwrap_or(&Value::Nil)).as_bytes()))
}

fn asked(arguments: &[Value]) -> &[u8] {
    match arguments.first() {
        Some(Value::Text(name)) => name,
        _ => b"",
    }
}

/// Two values are walked as far as they are the same; a shared part is walked once for each holder.
fn equal(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let [one, other] = [0, 1].map(|at| arguments.get(at).unwrap_or(&Value::Nil));
    spend_walk(scope, one)?;
    Ok(Value::Bool(deep_equal(one, other)))
}

#[cfg(test)]
mod tests {
    use super::super::probe::{cases, dict, list};
    use super::*;

    #[test]
    fn types_and_kinds_have_their_go_names() {
        let t = |text: &str| Value::text(text);
        cases(&[
            ("typeOf", vec![Value::int(1)], "string int"),
            ("typeOf", vec![Value::Nil], "string <nil>"),
            ("typeOf", vec![dict(&[])], "string map[string]interface {}"),
            ("typeOf", vec![Value::texts(["a"])], "string []string"),
            ("kindOf", vec![list(&[])], "string slice"),
            ("kindOf", vec![dict(&[])], "string map"),
            ("kindOf", vec![Value::Nil], "string invalid"),
            ("kindOf", vec![Value::Float(1.0)], "string float64"),
            ("typeIs", vec![t("int64"), Value::int64(1)], "bool true"),
            ("typeIs", vec![t("int"), Value::int64(1)], "bool false"),
            ("typeIsLike", vec![t("string"), t("x")], "bool true"),
            ("kindIs", vec![t("slice"), list(&[])], "bool true"),
            ("kindIs", vec![t("map"), list(&[])], "bool false"),
            ("deepEqual", vec![list(&["a"]), list(&["a"])], "bool true"),
            ("deepEqual", vec![list(&["a"]), Value::texts(["a"])], "bool false"),
            ("deepEqual", vec![Value::int(1), Value::Float(1.0)], "bool false"),
        ]);
    }
}
