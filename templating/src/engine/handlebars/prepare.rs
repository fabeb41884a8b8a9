//! Prepares a parsed template: finds the functions that it calls, and lets every turn of a block pay.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use serde_json::Value as Json;

use super::bridge::TURN;
use crate::engine::go_template::library;
use crate::funcs::Function;

/// What Handlebars has itself under a function's name.
const ITS_OWN: &[&str] = &[
    "and", "each", "eq", "gt", "gte", "if", "len", "lookup", "lt", "lte", "ne", "not", "or", "raw", "unless",
    "with",
];

/// What a template refers to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) functions: BTreeMap<&'static str, &'static Function>,
    /// Texts that stand in it.
    pub(super) literals: Vec<String>,
}

/// What a template refers to; every block of it pays from now on.
pub(super) fn prepared(template: &mut handlebars::Template) -> Result<Found, Box<handlebars::TemplateError>> {
    let mut found = Found::default();
    for element in &mut template.elements {
        found.element(element)?;
    }
    Ok(found)
}

impl Found {
    fn element(&mut self, element: &mut TemplateElement) -> Result<(), Box<handlebars::TemplateError>> {
        match element {
            TemplateElement::HelperBlock(tag)
            | TemplateElement::Expression(tag)
            | TemplateElement::HtmlExpression(tag) => self.tag(tag),
            _ => Ok(()),
        }
    }

    fn tag(&mut self, tag: &mut HelperTemplate) -> Result<(), Box<handlebars::TemplateError>> {
        self.call(tag);
        for body in tag.template.iter_mut().chain(&mut tag.inverse) {
            let looks: usize = body.elements.iter().map(looks).sum();
            for element in &mut body.elements {
                self.element(element)?;
            }
            let turn = handlebars::Template::compile(&format!("{{{{{TURN} {looks}}}}}"))?;
            // Its place is that of the first element.
            let place = body.mapping.iter().chain(&turn.mapping).next().cloned();
            body.elements.splice(0..0, turn.elements);
            body.mapping.splice(0..0, place);
        }
        Ok(())
    }

    /// The names and texts in a tag and in the calls inside it.
    fn call(&mut self, tag: &HelperTemplate) {
        if let Some(name) = tag.name.as_name()
            && !ITS_OWN.contains(&name)
            && let Some(function) = library(name)
        {
            self.functions.insert(function.name, function);
        }
        for parameter in tag.params.iter().chain(tag.hash.values()).chain([&tag.name]) {
            match parameter {
                Parameter::Subexpression(inner) => {
                    if let TemplateElement::Expression(inner) = inner.as_element() {
                        self.call(inner);
                    }
                }
                Parameter::Literal(Json::String(text)) => self.literals.push(text.clone()),
                _ => {}
            }
        }
    }
}

/// How many values an element looks at before it goes into a block.
fn looks(element: &TemplateElement) -> usize {
    match element {
        TemplateElement::HelperBlock(tag)
        | TemplateElement::Expression(tag)
        | TemplateElement::HtmlExpression(tag) => looks_of(tag),
        _ => 0,
    }
}

fn looks_of(tag: &HelperTemplate) -> usize {
    let parameters = tag.params.iter().chain(tag.hash.values());
    parameters.fold(1, |sum, parameter| match parameter {
        Parameter::Subexpression(inner) => match inner.as_element() {
            TemplateElement::Expression(inner) => sum + looks_of(inner),
            _ => sum,
        },
        _ => sum + 1,
    })
}
