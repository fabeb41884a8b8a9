//! Decides, before anything runs, whether a parsed template is harmless: its constructs, nesting and work.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use serde_json::Value as Json;

use super::error::TemplateError;
use crate::limits::{MAX_RENDER_STEPS, MAX_TEMPLATE_NESTING};

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

/// Refuses a rendering that would take too many steps: loops inside loops over the same fields multiply, and
/// nothing can stop them once they run.
pub(super) fn work(
    template: &handlebars::Template,
    data: &BTreeMap<String, Vec<u8>>,
) -> Result<(), TemplateError> {
    let bytes: usize = data.iter().map(|(name, value)| name.len() + value.len()).sum();
    let longest = data.len().max(longest_list(template)).max(1);
    let scale = Scale { turns: count(longest), call: 1 + count(bytes / 256) };
    if steps(template, &scale) > MAX_RENDER_STEPS { Err(TemplateError::TooMuchWork) } else { Ok(()) }
}

struct Scale {
    /// The most turns that one loop can take.
    turns: u64,
    /// The most that one call of a helper can cost.
    call: u64,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn steps(template: &handlebars::Template, scale: &Scale) -> u64 {
    template.elements.iter().fold(0, |sum: u64, element| {
        sum.saturating_add(match element {
            TemplateElement::HelperBlock(block) => {
                let body: u64 = block
                    .template
                    .iter()
                    .chain(&block.inverse)
                    .fold(1, |sum, body| steps(body, scale).saturating_add(sum));
                let turns = if block.name.as_name() == Some("each") { scale.turns } else { 1 };
                body.saturating_mul(turns).saturating_add(calls(block, scale))
            }
            TemplateElement::Expression(expression) | TemplateElement::HtmlExpression(expression) => {
                calls(expression, scale)
            }
            _ => 1,
        })
    })
}

/// The cost of a tag and of the subexpressions in it.
fn calls(tag: &HelperTemplate, scale: &Scale) -> u64 {
    tag.params.iter().chain(tag.hash.values()).chain([&tag.name]).fold(scale.call, |sum, parameter| {
        match parameter {
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(inner) => sum.saturating_add(calls(inner, scale)),
                _ => sum,
            },
            _ => sum,
        }
    })
}

/// Length of the longest list or object that is written into the template.
fn longest_list(template: &handlebars::Template) -> usize {
    let of_tag = |tag: &HelperTemplate| {
        let inner = tag.template.iter().chain(&tag.inverse).map(longest_list).max().unwrap_or_default();
        inner.max(longest_parameter(tag))
    };
    let of_element = |element: &TemplateElement| match element {
        TemplateElement::HelperBlock(tag)
        | TemplateElement::Expression(tag)
        | TemplateElement::HtmlExpression(tag) => of_tag(tag),
        _ => 0,
    };
    template.elements.iter().map(of_element).max().unwrap_or_default()
}

fn longest_parameter(tag: &HelperTemplate) -> usize {
    let lengths =
        tag.params.iter().chain(tag.hash.values()).chain([&tag.name]).map(|parameter| match parameter {
            Parameter::Literal(json) => longest_json(json),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(inner) => longest_parameter(inner),
                _ => 0,
            },
            _ => 0,
        });
    lengths.max().unwrap_or_default()
}

fn longest_json(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(longest_json).fold(items.len(), usize::max),
        Json::Object(members) => members.values().map(longest_json).fold(members.len(), usize::max),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}
