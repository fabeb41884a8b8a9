//! Reads the oracle's cases, renders each with our engine, and tells whether the two outcomes are the same.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test support outside test functions")]

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use strongroom_templating::Random;
use strongroom_templating::engine::go_template::{Delimiters, Environment, Problem, compile};

/// A template with its fields, and what Go makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) template: String,
    data: Rc<BTreeMap<String, Vec<u8>>>,
    delimiters: Delimiters,
    pub(crate) expected: Outcome,
}

/// How a rendering ends.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Output(Vec<u8>),
    /// The source is not a template. The text is for readers only.
    NotATemplate(String),
    /// The rendering stops.
    Stopped(String),
    /// One of our limits is passed.
    OverLimits(String),
    Panicked,
}

/// How two outcomes relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Same,
    OtherOutput,
    OtherFailure,
    OnlyGoFails,
    OnlyWeFail,
    OverLimits,
    Panicked,
}

/// Reads cases line by line: fields and delimiters hold until others are given.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    data: Rc<BTreeMap<String, Vec<u8>>>,
    delimiters: Delimiters,
}

impl Reader {
    /// The case of this line, if it has one and does not just set the fields of the next.
    pub(crate) fn case(&mut self, line: &str) -> Option<Case> {
        let parsed: Value = serde_json::from_str(line).expect("a line of JSON");
        if let Some(data) = parsed["data"].as_object() {
            self.data = Rc::new(data.iter().map(|(name, value)| (name.clone(), bytes(value))).collect());
            self.delimiters = match parsed["delimiters"].as_array().map(Vec::as_slice) {
                Some([left, right]) => Delimiters { left: text(left), right: text(right) },
                _ => Delimiters::default(),
            };
        }
        let template = parsed["template"].as_str()?.to_owned();
        let expected = match parsed["error"].as_str() {
            Some("parse") => Outcome::NotATemplate(text(&parsed["go"])),
            Some(_) => Outcome::Stopped(text(&parsed["go"])),
            None if parsed["output_base64"].is_string() => {
                Outcome::Output(decoded(&text(&parsed["output_base64"])))
            }
            None => Outcome::Output(text(&parsed["output"]).into_bytes()),
        };
        let (data, delimiters) = (Rc::clone(&self.data), self.delimiters.clone());
        Some(Case { template, data, delimiters, expected })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text, or `{"base64": …}`.
fn bytes(value: &Value) -> Vec<u8> {
    value["base64"].as_str().map_or_else(|| text(value).into_bytes(), decoded)
}

fn decoded(base64: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(base64).expect("base64")
}

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

impl Case {
    /// What our engine makes of the case.
    pub(crate) fn ours(&self) -> Outcome {
        catch_unwind(AssertUnwindSafe(|| self.rendered())).unwrap_or(Outcome::Panicked)
    }

    fn rendered(&self) -> Outcome {
        let template = match compile(&self.template, &self.delimiters) {
            Ok(template) => template,
            Err(error) if matches!(error.problem, Problem::Limit(_)) => {
                return Outcome::OverLimits(error.to_string());
            }
            Err(error) => return Outcome::NotATemplate(error.to_string()),
        };
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let mut environment = Environment { now, random: &mut Sequence(1) };
        match template.render(&self.data, &mut environment) {
            Ok(output) => Outcome::Output(output),
            Err(error) if matches!(error.problem, Problem::Limit(_)) => {
                Outcome::OverLimits(error.to_string())
            }
            Err(error) => Outcome::Stopped(error.to_string()),
        }
    }

    /// What our Handlebars engine makes of a template with the case's fields.
    pub(crate) fn with_handlebars(&self, source: &str) -> Outcome {
        use strongroom_templating::engine::handlebars::{TemplateError, compile};

        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let mut environment = Environment { now, random: &mut Sequence(1) };
        match compile(source).and_then(|template| template.render(&self.data, &mut environment)) {
            Ok(output) => Outcome::Output(output),
            Err(error @ TemplateError::Syntax { .. }) => Outcome::NotATemplate(error.to_string()),
            Err(error @ TemplateError::Limit(_)) => Outcome::OverLimits(error.to_string()),
            Err(TemplateError::Internal) => Outcome::Panicked,
            Err(error) => Outcome::Stopped(error.to_string()),
        }
    }

    /// How our outcome relates to Go's.
    pub(crate) fn verdict(&self, ours: &Outcome) -> Verdict {
        verdict(&self.expected, ours)
    }
}

/// How our outcome relates to Go's.
pub(crate) fn verdict(expected: &Outcome, ours: &Outcome) -> Verdict {
    match (expected, ours) {
        (_, Outcome::Panicked) => Verdict::Panicked,
        (_, Outcome::OverLimits(_)) => Verdict::OverLimits,
        (Outcome::Output(theirs), Outcome::Output(ours)) if theirs == ours => Verdict::Same,
        (Outcome::Output(_), Outcome::Output(_)) => Verdict::OtherOutput,
        (Outcome::Output(_), _) => Verdict::OnlyWeFail,
        (_, Outcome::Output(_)) => Verdict::OnlyGoFails,
        (Outcome::NotATemplate(_), Outcome::NotATemplate(_)) | (Outcome::Stopped(_), Outcome::Stopped(_)) => {
            Verdict::Same
        }
        _ => Verdict::OtherFailure,
    }
}

/// Short and on one line. These are outcomes of test data: nothing here is secret.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(bytes) => {
                let shown = format!("{:?}", String::from_utf8_lossy(bytes));
                write!(f, "{}", shown.chars().take(300).collect::<String>())
            }
            Self::NotATemplate(text) => write!(f, "not a template: {text}"),
            Self::Stopped(text) => write!(f, "stopped: {text}"),
            Self::OverLimits(text) => write!(f, "over a limit: {text}"),
            Self::Panicked => f.write_str("PANIC"),
        }
    }
}
