//! Decides what walking through a whole value costs, and whether a value reaches a certain map.

use std::rc::Rc;

use super::{Failure, Scope};
use crate::limits::MAX_VALUE_DEPTH;
use crate::value::{Map, Value};

/// Bytes of text that cost one step.
const BYTES_PER_STEP: usize = 256;

/// Pays for one walk through the value: a part that several hold is walked for each of them.
///
/// # Errors
/// When the budget is used up, or the value is nested deeper than [`MAX_VALUE_DEPTH`].
pub(super) fn spend_walk(scope: &mut Scope<'_>, value: &Value) -> Result<(), Failure> {
    reaches(scope, value, None, MAX_VALUE_DEPTH).map(|_| ())
}

/// True if `map` is the value or somewhere inside: putting the value into the map would make it endless.
///
/// # Errors
/// As [`spend_walk`].
pub(super) fn holds(scope: &mut Scope<'_>, value: &Value, map: &Map) -> Result<bool, Failure> {
    reaches(scope, value, Some(map), MAX_VALUE_DEPTH)
}

fn reaches(
    scope: &mut Scope<'_>,
    value: &Value,
    wanted: Option<&Map>,
    depth: usize,
) -> Result<bool, Failure> {
    let deeper = || depth.checked_sub(1).ok_or(Failure::Limit("depth"));
    scope.spend_steps(1)?;
    match value {
        Value::Text(text) | Value::Bytes(text) => scope.spend_steps(text.len() / BYTES_PER_STEP)?,
        Value::List(list) => {
            let depth = deeper()?;
            for item in list.items.iter() {
                if reaches(scope, item, wanted, depth)? {
                    return Ok(true);
                }
            }
        }
        Value::Map(map) => {
            if wanted.is_some_and(|wanted| Rc::ptr_eq(&wanted.entries, &map.entries)) {
                return Ok(true);
            }
            let depth = deeper()?;
            for item in map.entries.borrow().values() {
                if reaches(scope, item, wanted, depth)? {
                    return Ok(true);
                }
            }
        }
        Value::Object(object) => scope.spend_steps(object.text_bytes() / BYTES_PER_STEP)?,
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
    Ok(false)
}
