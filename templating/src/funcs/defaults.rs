//! Owns the functions that choose between values by whether they are empty, and the copy of a value.

#![expect(clippy::unnecessary_wraps, reason = "all functions that templates call have one type")]

use std::rc::Rc;

use super::{Failure, Function, Scope, lists};
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::{List, Map, Text, Type, Value, is_true};

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "default", params: &[Type::Any], rest: Some(Type::Any), call: default },
    Function { name: "empty", params: &[Type::Any], rest: None, call: empty },
    Function { name: "coalesce", params: &[], rest: Some(Type::Any), call: coalesce },
    Function { name: "all", params: &[], rest: Some(Type::Any), call: all },
    Function { name: "any", params: &[], rest: Some(Type::Any), call: any },
    Function { name: "compact", params: &[Type::Any], rest: None, call: compact },
    Function { name: "mustCompact", params: &[Type::Any], rest: None, call: compact },
    Function { name: "ternary", params: &[Type::Any, Type::Any, Type::Bool], rest: None, call: ternary },
    Function { name: "deepCopy", params: &[Type::Any], rest: None, call: deep_copy },
    Function { name: "mustDeepCopy", params: &[Type::Any], rest: None, call: deep_copy },
];

/// The first argument, unless there is a second that is not empty.
fn default(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let given = arguments.get(1).filter(|given| is_true(given)).or(arguments.first());
    Ok(given.cloned().unwrap_or(Value::Nil))
}

fn empty(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(!arguments.first().is_some_and(is_true)))
}

fn coalesce(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(arguments.iter().find(|value| is_true(value)).cloned().unwrap_or(Value::Nil))
}

fn all(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::Bool(arguments.iter().all(is_true)))
}

fn any(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::Bool(arguments.iter().any(is_true)))
}

fn compact(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let items = lists::items(scope, arguments.first(), "compact on")?;
    Ok(Value::list(items.into_iter().filter(is_true).collect()))
}

fn ternary(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let chosen = usize::from(!matches!(arguments.get(2), Some(Value::Bool(true))));
    Ok(arguments.get(chosen).cloned().unwrap_or(Value::Nil))
}

fn deep_copy(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match arguments.first() {
        None | Some(Value::Nil) => {
            Err(Failure::Raised("reflect: call of reflect.Value.Type on zero Value".to_owned()))
        }
        Some(value) => copied(scope, value, MAX_VALUE_DEPTH),
    }
}

/// The value with maps and lists of its own. What cannot change stays shared.
fn copied(scope: &mut Scope<'_>, value: &Value, depth: usize) -> Result<Value, Failure> {
    let deeper = || depth.checked_sub(1).ok_or(Failure::Limit("depth"));
    scope.spend_steps(1)?;
    scope.spend_bytes(size_of::<Value>())?;
    match value {
        Value::List(list) => {
            let depth = deeper()?;
            let items = list.items.iter().map(|item| copied(scope, item, depth)).collect::<Result<_, _>>()?;
            Ok(Value::List(List { element: list.element, items: Rc::new(items) }))
        }
        Value::Map(map) => {
            let depth = deeper()?;
            let entries = map.entries.borrow();
            let copies = entries.iter().map(|(key, item)| {
                scope.spend_bytes(size_of::<Text>())?;
                Ok((key.clone(), copied(scope, item, depth)?))
            });
            let entries = copies.collect::<Result<_, Failure>>()?;
            Ok(Value::Map(Map { element: map.element, entries: Rc::new(std::cell::RefCell::new(entries)) }))
        }
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::{cases, dict, list};
    use super::*;

    #[test]
    fn empty_values_give_way_to_defaults() {
        cases(&[
            ("default", vec![Value::text("d")], "string d"),
            ("default", vec![Value::text("d"), Value::text("")], "string d"),
            ("default", vec![Value::text("d"), Value::text("x")], "string x"),
            ("default", vec![Value::int(1), Value::Float(0.0)], "int 1"),
            ("default", vec![Value::int(1), Value::Nil], "int 1"),
            ("empty", vec![list(&[])], "bool true"),
            ("empty", vec![list(&["a"])], "bool false"),
            ("empty", vec![dict(&[])], "bool true"),
            ("empty", vec![Value::Bool(false)], "bool true"),
            ("empty", vec![Value::text("false")], "bool false"),
            ("coalesce", vec![Value::Nil, Value::text(""), Value::int(2)], "int 2"),
            ("coalesce", vec![], "<nil> <nil>"),
            ("all", vec![], "bool true"),
            ("all", vec![Value::int(1), Value::int(0)], "bool false"),
            ("any", vec![], "bool false"),
            ("any", vec![Value::int(1), Value::int(0)], "bool true"),
            ("compact", vec![list(&["", "a", "", "b"])], "[]interface {} [a b]"),
            ("compact", vec![Value::text("x")], "raised: Cannot compact on type string"),
            ("compact", vec![Value::Nil], "raised"),
            ("ternary", vec![Value::int(1), Value::int(2), Value::Bool(true)], "int 1"),
            ("ternary", vec![Value::int(1), Value::int(2), Value::Bool(false)], "int 2"),
            ("deepCopy", vec![Value::texts(["a"])], "[]string [a]"),
            ("deepCopy", vec![Value::Nil], "raised"),
        ]);
    }

    #[test]
    fn a_copy_does_not_change_with_its_original() {
        use super::super::probe::call;
        let original = dict(&[("a", dict(&[("b", Value::int(1))]))]);
        let copy = call("deepCopy", std::slice::from_ref(&original)).unwrap();
        let Value::Map(outer) = &original else { panic!() };
        let inner = outer.entries.borrow().values().next().cloned().unwrap();
        call("set", &[inner, Value::text("b"), Value::int(2)]).unwrap();
        assert_eq!(crate::value::display(&copy), b"map[a:map[b:1]]");
        assert_eq!(crate::value::display(&original), b"map[a:map[b:2]]");
    }
}
