//! Owns semver and semverCompare.

mod constraint;
mod object;
mod version;

use std::rc::Rc;

use self::constraint::Constraints;
use self::object::Handle;
use self::version::Version;
use super::arguments::{raised, spend_building, spend_reading, text};
use super::{Failure, Function, Scope};
use crate::value::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "semver", params: &[Type::Text], rest: None, call: semver },
    Function { name: "semverCompare", params: &[Type::Text, Type::Text], rest: None, call: semver_compare },
];

fn semver(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let version = version(scope, text(arguments, 0)?)?;
    Ok(Value::Object(Rc::new(Handle::pointer(version))))
}

fn version(scope: &mut Scope<'_>, text: &[u8]) -> Result<Version, Failure> {
    spend_building(scope, text.len().saturating_mul(3))?;
    let version = std::str::from_utf8(text).ok().and_then(Version::parsed);
    version.map_or_else(|| raised("invalid semantic version"), Ok)
}

fn semver_compare(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let source = text(arguments, 0)?;
    // A range with a hyphen is looked for from every byte on.
    spend_reading(scope, source.len().saturating_mul(source.len()))?;
    spend_building(scope, source.len().saturating_mul(20))?;
    let constraints = std::str::from_utf8(source).ok().and_then(Constraints::parsed);
    let Some(constraints) = constraints else { return raised("improper constraint") };
    let version = version(scope, text(arguments, 1)?)?;
    Ok(Value::Bool(constraints.allow(&version)))
}
