//! What is wrong with a template, or with its data: places and names, never values.

use handlebars::{RenderErrorReason, TemplateErrorReason};

use crate::engine::go_template::{exceeded, names};
use crate::engine::near::{near, near_names};
use crate::limits::{
    MAX_RENDERED_BYTES, MAX_TEMPLATE_BYTES, MAX_TEMPLATE_NESTING, MAX_TEMPLATE_READING, MAX_TEMPLATE_TAGS,
};

/// Why a template cannot be read or rendered. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The source is longer than [`MAX_TEMPLATE_BYTES`].
    #[error("template is longer than {MAX_TEMPLATE_BYTES} bytes")]
    TooLong,
    /// There are more than [`MAX_TEMPLATE_TAGS`] tags.
    #[error("template has more than {MAX_TEMPLATE_TAGS} tags")]
    TooManyTags,
    /// There are more tags than a source of its length may have: [`MAX_TEMPLATE_READING`].
    #[error("template of {bytes} bytes has {tags} tags; so long a template may have at most {}", MAX_TEMPLATE_READING / bytes)]
    TooManyTagsForLength {
        /// How many.
        tags: usize,
        /// How long it is.
        bytes: usize,
    },
    /// Blocks or brackets are nested deeper than [`MAX_TEMPLATE_NESTING`].
    #[error("template line {line}: blocks or brackets are nested deeper than {MAX_TEMPLATE_NESTING} levels")]
    TooNested {
        /// Where the limit is passed.
        line: usize,
    },
    /// The source uses characters that stand for bytes inside the engine.
    #[error("template uses characters from U+10FF00 on, which are reserved")]
    ReservedCharacter,
    /// The source is not a template.
    #[error("template line {line}, column {column}: {reason}")]
    Syntax {
        /// What the parser expected.
        reason: String,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// The template uses something that is not allowed.
    #[error("template line {line}, column {column}: {construct} are not allowed")]
    Refused {
        /// What it uses.
        construct: &'static str,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A limit on the work of one rendering is passed.
    #[error("template {0}")]
    Limit(&'static str),
    /// A field does not exist.
    #[error("template line {line}, column {column}: field {field:?} does not exist{}", near_names(.near))]
    MissingField {
        /// The field as the template names it; empty if it is computed.
        field: String,
        /// Existing fields with similar names.
        near: Vec<String>,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A helper cannot work with what it is given, or there is no such helper.
    #[error("template line {line}, column {column}: {reason}")]
    Helper {
        /// Which helper and what is wrong.
        reason: String,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// More than [`MAX_RENDERED_BYTES`] are rendered.
    #[error("template renders more than {MAX_RENDERED_BYTES} bytes")]
    TooLarge,
    /// The engine failed in a way that it should not.
    #[error("template engine failed")]
    Internal,
}

/// What a helper of ours complains about.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelperFault {
    #[error("function {helper}: {reason}")]
    Refused { helper: &'static str, reason: String },
    #[error("a limit on {0}")]
    Limit(&'static str),
}

impl TemplateError {
    pub(super) fn syntax(error: &handlebars::TemplateError) -> Self {
        let (line, column) = error.pos().unwrap_or((1, 1));
        let reason = match error.reason() {
            TemplateErrorReason::MismatchingClosedHelper(opened, closed) => {
                format!("block {opened:?} is closed by {closed:?}")
            }
            TemplateErrorReason::InvalidSyntax(expected) => expected.clone(),
            _ => "not a valid tag".to_owned(),
        };
        Self::Syntax { reason, line, column }
    }

    pub(super) fn rendering<'k>(
        error: &handlebars::RenderError,
        fields: impl Iterator<Item = &'k String>,
    ) -> Self {
        let (line, column) = (error.line_no.unwrap_or(1), error.column_no.unwrap_or(1));
        // Only reasons that are known to hold no value are shown.
        let reason = match error.reason() {
            RenderErrorReason::MissingVariable(field) => {
                let field = field.clone().unwrap_or_default();
                let wanted =
                    field.trim_start_matches("this.").trim_start_matches("./").trim_matches(['[', ']']);
                let near = near(wanted, fields.map(String::as_str));
                return Self::MissingField { field, near, line, column };
            }
            RenderErrorReason::NestedError(fault) => match fault.downcast_ref::<HelperFault>() {
                Some(HelperFault::Limit(what)) => return Self::Limit(exceeded(what)),
                Some(fault) => fault.to_string(),
                None => return Self::Internal,
            },
            RenderErrorReason::HelperNotFound(name) => {
                format!("there is no helper {name:?}{}", near_names(&near(name, names())))
            }
            RenderErrorReason::ParamNotFoundForIndex(helper, index) => {
                format!("helper {helper}: parameter {} is missing, or its field does not exist", index + 1)
            }
            RenderErrorReason::BlockContentRequired => "a block is required".to_owned(),
            RenderErrorReason::InvalidParamType(expected) => format!("a parameter must be {expected}"),
            _ => "the tag cannot be rendered".to_owned(),
        };
        Self::Helper { reason, line, column }
    }
}
