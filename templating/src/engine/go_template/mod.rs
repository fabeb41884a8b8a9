//! An engine for templates in the language of Go's text/template (version 1.26, missing keys are errors).
//!
//! A template is written by a user, and the controller must survive any of them: source, nesting, work, memory and
//! output are limited, and every recursion is bounded.

mod arguments;
mod buffer;
mod builtins;
mod callee;
mod error;
mod eval;
mod guard;
mod lexer;
mod literal;
mod parser;
mod pipeline;
mod run;
mod token;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

pub use super::Environment;
pub(super) use arguments::{found_name, name_of};
pub(super) use callee::{library, names};
pub(super) use error::exceeded;
pub use error::{Problem, TemplateError};
pub(crate) use guard::walkable;

use crate::funcs::Scope;
use crate::limits::{MAX_GO_RENDER_MEMORY_BYTES, MAX_GO_TEMPLATE_BYTES, render_steps};
use crate::value::{Element, Map, Text, Value};

/// What encloses an action. An empty one stands for Go's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delimiters {
    /// What begins an action: `{{` by default.
    pub left: String,
    /// What ends an action: `}}` by default.
    pub right: String,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { left: "{{".to_owned(), right: "}}".to_owned() }
    }
}

/// What a field that a map does not have gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissingKey {
    /// An error: Go's `missingkey=error`, which upstream sets for the templates of a target.
    #[default]
    Error,
    /// Nothing, which prints `<no value>`: Go's default, which upstream leaves for `rewrite.transform`.
    NoValue,
}

/// A template that is read once and rendered any number of times.
pub struct Template {
    tree: tree::Tree,
    lines: error::Lines,
    /// The work that a rendering may take.
    steps: u64,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(go)")
    }
}

/// Reads a template that has no name.
///
/// # Errors
///
/// The source is not a template, calls a function that does not exist, or breaks a limit.
pub fn compile(source: impl AsRef<[u8]>, delimiters: &Delimiters) -> Result<Template, TemplateError> {
    compile_named(None, source.as_ref(), delimiters)
}

/// Reads a template that has a name, as Go's `New(name).Parse(source)` does: it may call itself, and a definition of
/// that name is the template where nothing else is in it.
///
/// # Errors
///
/// As [`compile`], and such a definition beside text.
pub fn compile_named(
    name: Option<&str>,
    source: &[u8],
    delimiters: &Delimiters,
) -> Result<Template, TemplateError> {
    if source.len() > MAX_GO_TEMPLATE_BYTES {
        return Err(TemplateError { line: 1, column: 1, problem: Problem::Limit("is too long") });
    }
    let lines = error::Lines::of(source);
    match parser::parsed(source, &delimiters.left, &delimiters.right, name.map(str::as_bytes)) {
        Ok(tree) => Ok(Template { tree, lines, steps: render_steps(source.len()) }),
        Err(fault) => Err(lines.error(*fault)),
    }
}

impl Template {
    /// The rendered text, where a missing key is an error; otherwise as [`render_with`](Self::render_with).
    ///
    /// # Errors
    ///
    /// As [`render_with`](Self::render_with).
    pub fn render(
        &self,
        data: &BTreeMap<String, Vec<u8>>,
        environment: &mut Environment<'_>,
    ) -> Result<Vec<u8>, TemplateError> {
        self.render_with(data, environment, MissingKey::Error)
    }

    /// The rendered text. The fields are a `map[string]string`; a value that is not UTF-8 passes through unharmed.
    ///
    /// # Errors
    ///
    /// A field does not exist, a function cannot work with what it is given, or a limit is broken. Names the
    /// place, never a value; the text of `fail` is shown only if it stands literally in the template.
    pub fn render_with(
        &self,
        data: &BTreeMap<String, Vec<u8>>,
        environment: &mut Environment<'_>,
        missing_key: MissingKey,
    ) -> Result<Vec<u8>, TemplateError> {
        let root = Map { element: Element::Text, entries: Rc::new(RefCell::new(texts(data))) };
        self.run(root, environment, missing_key)
    }

    /// The rendered text with groups of fields, `{{ .group.name }}`; a missing one gives nothing, as in
    /// [`MissingKey::NoValue`].
    ///
    /// # Errors
    ///
    /// As [`render_with`](Self::render_with).
    pub fn render_groups(
        &self,
        groups: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
        environment: &mut Environment<'_>,
    ) -> Result<Vec<u8>, TemplateError> {
        let entries =
            groups.iter().map(|(name, group)| (Text::from(name.as_str()), Value::text_map(texts(group))));
        let root = Map { element: Element::Any, entries: Rc::new(RefCell::new(entries.collect())) };
        self.run(root, environment, MissingKey::NoValue)
    }

    fn run(
        &self,
        root: Map,
        environment: &mut Environment<'_>,
        missing_key: MissingKey,
    ) -> Result<Vec<u8>, TemplateError> {
        let scope = Scope::new(environment.now, environment.random, self.steps, MAX_GO_RENDER_MEMORY_BYTES);
        run::Run::new(&self.tree, root, missing_key, scope)
            .rendered()
            .map_err(|fault| self.lines.error(*fault))
    }
}

/// The names of all functions that a template may call, in order: those of the language and those of the library.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    callee::names().filter(|name| !is_for_tests(name))
}

#[cfg(test)]
fn is_for_tests(name: &str) -> bool {
    tests::values::FUNCTIONS.iter().any(|function| function.name == name)
}

#[cfg(not(test))]
fn is_for_tests(_: &str) -> bool {
    false
}

fn texts(data: &BTreeMap<String, Vec<u8>>) -> BTreeMap<Text, Value> {
    data.iter().map(|(name, value)| (Text::from(name.as_str()), Value::text(value.as_slice()))).collect()
}

#[cfg(test)]
mod tests;
