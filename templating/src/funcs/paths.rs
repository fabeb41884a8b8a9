//! Owns the functions on paths with slashes. Nothing is looked up in a file system.

use memchr::memrchr;

use super::arguments::{spend_building, text};
use super::{Failure, Function, Scope};
use crate::value::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    of("base", base),
    of("dir", dir),
    of("clean", clean),
    of("ext", ext),
    of("isAbs", is_abs),
    of("osBase", base),
    of("osDir", dir),
    of("osClean", clean),
    of("osExt", ext),
    of("osIsAbs", is_abs),
];

const fn of(name: &'static str, call: fn(&mut Scope<'_>, &[Value]) -> Result<Value, Failure>) -> Function {
    Function { name, params: &[Type::Text], rest: None, call }
}

fn path<'a>(scope: &mut Scope<'_>, arguments: &'a [Value]) -> Result<&'a [u8], Failure> {
    let path = text(arguments, 0)?;
    spend_building(scope, path.len().saturating_mul(10))?;
    Ok(path)
}

/// The last element, `.` of nothing and `/` of slashes alone.
fn base(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let path = path(scope, arguments)?;
    let Some(end) = path.iter().rposition(|byte| *byte != b'/') else {
        return Ok(Value::text(if path.is_empty() { "." } else { "/" }));
    };
    let path = path.get(..=end).unwrap_or_default();
    let start = memrchr(b'/', path).map_or(0, |slash| slash + 1);
    Ok(Value::text(path.get(start..).unwrap_or_default()))
}

/// All but the last element, cleaned.
fn dir(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let path = path(scope, arguments)?;
    let end = memrchr(b'/', path).map_or(0, |slash| slash + 1);
    Ok(Value::text(cleaned(path.get(..end).unwrap_or_default())))
}

fn clean(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(cleaned(path(scope, arguments)?)))
}

/// The shortest path that names the same: no empty or `.` elements, no `..` behind another element.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    let mut elements: Vec<&[u8]> = Vec::new();
    for element in path.split(|byte| *byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." if elements.last().is_some_and(|last| *last != b"..") => {
                elements.pop();
            }
            b".." if !root.is_empty() => {}
            _ => elements.push(element),
        }
    }
    if elements.is_empty() && root.is_empty() {
        return b".".to_vec();
    }
    [root, &elements.join(&b'/')].concat()
}

/// What follows the last dot of the last element, with the dot.
fn ext(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let path = path(scope, arguments)?;
    let dot = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    let from_dot = dot.and_then(|at| path.get(at..)).filter(|rest| rest.starts_with(b"."));
    Ok(Value::text(from_dot.unwrap_or_default()))
}

fn is_abs(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Bool(text(arguments, 0)?.starts_with(b"/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{gives, run, text};

    #[test]
    fn paths_are_taken_apart_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("base", vec![text("/a/b/c.tar.gz")], gives("c.tar.gz")),
                ("base", vec![text("../x/./y//z/")], gives("z")),
                ("base", vec![text("")], gives(".")),
                ("base", vec![text("/")], gives("/")),
                ("base", vec![text("//")], gives("/")),
                ("base", vec![text(".")], gives(".")),
                ("base", vec![text("..")], gives("..")),
                ("base", vec![text("a/../b")], gives("b")),
                ("base", vec![text("/../a")], gives("a")),
                ("base", vec![text("../../a/..")], gives("..")),
                ("base", vec![text(".hidden")], gives(".hidden")),
                ("base", vec![text("a.")], gives("a.")),
                ("base", vec![text("a/b.")], gives("b.")),
                ("base", vec![text("a.b/c")], gives("c")),
                ("dir", vec![text("/a/b/c.tar.gz")], gives("/a/b")),
                ("dir", vec![text("../x/./y//z/")], gives("../x/y/z")),
                ("dir", vec![text("")], gives(".")),
                ("dir", vec![text("/")], gives("/")),
                ("dir", vec![text("//")], gives("/")),
                ("dir", vec![text(".")], gives(".")),
                ("dir", vec![text("..")], gives(".")),
                ("dir", vec![text("a/../b")], gives(".")),
                ("dir", vec![text("/../a")], gives("/")),
                ("dir", vec![text("../../a/..")], gives("../../a")),
                ("dir", vec![text(".hidden")], gives(".")),
                ("dir", vec![text("a.")], gives(".")),
                ("dir", vec![text("a/b.")], gives("a")),
                ("dir", vec![text("a.b/c")], gives("a.b")),
                ("clean", vec![text("/a/b/c.tar.gz")], gives("/a/b/c.tar.gz")),
                ("clean", vec![text("../x/./y//z/")], gives("../x/y/z")),
                ("clean", vec![text("")], gives(".")),
                ("clean", vec![text("/")], gives("/")),
                ("clean", vec![text("//")], gives("/")),
                ("clean", vec![text(".")], gives(".")),
                ("clean", vec![text("..")], gives("..")),
                ("clean", vec![text("a/../b")], gives("b")),
                ("clean", vec![text("/../a")], gives("/a")),
                ("clean", vec![text("../../a/..")], gives("../..")),
                ("clean", vec![text(".hidden")], gives(".hidden")),
                ("clean", vec![text("a.")], gives("a.")),
                ("clean", vec![text("a/b.")], gives("a/b.")),
                ("clean", vec![text("a.b/c")], gives("a.b/c")),
                ("ext", vec![text("/a/b/c.tar.gz")], gives(".gz")),
                ("ext", vec![text("../x/./y//z/")], gives("")),
                ("ext", vec![text("")], gives("")),
                ("ext", vec![text("/")], gives("")),
                ("ext", vec![text("//")], gives("")),
                ("ext", vec![text(".")], gives(".")),
                ("ext", vec![text("..")], gives(".")),
                ("ext", vec![text("a/../b")], gives("")),
                ("ext", vec![text("/../a")], gives("")),
                ("ext", vec![text("../../a/..")], gives(".")),
                ("ext", vec![text(".hidden")], gives(".hidden")),
                ("ext", vec![text("a.")], gives(".")),
                ("ext", vec![text("a/b.")], gives(".")),
                ("ext", vec![text("a.b/c")], gives("")),
                ("isAbs", vec![text("/a/b/c.tar.gz")], gives("true")),
                ("isAbs", vec![text("../x/./y//z/")], gives("false")),
                ("isAbs", vec![text("")], gives("false")),
                ("isAbs", vec![text("/")], gives("true")),
                ("isAbs", vec![text("//")], gives("true")),
                ("isAbs", vec![text(".")], gives("false")),
                ("isAbs", vec![text("..")], gives("false")),
                ("isAbs", vec![text("a/../b")], gives("false")),
                ("isAbs", vec![text("/../a")], gives("true")),
                ("isAbs", vec![text("../../a/..")], gives("false")),
                ("isAbs", vec![text(".hidden")], gives("false")),
                ("isAbs", vec![text("a.")], gives("false")),
                ("isAbs", vec![text("a/b.")], gives("false")),
                ("isAbs", vec![text("a.b/c")], gives("false")),
            ],
        );
    }
}
