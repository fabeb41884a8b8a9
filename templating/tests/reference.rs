//! Keeps the page for template authors complete and right: it has every function, and its examples give what it says.

#![expect(clippy::expect_used, clippy::panic, reason = "test support outside test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::go_template::{Delimiters, Environment, compile, function_names};

/// Functions that always fail: they have no example.
const WITHOUT_EXAMPLE: &[&str] = &["call", "fail"];

/// One line of a table of functions.
struct Row {
    name: String,
    example: String,
    output: String,
}

struct Counter(u64);

impl Random for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = u8::try_from(self.0 >> 56).unwrap_or_default();
        }
    }
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/templates.md");
    std::fs::read_to_string(path).expect("the page")
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/cases/fixtures").join(name);
    std::fs::read(path).expect("a fixture")
}

/// The fields that the page names.
fn fields() -> BTreeMap<String, Vec<u8>> {
    let chain = [fixture("tools/ec.pem"), fixture("tools/others.pem")].concat();
    let fields: [(&str, Vec<u8>); 12] = [
        ("user", b"app".to_vec()),
        ("password", b"p@ss w".to_vec()),
        ("config", br#"{"host":"db","port":5432}"#.to_vec()),
        ("tls-name", b"a.test".to_vec()),
        ("crt", fixture("tools/ec.pem")),
        ("key", fixture("tools/ec-traditional.pem")),
        ("chain", chain),
        ("p12", fixture("tools/modern.pfx")),
        ("jwk", fixture("jwk-ec-public.json")),
        ("privateJwk", fixture("jwk-ec-private.json")),
        ("rsaKey", fixture("tools/rsa.key")),
        ("sealed", fixture("tools/oaep-sha256.b64")),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The text in backticks of a table's cell.
fn code(cell: &str) -> String {
    cell.trim().trim_matches('`').replace("\\|", "|").trim().to_owned()
}

/// The cells of a line: a bar with a backslash before it is text.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\u{1}");
    let cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "\\|"));
    cells.collect()
}

fn rows() -> Vec<Row> {
    let page = page();
    let tables = page.split("\n## Functions").nth(1).expect("the functions");
    let lines = tables.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| match cells(line).as_slice() {
            [signature, meaning, example, output] => {
                assert!(!meaning.is_empty(), "{line}");
                let name = code(signature).split(' ').next().unwrap_or_default().to_owned();
                Row { name, example: code(example), output: code(output) }
            }
            other => panic!("{} cells: {line}", other.len()),
        })
        .collect()
}

fn rendered(source: &str) -> String {
    let template =
        compile(source, &Delimiters::default()).unwrap_or_else(|error| panic!("{source}: {error}"));
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let mut environment = Environment { now, random: &mut Counter(1) };
    let output = template.render(&fields(), &mut environment);
    String::from_utf8(output.unwrap_or_else(|error| panic!("{source}: {error}"))).expect("text")
}

#[test]
fn every_function_has_a_line_and_no_line_is_about_anything_else() {
    let listed: Vec<String> = rows().into_iter().map(|row| row.name).collect();
    let names: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(names.len(), listed.len(), "a function has two lines");
    let known: BTreeSet<String> = function_names().map(str::to_owned).collect();
    assert_eq!(known.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new(), "not on the page");
    assert_eq!(names.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "no function");
    assert_eq!(known.len(), 227 + 18, "functions of upstream and of the language");
}

#[test]
fn every_example_calls_its_function_and_gives_what_the_page_says() {
    for row in rows() {
        if WITHOUT_EXAMPLE.contains(&row.name.as_str()) {
            continue;
        }
        assert!(row.example.contains(&row.name), "{}: {}", row.name, row.example);
        assert_eq!(rendered(&row.example).trim(), row.output, "{}", row.example);
    }
}

#[test]
fn the_ways_to_a_field_work() {
    let page = page();
    let table = page.split("## What a template sees").nth(1).and_then(|rest| rest.split("\n## ").next());
    let mut count = 0;
    for line in table.expect("the table").lines().filter(|line| line.contains("`{{")) {
        let Some(example) = cells(line).get(1).map(|cell| code(cell)) else { continue };
        if line.starts_with('|') {
            rendered(&example);
            count += 1;
        }
    }
    assert_eq!(count, 4);
}
