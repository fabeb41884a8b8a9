//! Shows that the crate has all that a PushSecret's template and entries need (spec eso-core 4.3 and 4.4): the data of
//! one Secret goes in, what is pushed comes out.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::Environment;
use strongroom_templating::engine::go_template::{Delimiters, TemplateError, compile};
use strongroom_templating::key_values;
use strongroom_templating::transform::decode::{DecodingStrategy, decode};
use strongroom_templating::transform::find::NameFilter;
use strongroom_templating::transform::keys::restored;
use strongroom_templating::transform::rewrite::{Rewrite, rewrite};

type Data = BTreeMap<String, Vec<u8>>;

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn rendered(source: &str, fields: &Data) -> Result<Vec<u8>, TemplateError> {
    let mut environment = Environment { now: Timestamp::UNIX_EPOCH, random: &mut Zeros };
    compile(source, &Delimiters::default())?.render(fields, &mut environment)
}

fn data(pairs: &[(&str, &str)]) -> Data {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

/// A template as a PushSecret has it: texts of `templateFrom` in order, then `data`.
struct Template<'t> {
    values: &'t [(&'t str, &'t str)],
    keys_and_values: &'t [(&'t str, DecodingStrategy)],
    data: &'t [(&'t str, &'t str)],
}

/// What is pushed: everything is rendered with the source as it is, and goes over it in this order.
fn pushed(source: &Data, template: &Template<'_>) -> Data {
    let mut target = source.clone();
    for (key, text) in template.values {
        target.insert((*key).to_owned(), rendered(text, source).unwrap());
    }
    for (text, decoding) in template.keys_and_values {
        for (key, value) in key_values(&rendered(text, source).unwrap()).unwrap() {
            target.insert(key, decode(*decoding, &value).unwrap());
        }
    }
    for (key, text) in template.data {
        target.insert((*key).to_owned(), rendered(text, source).unwrap());
    }
    target
}

#[test]
fn what_is_rendered_goes_over_the_source_and_sees_only_the_source() {
    let source = data(&[("user", "app"), ("password", "p:w"), ("port", "5432")]);
    let template = Template {
        values: &[("file", "user={{ .user }}"), ("port", "from a ConfigMap")],
        keys_and_values: &[
            ("url: \"db://{{ .user }}\"\nport: {{ .port | int | add1 }}", DecodingStrategy::None),
            ("blob: {{ .password | b64enc }}", DecodingStrategy::Base64),
        ],
        data: &[("url", "{{ .user }}:{{ .password | urlquery }}@{{ .port }}")],
    };
    let expected = data(&[
        ("blob", "p:w"),
        ("file", "user=app"),
        ("password", "p:w"),
        ("port", "5433"),
        ("url", "app:p%3Aw@5432"),
        ("user", "app"),
    ]);
    assert_eq!(pushed(&source, &template), expected);
}

#[test]
fn bytes_that_are_no_text_are_pushed_as_they_are() {
    let source = Data::from([("store.p12".to_owned(), vec![0xff, 0, 0xfe])]);
    let data = [("copy", r#"{{ index . "store.p12" }}"#)];
    let pushed = pushed(&source, &Template { values: &[], keys_and_values: &[], data: &data });
    assert_eq!(pushed.get("copy"), source.get("store.p12"));
    assert_eq!(pushed.get("store.p12"), source.get("store.p12"));
}

#[test]
fn a_template_of_metadata_sees_the_same_fields_and_names_what_is_missing() {
    let source = data(&[("owner", "team-a")]);
    assert_eq!(rendered("{{ .owner | upper }}", &source).unwrap(), b"TEAM-A");
    let error = rendered("{{ .ower }}", &source).unwrap_err().to_string();
    assert_eq!(error, r#"template line 1, column 4: field "ower" does not exist; similar: owner"#);
}

#[test]
fn keys_of_an_entry_are_restored_chosen_and_rewritten() {
    let source = data(&[("db_U002f_user", "app"), ("db_U002f_port", "5432"), ("other", "x")]);
    let restored: Data = source.into_iter().map(|(key, value)| (restored(&key), value)).collect();
    let filter = NameFilter::new("^db/").unwrap();
    let matched: Data = restored.into_iter().filter(|(key, _)| filter.matches(key)).collect();
    let operations = [
        Rewrite::Regexp { source: "^db/".to_owned(), target: "prod/".to_owned() },
        Rewrite::Transform { template: "{{ .value | upper }}".to_owned() },
    ];
    let mut environment = Environment { now: Timestamp::UNIX_EPOCH, random: &mut Zeros };
    let remote = rewrite(&operations, matched, &mut environment).unwrap();
    assert_eq!(remote, data(&[("PROD/PORT", "5432"), ("PROD/USER", "app")]));
}
