//! Measures every function with small, long and odd arguments: what a rendering that does nothing else would take
//! until its limits end it. A measurement, and so not part of a test run:
//! `cargo test --release -p strongroom-templating --lib -- --ignored --nocapture sweep`

use std::time::{Duration, Instant};

use super::super::callee::{library, names};
use super::*;
use crate::engine::go_template::walkable;
use crate::funcs::{Failure, Function};
use crate::json;
use crate::value::{Element, IntKind, Integer, Type};

/// Most argument lists of one function.
const MOST_TRIALS: usize = 60;
/// Steps that the engine takes for a turn of a loop and a call in it.
const TURN_STEPS: u64 = 4;
/// Longest time that one function may keep a rendering busy.
const LONGEST: Duration = Duration::from_millis(1_000);
/// Slow on purpose, or random in what they cost: they have limits of their own (`src/limits.rs`).
const LEFT_OUT: &[&str] = &["bcrypt", "htpasswd", "derivePassword", "genPrivateKey"];

struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/cases/fixtures").join(name);
    std::fs::read(path).unwrap()
}

type Named = (String, Value);

fn texts() -> Vec<Named> {
    let mut all: Vec<Named> = [
        "",
        "a",
        "1",
        " ",
        "aB1_c d-E",
        "1.2.3",
        "1h2m",
        "2006-01-02T15:04:05.000Z07:00",
        "2024-02-29",
        "Europe/Vienna",
        "https://u:p@host:1/p?q=1#f",
        ">1.2.3 <2.0.0 || ~3.1 || ^4.5.6",
        "[a-z]+",
        "(a|b)*a(a|b){12}",
        "(a*)*b",
        ".*.*.*x",
        r"\pL+",
        r"(?i)(\pL|\pN){9}x",
        "(x+x+)+y",
        "[ab]*c|a",
        "$1${2}$$",
        "%v",
        "%9999d",
        "leaf",
        "certificate",
        "RSA-OAEP",
        "SHA512",
        "/a/../b/./c.d",
    ]
    .iter()
    .map(|text| ((*text).to_owned(), Value::text(*text)))
    .collect();
    for (name, pieces) in [("4k", 4_096), ("64k", 65_536), ("900k", 900_000)] {
        for (shown, piece) in [
            ("a", "a"),
            ("aB ", "aB "),
            ("1", "1"),
            ("1.", "1."),
            ("\\n", "\n"),
            ("space", " "),
            ("a/", "a/"),
            ("../", "../"),
            ("é", "é"),
            ("%x", "%x"),
            ("%[", "%["),
            ("%[1].1s", "%[1].1s"),
            ("$1", "$1"),
            ("15", "15"),
            (".0", ".0"),
            ("1h", "1h"),
            ("aA", "aA"),
            ("- a\\n", "- a\n"),
            ("A=", "A="),
            ("<", "<"),
            ("(", "("),
            ("a|", "a|"),
            ("1.2.3 ", "1.2.3 "),
        ] {
            all.push((format!("{name} of {shown}"), Value::text(piece.repeat(pieces / piece.len()))));
        }
        all.push((format!("{name} of \\xff"), Value::text(vec![0xff; pieces])));
        all.push((
            format!("{name} of JSON"),
            Value::text(format!("{{\"a\":[{}1]}}", "1,".repeat(pieces / 2))),
        ));
        all.push((
            format!("{name} of JSON texts"),
            Value::text(format!("[{}1]", "\"\\u00e9\",".repeat(pieces / 9))),
        ));
        all.push((
            format!("{name} of JSON objects"),
            Value::text(format!("[{}1]", "{\"a\":{}},".repeat(pieces / 9))),
        ));
        all.push((format!("{name} of YAML"), Value::text("a: [b, 1, ~, \"x\"]\n".repeat(pieces / 20))));
        let keys: String = (0..pieces / 10).map(|key| format!("k{key:06}: 1\n")).collect();
        all.push((format!("{name} of YAML keys"), Value::text(keys)));
        let pem = fixture("chain.pem").repeat((pieces / fixture("chain.pem").len()).max(1));
        all.push((format!("{name} of PEM"), Value::text(pem)));
    }
    for name in [
        "leaf.pem",
        "ec-sec1.pem",
        "rsa-pkcs1.pem",
        "rsa-pkcs8.pem",
        "ed25519-pkcs8.pem",
        "jwk-rsa-private.json",
        "jwk-p521-private.json",
        "modern.pfx",
        "legacy-des.pfx",
        "legacy-rc2.pfx",
        "rsa.pfx",
        "shuffled.pem",
        "oaep-sha256.b64",
    ] {
        all.push((name.to_owned(), Value::text(fixture(name))));
    }
    all
}

fn others() -> Vec<Named> {
    let list = |text: String| json::to_value(&json::read(text.as_bytes()).unwrap().value).0;
    let words = format!("[{}\"x\"]", (0..20_000).map(|word| format!("\"w{word}\",")).collect::<String>());
    let members = (0..20_000).map(|key| format!("\"k{key}\":{key}")).collect::<Vec<_>>().join(",");
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    vec![
        ("nil".to_owned(), Value::Nil),
        ("true".to_owned(), Value::Bool(true)),
        ("1.5".to_owned(), Value::Float(1.5)),
        ("1e308".to_owned(), Value::Float(1e308)),
        ("5e-324".to_owned(), Value::Float(5e-324)),
        ("20000 numbers".to_owned(), list(format!("[{}1]", "1.25,".repeat(20_000)))),
        ("20000 words".to_owned(), list(words)),
        ("20000 members".to_owned(), list(format!("{{{members}}}"))),
        ("100 lists".to_owned(), list(format!("[{}[]]", "[1,2,3],".repeat(100)))),
        ("deep".to_owned(), list(deep)),
        ("64k bytes".to_owned(), Value::Bytes(vec![200; 65_536].as_slice().into())),
    ]
}

/// The values that an argument of the type may be.
fn pool<'p>(wanted: Type, texts: &'p [Named], others: &'p [Named], made: &'p [Named]) -> Vec<&'p Named> {
    let all = texts.iter().chain(others).chain(made);
    let fits = |value: &Value| match (value, wanted) {
        (_, Type::Any)
        | (Value::Bool(_), Type::Bool)
        | (Value::Float(_), Type::Float)
        | (Value::Text(_), Type::Text | Type::NamedText(_))
        | (Value::Bytes(_), Type::Bytes) => true,
        (Value::Int(number), Type::Int(kind)) => number.kind == kind,
        (Value::List(list), Type::List(element)) => list.element == element || element == Element::Any,
        (Value::Map(map), Type::Map(element)) => map.element == element,
        (Value::Object(object), Type::Object(name)) => object.type_name() == name,
        _ => false,
    };
    all.filter(|(_, value)| fits(value)).collect()
}

fn numbers(kind: IntKind) -> Vec<Named> {
    [0, 1, -1, 3, 100, 65_536, 900_000, 1_000_000_000]
        .into_iter()
        .filter(|value| *value >= 0 || !kind.is_unsigned())
        .map(|value: i128| (value.to_string(), Value::Int(Integer { kind, value })))
        .collect()
}

/// Steps and bytes of one call, its time, and whether another one may follow.
fn tried(function: &Function, arguments: &[Value]) -> (u64, u64, Duration, bool) {
    let mut zeros = Zeros;
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut scope = Scope::new(now, &mut zeros, MAX_GO_RENDER_STEPS, MAX_GO_RENDER_MEMORY_BYTES);
    let shallow = super::super::callee::is_shallow(function.name);
    let size = |value: &Value| match value {
        Value::Text(text) | Value::Bytes(text) => text.len(),
        _ => 0,
    };
    let start = Instant::now();
    let mut paid = || -> Result<Value, Failure> {
        for value in arguments {
            scope.spend_steps(size(value) / 64)?;
            if matches!(value, Value::List(_) | Value::Map(_)) && !shallow {
                walkable(&mut scope, value)?;
            }
        }
        let value = (function.call)(&mut scope, arguments)?;
        scope.spend_steps(size(&value) / 64)?;
        Ok(value)
    };
    let outcome = paid();
    let goes_on = outcome.is_ok();
    drop(outcome);
    let time = start.elapsed();
    let (steps, bytes) = scope.left();
    (MAX_GO_RENDER_STEPS - steps, MAX_GO_RENDER_MEMORY_BYTES - bytes, time, goes_on)
}

#[test]
#[ignore = "a measurement of some minutes, for an optimised build"]
fn sweep_over_all_functions() {
    let (texts, others) = (texts(), others());
    let made: Vec<Named> =
        [IntKind::Int, IntKind::Int64, IntKind::Uint32].into_iter().flat_map(numbers).collect();
    let mut lcg = Lcg(7);
    let now = library("now").unwrap();
    let time = (now.call)(&mut Scope::new(Timestamp::UNIX_EPOCH, &mut Zeros, 1, 1), &[]).unwrap();
    let made: Vec<Named> = made.into_iter().chain([("now".to_owned(), time)]).collect();
    let mut rows = Vec::new();
    let only = std::env::var("SWEEP_ONLY").unwrap_or_default();
    for function in names().filter_map(library).filter(|function| only.is_empty() || function.name == only) {
        if LEFT_OUT.contains(&function.name) || is_test(function.name) {
            continue;
        }
        let further: &[usize] = if function.rest.is_some() { &[0, 1, 2, 200] } else { &[0] };
        for further in further {
            let types: Vec<Type> = function
                .params
                .iter()
                .copied()
                .chain(std::iter::repeat_n(function.rest.unwrap_or(Type::Any), *further))
                .collect();
            let pools: Vec<_> = types.iter().map(|wanted| pool(*wanted, &texts, &others, &made)).collect();
            let count = pools.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
            let trials = count.min(MOST_TRIALS);
            for trial in 0..trials {
                let mut left = trial;
                let chosen: Vec<&Named> = pools
                    .iter()
                    .map(|pool| {
                        let at = if count <= MOST_TRIALS { left % pool.len() } else { lcg.below(pool.len()) };
                        left /= pool.len();
                        pool[at]
                    })
                    .collect();
                let arguments: Vec<Value> = chosen.iter().map(|(_, value)| value.clone()).collect();
                let (steps, bytes, mut time, goes_on) = tried(function, &arguments);
                if CHANGING.contains(&function.name) {
                    continue;
                }
                if time > Duration::from_micros(20) {
                    time = time.min(tried(function, &arguments).2);
                }
                let calls = if goes_on {
                    (MAX_GO_RENDER_STEPS / (steps + TURN_STEPS))
                        .min(MAX_GO_RENDER_MEMORY_BYTES / bytes.max(1))
                        .max(1)
                } else {
                    1
                };
                let whole = time.mul_f64(calls as f64);
                let shown: Vec<_> = chosen.iter().take(4).map(|(name, _)| name.as_str()).collect();
                rows.push((
                    whole,
                    time,
                    calls,
                    steps,
                    bytes,
                    format!("{} {}", function.name, shown.join(" | ")),
                ));
            }
        }
    }
    rows.sort_by(|one, other| other.0.cmp(&one.0));
    println!("{} calls", rows.len());
    let mut seen = BTreeMap::new();
    for (whole, time, calls, steps, bytes, name) in &rows {
        let count: &mut usize = seen.entry(name.split(' ').next().unwrap()).or_default();
        *count += 1;
        if *count <= 3 && *whole > Duration::from_millis(100) {
            println!(
                "{whole:>12.1?} = {calls:>7} x {time:>10.1?}  {steps:>7} steps {bytes:>9} bytes  {name}"
            );
        }
    }
    let slowest = rows.first().unwrap();
    assert!(slowest.0 <= LONGEST, "{}", slowest.5);
}

/// Functions that change their first argument: the next trial would get another value.
const CHANGING: &[&str] = &["set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"];

fn is_test(name: &str) -> bool {
    values::FUNCTIONS.iter().any(|function| function.name == name)
}
