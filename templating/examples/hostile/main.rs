//! Measures how long hostile templates take until they are refused, or come to an end: the slowest first. Fails if a
//! source takes more than 50 ms, or a rendering more than a second. What is too slow is told at once.
//!
//! `cargo run --release -p strongroom-templating --example hostile [part of a name]`

#![expect(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, reason = "a development tool")]

mod data;
mod sources;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::{Environment, go_template, handlebars};
use strongroom_templating::transform::gjson;

/// Longest source of a Go template.
const LONGEST: usize = 1024 * 1024;
/// Longest source of a Handlebars template.
const LONGEST_HANDLEBARS: usize = 32 * 1024;
/// What is slower than this is measured again: the machine may have had other work.
const DOUBTFUL: Duration = Duration::from_millis(20);
const TRIES: usize = 4;

struct Sequence(u64);

impl Random for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = u8::try_from(self.0 >> 56).unwrap_or_default();
        }
    }
}

/// What a measured thing is, and how long it may take.
#[derive(Clone, Copy)]
struct Group {
    name: &'static str,
    longest: Duration,
}

/// A long source is read, and refused or rendered.
const SOURCES: Group = Group { name: "source", longest: Duration::from_millis(50) };
/// A short one works until a limit ends it.
const RENDERINGS: Group = Group { name: "rendering", longest: Duration::from_secs(1) };
/// New keys, password hashes and archives: the last of them that is begun is brought to its end.
const KEYS: Group = Group { name: "keys", longest: Duration::from_secs(6) };

struct Row {
    group: Group,
    time: Duration,
    name: String,
    outcome: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, time, name, outcome } = self;
        let (name, outcome): (String, String) =
            (name.chars().take(110).collect(), outcome.chars().take(90).collect());
        write!(f, "{:>9.1} ms  {:<9}  {name}\n{:>25}{outcome}", milliseconds(*time), group.name, "")
    }
}

type Fields = BTreeMap<String, Vec<u8>>;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let fields = data::fields();
    let mut rows = Vec::new();
    let mut add = |group: Group, name: String, work: &dyn Fn() -> String| {
        if name.contains(&wanted) {
            let row = measured(group, name, work);
            if row.time > group.longest {
                eprintln!("{row}");
            }
            rows.push(row);
            eprint!("\r{} measured ", rows.len());
        }
    };
    for (name, source) in sources::go() {
        add(SOURCES, name, &|| go(&source, &fields));
    }
    // All values are copied for Handlebars, whatever the source: the big ones would be measured, and not the source.
    let few: Fields = fields.iter().filter(|(_, value)| value.len() < 100).map(owned).collect();
    for (name, source) in sources::handlebars() {
        add(SOURCES, format!("handlebars: {name}"), &|| in_handlebars(&source, &few));
    }
    for source in work::WORK {
        add(RENDERINGS, (*source).to_owned(), &|| go(source, &fields));
    }
    for source in work::BLOCKS {
        add(RENDERINGS, format!("handlebars: {source}"), &|| in_handlebars(source, &fields));
    }
    for (document, path) in work::PATHS {
        let document = fields.get(*document).map(Vec::as_slice).unwrap_or_default();
        add(RENDERINGS, format!("gjson: {path}"), &|| match gjson::get(document, path) {
            Ok(found) => sized(&found.text()),
            Err(error) => error.to_string(),
        });
    }
    for source in work::CRYPTO {
        add(KEYS, (*source).to_owned(), &|| go(source, &fields));
    }
    report(rows)
}

fn measured(group: Group, name: String, work: &dyn Fn() -> String) -> Row {
    let mut row = Row { group, time: Duration::MAX, name, outcome: String::new() };
    for _ in 0..TRIES {
        let (start, worked) = (Instant::now(), processor_time());
        row.outcome = work();
        // On a busy machine much of the time that passes is not ours.
        let (passed, worked) = (start.elapsed(), processor_time().saturating_sub(worked));
        let is_ours = !row.name.starts_with(ELSEWHERE) && worked > DOUBTFUL;
        row.time = row.time.min(if is_ours { worked.min(passed) } else { passed });
        if row.time < DOUBTFUL {
            break;
        }
    }
    row
}

/// What works in a thread of its own.
const ELSEWHERE: &str = "handlebars";

/// Processor time of this thread, where the system tells.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fn report(mut rows: Vec<Row>) -> ExitCode {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.time));
    eprintln!();
    for row in &rows {
        println!("{row}");
    }
    let mut is_good = true;
    for group in [SOURCES, RENDERINGS, KEYS] {
        let of_group = || rows.iter().filter(|row| row.group.name == group.name);
        let Some(slowest) = of_group().next() else { continue };
        let (count, time, longest) =
            (of_group().count(), milliseconds(slowest.time), milliseconds(group.longest));
        println!("{}: {count} measured, the slowest {time:.1} ms of at most {longest} ms", group.name);
        is_good &= slowest.time <= group.longest;
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn go(source: &str, fields: &Fields) -> String {
    let outcome = go_template::compile(source, &go_template::Delimiters::default())
        .and_then(|template| template.render(fields, &mut environment(&mut Sequence(1))));
    outcome.map_or_else(|error| error.to_string(), |text| sized(&text))
}

fn in_handlebars(source: &str, fields: &Fields) -> String {
    let outcome = handlebars::compile(source)
        .and_then(|template| template.render(fields, &mut environment(&mut Sequence(1))));
    outcome.map_or_else(|error| error.to_string(), |text| sized(&text))
}

fn environment(random: &mut Sequence) -> Environment<'_> {
    Environment { now: Timestamp::from_second(1_800_000_000).expect("a time"), random }
}

fn owned((name, value): (&String, &Vec<u8>)) -> (String, Vec<u8>) {
    (name.clone(), value.clone())
}

fn sized(text: &[u8]) -> String {
    format!("{} bytes", text.len())
}
