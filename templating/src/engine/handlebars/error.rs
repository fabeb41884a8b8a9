//! What is wrong with a template, or with its data: places and names, never values.

use handlebars::{RenderErrorReason, TemplateErrorReason};

use crate::limits::{MAX_RENDERED_BYTES, MAX_TEMPLATE_BYTES, MAX_TEMPLATE_NESTING, MAX_TEMPLATE_TAGS};

/// Why a template cannot be read or rendered. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The source is longer than [`MAX_TEMPLATE_BYTES`].
    #[error("template is longer than {MAX_TEMPLATE_BYTES} bytes")]
    TooLong,
    /// There are more than [`MAX_TEMPLATE_TAGS`] tags.
    #[error("template has more than {MAX_TEMPLATE_TAGS} tags")]
    TooManyTags,
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
    /// With this data the template would take too long.
    #[error("template would take too long: it loops too often over its fields")]
    TooMuchWork,
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
#[error("helper {helper}: {reason}")]
pub(super) struct HelperFault {
    pub(super) helper: &'static str,
    pub(super) reason: String,
}

/// Most similar names that a message lists.
const NEAR: usize = 3;

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
                let near = near(&field, fields);
                return Self::MissingField { field, near, line, column };
            }
            RenderErrorReason::NestedError(fault) => match fault.downcast_ref::<HelperFault>() {
                Some(fault) => fault.to_string(),
                None => return Self::Internal,
            },
            RenderErrorReason::HelperNotFound(name) => format!("there is no helper {name:?}"),
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

fn near_names(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; similar: {}", names.join(", ")) }
}

/// The fields whose names are closest to the wanted one.
fn near<'k>(wanted: &str, fields: impl Iterator<Item = &'k String>) -> Vec<String> {
    let wanted = wanted.trim_start_matches("this.").trim_start_matches("./").trim_matches(['[', ']']);
    let wanted: Vec<char> = wanted.to_lowercase().chars().take(64).collect();
    let mut near: Vec<(usize, &String)> = fields
        .filter(|field| field.len() <= 256)
        .map(|field| (distance(&wanted, &field.to_lowercase()), field))
        .filter(|(distance, _)| *distance <= wanted.len().div_ceil(3).max(1))
        .collect();
    near.sort();
    near.into_iter().take(NEAR).map(|(_, field)| field.clone()).collect()
}

/// Insertions, deletions and replacements that make one name of the other.
fn distance(wanted: &[char], field: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (at, character) in field.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(wanted) {
            let replaced = diagonal + usize::from(*wanted != character);
            left = replaced.min(left + 1).min(above + 1);
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        let edits = |one: &str, other: &str| distance(&one.chars().collect::<Vec<_>>(), other);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("pasword", "password"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("same", "same"), 0);
    }
}
