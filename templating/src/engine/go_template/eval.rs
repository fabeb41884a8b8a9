//! Evaluates pipelines, commands and operands.

use std::rc::Rc;

use super::callee::{Callee, Reach};
use super::error::{Outcome, evaluation};
use super::guard::{is_container, take_apart, walkable};
use super::run::Run;
use super::tree::{Binding, Command, Operand, Pipeline, Term};
use crate::engine::near::near;
use crate::funcs::{Failure, Function};
use crate::value::{Map, Object, Text, Type, Value, is_true, type_name};

/// Bytes of an argument or a result that are read for one step: some functions take their time for each byte.
const BYTES_PER_STEP: usize = 64;

impl<'t> Run<'t, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipeline: &'t Pipeline) -> Outcome<Value> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipeline.variables {
            match pipeline.binding {
                Binding::Declares => self.declare(*name, value.clone()),
                Binding::Assigns => self.assign(pipeline.at, *name, value.clone())?,
            }
        }
        Ok(value)
    }

    /// A command, with the value of the one before it in the pipeline.
    fn command(&mut self, dot: &Value, command: &'t Command, piped: Option<Value>) -> Outcome<Value> {
        let Operand { at, term } = &command.word;
        let at = *at;
        self.spend(at, 1)?;
        let arguments = Arguments { dot, operands: &command.arguments, piped };
        match term {
            Term::Function(callee) => self.call_function(at, *callee, arguments),
            Term::Fields(fields) => self.fields(at, dot.clone(), fields, arguments),
            Term::Variable(name, fields) => {
                let value = self.variable(at, *name)?;
                self.fields(at, value, fields, arguments)
            }
            Term::Chain(first, fields) => {
                let value = self.operand(dot, first)?;
                self.fields(at, value, fields, arguments)
            }
            Term::Nil => evaluation(at, "nil is not a command"),
            Term::Dot | Term::Bool(_) | Term::Number(_) | Term::Text(_) | Term::Pipeline(_) => {
                arguments.none(at)?;
                self.operand(dot, &command.word)
            }
        }
    }

    /// An operand where no type is asked for.
    pub(super) fn operand(&mut self, dot: &Value, operand: &'t Operand) -> Outcome<Value> {
        let at = operand.at;
        self.spend(at, 1)?;
        let none = Arguments { dot, operands: &[], piped: None };
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(truth) => Ok(Value::Bool(*truth)),
            Term::Number(number) => Self::number(at, number),
            Term::Text(constant) => Ok(Value::Text(self.constant(*constant))),
            Term::Function(callee) => self.call_function(at, *callee, none),
            Term::Fields(fields) => self.fields(at, dot.clone(), fields, none),
            Term::Variable(name, fields) => {
                let value = self.variable(at, *name)?;
                self.fields(at, value, fields, none)
            }
            Term::Pipeline(pipeline) => self.nested(at, |run| run.pipeline(dot, pipeline)),
            Term::Chain(first, fields) => {
                if matches!(first.term, Term::Nil) {
                    return evaluation(at, "nil has no fields");
                }
                let value = self.nested(at, |run| run.operand(dot, first))?;
                self.fields(at, value, fields, none)
            }
        }
    }

    pub(super) fn constant(&mut self, index: usize) -> Text {
        let bytes = self.tree.constants.get(index).map_or(&[][..], |constant| constant);
        match self.constants.get_mut(index) {
            Some(known) => known.get_or_insert_with(|| Text::from(bytes)).clone(),
            None => Text::from(bytes),
        }
    }

    /// A value's fields. The last of them gets the arguments.
    fn fields(
        &mut self,
        at: usize,
        value: Value,
        fields: &'t [Box<str>],
        arguments: Arguments<'_, 't>,
    ) -> Outcome<Value> {
        let Some((last, path)) = fields.split_last() else {
            arguments.none(at)?;
            return Ok(value);
        };
        let mut value = value;
        for field in path {
            let none = Arguments { dot: arguments.dot, operands: &[], piped: None };
            value = self.field(at, &value, field, none)?;
        }
        self.field(at, &value, last, arguments)
    }

    fn field(
        &mut self,
        at: usize,
        value: &Value,
        name: &str,
        arguments: Arguments<'_, 't>,
    ) -> Outcome<Value> {
        self.spend(at, 1)?;
        match value {
            Value::Map(map) => {
                arguments.none(at)?;
                self.entry(at, map, name)
            }
            Value::Object(object) => self.member(at, object, name, arguments),
            Value::Nil => self.missing(at, name, Vec::new),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_) => evaluation(at, format!("{} has no field {name:?}", type_name(value))),
        }
    }

    fn entry(&self, at: usize, map: &Map, name: &str) -> Outcome<Value> {
        let entries = map.entries.borrow();
        if let Some(value) = entries.get(name.as_bytes()) {
            return Ok(value.clone());
        }
        // The names of other maps come from values.
        let is_root = Rc::ptr_eq(&map.entries, &self.root.entries);
        let names = entries.keys().filter(|_| is_root).filter_map(|key| std::str::from_utf8(key).ok());
        self.missing(at, name, || near(name, names))
    }

    fn member(
        &mut self,
        at: usize,
        object: &Rc<dyn Object>,
        name: &str,
        arguments: Arguments<'_, 't>,
    ) -> Outcome<Value> {
        if let Some(parameters) = object.method(name) {
            let values = self.arguments(at, name, (parameters, None), arguments)?;
            return match object.call(&mut self.scope, name, &values) {
                Ok(value) => Ok(value),
                Err(failure) => self.failed(at, name, failure),
            };
        }
        match object.field(name) {
            Some(value) => arguments.none(at).map(|()| value),
            None => evaluation(at, format!("{} has no field or method {name:?}", object.type_name())),
        }
    }

    fn call_function(&mut self, at: usize, callee: Callee, arguments: Arguments<'_, 't>) -> Outcome<Value> {
        match callee {
            Callee::And => self.stops_at(at, false, arguments),
            Callee::Or => self.stops_at(at, true, arguments),
            Callee::Function(function, reach) => {
                let types = (function.params, function.rest);
                let values = self.arguments(at, function.name, types, arguments)?;
                self.checked_call(at, function, reach, &values)
            }
        }
    }

    /// `and` and `or`: the first argument with this truth, or the last one.
    fn stops_at(&mut self, at: usize, truth: bool, arguments: Arguments<'_, 't>) -> Outcome<Value> {
        if arguments.operands.is_empty() && arguments.piped.is_none() {
            return evaluation(at, "and, or: an argument is missing");
        }
        let mut value = Value::Nil;
        for operand in arguments.operands {
            value = self.operand(arguments.dot, operand)?;
            if is_true(&value) == truth {
                return Ok(value);
            }
        }
        Ok(arguments.piped.unwrap_or(value))
    }

    /// Calls a function with arguments of the right types, if they are not too large.
    fn checked_call(
        &mut self,
        at: usize,
        function: &Function,
        reach: Reach,
        values: &[Value],
    ) -> Outcome<Value> {
        let before = self.payment(reach, values);
        let result = before.and_then(|()| (function.call)(&mut self.scope, values));
        let result = match (reach, result) {
            (Reach::Changes, Ok(value)) => self.acyclic(values).map(|()| value),
            (_, result) => result,
        };
        match result {
            Ok(value) => {
                self.spend(at, byte_length(&value) / BYTES_PER_STEP)?;
                Ok(value)
            }
            Err(failure) => {
                if reach == Reach::Changes {
                    take_apart(values);
                }
                self.failed(at, function.name, failure)
            }
        }
    }

    /// Pays for reading the arguments.
    fn payment(&mut self, reach: Reach, values: &[Value]) -> Result<(), Failure> {
        for value in values {
            self.scope.spend_steps(byte_length(value) / BYTES_PER_STEP)?;
            if is_container(value) && reach != Reach::Shallow {
                walkable(&mut self.scope, value)?;
            }
        }
        Ok(())
    }

    /// After a change of the first argument: it can be walked still, and so does not contain itself.
    fn acyclic(&mut self, values: &[Value]) -> Result<(), Failure> {
        match values.split_first() {
            Some((changed, others)) if others.iter().any(is_container) => walkable(&mut self.scope, changed),
            _ => Ok(()),
        }
    }
}

/// What a command gives to a function: operands, and the value before the bar.
pub(super) struct Arguments<'d, 't> {
    pub(super) dot: &'d Value,
    pub(super) operands: &'t [Operand],
    pub(super) piped: Option<Value>,
}

impl Arguments<'_, '_> {
    /// Refuses arguments of what is no function.
    fn none(&self, at: usize) -> Outcome<()> {
        if self.operands.is_empty() && self.piped.is_none() {
            return Ok(());
        }
        evaluation(at, "what is no function is given an argument")
    }

    pub(super) fn len(&self) -> usize {
        self.operands.len() + usize::from(self.piped.is_some())
    }
}

fn byte_length(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Bytes(text) => text.len(),
        Value::Object(object) => object.text_bytes(),
        _ => 0,
    }
}

/// The types of a function's fixed parameters and of any further ones.
pub(super) type Parameters = (&'static [Type], Option<Type>);
