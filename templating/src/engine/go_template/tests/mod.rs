//! What the engine does: beside Go's own outcomes, the limits and what errors say.

mod limits;
pub(super) mod values;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::funcs::Random;

/// Randomness that is none.
struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn fields() -> BTreeMap<String, Vec<u8>> {
    let fields: [(&str, &[u8]); 8] = [
        ("a", b"x"),
        ("num", b"42"),
        ("empty", b""),
        ("a-b", b"dash"),
        ("multi", b"l1\nl2"),
        ("bin", b"\xff\xfe\x00"),
        ("html", b"<a href='x'>&\"=\0+"),
        ("uni", "héllo wörld ☃ 😀\u{200b}".as_bytes()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

fn compiled(source: impl AsRef<[u8]>) -> Template {
    compile(source, &Delimiters::default()).unwrap()
}

fn rendered(template: &Template) -> Result<Vec<u8>, TemplateError> {
    let mut environment = Environment { now: Timestamp::UNIX_EPOCH, random: &mut Zeros };
    template.render(&fields(), &mut environment)
}

fn error(source: &str) -> String {
    match compile(source, &Delimiters::default()) {
        Ok(template) => rendered(&template).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn bytes_that_are_not_text_stay_as_they_are() {
    let cases: [(&[u8], &[u8]); 3] = [
        (b"\xff{{ .bin }}\xfe", b"\xff\xff\xfe\x00\xfe"),
        (b"{{/* \xff */}}{{ `\xff` }}", b"\xff"),
        (b"{{ \"\xff\" }}", "\u{fffd}".as_bytes()),
    ];
    for (source, output) in cases {
        assert_eq!(rendered(&compiled(source)).unwrap(), output);
    }
}

#[test]
fn one_template_serves_many_threads() {
    let template = compiled("{{range $i, $e := tlist 1 2}}{{$i}}{{$e}}{{end}} {{.bin}}");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(rendered(&template).unwrap(), b"0112 \xff\xfe\x00"));
        }
    });
}

#[test]
fn a_missing_field_is_named_with_its_place_and_similar_fields() {
    let message = error("line one\n{{ .mult }}");
    assert_eq!(message, r#"template line 2, column 4: field "mult" does not exist; similar: multi"#);
}

#[test]
fn the_keys_of_other_maps_are_not_suggested() {
    let message = error(r#"{{ (tdict "password" 1).passwort }}"#);
    assert_eq!(message, r#"template line 1, column 4: field "passwort" does not exist"#);
}

#[test]
fn a_function_that_does_not_exist_is_named_with_similar_ones() {
    let message = error("{{ urlqery .a }}");
    assert_eq!(message, r#"template line 1, column 4: function "urlqery" does not exist; similar: urlquery"#);
}

#[test]
fn a_wrong_argument_is_named_with_its_types() {
    let message = error("{{ tint .a }}");
    assert_eq!(message, "template line 1, column 9: argument 1 of tint must be int, not string");
}

#[test]
fn the_text_of_fail_is_shown_only_if_it_stands_in_the_template() {
    let message = error(r#"{{ tfail "no host" }}"#);
    assert_eq!(message, "template line 1, column 4: function tfail: no host");
    for hidden in ["{{ tfail .num }}", r#"{{ tfail (printf "is %s" .num) }}"#] {
        let message = error(hidden);
        assert!(!message.contains("42"), "{message}");
    }
}

#[test]
fn no_error_shows_a_value() {
    for source in [
        "{{ .num.b }}",
        "{{ index .num 99 }}",
        "{{ range .num }}{{ end }}",
        "{{ tint .num }}",
        "{{ .num | call }}",
        "{{ eq .num 1 }}",
        "{{ lt .num 1 }}",
        "{{ len (tint 4242) }}",
        "{{ template \"x\" .num }}",
    ] {
        let message = error(source).replace("line 1, column", "");
        assert!(!message.contains("42"), "{message}");
    }
}

#[test]
fn an_object_gives_its_fields_and_methods() {
    for (source, output) in [
        ("{{ tclock }} {{ tclock.Hour }} {{ (tclock).Hour }}", "07:30 7 7"),
        ("{{ tclock.Add 5 }} {{ $c := tclock }}{{ $c.Add 5 }} {{ 5 | $c.Add }}", "07:35 07:35 07:35"),
        ("{{ printf \"%s %q %v %d\" tclock tclock tclock tclock }}", "07:30 \"07:30\" 07:30 450"),
        ("{{ printf \"%#v %t\" tclock tclock }}", "450 %!t(test.Clock=450)"),
        ("{{ eq tclock 450 }} {{ lt tclock 451 }} {{ eq tclock tclock }}", "true true true"),
        ("{{ tlist tclock }} {{ print tclock 1 }}", "[07:30] 07:30 1"),
    ] {
        assert_eq!(String::from_utf8(rendered(&compiled(source)).unwrap()).unwrap(), output, "{source}");
    }
    for (source, problem) in [
        ("{{ tclock.Minute }}", r#"test.Clock has no field or method "Minute""#),
        ("{{ tclock.Hour 1 }}", "what is no function is given an argument"),
        ("{{ tclock.Add }}", "function Add takes 1 arguments, not 0"),
        ("{{ tclock.Add \"5\" }}", "argument 1 of Add must be int, not a string"),
    ] {
        assert!(error(source).ends_with(problem), "{}", error(source));
    }
}

#[test]
fn a_definition_with_the_name_of_the_whole_is_the_whole_or_one_too_many() {
    let named = |source: &str| {
        let template = compile_named(Some("user"), source.as_bytes(), &Delimiters::default());
        template.and_then(|template| rendered(&template)).map(|text| String::from_utf8(text).unwrap())
    };
    for (source, expected) in [
        (r#"{{ define "user" }}X{{ end }}"#, "X"),
        ("  {{/* only space */}}\n{{ define \"user\" }}[{{ .a }}]{{ end }}", "[x]"),
        (r#"{{ define "user" }} {{ end }}Y"#, "Y"),
        (r#"{{ define "other" }}X{{ end }}{{ template "other" }}Y"#, "XY"),
        (r#"{{ if eq (len .) 1 }}Z{{ else }}A{{ template "user" dict "a" 1 }}{{ end }}"#, "AZ"),
    ] {
        assert_eq!(named(source).as_deref(), Ok(expected), "{source}");
    }
    for source in [
        r#"{{ define "user" }}[{{ . }}]{{ end }}{{ template "user" .a }}"#,
        r#"{{ block "user" .a }}x{{ end }}"#,
    ] {
        let error = named(source).unwrap_err().to_string();
        assert!(error.contains("is defined more than once"), "{source}: {error}");
    }
}
