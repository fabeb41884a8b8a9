//! Owns the functions on lists. A list is never changed: each gives a new one.

use std::rc::Rc;

use super::numbers::to_int;
use super::walk::spend_walk;
use super::{Failure, Function, Scope};
use crate::value::{Element, IntKind, Integer, List, Type, Value, deep_equal, kind_name};

const LIST: &[Type] = &[Type::Any];
const LIST_AND_ITEM: &[Type] = &[Type::Any, Type::Any];
const SIZE_AND_LIST: &[Type] = &[Type::Int(IntKind::Int), Type::Any];
const ANYTHING: Option<Type> = Some(Type::Any);

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "list", params: &[], rest: ANYTHING, call: list },
    Function { name: "tuple", params: &[], rest: ANYTHING, call: list },
    Function { name: "append", params: LIST_AND_ITEM, rest: None, call: push },
    Function { name: "push", params: LIST_AND_ITEM, rest: None, call: push },
    Function { name: "mustAppend", params: LIST_AND_ITEM, rest: None, call: push },
    Function { name: "mustPush", params: LIST_AND_ITEM, rest: None, call: push },
    Function { name: "prepend", params: LIST_AND_ITEM, rest: None, call: prepend },
    Function { name: "mustPrepend", params: LIST_AND_ITEM, rest: None, call: prepend },
    Function { name: "first", params: LIST, rest: None, call: first },
    Function { name: "mustFirst", params: LIST, rest: None, call: first },
    Function { name: "rest", params: LIST, rest: None, call: rest },
    Function { name: "mustRest", params: LIST, rest: None, call: rest },
    Function { name: "last", params: LIST, rest: None, call: last },
    Function { name: "mustLast", params: LIST, rest: None, call: last },
    Function { name: "initial", params: LIST, rest: None, call: initial },
    Function { name: "mustInitial", params: LIST, rest: None, call: initial },
    Function { name: "reverse", params: LIST, rest: None, call: reverse },
    Function { name: "mustReverse", params: LIST, rest: None, call: reverse },
    Function { name: "uniq", params: LIST, rest: None, call: uniq },
    Function { name: "mustUniq", params: LIST, rest: None, call: uniq },
    Function { name: "without", params: LIST, rest: ANYTHING, call: without },
    Function { name: "mustWithout", params: LIST, rest: ANYTHING, call: without },
    Function { name: "has", params: LIST_AND_ITEM, rest: None, call: has },
    Function { name: "mustHas", params: LIST_AND_ITEM, rest: None, call: has },
    Function { name: "slice", params: LIST, rest: ANYTHING, call: slice },
    Function { name: "mustSlice", params: LIST, rest: ANYTHING, call: slice },
    Function { name: "concat", params: &[], rest: ANYTHING, call: concat },
    Function { name: "chunk", params: SIZE_AND_LIST, rest: None, call: chunk },
    Function { name: "mustChunk", params: SIZE_AND_LIST, rest: None, call: chunk },
];

/// The elements of a list of any type or the bytes of a `[]byte`, paid for.
///
/// # Errors
/// `Cannot DOING type KIND` for everything else, as in `Cannot push on type string`.
pub(super) fn items(scope: &mut Scope<'_>, list: Option<&Value>, doing: &str) -> Result<Vec<Value>, Failure> {
    match list {
        Some(Value::List(list)) => {
            spend(scope, list.items.len())?;
            Ok(list.items.to_vec())
        }
        Some(Value::Bytes(bytes)) => {
            spend(scope, bytes.len())?;
            let byte = |byte: &u8| Value::Int(Integer { kind: IntKind::Uint8, value: i128::from(*byte) });
            Ok(bytes.iter().map(byte).collect())
        }
        other => Err(no_list(other, &format!("Cannot {doing} type"))),
    }
}

fn spend(scope: &mut Scope<'_>, elements: usize) -> Result<(), Failure> {
    scope.spend_steps(elements)?;
    scope.spend_bytes(elements.saturating_mul(size_of::<Value>()))
}

/// What Go says when it is asked for the elements of something else; for no value that is a panic.
fn no_list(value: Option<&Value>, text: &str) -> Failure {
    match value {
        None | Some(Value::Nil) => {
            Failure::Raised("runtime error: invalid memory address or nil pointer dereference".to_owned())
        }
        Some(value) => Failure::Raised(format!("{text} {}", kind_name(value))),
    }
}

fn list(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    spend(scope, arguments.len())?;
    Ok(Value::list(arguments.to_vec()))
}

fn push(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut items = items(scope, arguments.first(), "push on")?;
    items.extend(arguments.get(1).cloned());
    Ok(Value::list(items))
}

fn prepend(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let items = items(scope, arguments.first(), "prepend on")?;
    Ok(Value::list(arguments.get(1).cloned().into_iter().chain(items).collect()))
}

/// Nothing if the list is empty.
fn first(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match arguments.first() {
        Some(Value::List(list)) => Ok(list.items.first().cloned().unwrap_or(Value::Nil)),
        other => Ok(items(scope, other, "find first on")?.into_iter().next().unwrap_or(Value::Nil)),
    }
}

/// Nothing if the list is empty.
fn last(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match arguments.first() {
        Some(Value::List(list)) => Ok(list.items.last().cloned().unwrap_or(Value::Nil)),
        other => Ok(items(scope, other, "find last on")?.pop().unwrap_or(Value::Nil)),
    }
}

/// All but the first.
fn rest(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let items = items(scope, arguments.first(), "find rest on")?;
    if items.is_empty() {
        return Ok(Value::List(List::nil(Element::Any)));
    }
    Ok(Value::list(items.into_iter().skip(1).collect()))
}

/// All but the last.
fn initial(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut items = items(scope, arguments.first(), "find initial on")?;
    if items.pop().is_none() {
        return Ok(Value::List(List::nil(Element::Any)));
    }
    Ok(Value::list(items))
}

fn reverse(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut items = items(scope, arguments.first(), "find reverse on")?;
    items.reverse();
    Ok(Value::list(items))
}

/// The first of each kind of equals, in order.
fn uniq(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut seen: Vec<Value> = Vec::new();
    for item in items(scope, arguments.first(), "find uniq on")? {
        if !is_in(scope, &seen, &item)? {
            seen.push(item);
        }
    }
    Ok(Value::list(seen))
}

fn without(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut kept = Vec::new();
    for item in items(scope, arguments.first(), "find without on")? {
        if !is_in(scope, arguments.get(1..).unwrap_or_default(), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

/// Whether the second argument holds the first; what is no value holds nothing.
fn has(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let [needle, haystack] = [0, 1].map(|at| arguments.get(at).unwrap_or(&Value::Nil));
    if matches!(haystack, Value::Nil) {
        return Ok(Value::Bool(false));
    }
    let items = items(scope, Some(haystack), "find has on")?;
    is_in(scope, &items, needle).map(Value::Bool)
}

fn is_in(scope: &mut Scope<'_>, items: &[Value], needle: &Value) -> Result<bool, Failure> {
    for item in items {
        spend_walk(scope, needle)?;
        if deep_equal(item, needle) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// From the first to before the second index; without the second to the end. Keeps the type of the list.
fn slice(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let length = match arguments.first() {
        Some(Value::List(list)) => list.items.len(),
        Some(Value::Bytes(bytes)) => bytes.len(),
        other => return Err(no_list(other, "list should be type of slice or array but")),
    };
    if length == 0 {
        return Ok(Value::Nil);
    }
    let index = |at: usize, otherwise: usize| match arguments.get(at) {
        Some(index) => usize::try_from(to_int(index)).ok(),
        None => Some(otherwise),
    };
    let bounds = index(1, 0).zip(index(2, length)).filter(|(start, end)| start <= end && *end <= length);
    let Some((start, end)) = bounds else {
        return Err(Failure::Raised("reflect.Value.Slice: slice index out of bounds".to_owned()));
    };
    spend(scope, end - start)?;
    match arguments.first() {
        Some(Value::List(list)) => {
            let items = list.items.get(start..end).unwrap_or_default().to_vec();
            Ok(Value::List(List { element: list.element, items: Rc::new(items) }))
        }
        Some(Value::Bytes(bytes)) => Ok(Value::Bytes(bytes.get(start..end).unwrap_or_default().into())),
        _ => Ok(Value::Nil),
    }
}

fn concat(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for argument in arguments {
        match argument {
            Value::List(_) | Value::Bytes(_) => all.extend(items(scope, Some(argument), "concat")?),
            Value::Nil => return Err(no_list(None, "")),
            other => {
                return Err(Failure::Raised(format!("Cannot concat type {} as list", kind_name(other))));
            }
        }
    }
    Ok(Value::list(all))
}

/// Lists of `size` elements; the last has what is left.
fn chunk(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let items = items(scope, arguments.get(1), "chunk")?;
    let size = match to_int(arguments.first().unwrap_or(&Value::Nil)) {
        size if size < 1 => return chunks_of_none(items, size),
        size => usize::try_from(size).unwrap_or(usize::MAX),
    };
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List { element: Element::AnyList, items: Rc::new(chunks) }))
}

/// What upstream's arithmetic makes of a size that is not positive: mostly a panic.
fn chunks_of_none(items: Vec<Value>, size: i64) -> Result<Value, Failure> {
    let size = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
    let chunks = match items.len() {
        1 if size > 1 => vec![Value::list(items)],
        2.. if size > 0 && items.len() - 1 <= size => Vec::new(),
        _ => return Err(Failure::Raised("runtime error: makeslice: len out of range".to_owned())),
    };
    Ok(Value::List(List { element: Element::AnyList, items: Rc::new(chunks) }))
}

#[cfg(test)]
mod tests;
