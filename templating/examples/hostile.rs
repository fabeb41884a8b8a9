//! Measures how long hostile templates take until they are refused, or come to an end: the slowest first.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a development tool")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strongroom_templating::Random;
use strongroom_templating::engine::{Environment, go_template, handlebars};

/// Longest source of a Go template.
const LONGEST: usize = 1024 * 1024;
/// Longest source of a Handlebars template.
const LONGEST_HANDLEBARS: usize = 256 * 1024;

struct Sequence(u64);

impl Random for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = u8::try_from(self.0 >> 56).unwrap_or_default();
        }
    }
}

/// As many pieces as fit in `longest`.
fn filled(longest: usize, start: &str, piece: &str, end: &str) -> String {
    let times = (longest - start.len() - end.len()) / piece.len();
    format!("{start}{}{end}", piece.repeat(times))
}

/// Sources that are long, deep or wide.
fn sources() -> Vec<(String, String)> {
    let pieces = [
        ("open actions", "", "{{", ""),
        ("nested blocks", "", "{{if .a}}", ""),
        ("closed blocks", "", "{{end}}", ""),
        ("parentheses", "{{", "(", "}}"),
        ("long pipeline", "{{ .a ", "| upper ", "}}"),
        ("long call", "{{ list ", ".a ", "}}"),
        ("definitions", "", "{{define \"x\"}}{{end}}", ""),
        ("blocks", "", "{{block \"x\" .}}{{end}}", ""),
        ("actions", "", "{{.a}}", ""),
        ("variables", "", "{{$x := .a}}", ""),
        ("comments", "", "{{/**/}}", ""),
        ("open comment", "{{/*", " ", ""),
        ("trims", "", " {{- /**/ -}} ", ""),
        ("text", "", "x", ""),
        ("lines", "", "\n", ""),
        ("open string", "{{ \"", "\\n", ""),
        ("string", "{{ \"", "\\n", "\"}}"),
        ("raw string", "{{ `", "x", "`}}"),
        ("digits", "{{ ", "7", "}}"),
        ("name", "{{ ", "upper", "}}"),
        ("names", "", "{{ uper .a }}", ""),
        ("field", "{{ .", "user", "}}"),
        ("fields", "{{ ", ".user", "}}"),
        ("exponent", "{{ 1e", "9", "}}"),
        ("not UTF-8", "{{ ", "\u{fffd}", "}}"),
        ("else", "{{if .a}}", "{{else if .a}}", "{{end}}"),
        ("and", "{{ and ", "1 ", "}}"),
        ("texts of fail", "", "{{if false}}{{fail \"x\"}}{{end}}", "{{fail .a}}"),
    ];
    let pieces = pieces.map(|(name, start, piece, end)| (name, filled(LONGEST, start, piece, end)));
    let mut all: Vec<(String, String)> = pieces.map(|(name, source)| (name.to_owned(), source)).into();
    let many = |name: &str, make: fn(usize) -> String| {
        let mut source = String::new();
        for number in 0.. {
            let piece = make(number);
            if source.len() + piece.len() > LONGEST {
                break;
            }
            source.push_str(&piece);
        }
        (name.to_owned(), source)
    };
    all.push(many("different definitions", |number| format!("{{{{define \"d{number}\"}}}}{{{{end}}}}")));
    all.push(many("different variables", |number| format!("{{{{$v{number} := 1}}}}")));
    all.push(many("different regexes", |number| format!("{{{{regexMatch \"[a-z]{{40}}x{number}\" .a}}}}")));
    all.push(many("large regexes", |number| format!("{{{{regexMatch \"(a{{500}}){{9}}{number}\" .a}}}}")));
    all.push(many("unicode regexes", |number| format!("{{{{regexMatch \"(?i)\\\\pL{{9}}{number}\" .a}}}}")));
    all.push(many("calls", |number| {
        format!("{{{{define \"d{}\"}}}}{{{{template \"d{number}\" .}}}}{{{{end}}}}", number + 1)
    }));
    all
}

/// What works long in few words.
const WORK: [&str; 44] = [
    "{{ range until 100000000 }}{{ end }}",
    "{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}{{ end }}",
    "{{ range until 1000 }}{{ range until 1000 }}{{ .a }}{{ end }}{{ end }}",
    "{{ repeat 1000000000 \"x\" }}",
    "{{ range until 100000 }}{{ $x := repeat 1000 \"x\" }}{{ end }}",
    "{{ printf \"%1000000d\" 1 }}{{ printf \"%.1000000f\" 1.5 }}",
    "{{ range until 100000 }}{{ $x := printf \"%9999d\" 1 }}{{ end }}",
    "{{ define \"x\" }}{{ template \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
    "{{ $x := \"ab\" }}{{ range until 100 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}",
    "{{ $x := list }}{{ range until 100000 }}{{ $x = append $x . }}{{ end }}",
    "{{ $x := list }}{{ range until 100000 }}{{ $x = list $x $x }}{{ end }}{{ $x | toJson }}",
    "{{ $x := dict }}{{ range until 100000 }}{{ $x = set $x (toString .) . }}{{ end }}",
    "{{ $x := dict }}{{ range until 100000 }}{{ $_ := set $x (toString .) . }}{{ $_ = keys $x }}{{ end }}",
    "{{ $x := dict }}{{ range until 9999 }}{{ $x = dict \"a\" $x }}{{ end }}{{ toYaml $x }}",
    "{{ $x := until 10000 }}{{ range until 10000 }}{{ $y := toYaml $x }}{{ end }}",
    "{{ $x := until 10000 }}{{ range until 10000 }}{{ $y := has 3.5 $x }}{{ end }}",
    "{{ $x := until 10000 }}{{ range until 10000 }}{{ $y := uniq $x }}{{ end }}",
    "{{ $x := until 10000 }}{{ uniq $x | len }}",
    "{{ $x := until 10000 }}{{ without $x 1 2 3 4 5 6 7 8 9 | len }}",
    "{{ $x := until 10000 }}{{ range until 10000 }}{{ $y := deepCopy $x }}{{ end }}",
    "{{ $x := until 10000 }}{{ range until 10000 }}{{ $y := sortAlpha $x }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | upper }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | sha256sum }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | shuffle }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | snakecase }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | wrap 3 }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.big | b64enc | b64dec }}{{ end }}",
    "{{ range until 10000 }}{{ $y := regexFindAll \"a|b\" $.big -1 }}{{ end }}",
    "{{ range until 10000 }}{{ $y := regexReplaceAll \"(a*)*b\" $.big \"x\" }}{{ end }}",
    "{{ range until 10000 }}{{ $y := regexMatch \"(.*)(.*)(.*)(.*)x\" $.big }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.json | fromJson }}{{ end }}",
    "{{ range until 10000 }}{{ $y := $.json | fromYaml }}{{ end }}",
    "{{ range until 100000 }}{{ $y := toDate \"2006-01-02\" \"2024-02-29\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := date \"Monday January 2006-01-02T15:04:05.000000000Z07:00\" now }}{{ end }}",
    "{{ range until 100000 }}{{ $y := dateInZone \"2006\" now \"Europe/Vienna\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := semverCompare \">1.2.3 <2.0.0 || ~3.1 || ^4.5.6\" \"1.2.3\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := urlParse \"https://u:p@h:1/p?q=1#f\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := div 7 1.5 }}{{ $y = mulf 1.1 1.1 1.1 }}{{ end }}",
    "{{ range until 100000 }}{{ $y := encryptAES \"k\" \"text\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := uuidv4 }}{{ $y = randAlphaNum 100 }}{{ end }}",
    "{{ range until 100000 }}{{ $y := filterPEM \"X\" $.big }}{{ end }}",
    "{{ range until 100000 }}{{ $y := jwkPublicKeyPem $.big }}{{ end }}",
    "{{ range until 100000 }}{{ $y := pkcs12key $.big }}{{ end }}",
    "{{ range until 100000 }}{{ $y := splitList \"a\" $.big }}{{ end }}",
];

/// What is slow on purpose.
const CRYPTO: [&str; 8] = [
    "{{ range until 1000 }}{{ $y := genPrivateKey \"rsa\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := genPrivateKey \"ecdsa\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := genPrivateKey \"dsa\" }}{{ end }}",
    "{{ range until 100000 }}{{ $y := genPrivateKey \"ed25519\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := bcrypt \"x\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := htpasswd \"u\" \"x\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := derivePassword 1 \"long\" \"p\" \"u\" \"s\" }}{{ end }}",
    "{{ range until 1000 }}{{ $y := genCA \"a\" 1 }}{{ end }}",
];

/// Handlebars templates that work long in few words.
const BLOCKS: [&str; 6] = [
    "{{#each (until 10000000)}}{{/each}}",
    "{{#with (until 10000)}}{{#each this}}{{#each ../this}}{{/each}}{{/each}}{{/with}}",
    "{{#with (until 10000)}}{{#each this}}{{#if ../this}}{{/if}}{{/each}}{{/with}}",
    "{{#each (until 10000)}}{{#each (until 10000)}}{{/each}}{{/each}}",
    "{{#each (until 10000)}}{{len (toJson ../this)}}{{/each}}",
    "{{#with (fromJson json)}}{{#each a}}{{#each ../a}}{{this}}{{/each}}{{/each}}{{/with}}",
];

fn main() {
    let list = format!("{{\"a\":[{}1]}}", "1,".repeat(200_000));
    let fields: BTreeMap<String, Vec<u8>> =
        [("a", "x".to_owned()), ("big", "aB ".repeat(300_000)), ("json", list)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect();
    let go = sources()
        .into_iter()
        .chain(WORK.iter().chain(&CRYPTO).map(|work| ((*work).to_owned(), (*work).to_owned())));
    let mut rows: Vec<(Duration, String, String)> = go
        .map(|(name, source)| {
            let start = Instant::now();
            let outcome = go_template::compile(&source, &go_template::Delimiters::default())
                .and_then(|template| template.render(&fields, &mut environment(&mut Sequence(1))));
            (start.elapsed(), name, outcome.map_or_else(|error| error.to_string(), |text| sized(&text)))
        })
        .collect();
    let pieces = [
        ("tags", filled(LONGEST_HANDLEBARS, "", "{{a}}", "")),
        ("open tags", filled(LONGEST_HANDLEBARS, "", "{{", "")),
        ("nested blocks", filled(LONGEST_HANDLEBARS, "", "{{#if a}}", "")),
        ("calls", filled(LONGEST_HANDLEBARS, "{{upper ", "(upper ", "")),
        ("text", filled(LONGEST_HANDLEBARS, "", "x", "")),
        ("most tags", format!("{{{{a}}}}{}", "x".repeat(240)).repeat(1023)),
    ];
    let handlebars = pieces.into_iter().map(|(name, source)| (name.to_owned(), source));
    let handlebars = handlebars.chain(BLOCKS.iter().map(|block| ((*block).to_owned(), (*block).to_owned())));
    rows.extend(handlebars.map(|(name, source)| {
        let start = Instant::now();
        let outcome = handlebars::compile(&source)
            .and_then(|template| template.render(&fields, &mut environment(&mut Sequence(1))));
        let outcome = outcome.map_or_else(|error| error.to_string(), |text| sized(&text));
        (start.elapsed(), format!("handlebars: {name}"), outcome)
    }));
    rows.sort_unstable_by(|one, other| other.cmp(one));
    for (time, name, outcome) in rows {
        let name: String = name.chars().take(100).collect();
        let outcome: String = outcome.chars().take(90).collect();
        println!("{:>9.1} ms  {name}\n{:>14}{outcome}", time.as_secs_f64() * 1e3, "");
    }
}

fn environment(random: &mut Sequence) -> Environment<'_> {
    Environment { now: Timestamp::from_second(1_800_000_000).expect("a time"), random }
}

fn sized(text: &[u8]) -> String {
    format!("{} bytes", text.len())
}
