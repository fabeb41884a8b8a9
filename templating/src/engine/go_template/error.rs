//! What is wrong with a Go template, or with its data: places and names, never values.

use crate::engine::near::near_names;
use crate::funcs::Failure;

/// Why a template cannot be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template line {line}, column {column}: {problem}")]
pub struct TemplateError {
    /// Where, counted from 1.
    pub line: usize,
    /// Where in the line, in bytes, counted from 1.
    pub column: usize,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The source is not a template.
    #[error("{0}")]
    Syntax(String),
    /// A limit on sources or on the work of one rendering is passed.
    #[error("template {0}")]
    Limit(&'static str),
    /// A field does not exist.
    #[error("field {field:?} does not exist{}", near_names(.near))]
    MissingField {
        /// The field as the template names it.
        field: String,
        /// Existing fields with similar names.
        near: Vec<String>,
    },
    /// A function or method cannot work with what it is given.
    #[error("function {function}: {reason}")]
    Function {
        /// Its name.
        function: String,
        /// What it says.
        reason: String,
    },
    /// The template asks for something that these values cannot do.
    #[error("{0}")]
    Evaluation(String),
}

/// A problem and the offset in the source where it was met.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// Boxed: the interpreter's frames stay small.
pub(super) type Outcome<T> = Result<T, Box<Fault>>;

pub(super) fn syntax<T>(at: usize, reason: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Fault { at, problem: Problem::Syntax(reason.into()) }))
}

pub(super) fn evaluation<T>(at: usize, reason: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Fault { at, problem: Problem::Evaluation(reason.into()) }))
}

pub(super) fn limit<T>(at: usize, what: &'static str) -> Outcome<T> {
    Err(Box::new(Fault { at, problem: Problem::Limit(what) }))
}

impl Fault {
    /// What a function's failure becomes. `is_literal` tells whether a text stands in the template.
    pub(super) fn of_function(
        at: usize,
        function: &str,
        failure: Failure,
        is_literal: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let reason = match failure {
            Failure::Raised(reason) => reason,
            Failure::Told(text) if is_literal(&text) => String::from_utf8_lossy(&text).into_owned(),
            Failure::Told(_) => "the template gives up with a text that it computes".to_owned(),
            Failure::Limit(what) => return Self { at, problem: Problem::Limit(exceeded(what)) },
        };
        Self { at, problem: Problem::Function { function: function.to_owned(), reason } }
    }
}

/// The text for a limit of the rendering's budget.
pub(in crate::engine) fn exceeded(what: &'static str) -> &'static str {
    match what {
        "steps" => "takes too many steps",
        "bytes" => "builds too much text",
        other => other,
    }
}

/// Turns offsets in the source into lines and columns.
#[derive(Debug)]
pub(super) struct Lines {
    /// Where every line but the first begins.
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(source: &[u8]) -> Self {
        let newlines = source.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self { starts: newlines.filter_map(|(at, _)| u32::try_from(at + 1).ok()).collect() }
    }

    pub(super) fn error(&self, fault: Fault) -> TemplateError {
        let at = u32::try_from(fault.at).unwrap_or(u32::MAX);
        let before = self.starts.partition_point(|start| *start <= at);
        let start = before.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or_default();
        let column = usize::try_from(at - start).unwrap_or_default() + 1;
        TemplateError { line: before + 1, column, problem: fault.problem }
    }
}
