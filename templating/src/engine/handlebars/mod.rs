//! A sandboxed Handlebars engine: decides what a template may do, and renders it.
//!
//! A template is written by a user, and the controller must survive any of them. So the source is checked before
//! it is parsed, the parsed template before it is rendered, every block and function pays for its work (a running
//! render cannot be stopped from outside), the output is capped, and both run on a thread with a known stack.

mod bridge;
mod bytes;
mod check;
mod convert;
mod error;
mod prepare;
mod scan;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use handlebars::{Context, Handlebars, RenderContext, Renderable as _, no_escape};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

pub use error::TemplateError;

use self::bridge::{Bridge, Meter, TURN, Turn};
use super::Environment;
use crate::funcs::Scope;
use crate::limits::{
    MAX_GO_RENDER_MEMORY_BYTES, MAX_GO_RENDER_STEPS, MAX_RENDERED_BYTES, TEMPLATE_STACK_BYTES,
};

/// A template that has passed all checks that need no data.
pub struct Template {
    parsed: handlebars::Template,
    found: prepare::Found,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(handlebars)")
    }
}

/// Reads a template.
///
/// Besides what is built in (`if`, `unless`, `each`, `with`, `lookup`, `raw`, `eq`, `ne`, `gt`, `gte`, `lt`, `lte`,
/// `and`, `or`, `not`, `len`) every function of Go templates is a helper, with the same arguments in the same order:
/// `{{b64enc (upper user)}}`. `templating/HANDLEBARS.md` says the rest. Partials and decorators are refused. Nothing
/// is escaped.
///
/// # Errors
///
/// The source is not a template, uses what is refused, or breaks a limit.
pub fn compile(source: &str) -> Result<Template, TemplateError> {
    scan::source(source)?;
    on_known_stack(|| {
        let mut parsed =
            handlebars::Template::compile(source).map_err(|error| TemplateError::syntax(&error))?;
        check::constructs(&parsed)?;
        let found = prepare::prepared(&mut parsed).map_err(|error| TemplateError::syntax(&error))?;
        Ok(Template { parsed, found })
    })
}

impl Template {
    /// The rendered text. The fields are strings by name (`{{user}}`, `{{[tls.crt]}}`); a value that is not UTF-8
    /// passes through unharmed.
    ///
    /// # Errors
    ///
    /// A field does not exist, a function cannot work with what it is given, or a limit is broken. Names the place
    /// and similar fields, never a value.
    pub fn render(
        &self,
        data: &BTreeMap<String, Vec<u8>>,
        environment: &mut Environment<'_>,
    ) -> Result<Vec<u8>, TemplateError> {
        let Environment { now, random } = environment;
        let (now, random) = (*now, &mut **random);
        on_known_stack(move || {
            let scope = Scope::new(now, random, MAX_GO_RENDER_STEPS, MAX_GO_RENDER_MEMORY_BYTES);
            let meter = Meter::new(scope);
            let registry = self.registry(&meter);
            let fields: Map<String, Json> =
                data.iter().map(|(name, value)| (name.clone(), Json::String(bytes::text(value)))).collect();
            let context = Context::from(Json::Object(fields));
            let mut output = Output::default();
            let mut rendering = RenderContext::new(None);
            let outcome = self.parsed.render(&registry, &context, &mut rendering, &mut output);
            if output.full {
                return Err(TemplateError::TooLarge);
            }
            outcome.map_err(|error| TemplateError::rendering(&error, data.keys()))?;
            Ok(std::mem::take::<Vec<u8>>(&mut output.bytes))
        })
    }

    /// The helpers of one rendering: those that the template calls.
    fn registry<'r>(&'r self, meter: &'r Meter<'r>) -> Handlebars<'r> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(no_escape);
        // It would write values to the log.
        registry.unregister_helper("log");
        registry.register_helper(TURN, Box::new(Turn(meter)));
        for function in self.found.functions.values() {
            let bridge = Bridge { function, meter, literals: &self.found.literals };
            registry.register_helper(function.name, Box::new(bridge));
        }
        registry
    }
}

/// What has been rendered so far.
#[derive(Default)]
struct Output {
    bytes: Zeroizing<Vec<u8>>,
    full: bool,
}

impl handlebars::Output for Output {
    fn write(&mut self, piece: &str) -> io::Result<()> {
        bytes::append(&mut self.bytes, piece.as_bytes());
        self.full |= self.bytes.len() > MAX_RENDERED_BYTES;
        if self.full { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
    }
}

/// Runs `work` on a thread whose stack is large enough for everything that the checks let through, wherever
/// the caller is.
fn on_known_stack<T: Send>(
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(TEMPLATE_STACK_BYTES).spawn_scoped(scope, work);
        thread.map_err(|_| TemplateError::Internal)?.join().map_err(|_| TemplateError::Internal)?
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
