//! A sandboxed Handlebars engine: decides what a template may do, and renders it.
//!
//! A template is written by a user, and the controller must survive any of them. So the source is checked before
//! it is parsed, the parsed template before it is rendered, the work is bounded beforehand (a running render
//! cannot be stopped), the output is capped, and both run on a thread with a known stack.

mod bytes;
mod check;
mod error;
mod helpers;
mod scan;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use handlebars::{Context, Handlebars, no_escape};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

pub use error::TemplateError;

use crate::limits::{MAX_RENDERED_BYTES, TEMPLATE_STACK_BYTES};

/// The name under which the only template is registered.
const NAME: &str = "template";

/// A template that has passed all checks that need no data.
pub struct Template {
    registry: Handlebars<'static>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(handlebars)")
    }
}

/// Reads a template.
///
/// Besides what is built in (`if`, `unless`, `each`, `with`, `lookup`, `raw`, `eq`, `ne`, `gt`, `gte`, `lt`, `lte`,
/// `and`, `or`, `not`, `len`) there are the helpers `b64enc`, `b64dec`, `upper`, `lower`, `trim`, `toJson`,
/// `default` and `quote`. Partials and decorators are refused. Nothing is escaped.
///
/// # Errors
///
/// The source is not a template, uses what is refused, or breaks a limit.
pub fn compile(source: &str) -> Result<Template, TemplateError> {
    scan::source(source)?;
    on_known_stack(|| {
        let parsed = handlebars::Template::compile(source).map_err(|error| TemplateError::syntax(&error))?;
        check::constructs(&parsed)?;
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(no_escape);
        helpers::register(&mut registry);
        registry.register_template(NAME, parsed);
        Ok(Template { registry })
    })
}

impl Template {
    /// The rendered text. The fields are strings by name (`{{user}}`, `{{[tls.crt]}}`); a value that is not UTF-8
    /// passes through unharmed.
    ///
    /// # Errors
    ///
    /// A field or helper parameter does not exist, or a limit is broken. Names the place and similar fields, never
    /// a value.
    pub fn render(&self, data: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, TemplateError> {
        let template = self.registry.get_template(NAME).ok_or(TemplateError::Internal)?;
        on_known_stack(|| {
            check::work(template, data)?;
            let fields: Map<String, Json> =
                data.iter().map(|(name, value)| (name.clone(), Json::String(bytes::text(value)))).collect();
            let context = Context::from(Json::Object(fields));
            let mut output = Output::default();
            let outcome = self.registry.render_with_context_to_write(NAME, &context, &mut output);
            if output.full {
                return Err(TemplateError::TooLarge);
            }
            outcome.map_err(|error| TemplateError::rendering(&error, data.keys()))?;
            Ok(std::mem::take::<Vec<u8>>(&mut output.bytes))
        })
    }
}

/// What has been rendered so far.
#[derive(Default)]
struct Output {
    bytes: Zeroizing<Vec<u8>>,
    full: bool,
}

impl io::Write for Output {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        bytes::append(&mut self.bytes, piece);
        self.full |= self.bytes.len() > MAX_RENDERED_BYTES;
        if self.full { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(piece.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
