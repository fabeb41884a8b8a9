//! Frees lists and maps without recursion: how deep they are nested is up to the template.

use std::rc::Rc;

use super::{List, Map, Value};

impl Drop for List {
    fn drop(&mut self) {
        if let Some(items) = Rc::get_mut(&mut self.items).filter(|items| items.iter().any(is_container)) {
            free(std::mem::take(items));
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let entries = Rc::get_mut(&mut self.entries).map(std::cell::RefCell::get_mut);
        if let Some(entries) = entries.filter(|entries| entries.values().any(is_container)) {
            free(std::mem::take(entries).into_values().collect());
        }
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

/// Takes the contents out of everything that nobody else holds, before it is dropped.
fn free(mut waiting: Vec<Value>) {
    while let Some(mut value) = waiting.pop() {
        match &mut value {
            Value::List(list) => {
                if let Some(items) = Rc::get_mut(&mut list.items) {
                    waiting.append(items);
                }
            }
            Value::Map(map) => {
                if let Some(entries) = Rc::get_mut(&mut map.entries) {
                    waiting.extend(std::mem::take(entries.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Text;
    use super::*;

    #[test]
    fn a_value_nested_a_million_times_is_freed_on_a_small_stack() {
        let build = || {
            let mut nested = Value::Nil;
            for turn in 0..1_000_000 {
                nested = if turn % 2 == 0 {
                    Value::list(vec![nested, Value::int(1)])
                } else {
                    Value::map(BTreeMap::from([(Text::from("a"), nested)]))
                };
            }
            drop(nested);
        };
        std::thread::Builder::new().stack_size(128 * 1024).spawn(build).unwrap().join().unwrap();
    }
}
