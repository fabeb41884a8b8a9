//! The functions that are part of the language. `and` and `or` are not among them: they evaluate as they
//! go. Nor is `slice`: the library has one of that name.

mod access;
mod compare;
mod escape;
mod print;
mod printf;
mod spec;
mod verbs;

use crate::funcs::{Failure, Function, Scope};
use crate::value::{Type, Value, is_true, kind_name};

/// The built-in functions.
pub(super) const FUNCTIONS: &[Function] = &[
    of("not", &[Type::Any], None, not),
    of("len", &[Type::Any], None, access::len),
    of("index", &[Type::Any], Some(Type::Any), access::index),
    of("call", &[Type::Any], Some(Type::Any), call),
    of("eq", &[Type::Any], Some(Type::Any), compare::eq),
    of("ne", &[Type::Any, Type::Any], None, compare::ne),
    of("lt", &[Type::Any, Type::Any], None, compare::lt),
    of("le", &[Type::Any, Type::Any], None, compare::le),
    of("gt", &[Type::Any, Type::Any], None, compare::gt),
    of("ge", &[Type::Any, Type::Any], None, compare::ge),
    of("print", &[], Some(Type::Any), print::print),
    of("println", &[], Some(Type::Any), print::println),
    of("printf", &[Type::Text], Some(Type::Any), printf::printf),
    of("html", &[], Some(Type::Any), escape::html),
    of("js", &[], Some(Type::Any), escape::js),
    of("urlquery", &[], Some(Type::Any), escape::urlquery),
];

type Call = fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>;

const fn of(name: &'static str, params: &'static [Type], rest: Option<Type>, call: Call) -> Function {
    Function { name, params, rest, call }
}

fn raised<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Raised(reason.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "every function has this signature")]
fn not(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(!arguments.first().is_some_and(is_true)))
}

/// No value of ours is a function.
fn call(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    raised(format!("{} is not a function", arguments.first().map_or("nil", kind_name)))
}
