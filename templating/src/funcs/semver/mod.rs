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
    scope.spend_steps(8)?;
    spend_building(scope, source.len().saturating_mul(20))?;
    let constraints = std::str::from_utf8(source).ok().and_then(Constraints::parsed);
    let Some(constraints) = constraints else { return raised("improper constraint") };
    let version = version(scope, text(arguments, 1)?)?;
    Ok(Value::Bool(constraints.allow(&version)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{fails, gives, run, text};

    #[test]
    fn versions_and_constraints_are_those_of_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                ("semver", vec![text("1.2.3-beta.1+b.5")], gives("1.2.3-beta.1+b.5")),
                ("semver", vec![text("v1")], gives("1.0.0")),
                ("semver", vec![text("1.2")], gives("1.2.0")),
                ("semver", vec![text("01.2.3")], gives("1.2.3")),
                ("semver", vec![text("1.2.3.4")], fails()),
                ("semver", vec![text("")], fails()),
                ("semver", vec![text("1.2.3-")], fails()),
                ("semver", vec![text("1.2.3-01")], fails()),
                ("semver", vec![text("1.2.3-0a")], gives("1.2.3-0a")),
                ("semver", vec![text("1.2.3+01")], gives("1.2.3+01")),
                ("semver", vec![text("V1")], fails()),
                ("semver", vec![text("99999999999999999999.1.1")], fails()),
                ("semver", vec![text("1.2-rc")], gives("1.2.0-rc")),
                ("semver", vec![text(b"1.2\xff")], fails()),
                ("semverCompare", vec![text("^1.2"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("^1.2"), text("1.1.9")], gives("false")),
                ("semverCompare", vec![text("^0.2"), text("0.3.0")], gives("false")),
                ("semverCompare", vec![text("^0.2"), text("0.2.9")], gives("true")),
                ("semverCompare", vec![text("^0.0.3"), text("0.0.4")], gives("false")),
                ("semverCompare", vec![text("^0"), text("0.9.9")], gives("true")),
                ("semverCompare", vec![text("~1.2"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("~1.2"), text("1.3.0")], gives("false")),
                ("semverCompare", vec![text("~1"), text("1.9.0")], gives("true")),
                ("semverCompare", vec![text("~0.0"), text("0.0.5")], gives("true")),
                ("semverCompare", vec![text("~*"), text("5.0.0")], gives("true")),
                ("semverCompare", vec![text("^*"), text("5.0.0")], gives("false")),
                ("semverCompare", vec![text(">=1.0 <2.0"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text(">=1.0,<1.2"), text("1.2.3")], gives("false")),
                ("semverCompare", vec![text("<1 || >=1.2"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("1.0 - 2.0"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("1.3 - 2.0"), text("1.2.3")], gives("false")),
                ("semverCompare", vec![text("1.x"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("*"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("*"), text("1.2.3-a")], gives("false")),
                ("semverCompare", vec![text(">1"), text("1.2.3")], gives("false")),
                ("semverCompare", vec![text(">1.1"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text(">1.2"), text("1.2.9")], gives("false")),
                ("semverCompare", vec![text("<=1.2"), text("1.2.9")], gives("true")),
                ("semverCompare", vec![text("<=1"), text("1.9.9")], gives("true")),
                ("semverCompare", vec![text("!=1.x"), text("1.2.3")], gives("false")),
                ("semverCompare", vec![text("!=1.2"), text("1.3.0")], gives("true")),
                ("semverCompare", vec![text("!=1.2.3"), text("1.2.3")], gives("false")),
                ("semverCompare", vec![text("=>1.2"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("=<1.2"), text("1.2.3")], gives("true")),
                ("semverCompare", vec![text("1.2.x."), text("1.2.3")], fails()),
                ("semverCompare", vec![text(""), text("1.2.3")], fails()),
                ("semverCompare", vec![text("junk"), text("1.2.3")], fails()),
                ("semverCompare", vec![text(">=1.2.3-0"), text("1.2.3-beta")], gives("true")),
                ("semverCompare", vec![text(">=1.2.3-beta.2"), text("1.2.3-beta.11")], gives("true")),
                ("semverCompare", vec![text(">=1.2.3-alpha"), text("1.2.3-1")], gives("false")),
                ("semverCompare", vec![text("1|2"), text("1.2.3")], fails()),
                ("semverCompare", vec![text("> =1"), text("1.2.3")], fails()),
                ("semverCompare", vec![text("1.0, "), text("1.2.3")], fails()),
                ("semverCompare", vec![text("1.0 -2.0"), text("1.2.3")], fails()),
                ("semverCompare", vec![text("^1"), text("junk")], fails()),
                ("semverCompare", vec![text("v1.2.3"), text("1.2.3")], gives("true")),
            ],
        );
    }
}
