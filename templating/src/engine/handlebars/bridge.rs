//! Makes the functions of Go templates helpers: takes Handlebars' JSON to the functions' values, and back.
//!
//! JSON has fewer types. What it cannot hold (times, versions, certificates) is kept beside the rendering, and its
//! JSON says where, besides the fields that it has.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};

use super::error::HelperFault;
use super::{bytes, convert};
use crate::engine::go_template::walkable;
use crate::funcs::{Failure, Function, Scope};
use crate::value::{Object, Value, display};

/// Charges the turn of a loop. Every block of a compiled template begins with a call of it.
pub(super) const TURN: &str = "strongroom-turn";

/// Steps of one turn, or of one look at a value: it takes longer than a node of a Go template.
const TURN_STEPS: usize = 4;

/// Functions that take a field that does not exist for an empty one.
const FORGIVING: &[&str] = &["all", "any", "coalesce", "default", "empty", "ternary"];

thread_local! {
    /// Every rendering has a thread of its own, so these are those of one rendering.
    static OBJECTS: RefCell<Vec<Rc<dyn Object>>> = const { RefCell::new(Vec::new()) };
}

/// What is left of a rendering's limits.
pub(super) struct Meter<'r>(Mutex<Spent<'r>>);

struct Spent<'r> {
    scope: Scope<'r>,
    /// Bytes of the largest value that a function gave: Handlebars copies it whenever a template looks at it.
    largest: usize,
}

/// A function as a helper.
pub(super) struct Bridge<'r> {
    pub(super) function: &'static Function,
    pub(super) meter: &'r Meter<'r>,
    /// Texts that stand in the template.
    pub(super) literals: &'r [String],
}

/// The helper [`TURN`]; its parameter says how many values the block looks at.
pub(super) struct Turn<'r>(pub(super) &'r Meter<'r>);

impl<'r> Meter<'r> {
    pub(super) fn new(scope: Scope<'r>) -> Self {
        Self(Mutex::new(Spent { scope, largest: 0 }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Spent<'r>) -> Result<T, Failure>) -> Result<T, Failure> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pays for a turn that looks at `values`.
    pub(super) fn turn(&self, values: usize) -> Result<(), Failure> {
        self.with(|spent| {
            let look = TURN_STEPS + spent.largest / 64;
            spent.scope.spend_steps(values.saturating_add(1).saturating_mul(look))
        })
    }
}

impl Bridge<'_> {
    /// What the function gives for a helper's parameters.
    fn value(&self, helper: &Helper<'_>) -> Result<Value, RenderError> {
        let Function { name, params, rest, .. } = self.function;
        let count = helper.params().len();
        if let Some(hash) = helper.hash().keys().next() {
            return Err(self.fault(format!("takes no {hash}=…: arguments go by their places")));
        }
        if count < params.len() || (count > params.len() && rest.is_none()) {
            let least = if rest.is_some() { "at least " } else { "" };
            return Err(self.fault(format!("takes {least}{} arguments, not {count}", params.len())));
        }
        let mut arguments = Vec::with_capacity(count);
        for (index, parameter) in helper.params().iter().enumerate() {
            let wanted = params.get(index).copied().or(*rest).unwrap_or(crate::value::Type::Any);
            let given = self.argument(name, parameter)?;
            let fitting = convert::fitting(given, wanted);
            let fitting = fitting.map_err(|wrong| self.fault(format!("argument {} {wrong}", index + 1)))?;
            arguments.push(fitting);
        }
        let called = self.meter.with(|spent| {
            for argument in &arguments {
                walkable(&mut spent.scope, argument)?;
            }
            spent.scope.spend_steps(TURN_STEPS)?;
            let value = (self.function.call)(&mut spent.scope, &arguments)?;
            walkable(&mut spent.scope, &value)?;
            Ok(value)
        });
        called.map_err(|failure| self.failed(failure))
    }

    fn argument(&self, name: &str, parameter: &PathAndJson<'_>) -> Result<Value, RenderError> {
        if parameter.is_value_missing() {
            if FORGIVING.contains(&name) {
                return Ok(Value::Nil);
            }
            return Err(RenderError::strict_error(parameter.relative_path()));
        }
        let json = parameter.value();
        let size = convert::size(json);
        self.meter
            .with(|spent| spent.scope.spend_steps(size / 64))
            .map_err(|failure| self.failed(failure))?;
        OBJECTS
            .with_borrow(|objects| convert::value_of(json, objects))
            .map_err(|wrong| self.fault(wrong.to_owned()))
    }

    fn failed(&self, failure: Failure) -> RenderError {
        match failure {
            Failure::Raised(reason) => self.fault(reason),
            Failure::Told(text) => {
                let text = self.literals.iter().find(|literal| literal.as_bytes() == text);
                self.fault(
                    text.cloned()
                        .unwrap_or_else(|| "the template gives up with a text that it computes".to_owned()),
                )
            }
            Failure::Limit(what) => limit(what),
        }
    }

    fn fault(&self, reason: String) -> RenderError {
        let helper = self.function.name;
        RenderErrorReason::NestedError(Box::new(HelperFault::Refused { helper, reason })).into()
    }
}

fn limit(what: &'static str) -> RenderError {
    RenderErrorReason::NestedError(Box::new(HelperFault::Limit(what))).into()
}

impl HelperDef for Bridge<'_> {
    /// Inside another call: the value as JSON.
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = self.value(helper)?;
        let json = OBJECTS.with_borrow_mut(|objects| convert::json_of(&value, objects));
        let size = convert::size(&json);
        let paid = self.meter.with(|spent| {
            spent.largest = spent.largest.max(size);
            spent.scope.spend_bytes(size)
        });
        paid.map_err(|failure| self.failed(failure))?;
        Ok(ScopedJson::Derived(json))
    }

    /// By itself in a tag: the value's text, as a Go template prints it.
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rendering: &mut RenderContext<'reg, 'rc>,
        output: &mut dyn Output,
    ) -> HelperResult {
        if helper.is_block() {
            return Err(self.fault("is a function, not a block".to_owned()));
        }
        if helper.params().is_empty() && helper.hash().is_empty() {
            // A field may have a function's name.
            let field = rendering.evaluate(context, self.function.name)?;
            if !field.is_missing() {
                output.write(&field.render())?;
                return Ok(());
            }
        }
        let value = match self.value(helper)? {
            Value::Nil => return Ok(()),
            value => zeroize::Zeroizing::new(display(&value)),
        };
        output.write(&bytes::text(&value))?;
        Ok(())
    }
}

impl HelperDef for Turn<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        _: &mut dyn Output,
    ) -> HelperResult {
        let values = helper.param(0).and_then(|values| values.value().as_u64()).unwrap_or_default();
        self.0.turn(usize::try_from(values).unwrap_or(usize::MAX)).map_err(|failure| match failure {
            Failure::Limit(what) => limit(what),
            Failure::Raised(_) | Failure::Told(_) => limit("steps"),
        })
    }
}
