//! Owns a version as templates see it, with its methods.

use std::any::Any;
use std::rc::Rc;

use super::version::{Version, is_metadata, is_prerelease};
use crate::funcs::arguments::{raised, text, value};
use crate::funcs::{Failure, Scope};
use crate::value::{IntKind, Integer, Object, Text, Type, Value};

const POINTER: &str = "*semver.Version";

/// A version as a template holds it.
pub(super) struct Handle {
    version: Version,
    kind: Kind,
}

/// Methods that change a version give a struct, which has fewer methods.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pointer,
    Struct,
}

const NOTHING: &[Type] = &[];
const OTHER: &[Type] = &[Type::Object(POINTER)];

impl Handle {
    pub(super) fn pointer(version: Version) -> Self {
        Self { version, kind: Kind::Pointer }
    }

    fn changed(&self, change: impl FnOnce(&mut Version)) -> Value {
        let mut version = self.version.clone();
        change(&mut version);
        Value::Object(Rc::new(Self { version: version.renamed(), kind: Kind::Struct }))
    }
}

fn unsigned(value: u64) -> Value {
    Value::Int(Integer { kind: IntKind::Uint64, value: i128::from(value) })
}

/// A piece of a version that a template sets.
fn piece(arguments: &[Value], is_valid: fn(&str) -> bool) -> Result<String, Failure> {
    match std::str::from_utf8(text(arguments, 0)?) {
        Ok(piece) if is_valid(piece) => Ok(piece.to_owned()),
        _ => raised("invalid semantic version"),
    }
}

fn next_release(version: &mut Version) {
    version.metadata.clear();
    version.prerelease.clear();
}

impl Object for Handle {
    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Pointer => POINTER,
            Kind::Struct => "semver.Version",
        }
    }

    fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Pointer => "ptr",
            Kind::Struct => "struct",
        }
    }

    fn display(&self) -> Vec<u8> {
        self.version.to_string().into_bytes()
    }

    fn text_bytes(&self) -> usize {
        64 + self.version.prerelease.len() + self.version.metadata.len()
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        match name {
            "String" | "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "IncMajor" | "IncMinor"
            | "IncPatch" | "MarshalJSON" | "MarshalText" | "Value" => Some(NOTHING),
            "SetPrerelease" | "SetMetadata" => Some(&[Type::Text]),
            "Original" if self.kind == Kind::Pointer => Some(NOTHING),
            "Compare" | "Equal" | "LessThan" | "LessThanEqual" | "GreaterThan" | "GreaterThanEqual"
                if self.kind == Kind::Pointer =>
            {
                Some(OTHER)
            }
            _ => None,
        }
    }

    fn call(&self, _: &mut Scope<'_>, method: &str, arguments: &[Value]) -> Result<Value, Failure> {
        let version = &self.version;
        Ok(match method {
            "String" | "Value" => Value::text(version.to_string()),
            "MarshalText" => Value::Bytes(Text::new(version.to_string().into_bytes())),
            "MarshalJSON" => Value::Bytes(Text::new(format!("\"{version}\"").into_bytes())),
            "Original" => Value::text(version.original.as_str()),
            "Major" => unsigned(version.major),
            "Minor" => unsigned(version.minor),
            "Patch" => unsigned(version.patch),
            "Prerelease" => Value::text(version.prerelease.as_str()),
            "Metadata" => Value::text(version.metadata.as_str()),
            "SetPrerelease" => {
                let piece = piece(arguments, is_prerelease)?;
                self.changed(|version| version.prerelease = piece)
            }
            "SetMetadata" => {
                let piece = piece(arguments, is_metadata)?;
                self.changed(|version| version.metadata = piece)
            }
            "IncMajor" => self.changed(|version| {
                next_release(version);
                (version.major, version.minor, version.patch) = (version.major.wrapping_add(1), 0, 0);
            }),
            "IncMinor" => self.changed(|version| {
                next_release(version);
                (version.minor, version.patch) = (version.minor.wrapping_add(1), 0);
            }),
            "IncPatch" => self.changed(|version| {
                // The release that a pre-release leads to is the next one.
                if version.prerelease.is_empty() {
                    version.patch = version.patch.wrapping_add(1);
                }
                next_release(version);
            }),
            _ => return self.compared(method, value(arguments, 0)),
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Handle {
    fn compared(&self, method: &str, other: &Value) -> Result<Value, Failure> {
        let Value::Object(other) = other else { return raised("argument is not a version") };
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return raised("argument is not a version");
        };
        let order = self.version.compare(&other.version);
        Ok(match method {
            "Compare" => Value::int(order as i64),
            "Equal" => Value::Bool(order.is_eq()),
            "LessThan" => Value::Bool(order.is_lt()),
            "LessThanEqual" => Value::Bool(order.is_le()),
            "GreaterThan" => Value::Bool(order.is_gt()),
            "GreaterThanEqual" => Value::Bool(order.is_ge()),
            _ => return raised("no such method"),
        })
    }
}
