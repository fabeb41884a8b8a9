//! Decides whether two values are the same to Go's `reflect.DeepEqual`.

use std::rc::Rc;

use super::{List, Map, Value};
use crate::limits::MAX_VALUE_DEPTH;

/// What `reflect.DeepEqual` says: the same types, and the same contents all the way down. Objects are equal if
/// they have the same type and print the same.
///
/// What is nested deeper than [`MAX_VALUE_DEPTH`] differs from everything; the engine refuses such a value before
/// a function gets it.
pub(crate) fn deep_equal(one: &Value, other: &Value) -> bool {
    equal(one, other, MAX_VALUE_DEPTH)
}

fn equal(one: &Value, other: &Value, depth: usize) -> bool {
    match (one, other) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) => one == other,
        #[expect(clippy::float_cmp, reason = "the same number is meant, and NaN differs from itself")]
        (Value::Float(one), Value::Float(other)) => one == other,
        (Value::Text(one), Value::Text(other)) | (Value::Bytes(one), Value::Bytes(other)) => one == other,
        (Value::List(one), Value::List(other)) => equal_lists(one, other, depth),
        (Value::Map(one), Value::Map(other)) => equal_maps(one, other, depth),
        (Value::Object(one), Value::Object(other)) => {
            Rc::ptr_eq(one, other)
                || (one.type_name() == other.type_name() && one.display() == other.display())
        }
        _ => false,
    }
}

fn equal_lists(one: &List, other: &List, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    one.element == other.element
        && (Rc::ptr_eq(&one.items, &other.items)
            || (one.items.len() == other.items.len()
                && one.items.iter().zip(other.items.iter()).all(|(one, other)| equal(one, other, depth))))
}

fn equal_maps(one: &Map, other: &Map, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    if one.element != other.element {
        return false;
    }
    if Rc::ptr_eq(&one.entries, &other.entries) {
        return true;
    }
    let (one, other) = (one.entries.borrow(), other.entries.borrow());
    one.len() == other.len()
        && one
            .iter()
            .zip(other.iter())
            .all(|((key, one), (same, other))| key == same && equal(one, other, depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_count_and_not_only_contents() {
        let ints = || Value::list(vec![Value::int(1)]);
        assert!(deep_equal(&ints(), &ints()));
        assert!(!deep_equal(&Value::int(1), &Value::int64(1)));
        assert!(!deep_equal(&Value::texts(["a"]), &Value::list(vec![Value::text("a")])));
        assert!(!deep_equal(&Value::Nil, &Value::list(Vec::new())));
        assert!(!deep_equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
    }
}
