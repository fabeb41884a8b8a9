//! `Object`: the contract of values with fields and methods.

use std::any::Any;

use super::{Integer, Type, Value};
use crate::funcs::{Failure, Scope};

/// A Go struct or named type that a function gives: `time.Time`, `time.Duration`, `*semver.Version`, …
///
/// Immutable. Its fields and methods are all that a template can reach.
pub(crate) trait Object: Any {
    /// The Go type, as `%T` prints it.
    fn type_name(&self) -> &'static str;

    /// The Go kind, as sprig's `kindOf` prints it: `struct`, `ptr`, `int64`, …
    fn kind_name(&self) -> &'static str;

    /// What `%v` prints: usually the result of `String()`.
    fn display(&self) -> Vec<u8>;

    /// About how long the displayed text is, without making it: what a walk over the object costs.
    fn text_bytes(&self) -> usize {
        64
    }

    /// The exported field `name`.
    fn field(&self, name: &str) -> Option<Value>;

    /// The types of the parameters of method `name`; nothing if there is no such method.
    fn method(&self, name: &str) -> Option<&'static [Type]>;

    /// Calls a method that [`method`](Self::method) knows, with arguments of the types it names.
    ///
    /// # Errors
    /// What the method raises.
    fn call(&self, scope: &mut Scope<'_>, method: &str, arguments: &[Value]) -> Result<Value, Failure>;

    /// What the object's truth is in `if`: false for a zero number, true for every struct.
    fn is_true(&self) -> bool {
        true
    }

    /// The number behind a type whose kind is one of the whole numbers (a duration, a month): what `%d` prints and
    /// what comparisons use.
    fn integer(&self) -> Option<Integer> {
        None
    }

    /// For functions that take this type as an argument.
    fn as_any(&self) -> &dyn Any;
}
