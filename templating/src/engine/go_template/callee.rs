//! Decides which function a name means: those of the library shadow the built-in ones.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::builtins;
use crate::funcs::{self, Function};

/// A function that a template calls.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// `and`: stops at the first false argument.
    And,
    /// `or`: stops at the first true argument.
    Or,
    Function(&'static Function, Reach),
}

/// How far into lists and maps a function looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// At the elements of its arguments, not into them.
    Shallow,
    Deep,
    /// Deep, and it changes the map that is its first argument.
    Changes,
}

/// Functions that are called often on large values and take one element of them, or look at the type only. None
/// of them may print an argument or compare it. To leave one out costs time only.
const SHALLOW: &[&str] = &[
    "all", "any", "append", "chunk", "coalesce", "concat", "default", "empty", "eq", "first", "get",
    "hasKey", "index", "initial", "keys", "kindIs", "kindOf", "last", "len", "list", "ne", "not", "omit",
    "pick", "pluck", "prepend", "push", "rest", "reverse", "slice", "ternary", "tuple", "typeIs", "typeOf",
    "unset", "values",
];

/// Functions that change a map. All of them must stand here: this is where a map can be made to contain itself.
const CHANGES: &[&str] = &["set", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"];

static CALLEES: LazyLock<BTreeMap<&'static str, Callee>> = LazyLock::new(|| {
    let mut callees = BTreeMap::from([("and", Callee::And), ("or", Callee::Or)]);
    #[cfg(test)]
    for function in super::tests::values::FUNCTIONS {
        let reach = if function.name == "tset" { Reach::Changes } else { Reach::Deep };
        callees.insert(function.name, Callee::Function(function, reach));
    }
    for function in builtins::FUNCTIONS.iter().chain(funcs::functions()) {
        callees.insert(function.name, Callee::Function(function, reach(function.name)));
    }
    callees
});

fn reach(name: &str) -> Reach {
    if CHANGES.contains(&name) {
        Reach::Changes
    } else if SHALLOW.contains(&name) {
        Reach::Shallow
    } else {
        Reach::Deep
    }
}

/// The function with this name.
pub(super) fn callee(name: &str) -> Option<Callee> {
    CALLEES.get(name).copied()
}

/// The function with this name, unless it is a part of the language.
pub(in crate::engine) fn library(name: &str) -> Option<&'static Function> {
    match callee(name)? {
        Callee::Function(function, _) => Some(function),
        Callee::And | Callee::Or => None,
    }
}

/// The names of all functions.
pub(in crate::engine) fn names() -> impl Iterator<Item = &'static str> {
    CALLEES.keys().copied()
}
