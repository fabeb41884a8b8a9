//! Measures the Go template engine: time to read and to render typical templates, and memory that a read one keeps.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a development tool")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::go_template::{Delimiters, Environment, Template, compile};

/// What people write most.
const TEMPLATES: [(&str, &str); 5] = [
    ("one value", "{{ .password }}"),
    (
        "url",
        "postgres://{{ .user }}:{{ .password | urlquery }}@{{ .host }}:{{ .port }}/{{ .name }}?sslmode=require",
    ),
    (
        "docker config",
        r#"{"auths":{"{{ .host }}":{"username":"{{ .user }}","password":"{{ .password }}","auth":"{{ printf "%s:%s" .user .password | b64enc }}"}}}"#,
    ),
    (
        "conditions",
        "{{- if eq .user \"admin\" }}role=admin{{ else if hasPrefix \"a\" .user }}role=a{{ else }}role=none{{ end }}\n\
         {{- with $p := .port }}\nport={{ $p | default \"5432\" }}{{ end }}\nname={{ .name | upper | quote }}\n",
    ),
    ("loop over JSON", "{{ range $key, $value := .json | fromJson }}{{ $key }}={{ $value }}\n{{ end }}"),
];

const READS: u32 = 20_000;
const RENDERS: u32 = 50_000;
const KEPT: usize = 20_000;

struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

fn main() {
    let fields: BTreeMap<String, Vec<u8>> = [
        ("user", "app"),
        ("password", "p@ss/w0rd:with&signs"),
        ("host", "db.example.org"),
        ("port", "5432"),
        ("name", "orders"),
        ("json", r#"{"a":"1","b":"2","c":"3","d":true,"e":4,"f":null,"g":[1,2]}"#),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .collect();
    let mut all = Vec::new();
    println!("{:<16}{:>10}{:>12}{:>14}", "template", "read µs", "render µs", "kept bytes");
    for (name, source) in TEMPLATES {
        let reading = micros(READS, || {
            black_box(read(source));
        });
        let template = read(source);
        let rendered = micros(RENDERS, || {
            let mut random = Counter(0);
            let mut environment = Environment { now: Timestamp::UNIX_EPOCH, random: &mut random };
            black_box(template.render(&fields, &mut environment).expect("a rendered template"));
        });
        println!("{name:<16}{reading:>10.2}{rendered:>12.2}{:>14}", kept(source, &mut all));
    }
}

fn read(source: &str) -> Template {
    compile(source, &Delimiters::default()).expect("a template")
}

/// Time of one turn.
fn micros(turns: u32, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..turns {
        work();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(turns)
}

/// Memory of one read template, by what many of them take. They join those that are kept already, so that none
/// takes the place of a freed one.
fn kept(source: &str, all: &mut Vec<Template>) -> usize {
    all.extend((0..KEPT / 10).map(|_| read(source)));
    let before = resident();
    all.extend((0..KEPT).map(|_| read(source)));
    resident().saturating_sub(before) / KEPT
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
