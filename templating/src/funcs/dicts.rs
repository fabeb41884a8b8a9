//! Owns the functions on maps. A map is changed in place: everyone who holds it sees it.

#![expect(clippy::unnecessary_wraps, reason = "all functions that templates call have one type")]

use std::collections::BTreeMap;

use super::merge::{Overwrite, merged};
use super::walk::holds;
use super::{Failure, Function, Scope};
use crate::value::{Element, Map, Text, Type, Value, display, type_name};

const DICT: Type = Type::Map(Element::Any);

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "dict", params: &[], rest: Some(Type::Any), call: dict },
    Function { name: "get", params: &[DICT, Type::Text], rest: None, call: get },
    Function { name: "set", params: &[DICT, Type::Text, Type::Any], rest: None, call: set },
    Function { name: "unset", params: &[DICT, Type::Text], rest: None, call: unset },
    Function { name: "hasKey", params: &[DICT, Type::Text], rest: None, call: has_key },
    Function { name: "pluck", params: &[Type::Text], rest: Some(DICT), call: pluck },
    Function { name: "keys", params: &[], rest: Some(DICT), call: keys },
    Function { name: "pick", params: &[DICT], rest: Some(Type::Text), call: pick },
    Function { name: "omit", params: &[DICT], rest: Some(Type::Text), call: omit },
    Function { name: "merge", params: &[DICT], rest: Some(DICT), call: merge },
    Function { name: "mergeOverwrite", params: &[DICT], rest: Some(DICT), call: merge_overwrite },
    Function { name: "mustMerge", params: &[DICT], rest: Some(DICT), call: must_merge },
    Function { name: "mustMergeOverwrite", params: &[DICT], rest: Some(DICT), call: must_merge_overwrite },
    Function { name: "values", params: &[DICT], rest: None, call: values },
    Function { name: "dig", params: &[], rest: Some(Type::Any), call: dig },
];

/// What a value is as text: `toString` of sprig.
fn text_of(value: &Value) -> Text {
    match value {
        Value::Text(text) | Value::Bytes(text) => text.clone(),
        other => Text::new(display(other)),
    }
}

fn text_argument(arguments: &[Value], at: usize) -> Text {
    arguments.get(at).map_or_else(|| Text::from(""), text_of)
}

/// The map at `at`; nothing stands for Go's nil map, which can be read.
fn map_argument(arguments: &[Value], at: usize) -> Option<&Map> {
    match arguments.get(at) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

fn further(arguments: &[Value]) -> &[Value] {
    arguments.get(1..).unwrap_or_default()
}

fn spend_entries(scope: &mut Scope<'_>, entries: usize) -> Result<(), Failure> {
    scope.spend_steps(entries)?;
    scope.spend_bytes(entries.saturating_mul(2 * size_of::<Value>()))
}

fn nil_map() -> Failure {
    Failure::Raised("assignment to entry in nil map".to_owned())
}

/// Keys and values in turn; a last key without value has an empty text.
fn dict(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    spend_entries(scope, arguments.len())?;
    let mut entries = BTreeMap::new();
    for pair in arguments.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::text(""));
        entries.insert(text_argument(pair, 0), value);
    }
    Ok(Value::map(entries))
}

/// An empty text if there is no such key.
fn get(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let found = map_argument(arguments, 0)
        .and_then(|map| map.entries.borrow().get(&text_argument(arguments, 1)).cloned());
    Ok(found.unwrap_or_else(|| Value::text("")))
}

fn set(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let map = map_argument(arguments, 0).ok_or_else(nil_map)?;
    let value = arguments.get(2).unwrap_or(&Value::Nil);
    if holds(scope, value, map)? {
        return Err(Failure::Limit("a map inside itself"));
    }
    spend_entries(scope, 1)?;
    map.entries.borrow_mut().insert(text_argument(arguments, 1), value.clone());
    Ok(Value::Map(map.clone()))
}

fn unset(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    if let Some(map) = map_argument(arguments, 0) {
        map.entries.borrow_mut().remove(&text_argument(arguments, 1));
    }
    Ok(arguments.first().cloned().unwrap_or(Value::Nil))
}

fn has_key(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let map = map_argument(arguments, 0);
    Ok(Value::Bool(map.is_some_and(|map| map.entries.borrow().contains_key(&text_argument(arguments, 1)))))
}

/// The values of one key in several maps.
fn pluck(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    spend_entries(scope, arguments.len())?;
    let key = text_argument(arguments, 0);
    let found = (1..arguments.len()).filter_map(|at| map_argument(arguments, at));
    Ok(Value::list(found.filter_map(|map| map.entries.borrow().get(&key).cloned()).collect()))
}

/// Sorted, where Go's order is random.
fn keys(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for map in (0..arguments.len()).filter_map(|at| map_argument(arguments, at)) {
        let entries = map.entries.borrow();
        spend_entries(scope, entries.len())?;
        all.extend(entries.keys().cloned().map(Value::Text));
    }
    Ok(Value::List(crate::value::List { element: Element::Text, items: all.into() }))
}

/// Sorted by key, where Go's order is random.
fn values(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some(map) = map_argument(arguments, 0) else { return Ok(Value::list(Vec::new())) };
    let entries = map.entries.borrow();
    spend_entries(scope, entries.len())?;
    Ok(Value::list(entries.values().cloned().collect()))
}

fn pick(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some(map) = map_argument(arguments, 0) else { return Ok(Value::map(BTreeMap::new())) };
    spend_entries(scope, arguments.len())?;
    let entries = map.entries.borrow();
    let wanted = further(arguments).iter().map(text_of);
    Ok(Value::map(wanted.filter_map(|key| Some((key.clone(), entries.get(&key)?.clone()))).collect()))
}

fn omit(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some(map) = map_argument(arguments, 0) else { return Ok(Value::map(BTreeMap::new())) };
    spend_entries(scope, map.entries.borrow().len() + arguments.len())?;
    let mut entries = map.entries.borrow().clone();
    for key in further(arguments) {
        entries.remove(&text_of(key));
    }
    Ok(Value::map(entries))
}

fn merge(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    forgiven(merged(scope, arguments, Overwrite::Never))
}

fn merge_overwrite(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    forgiven(merged(scope, arguments, Overwrite::Always))
}

fn must_merge(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    merged(scope, arguments, Overwrite::Never)
}

fn must_merge_overwrite(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    merged(scope, arguments, Overwrite::Always)
}

/// The functions without `must` give an empty text instead of an error.
fn forgiven(result: Result<Value, Failure>) -> Result<Value, Failure> {
    match result {
        Err(Failure::Raised(_)) => Ok(Value::text("")),
        other => other,
    }
}

/// `dig KEY… DEFAULT MAP`: what stands at the keys, the default if one is missing.
fn dig(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let [path @ .., default, root] = arguments else { return Err(too_few()) };
    if path.is_empty() {
        return Err(too_few());
    }
    scope.spend_steps(path.len())?;
    let mut step = as_map(root)?;
    let mut names = Vec::with_capacity(path.len());
    for key in path {
        let Value::Text(name) = key else { return Err(wrong_type(key, "string")) };
        names.push(name);
    }
    for (at, name) in names.iter().enumerate() {
        let Some(found) = step.entries.borrow().get(*name).cloned() else { return Ok(default.clone()) };
        if at + 1 == names.len() {
            return Ok(found);
        }
        step = as_map(&found)?;
    }
    Ok(default.clone())
}

fn too_few() -> Failure {
    Failure::Raised("dig needs at least three arguments".to_owned())
}

fn as_map(value: &Value) -> Result<Map, Failure> {
    match value {
        Value::Map(map) if map.element == Element::Any => Ok(map.clone()),
        other => Err(wrong_type(other, "map[string]interface {}")),
    }
}

fn wrong_type(value: &Value, wanted: &str) -> Failure {
    let got = match value {
        Value::Nil => "nil",
        other => type_name(other),
    };
    Failure::Raised(format!("interface conversion: interface {{}} is {got}, not {wanted}"))
}

#[cfg(test)]
mod tests;
