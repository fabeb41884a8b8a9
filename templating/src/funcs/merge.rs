//! Decides what `merge` and its sisters make of two maps: the rules of mergo.

use super::walk::holds;
use super::{Failure, Scope};
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::{Element, Map, Text, Value, is_true};

/// What happens to a value that the first map already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overwrite {
    /// It stays unless it is empty.
    Never,
    /// A later map's value takes its place, even an empty one.
    Always,
}

/// Puts the entries of all further maps into the first, from left to right, maps inside maps likewise, and gives
/// the first.
pub(super) fn merged(scope: &mut Scope<'_>, maps: &[Value], overwrite: Overwrite) -> Result<Value, Failure> {
    let target = match maps.first() {
        Some(Value::Map(target)) => target.clone(),
        _ => match Value::map(std::collections::BTreeMap::new()) {
            Value::Map(target) => target,
            _ => return Ok(Value::Nil),
        },
    };
    for source in maps.get(1..).unwrap_or_default() {
        if let Value::Map(source) = source {
            merge(scope, &target, source, overwrite, MAX_VALUE_DEPTH)?;
        }
    }
    Ok(Value::Map(target))
}

fn merge(
    scope: &mut Scope<'_>,
    target: &Map,
    source: &Map,
    overwrite: Overwrite,
    depth: usize,
) -> Result<(), Failure> {
    let depth = depth.checked_sub(1).ok_or(Failure::Limit("depth"))?;
    let count = source.entries.borrow().len();
    scope.spend_steps(count)?;
    scope.spend_bytes(count.saturating_mul(2 * size_of::<Value>()))?;
    // Both may be the same map.
    let entries = source.entries.borrow().clone();
    for (key, value) in entries {
        let present = target.entries.borrow().get(&key).cloned();
        if matches!(value, Value::Nil) {
            if overwrite == Overwrite::Always {
                put(scope, target, key, value)?;
            }
            continue;
        }
        if let (Some(Value::Map(inner)), Value::Map(outer)) = (&present, &value) {
            merge(scope, inner, outer, overwrite, depth)?;
        }
        let kept = match &present {
            None => false,
            Some(present) if !is_true(present) => false,
            Some(Value::Map(_)) if matches!(value, Value::Map(_)) => true,
            Some(_) => overwrite == Overwrite::Never,
        };
        if !kept {
            put(scope, target, key, value)?;
        }
    }
    Ok(())
}

fn put(scope: &mut Scope<'_>, target: &Map, key: Text, value: Value) -> Result<(), Failure> {
    if target.element == Element::Text && !matches!(value, Value::Text(_)) {
        let text = "reflect.Value.SetMapIndex: value of type interface {} is not assignable to type string";
        return Err(Failure::Raised(text.to_owned()));
    }
    if holds(scope, &value, target)? {
        return Err(Failure::Limit("a map inside itself"));
    }
    target.entries.borrow_mut().insert(key, value);
    Ok(())
}
