//! Owns urlParse and urlJoin.

mod address;
mod escape;
mod parse;

use std::collections::BTreeMap;

use self::address::{Url, User};
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
    scope.spend_steps(4)?;
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
        // A slash ends what can be a user.
        let around = Url::parsed(&[b"proto://".as_slice(), &userinfo, b"@host"].concat());
        let Some(around) = around else { return raised("unable to parse userinfo") };
        url.user = around.user;
    }
    Ok(Value::text(url.written()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::funcs::trial::{called, fails, gives, int, run, text};

    #[test]
    fn urls_are_taken_apart_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        run(
            FUNCTIONS,
            vec![
                (
                    "urlParse",
                    vec![text("http://admin:se%40cret@server.com:8080/api/v1?list=false#anchor")],
                    gives(
                        "map[fragment:anchor host:server.com:8080 hostname:server.com opaque: path:/api/v1 query:list=false scheme:http userinfo:admin:se%40cret]",
                    ),
                ),
                (
                    "urlParse",
                    vec![text("example.com/path")],
                    gives(
                        "map[fragment: host: hostname: opaque: path:example.com/path query: scheme: userinfo:]",
                    ),
                ),
                (
                    "urlParse",
                    vec![text("mailto:a@b.c")],
                    gives("map[fragment: host: hostname: opaque:a@b.c path: query: scheme:mailto userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("//host/p")],
                    gives("map[fragment: host:host hostname:host opaque: path:/p query: scheme: userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("http://[fe80::1%25en0]:80/")],
                    gives(
                        "map[fragment: host:[fe80::1%en0]:80 hostname:fe80::1%en0 opaque: path:/ query: scheme:http userinfo:]",
                    ),
                ),
                ("urlParse", vec![text("http://[::1")], fails()),
                ("urlParse", vec![text("http://[1.2.3.4]")], fails()),
                ("urlParse", vec![text("http://h:x/")], fails()),
                ("urlParse", vec![text("http://h:1:2/")], fails()),
                (
                    "urlParse",
                    vec![text("ftp://h:1:2/")],
                    gives(
                        "map[fragment: host:h:1:2 hostname:h:1 opaque: path:/ query: scheme:ftp userinfo:]",
                    ),
                ),
                ("urlParse", vec![text("http://h/%41%zz")], fails()),
                (
                    "urlParse",
                    vec![text("http://h/a%2fb c")],
                    gives(
                        "map[fragment: host:h hostname:h opaque: path:/a/b c query: scheme:http userinfo:]",
                    ),
                ),
                ("urlParse", vec![text("http://a%20b/")], fails()),
                ("urlParse", vec![text("http://h%41/")], fails()),
                ("urlParse", vec![text("http://u ser@h/")], fails()),
                (
                    "urlParse",
                    vec![text("http://u@:p@h")],
                    gives(
                        "map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:u%40:p]",
                    ),
                ),
                (
                    "urlParse",
                    vec![text("file:///etc/x")],
                    gives("map[fragment: host: hostname: opaque: path:/etc/x query: scheme:file userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("a:b/c")],
                    gives("map[fragment: host: hostname: opaque:b/c path: query: scheme:a userinfo:]"),
                ),
                ("urlParse", vec![text("1a:b")], fails()),
                (
                    "urlParse",
                    vec![text("x/a:b")],
                    gives("map[fragment: host: hostname: opaque: path:x/a:b query: scheme: userinfo:]"),
                ),
                ("urlParse", vec![text(":a")], fails()),
                (
                    "urlParse",
                    vec![text("http://h?")],
                    gives("map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("http://h?a?b#%20x")],
                    gives("map[fragment: x host:h hostname:h opaque: path: query:a?b scheme:http userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("*")],
                    gives("map[fragment: host: hostname: opaque: path:* query: scheme: userinfo:]"),
                ),
                ("urlParse", vec![text("http://h/\n")], fails()),
                (
                    "urlParse",
                    vec![text("HTTP://Host/")],
                    gives(
                        "map[fragment: host:Host hostname:Host opaque: path:/ query: scheme:http userinfo:]",
                    ),
                ),
                (
                    "urlParse",
                    vec![text("http://h#a b")],
                    gives("map[fragment:a b host:h hostname:h opaque: path: query: scheme:http userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("http://é.de/ü")],
                    gives(
                        "map[fragment: host:é.de hostname:é.de opaque: path:/ü query: scheme:http userinfo:]",
                    ),
                ),
                (
                    "urlParse",
                    vec![text("?q")],
                    gives("map[fragment: host: hostname: opaque: path: query:q scheme: userinfo:]"),
                ),
                (
                    "urlParse",
                    vec![text("http://:p@h")],
                    gives("map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo::p]"),
                ),
            ],
        );
    }

    fn joined(parts: &[(&str, Value)]) -> Option<String> {
        let parts = parts.iter().map(|(name, part)| (Text::from(*name), part.clone()));
        match called(FUNCTIONS, "urlJoin", &[Value::map(parts.collect())]) {
            Ok(Value::Text(url)) => Some(String::from_utf8(url.to_vec()).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn parts_are_joined_as_in_go() {
        // Expectations from Go 1.26 with sprig 3.3.0.
        for (parts, url) in [
            (
                vec![("scheme", "http"), ("host", "h:80"), ("path", "/p"), ("query", "q=1")],
                "http://h:80/p?q=1",
            ),
            (vec![("scheme", "http"), ("host", "h"), ("userinfo", "u:p@x")], "http://u:p%40x@h"),
            (vec![("scheme", "mailto"), ("opaque", "a@b")], "mailto:a@b"),
            (vec![("host", "h"), ("path", "p")], "//h/p"),
            (vec![("path", "a b/ü?#")], "a%20b/%C3%BC%3F%23"),
            (vec![("path", "a:b")], "./a:b"),
            (vec![("scheme", "http"), ("host", "a b")], "http://a%20b"),
            (vec![("fragment", "a b#c")], "#a%20b%23c"),
            (vec![], ""),
        ] {
            let parts: Vec<_> = parts.into_iter().map(|(name, part)| (name, text(part))).collect();
            assert_eq!(joined(&parts).as_deref(), Some(url));
        }
        assert_eq!(joined(&[("host", int(5))]), None);
        assert_eq!(joined(&[("host", text("h")), ("userinfo", text("u:%zz"))]), None);
    }
}
