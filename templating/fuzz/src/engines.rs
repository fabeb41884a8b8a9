//! Targets for the two template engines: a hostile template, and a hostile value beside others.

use std::sync::LazyLock;

use strongroom_templating::engine::{go_template, handlebars};
use strongroom_templating::limits::MAX_RENDERED_BYTES;

use crate::trial::{CANARY, Fields, holds, render, with_handlebars};

/// Ends the template; what follows is the value of the field `v`.
const END: &[u8] = b"\0\0";

/// Functions that are slow on purpose: a run would do little else. Their work is paid for in steps, which the unit
/// tests check.
const SLOW: [&str; 9] = [
    "genPrivateKey",
    "genCA",
    "genSelf",
    "genSigned",
    "bcrypt",
    "htpasswd",
    "derivePassword",
    "Pkcs12",
    "PKCS12",
];

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let json =
        format!(r#"{{"a":[1,2.5,null,true,"{CANARY}"],"b":{{"c":"{CANARY}","d":-1}},"e":"2024-02-29"}}"#);
    let mut binary = b"\xff\xfe\0".to_vec();
    binary.extend_from_slice(CANARY.as_bytes());
    let fields = [
        ("user", CANARY.as_bytes().to_vec()),
        ("password", format!("{CANARY}\n<&>\"'{{{{ .user }}}}").into_bytes()),
        ("yaml", json.clone().into_bytes()),
        ("json", json.into_bytes()),
        ("tls.crt", binary),
        ("number", b"42".to_vec()),
        ("empty", Vec::new()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
});

fn parted(input: &[u8]) -> (&[u8], Fields) {
    let mut fields = FIELDS.clone();
    let end = input.windows(END.len()).position(|window| window == END);
    let (template, value) = match end {
        Some(end) => (&input[..end], &input[end + END.len()..]),
        None => (input, &input[..0]),
    };
    fields.insert("v".to_owned(), value.to_vec());
    (template, fields)
}

fn no_value_in(error: &str, input: &[u8]) {
    assert!(!error.contains(CANARY) || holds(input, CANARY), "a value in an error: {error}");
}

/// Any template, rendered twice: it ends, the same way each time, within its limits, and tells no value.
pub(crate) fn go_template(input: &[u8]) {
    if SLOW.iter().any(|name| holds(input, name)) {
        return;
    }
    let (source, fields) = parted(input);
    let template = match go_template::compile(source, &go_template::Delimiters::default()) {
        Ok(template) => template,
        Err(error) => return no_value_in(&error.to_string(), input),
    };
    let outcome = render(&template, &fields);
    match &outcome {
        Ok(output) => assert!(output.len() <= MAX_RENDERED_BYTES, "{} bytes rendered", output.len()),
        Err(error) => no_value_in(&error.to_string(), input),
    }
    assert!(outcome == render(&template, &fields), "a second rendering ends otherwise");
}

/// Any Handlebars template: it ends within its limits, and tells no value.
pub(crate) fn handlebars(input: &[u8]) {
    if SLOW.iter().any(|name| holds(input, name)) {
        return;
    }
    let (source, fields) = parted(input);
    let Ok(source) = std::str::from_utf8(source) else { return };
    match handlebars::compile(source).and_then(|template| with_handlebars(&template, &fields)) {
        Ok(output) => assert!(output.len() <= MAX_RENDERED_BYTES, "{} bytes rendered", output.len()),
        Err(error) => {
            assert!(error != handlebars::TemplateError::Internal, "the engine failed");
            no_value_in(&error.to_string(), input);
        }
    }
}
