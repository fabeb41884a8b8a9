//! Renders templates that make keys, certificates, archives and hashes, for `oracle verify`: one line of JSON each,
//! with what was rendered and what it must be.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a development tool")]

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::Environment;
use strongroom_templating::engine::go_template::{Delimiters, compile};

/// Parts the values of one template.
const BETWEEN: &str = "|";

/// The check, and a template whose parts it takes.
const TEMPLATES: &[(&str, &str)] = &[
    ("bcrypt", r#"{{ bcrypt "p" }}|p"#),
    ("bcrypt", r#"{{ bcrypt "" }}|"#),
    ("bcrypt", r#"{{ bcrypt (repeat 72 "x") }}|{{ repeat 72 "x" }}"#),
    ("htpasswd", r#"{{ htpasswd "user" "päss" "bcrypt" }}|user|päss"#),
    ("key", r#"{{ genPrivateKey "rsa" }}"#),
    ("key", r#"{{ genPrivateKey "ecdsa" }}"#),
    ("key", r#"{{ genPrivateKey "ed25519" }}"#),
    ("key", r#"{{ genPrivateKey "dsa" }}"#),
    ("pair", r#"{{ with genCA "authority" 10 }}{{ .Cert }}|{{ .Key }}{{ end }}"#),
    (
        "pair",
        r#"{{ with genSelfSignedCert "a" (list "192.0.2.1") (list "a.test") 10 }}{{ .Cert }}|{{ .Key }}{{ end }}"#,
    ),
    (
        "issued",
        r#"{{ $ca := genCA "authority" 10 }}{{ $c := genSignedCert "a" nil (list "a.test") 10 $ca }}{{ $ca.Cert }}|{{ $c.Cert }}|{{ $c.Key }}|a.test"#,
    ),
    (
        "issued",
        r#"{{ $k := genPrivateKey "ed25519" }}{{ $ca := genCAWithKey "authority" 10 (genPrivateKey "ecdsa") }}{{ $c := genSignedCertWithKey "a" nil (list "*.a.test") 10 $ca $k }}{{ $ca.Cert }}|{{ $c.Cert }}|{{ $c.Key }}|x.a.test"#,
    ),
    (
        "issued",
        r#"{{ $ca := genCA "authority" 10 }}{{ $ca = buildCustomCert ($ca.Cert | b64enc) ($ca.Key | b64enc) }}{{ $c := genSignedCert "a" nil (list "a.test") 10 $ca }}{{ $ca.Cert }}|{{ $c.Cert }}|{{ $c.Key }}|a.test"#,
    ),
    (
        "pkcs12",
        r#"{{ $c := genSelfSignedCertWithKey "a" nil nil 10 (genPrivateKey "ecdsa") }}{{ pemToPkcs12 $c.Cert $c.Key }}||{{ $c.Cert }}"#,
    ),
    (
        "pkcs12",
        r#"{{ $c := genSelfSignedCert "a" nil nil 10 }}{{ pemToPkcs12Pass $c.Cert $c.Key "päss" }}|päss|{{ $c.Cert }}"#,
    ),
    (
        "pkcs12",
        r#"{{ $k := genPrivateKey "ecdsa" }}{{ $ca := genCAWithKey "ca" 10 $k }}{{ $c := genSignedCertWithKey "a" nil nil 10 $ca (genPrivateKey "ecdsa") }}{{ fullPemToPkcs12 (print $c.Cert $ca.Cert) $c.Key }}||{{ $c.Cert }}"#,
    ),
    (
        "pkcs12",
        r#"{{ $k := genPrivateKey "ecdsa" }}{{ $ca := genCAWithKey "ca" 10 $k }}{{ $c := genSignedCertWithKey "a" nil nil 10 $ca (genPrivateKey "ed25519") }}{{ fullPemToPkcs12Pass (print $c.Cert $ca.Cert) $c.Key "p" }}|p|{{ $c.Cert }}"#,
    ),
    (
        "truststore",
        r#"{{ $ca := genCAWithKey "ca" 10 (genPrivateKey "ecdsa") }}{{ pemTruststoreToPKCS12 $ca.Cert }}|"#,
    ),
    (
        "truststore",
        r#"{{ $ca := genCAWithKey "ca" 10 (genPrivateKey "ecdsa") }}{{ pemTruststoreToPKCS12Pass $ca.Cert "changeit" }}|changeit"#,
    ),
    ("aes", r#"{{ encryptAES "key" "some text" }}|key|some text"#),
    (
        "aes",
        r#"{{ encryptAES "a key that is longer than the thirty-two bytes" "0123456789abcdef" }}|a key that is longer than the th|0123456789abcdef"#,
    ),
];

/// Real randomness.
struct System;

impl Random for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        rand::fill(bytes).expect("randomness");
    }
}

fn main() {
    for (check, source) in TEMPLATES {
        let template = compile(source, &Delimiters::default()).expect("a template");
        let mut environment =
            Environment { now: Timestamp::from_second(1_800_000_000).expect("a time"), random: &mut System };
        let text = template.render(&BTreeMap::new(), &mut environment).expect("a rendered template");
        let text = String::from_utf8(text).expect("text");
        let parts: Vec<&str> = text.split(BETWEEN).collect();
        println!("{}", serde_json::json!({ "template": source, "check": check, "parts": parts }));
    }
}
