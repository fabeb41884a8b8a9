//! Renders a Go template with given fields, for targets that reach a function through a template.

use std::collections::BTreeMap;

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::go_template::{Delimiters, Template, TemplateError, compile};
use strongroom_templating::engine::{Environment, handlebars};

/// Stands in every value of the fields. No error may hold it.
pub(crate) const CANARY: &str = "c4nAryV4lue";

/// Fields by name.
pub(crate) type Fields = BTreeMap<String, Vec<u8>>;

/// Numbers that look random and are the same in every run.
struct Sequence(u64);

impl Random for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = u8::try_from(self.0 >> 56).unwrap_or_default();
        }
    }
}

/// What a template of ours makes of the fields.
pub(crate) fn rendered(source: &str, fields: &Fields) -> Result<Vec<u8>, TemplateError> {
    let template = compile(source, &Delimiters::default()).expect("a template of ours");
    render(&template, fields)
}

/// What a template makes of the fields.
pub(crate) fn render(template: &Template, fields: &Fields) -> Result<Vec<u8>, TemplateError> {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    template.render(fields, &mut Environment { now, random: &mut Sequence(1) })
}

/// What a Handlebars template makes of the fields.
pub(crate) fn with_handlebars(
    template: &handlebars::Template,
    fields: &Fields,
) -> Result<Vec<u8>, handlebars::TemplateError> {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    template.render(fields, &mut Environment { now, random: &mut Sequence(1) })
}

/// True if the text `inner` stands in `bytes`.
pub(crate) fn holds(bytes: &[u8], inner: &str) -> bool {
    bytes.windows(inner.len()).any(|window| window == inner.as_bytes())
}
