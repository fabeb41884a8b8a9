//! Calls functions in tests, and compares what they give with what Go's give.

use jiff::Timestamp;

use super::{Failure, Function, Random, Scope};
use crate::value::{Value, display};

/// A function, its arguments, and what its result prints; nothing if it fails.
pub(super) type Trial = (&'static str, Vec<Value>, Option<Vec<u8>>);

/// A source that counts upwards.
pub(super) struct Counter(pub(super) u8);

impl Random for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(7);
        }
    }
}

pub(super) fn text(bytes: impl AsRef<[u8]>) -> Value {
    Value::text(bytes.as_ref())
}

pub(super) fn int(number: i64) -> Value {
    Value::int(number)
}

#[expect(clippy::unnecessary_wraps, reason = "the counterpart of fails")]
pub(super) fn gives(bytes: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    Some(bytes.as_ref().to_vec())
}

pub(super) fn fails() -> Option<Vec<u8>> {
    None
}

/// Calls a function with little to spend: 100,000 steps and 1 MB.
pub(super) fn called(functions: &[Function], name: &str, arguments: &[Value]) -> Result<Value, Failure> {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let mut random = Counter(1);
    let mut scope = Scope::new(now, &mut random, 100_000, 1_000_000);
    let function = functions.iter().find(|function| function.name == name).unwrap();
    assert!(arguments.len() >= function.params.len(), "{name} takes more arguments");
    (function.call)(&mut scope, arguments)
}

/// Asserts that every function gives what is expected.
pub(super) fn run(functions: &[Function], trials: Vec<Trial>) {
    for (name, arguments, expected) in trials {
        let shown: Vec<_> =
            arguments.iter().map(|value| String::from_utf8_lossy(&display(value)).into_owned()).collect();
        let got = match called(functions, name, &arguments) {
            Ok(value) => Some(display(&value)),
            Err(Failure::Raised(_) | Failure::Told(_)) => None,
            Err(Failure::Limit(limit)) => panic!("{name} {shown:?} is over its {limit}"),
        };
        let readable = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| bytes.escape_ascii().to_string());
        assert_eq!(readable(&got), readable(&expected), "{name} {shown:?}");
    }
}
