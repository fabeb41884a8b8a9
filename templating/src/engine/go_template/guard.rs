//! Decides whether a value is small enough to be walked, and takes apart what is not.
//!
//! A map can be put into itself, and a list can hold another one twice, which holds a third one twice. Printing
//! such a value, or merely freeing it, must not end the process.

use crate::funcs::{Failure, Scope};
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::Value;

/// Elements that are looked at for one step: each takes far less time than a node of a template.
const ELEMENTS_PER_STEP: usize = 4;
const BYTES_PER_STEP: usize = 64;

/// Lets a value pass that can be walked to its end: it is not nested too deeply, all of it is paid for in steps,
/// and its text would fit into what may still be built.
pub(crate) fn walkable(scope: &mut Scope<'_>, value: &Value) -> Result<(), Failure> {
    let mut bytes = 0;
    measured(scope, value, MAX_VALUE_DEPTH, &mut bytes)?;
    scope.spend_steps(bytes / BYTES_PER_STEP)
}

fn measured(scope: &mut Scope<'_>, value: &Value, depth: usize, bytes: &mut usize) -> Result<(), Failure> {
    const TOO_DEEP: Failure = Failure::Limit("nests a list or map too deeply");
    match value {
        Value::Text(text) | Value::Bytes(text) => *bytes = bytes.saturating_add(text.len()),
        Value::List(list) => {
            let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
            scope.spend_steps(list.items.len() / ELEMENTS_PER_STEP + 1)?;
            for item in list.items.iter() {
                measured(scope, item, depth, bytes)?;
            }
            scope.leaves_bytes(*bytes)?;
        }
        Value::Map(map) => {
            let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
            let entries = map.entries.borrow();
            scope.spend_steps(entries.len() / ELEMENTS_PER_STEP + 1)?;
            for (key, item) in entries.iter() {
                *bytes = bytes.saturating_add(key.len());
                measured(scope, item, depth, bytes)?;
            }
            scope.leaves_bytes(*bytes)?;
        }
        Value::Object(object) => *bytes = bytes.saturating_add(object.text_bytes()),
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
    Ok(())
}

/// True for what other values can be in.
pub(super) fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

/// Empties every map that can be reached: a map inside itself would never be freed.
pub(super) fn take_apart(values: &[Value]) {
    let mut waiting: Vec<Value> = values.iter().filter(|value| is_container(value)).cloned().collect();
    // Lists are only looked through as often as they have elements: what holds a list more than once is met
    // once, because the map that held it is empty by then, or its elements are.
    let mut seen = std::collections::HashSet::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Map(map) => {
                let entries = map.entries.try_borrow_mut().map(|mut entries| std::mem::take(&mut *entries));
                waiting.extend(entries.unwrap_or_default().into_values().filter(is_container));
            }
            Value::List(list) if seen.insert(std::rc::Rc::as_ptr(&list.items)) => {
                waiting.extend(list.items.iter().filter(|item| is_container(item)).cloned());
            }
            _ => {}
        }
    }
}
