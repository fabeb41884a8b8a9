//! Decides whether arguments fit a function's parameters, as Go's text/template does.

use std::collections::BTreeMap;

use super::error::{Outcome, evaluation};
use super::eval::{Arguments, Parameters};
use super::literal::Number;
use super::run::Run;
use super::tree::{Operand, Term};
use crate::value::{Element, IntKind, Integer, List, Map, Text, Type, Value, type_name};

impl<'t> Run<'t, '_> {
    /// The arguments of a function, each of the type of its parameter.
    pub(super) fn arguments(
        &mut self,
        at: usize,
        function: &str,
        (fixed, rest): Parameters,
        arguments: Arguments<'_, 't>,
    ) -> Outcome<Vec<Value>> {
        let count = arguments.len();
        if count < fixed.len() || (count > fixed.len() && rest.is_none()) {
            let least = if rest.is_some() { "at least " } else { "" };
            let wanted = fixed.len();
            return evaluation(
                at,
                format!("function {function} takes {least}{wanted} arguments, not {count}"),
            );
        }
        let mut values = Vec::with_capacity(count);
        for (index, operand) in arguments.operands.iter().enumerate() {
            let wanted = fixed.get(index).copied().or(rest).unwrap_or(Type::Any);
            let place = Place { at: operand.at, function, number: index + 1 };
            values.push(self.argument(arguments.dot, operand, wanted, &place)?);
        }
        if let Some(piped) = arguments.piped {
            let wanted = fixed.get(values.len()).copied().or(rest).unwrap_or(Type::Any);
            let place = Place { at, function, number: values.len() + 1 };
            values.push(fitting(piped, wanted, &place)?);
        }
        Ok(values)
    }

    fn argument(
        &mut self,
        dot: &Value,
        operand: &'t Operand,
        wanted: Type,
        place: &Place<'_>,
    ) -> Outcome<Value> {
        match &operand.term {
            Term::Number(number) => typed_number(number, wanted, place),
            Term::Bool(_) | Term::Text(_) | Term::Nil if wanted == Type::Any => self.operand(dot, operand),
            Term::Bool(truth) if wanted == Type::Bool => Ok(Value::Bool(*truth)),
            Term::Text(constant) if matches!(wanted, Type::Text | Type::NamedText(_)) => {
                Ok(Value::Text(self.constant(*constant)))
            }
            Term::Nil => fitting(Value::Nil, wanted, place),
            Term::Bool(_) => place.wrong(wanted, "a bool"),
            Term::Text(_) => place.wrong(wanted, "a string"),
            Term::Dot | Term::Variable(..) | Term::Pipeline(_) => {
                let value = self.operand(dot, operand)?;
                fitting(value, wanted, place)
            }
            Term::Fields(_) | Term::Function(_) | Term::Chain(..) => {
                // To Go this nil still is an interface {}, which is no list or map.
                match self.operand(dot, operand)? {
                    Value::Nil if wanted != Type::Any => place.wrong(wanted, "nil"),
                    value => fitting(value, wanted, place),
                }
            }
        }
    }

    /// A number where no type is asked for.
    pub(super) fn number(at: usize, number: &Number) -> Outcome<Value> {
        match (number.float, number.int) {
            (Some(float), _) if number.is_written_as_float => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::int(int)),
            _ => evaluation(at, "number is too large for an int"),
        }
    }
}

/// Which argument of which function.
struct Place<'f> {
    at: usize,
    function: &'f str,
    number: usize,
}

impl Place<'_> {
    fn wrong<T>(&self, wanted: Type, found: &str) -> Outcome<T> {
        let Self { at, function, number } = self;
        let wanted = name_of(wanted);
        evaluation(*at, format!("argument {number} of {function} must be {wanted}, not {found}"))
    }
}

fn typed_number(number: &Number, wanted: Type, place: &Place<'_>) -> Outcome<Value> {
    let value = match wanted {
        Type::Any => return Run::number(place.at, number),
        Type::Float => number.float.map(Value::Float),
        Type::Int(kind) if kind.is_unsigned() => {
            number.unsigned.map(|value| Value::Int(Integer { kind, value: wrapped(kind, i128::from(value)) }))
        }
        Type::Int(kind) => {
            number.int.map(|value| Value::Int(Integer { kind, value: wrapped(kind, i128::from(value)) }))
        }
        Type::Bool
        | Type::Text
        | Type::NamedText(_)
        | Type::Bytes
        | Type::List(_)
        | Type::Map(_)
        | Type::Object(_) => None,
    };
    match value {
        Some(value) => Ok(value),
        None => place.wrong(wanted, "this number"),
    }
}

/// A constant that does not fit loses its upper bits, as in Go.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "losing the upper bits is what is wanted"
)]
fn wrapped(kind: IntKind, value: i128) -> i128 {
    match kind {
        IntKind::Int | IntKind::Int64 => i128::from(value as i64),
        IntKind::Int8 => i128::from(value as i8),
        IntKind::Int16 => i128::from(value as i16),
        IntKind::Int32 => i128::from(value as i32),
        IntKind::Uint | IntKind::Uint64 => i128::from(value as u64),
        IntKind::Uint8 => i128::from(value as u8),
        IntKind::Uint16 => i128::from(value as u16),
        IntKind::Uint32 => i128::from(value as u32),
    }
}

/// The value if it has the type. No value stands for an empty list or map.
fn fitting(value: Value, wanted: Type, place: &Place<'_>) -> Outcome<Value> {
    let fits = match (&value, wanted) {
        (_, Type::Any)
        | (Value::Bool(_), Type::Bool)
        | (Value::Float(_), Type::Float)
        | (Value::Text(_), Type::Text)
        | (Value::Bytes(_), Type::Bytes) => true,
        (Value::Int(number), Type::Int(kind)) => number.kind == kind,
        (Value::List(list), Type::List(element)) => list.element == element,
        (Value::Map(map), Type::Map(element)) => map.element == element,
        (Value::Object(object), Type::Object(name)) => object.type_name() == name,
        (Value::Nil, Type::List(element)) => return Ok(empty_list(element)),
        // A nil map reads like an empty one, but nothing can be put into it.
        (Value::Nil, Type::Map(_)) if place.function == "set" => false,
        (Value::Nil, Type::Map(element)) => return Ok(empty_map(element)),
        (Value::Nil, Type::Bytes) => return Ok(Value::Bytes(Text::new(Vec::new()))),
        _ => false,
    };
    if fits { Ok(value) } else { place.wrong(wanted, found_name(&value)) }
}

pub(in crate::engine) fn found_name(value: &Value) -> &'static str {
    if matches!(value, Value::Nil) { "nil" } else { type_name(value) }
}

pub(super) fn empty_list(element: Element) -> Value {
    Value::List(List { element, items: std::rc::Rc::default() })
}

fn empty_map(element: Element) -> Value {
    Value::Map(Map { element, entries: std::rc::Rc::new(std::cell::RefCell::new(BTreeMap::new())) })
}

pub(in crate::engine) fn name_of(wanted: Type) -> &'static str {
    match wanted {
        Type::Any => "a value",
        Type::Bool => "bool",
        Type::Int(kind) => kind.name(),
        Type::Float => "float64",
        Type::Text => "string",
        Type::Bytes => "[]uint8",
        Type::List(element) => element.list_name(),
        Type::Map(element) => element.map_name(),
        Type::Object(name) | Type::NamedText(name) => name,
    }
}
