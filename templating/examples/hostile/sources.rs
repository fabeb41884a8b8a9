//! Sources as long as they may be: deep, wide, open, or full of one thing.

use super::{LONGEST, LONGEST_HANDLEBARS};

/// As many pieces as fit in `longest`.
pub(crate) fn filled(longest: usize, start: &str, piece: &str, end: &str) -> String {
    let times = (longest - start.len() - end.len()) / piece.len();
    format!("{start}{}{end}", piece.repeat(times))
}

/// Sources that are long, deep or wide.
pub(crate) fn go() -> Vec<(String, String)> {
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
        ("space definitions", "{{define \"x\"}} ", "{{/**/}} ", "{{.}}{{end}}"),
        ("escapes for urlquery", "{{ urlquery \"", "\\xff", "\" }}"),
        ("escapes for js", "{{ js `", "<", "` }}"),
        ("escapes for html", "{{ html `", "<", "` }}"),
        ("quoted", "{{ quote `", "\u{200b}", "` }}"),
        ("base64", "{{ b64dec `", "QUFB", "` }}"),
        ("base32", "{{ b32dec `", "MZXW6YTB", "` }}"),
        ("hexadecimal", "{{ hexdec `", "41", "` }}"),
        ("format of open brackets", "{{ printf `", "%[", "` }}"),
        ("format of indexes", "{{ printf `", "%[1].1s", "` .big }}"),
        ("format of verbs", "{{ printf `", "%v", "` }}"),
        ("format of stars", "{{ printf `", "%*.*[9]d", "` 1 2 }}"),
        ("layout", "{{ date `", "x", "` now }}"),
        ("layout of fields", "{{ date `", "2006", "` now }}"),
        ("layout of hours", "{{ toDate `", "15", "` .digits }}"),
        ("layout of fractions", "{{ toDate `", ".0", "` .dots }}"),
        ("regex", "{{ regexMatch `", "(a|b)*", "` .big }}"),
        ("regex text", "{{ regexMatch `[ab]*c|a` `", "a", "` }}"),
        ("regex finds", "{{ regexFindAll `[ab]*c|a` `", "a", "` -1 }}"),
        ("version", "{{ semver `", "1.", "` }}"),
        ("prerelease", "{{ semver `1.2.3-", "a.", "a` }}"),
        ("constraint", "{{ semverCompare `", "1 - 2 ", "` `1.2.3` }}"),
        ("constraint of digits", "{{ semverCompare `", "1", "` `1.2.3` }}"),
        ("duration", "{{ durationRound `", "1h", "` }}"),
        ("url", "{{ urlParse `http://", "%41", "` }}"),
        ("path", "{{ clean `", "../a/", "` }}"),
        ("json lists", "{{ fromJson `", "[", "` }}"),
        ("json numbers", "{{ fromJson `[", "1,", "1]` }}"),
        ("json escapes", "{{ fromJson `\"", "\\u00e9", "\"` }}"),
        ("json objects", "{{ fromJson `[", "{\"a\":{}},", "1]` }}"),
        ("yaml flow", "{{ fromYaml `a: ", "[", "` }}"),
        ("yaml list", "{{ fromYaml `a: [", "b,", "c]` }}"),
        ("yaml dashes", "{{ fromYaml `", "- ", "` }}"),
        ("yaml questions", "{{ fromYaml `", "? ", "` }}"),
        ("yaml anchors", "{{ fromYaml `a: ", "&a ", "` }}"),
        ("yaml quotes", "{{ fromYaml `a: '", "''", "'` }}"),
        ("yaml spaces", "{{ fromYaml `a:", " ", "b` }}"),
        ("yaml lines", "{{ fromYaml `a: |\n", " \n", " b` }}"),
        ("words", "{{ snakecase `", "aB1 ", "` }}"),
        ("invalid words", "{{ snakecase \"a", "\\xff", "B\" }}"),
        ("title", "{{ title `", "é ", "` }}"),
        ("wrapped", "{{ wrap 1 `", "a ", "` }}"),
        ("trimmed", "{{ trim `", "\u{2003}", "` }}"),
        ("trimmed set", "{{ trimAll `", "aé→", "` .big }}"),
        ("shuffled", "{{ shuffle `", "é", "` }}"),
        ("split", "{{ splitList `` `", "a", "` }}"),
        ("sorted", "{{ splitList `,` `", "a,", "` | sortAlpha }}"),
        ("uniq", "{{ splitList `,` `", "a,b,c,", "` | uniq }}"),
        ("replaced", "{{ replace `a` `bb` `", "a", "` }}"),
        ("indented", "{{ indent 1 `", "\n", "` }}"),
        ("number", "{{ float64 `", "1", "` }}"),
        ("decimals", "{{ mulf ", "1.7 ", "}}"),
        ("large decimals", "{{ addf ", "1e308 5e-324 ", "}}"),
        ("dictionary", "{{ dict ", "`a` 1 ", "}}"),
        ("merged", "{{ merge (dict) ", "(dict `a` 1) ", "}}"),
        ("equal", "{{ eq .big ", ".big ", "}}"),
        ("pem", "{{ filterPEM `X` `", "-----BEGIN A-----\n", "` }}"),
        ("pem ends", "{{ filterPEM `X` `", "-----BEGIN A-----\n!\n-----END A-----\n", "` }}"),
        ("jwk", "{{ jwkPublicKeyPem `", "[", "` }}"),
        ("password", "{{ encryptAES `", "k", "` `x` }}"),
        ("wrong name", "{{ ", "é", " }}"),
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
    all.push(many("different names", |number| {
        format!("{{{{define \"{}{number}\"}}}}{{{{end}}}}", "d".repeat(100))
    }));
    all.push(many("spaces and definitions", |number| match number {
        0 => format!("{{{{define \"x\"}}}}{}{{{{.}}}}{{{{end}}}}", " ".repeat(500_000)),
        _ => "{{define \"x\"}}{{end}}".to_owned(),
    }));
    all.push(many("nodes and definitions", |number| match number {
        0 => format!("{{{{define \"x\"}}}}{}{{{{.}}}}{{{{end}}}}", " {{/**/}}".repeat(15_000)),
        _ => "{{define \"x\"}}{{end}}".to_owned(),
    }));
    all.push(many("upper of everything", |_| "{{$x := upper $.big}}".to_owned()));
    all.push(many("matches in everything", |_| "{{$x := regexMatch \"(a|b)*a(a|b){12}\" $.big}}".to_owned()));
    all.push(many("large regexes", |number| format!("{{{{regexMatch \"(a{{500}}){{9}}{number}\" .a}}}}")));
    all.push(many("unicode regexes", |number| format!("{{{{regexMatch \"(?i)\\\\pL{{9}}{number}\" .a}}}}")));
    all.push(many("calls", |number| {
        format!("{{{{define \"d{}\"}}}}{{{{template \"d{number}\" .}}}}{{{{end}}}}", number + 1)
    }));
    all
}

/// Sources for the other engine, whose limit is lower.
pub(crate) fn handlebars() -> Vec<(String, String)> {
    let pieces = [
        ("tags", filled(LONGEST_HANDLEBARS, "", "{{a}}", "")),
        ("open tags", filled(LONGEST_HANDLEBARS, "", "{{", "")),
        ("nested blocks", filled(LONGEST_HANDLEBARS, "", "{{#if a}}", "")),
        ("calls", filled(LONGEST_HANDLEBARS, "{{upper ", "(upper ", "")),
        ("text", filled(LONGEST_HANDLEBARS, "", "x", "")),
        ("lines", filled(LONGEST_HANDLEBARS, "", "\n", "")),
        ("escaped tags", filled(LONGEST_HANDLEBARS, "", "\\{", "")),
        ("backslashes", filled(LONGEST_HANDLEBARS, "", "\\", "{{a}}")),
        ("most tags", format!("{{{{a}}}}{}", "x".repeat(3)).repeat(1023)),
        ("most lines", format!("{{{{a}}}}{}", "\n".repeat(3)).repeat(1023)),
        ("arguments", filled(LONGEST_HANDLEBARS, "{{list ", "a ", "}}")),
        ("list", filled(LONGEST_HANDLEBARS, "{{list [", "1,", "1]}}")),
        ("nested list", filled(LONGEST_HANDLEBARS, "{{list ", "[", "}}")),
        ("string", filled(LONGEST_HANDLEBARS, "{{upper \"", "é", "\"}}")),
        ("comment", filled(LONGEST_HANDLEBARS, "{{!-- ", "-", "")),
        ("raw blocks", filled(LONGEST_HANDLEBARS, "{{{{raw}}}}", "\\{{{{", "")),
        ("else", filled(LONGEST_HANDLEBARS, "{{#if a}}", "{{else if a}}", "{{/if}}")),
        ("paths", filled(LONGEST_HANDLEBARS, "{{a", "/a", "}}")),
        ("parents", filled(LONGEST_HANDLEBARS, "{{", "../", "a}}")),
    ];
    pieces.into_iter().map(|(name, source)| (name.to_owned(), source)).collect()
}
