//! Owns urlParse and urlJoin.

mod address;
mod escape;
mod parse;

use std::collections::BTreeMap;

use self::address::{Url, User};
use self::parse::user;
use super::arguments::{raised, spend_building, text, value};
use super::{Failure, Function, Scope};
use crate::value::{Element, Text, Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "urlParse", params: &[Type::Text], rest: None, call: url_parse },
    Function { name: "urlJoin", params: &[Type::Map(Element::Any)], rest: None, call: url_join },
];

/// A map of the parts of a URL.
fn url_parse(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = text(arguments, 0)?;
    spend_building(scope, text.len().saturating_mul(12).saturating_add(1024))?;
    let Some(url) = Url::parsed(text) else { return raised("unable to parse url") };
    let hostname = url.hostname().to_vec();
    let userinfo = url.user.as_ref().map(User::written).unwrap_or_default();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ];
    let parts = parts.map(|(name, part)| (Text::from(name), Value::text(part)));
    Ok(Value::map(BTreeMap::from(parts)))
}

/// The URL of which such a map has the parts.
fn url_join(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Value::Map(map) = value(arguments, 0) else { return raised("argument is not a map") };
    let mut part = |name: &str| match map.entries.borrow().get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => {
            spend_building(scope, text.len().saturating_mul(8))?;
            Ok(text.to_vec())
        }
        Some(_) => Err(Failure::Raised(format!("key {name} must be of type string"))),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        ..Url::default()
    };
    let userinfo = part("userinfo")?;
    if !userinfo.is_empty() {
        let Some(user) = user(&userinfo) else { return raised("unable to parse userinfo") };
        url.user = user;
    }
    Ok(Value::text(url.written()))
}
