//! Decides, before anything runs, whether a parsed template is harmless: its constructs and nesting.

use handlebars::template::TemplateElement;

use super::error::TemplateError;
use crate::limits::MAX_TEMPLATE_NESTING;

/// Refuses partials (they recurse without end), decorators (they define partials) and deep nesting. The raw text
/// was searched for them already; this is what the parser really found.
pub(super) fn constructs(template: &handlebars::Template) -> Result<(), TemplateError> {
    constructs_at(template, 0)
}

fn constructs_at(template: &handlebars::Template, depth: usize) -> Result<(), TemplateError> {
    for (element, place) in template.elements.iter().zip(&template.mapping) {
        let refused = |construct| Err(TemplateError::Refused { construct, line: place.0, column: place.1 });
        let block = match element {
            TemplateElement::HelperBlock(block) => block,
            TemplateElement::RawString(_)
            | TemplateElement::HtmlExpression(_)
            | TemplateElement::Expression(_)
            | TemplateElement::Comment(_) => continue,
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                return refused("partials");
            }
            // Decorators, and whatever a later version of the parser may know.
            _ => return refused("decorators"),
        };
        if depth >= MAX_TEMPLATE_NESTING {
            return Err(TemplateError::TooNested { line: place.0 });
        }
        for inner in block.template.iter().chain(&block.inverse) {
            constructs_at(inner, depth + 1)?;
        }
    }
    Ok(())
}
