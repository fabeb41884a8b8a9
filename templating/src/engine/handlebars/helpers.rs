//! The helpers a template may call: text in, text out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError, RenderErrorReason,
    ScopedJson,
};
use serde_json::Value as Json;

use super::bytes;
use super::error::HelperFault;
use crate::json::{Escape, append_quoted};
use crate::limits::MAX_RENDERED_BYTES;
use crate::transform::decode::{DecodingStrategy, decode};

/// A helper that makes text of one parameter.
struct OneText {
    name: &'static str,
    made: fn(&str) -> Result<String, String>,
}

/// `default field "fallback"`: the fallback for a field that is absent or empty.
struct Default;

/// `toJson value`
struct ToJson;

/// Adds our helpers, and takes away the one that would write values to the log.
pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.unregister_helper("log");
    let texts = [
        OneText { name: "b64enc", made: |text| Ok(STANDARD.encode(raw(text))) },
        OneText { name: "b64dec", made: from_base64 },
        OneText { name: "upper", made: |text| Ok(text.to_uppercase()) },
        OneText { name: "lower", made: |text| Ok(text.to_lowercase()) },
        OneText { name: "trim", made: |text| Ok(text.trim().to_owned()) },
        OneText { name: "quote", made: |text| Ok(quoted(text)) },
    ];
    for helper in texts {
        registry.register_helper(helper.name, Box::new(helper));
    }
    registry.register_helper("default", Box::new(Default));
    registry.register_helper("toJson", Box::new(ToJson));
}

impl HelperDef for OneText {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let text = text(self.name, present(self.name, helper, 0)?)?;
        let made = (self.made)(&text).map_err(|reason| fault(self.name, reason))?;
        bounded(self.name, made)
    }
}

impl HelperDef for Default {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let wanted = helper.param(0).filter(|wanted| !wanted.is_value_missing());
        let wanted = match wanted {
            Some(wanted) => text("default", wanted)?,
            None => String::new(),
        };
        if wanted.is_empty() {
            bounded("default", text("default", present("default", helper, 1)?)?)
        } else {
            bounded("default", wanted)
        }
    }
}

impl HelperDef for ToJson {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        bounded("toJson", present("toJson", helper, 0)?.value().to_string())
    }
}

fn fault(helper: &'static str, reason: String) -> RenderError {
    RenderErrorReason::NestedError(Box::new(HelperFault { helper, reason })).into()
}

/// A parameter that is there; a field that does not exist is named.
fn present<'h, 'rc>(
    name: &'static str,
    helper: &'h Helper<'rc>,
    index: usize,
) -> Result<&'h PathAndJson<'rc>, RenderError> {
    let parameter =
        helper.param(index).ok_or_else(|| fault(name, format!("parameter {} is missing", index + 1)))?;
    if parameter.is_value_missing() {
        return Err(RenderError::strict_error(parameter.relative_path()));
    }
    Ok(parameter)
}

fn text(name: &'static str, parameter: &PathAndJson<'_>) -> Result<String, RenderError> {
    match parameter.value() {
        Json::String(text) => Ok(text.clone()),
        Json::Null => Ok(String::new()),
        scalar @ (Json::Bool(_) | Json::Number(_)) => Ok(scalar.to_string()),
        Json::Array(_) | Json::Object(_) => Err(fault(name, "text is expected".to_owned())),
    }
}

/// Nested calls could double a text again and again.
fn bounded<'rc>(name: &'static str, made: String) -> Result<ScopedJson<'rc>, RenderError> {
    // A byte that is not text takes four while it is inside the engine.
    if made.len() > 4 * MAX_RENDERED_BYTES {
        return Err(fault(name, format!("makes more than {MAX_RENDERED_BYTES} bytes")));
    }
    Ok(ScopedJson::Derived(Json::String(made)))
}

fn raw(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    bytes::append(&mut out, text.as_bytes());
    out
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append_quoted(&mut out, text.as_bytes(), Escape::Keep);
    String::from_utf8(out).unwrap_or_default()
}

fn from_base64(text: &str) -> Result<String, String> {
    let decoded = decode(DecodingStrategy::Base64, &raw(text));
    decoded
        .map(|decoded| bytes::text(&decoded))
        .map_err(|error| format!("illegal base64 data at input byte {}", error.at))
}
