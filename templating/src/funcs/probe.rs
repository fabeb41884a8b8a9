//! Test support: calls functions by name and tells what they give in one line.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Failure, Random, Scope, function};
use crate::value::{Text, Value, display, type_name};

/// What one test spends at most.
pub(super) const STEPS: u64 = 4_000_000;
pub(super) const BYTES: u64 = 2 * 1024 * 1024;

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(29).wrapping_add(7);
            *byte = self.0;
        }
    }
}

pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, Failure> {
    let mut random = Counting(1);
    let mut scope = Scope::new(Timestamp::UNIX_EPOCH, &mut random, STEPS, BYTES);
    let function = function(name).unwrap_or_else(|| panic!("no function {name}"));
    (function.call)(&mut scope, arguments)
}

/// `TYPE TEXT`, `raised: TEXT`, `limit: WHAT`.
pub(super) fn outcome(name: &str, arguments: &[Value]) -> String {
    match call(name, arguments) {
        Ok(value) => format!("{} {}", type_name(&value), String::from_utf8_lossy(&display(&value))),
        Err(Failure::Raised(text)) => format!("raised: {text}"),
        Err(Failure::Limit(what)) => format!("limit: {what}"),
        Err(Failure::Told(_)) => "told".to_owned(),
    }
}

/// Each: the function, its arguments, the outcome. `raised` alone leaves the text open.
pub(super) fn cases(table: &[(&str, Vec<Value>, &str)]) {
    for (name, arguments, expected) in table {
        let got = outcome(name, arguments);
        let same = got == *expected || (*expected == "raised" && got.starts_with("raised: "));
        let shown: Vec<_> =
            arguments.iter().map(|value| String::from_utf8_lossy(&display(value)).into_owned()).collect();
        assert!(same, "{name} {shown:?}: {got}, not {expected}");
    }
}

pub(super) fn list(items: &[&str]) -> Value {
    Value::list(items.iter().copied().map(Value::text).collect())
}

pub(super) fn dict(entries: &[(&str, Value)]) -> Value {
    Value::map(
        entries.iter().map(|(key, value)| (Text::from(*key), value.clone())).collect::<BTreeMap<_, _>>(),
    )
}
