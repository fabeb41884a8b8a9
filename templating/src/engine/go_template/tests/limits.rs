//! Hostile templates: each is refused, soon, and on the stack of an ordinary thread.

use super::*;
use crate::limits::{MAX_GO_TEMPLATE_BYTES, MAX_GO_TEMPLATE_NESTING};

/// The stack of a thread of the async runtime.
const STACK: usize = 2 * 1024 * 1024;

fn refused(source: String, reason: &str) {
    let work = move || error(&source);
    let message = std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
    assert!(message.ends_with(reason), "{message}");
}

#[test]
fn what_doubles_at_every_level_runs_out_of_steps() {
    let mut fan = String::from("{{define \"t0\"}}{{end}}");
    for level in 1..40 {
        let below = level - 1;
        let call = format!("{{{{template \"t{below}\"}}}}");
        fan.extend(["{{define \"t", &level.to_string(), "\"}}", &call, &call, "{{end}}"]);
    }
    refused(fan + "{{template \"t39\"}}", "takes too many steps");
    refused(
        "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}".to_owned(),
        "takes too many steps",
    );
    refused("{{range 1000000000}}{{end}}".to_owned(), "takes too many steps");
    let list = "{{$l := tlist 1}}".to_owned() + &"{{$l = tlist $l $l}}".repeat(60);
    refused(list.clone() + "{{$l}}", "takes too many steps");
    refused(list + "{{print $l}}", "takes too many steps");
    let map = "{{$m := tdict}}{{$in := $m}}".to_owned()
        + &"{{$new := tdict}}{{$x := tset $in \"a\" $new}}{{$y := tset $in \"b\" $new}}{{$in = $new}}"
            .repeat(60);
    refused(map + "{{$m}}", "takes too many steps");
}

#[test]
fn text_that_grows_runs_out_of_bytes() {
    let doubled = "{{$s := \"0123456789\"}}".to_owned() + &"{{$s = print $s $s}}".repeat(40);
    refused(doubled, "builds too much text");
    refused(format!("{{{{$s := printf \"{}\" 1}}}}", "%1000000[1]d".repeat(100)), "builds too much text");
    refused("{{range 1000}}{{$s := printf \"%900000s\" \"\"}}{{end}}".to_owned(), "builds too much text");
    refused("{{range 1000}}{{$s := printf \"%.900000f\" 1.5}}{{end}}".to_owned(), "builds too much text");
    refused("{{range 1000}}{{$s := printf \"%.900000U\" 1}}{{end}}".to_owned(), "builds too much text");
    refused("{{range 100000}}0123456789abcdef{{end}}".to_owned(), "renders too many bytes");
    let wide = "{{$s := printf \"%900000s\" \"\"}}";
    refused(
        format!("{wide}{{{{$l := tlist $s $s $s}}}}{{{{range 100}}}}{{{{$t := print $l}}}}{{{{end}}}}"),
        "builds too much text",
    );
    refused(format!("{wide}{{{{$l := tlist{}}}}}{{{{print $l}}}}", " $s".repeat(30)), "builds too much text");
    refused(format!("{wide}{{{{range 100}}}}{{{{$t := html $s}}}}{{{{end}}}}"), "builds too much text");
}

#[test]
fn what_calls_itself_runs_out_of_depth() {
    refused(
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}".to_owned(),
        "calls templates too deeply",
    );
    let nested = "{{with 1}}".repeat(40) + "{{template \"a\"}}" + &"{{end}}".repeat(40);
    refused(
        format!("{{{{define \"a\"}}}}{nested}{{{{end}}}}{{{{template \"a\"}}}}"),
        "calls templates too deeply",
    );
    let parentheses = format!("{{{{print {}1{}}}}}", "(print ".repeat(60), ")".repeat(60));
    refused(
        format!("{{{{define \"a\"}}}}{parentheses}{{{{template \"a\"}}}}{{{{end}}}}{{{{template \"a\"}}}}"),
        "calls templates too deeply",
    );
    let argument = format!("{{{{template \"a\" {}1{}}}}}", "(print ".repeat(60), ")".repeat(60));
    refused(
        format!("{{{{define \"a\"}}}}{argument}{{{{end}}}}{{{{template \"a\"}}}}"),
        "calls templates too deeply",
    );
}

#[test]
fn deep_nesting_in_the_source_is_refused_and_allowed_nesting_works() {
    for (open, close) in
        [("{{if 1}}", "{{end}}"), ("{{range 1}}", "{{end}}"), ("{{block \"b\" 1}}", "{{end}}")]
    {
        refused(open.repeat(40_000) + &close.repeat(40_000), "nests blocks or parentheses too deeply");
    }
    refused(format!("{{{{{}", "(".repeat(1_000_000)), "nests blocks or parentheses too deeply");
    let depth = MAX_GO_TEMPLATE_NESTING;
    let deep = format!("{}{{{{.a}}}}{}", "{{if 1}}".repeat(depth), "{{end}}".repeat(depth));
    assert_eq!(rendered(&compiled(deep)).unwrap(), b"x");
    let deep = format!("{{{{{}.a{}}}}}", "(print ".repeat(depth), ")".repeat(depth));
    assert_eq!(rendered(&compiled(deep)).unwrap(), b"x");
    let chain = "{{if .empty}}".to_owned() + &"{{else if .empty}}".repeat(5000) + "{{else}}last{{end}}";
    assert_eq!(rendered(&compiled(chain)).unwrap(), b"last");
}

#[test]
fn a_map_inside_itself_is_refused_and_freed() {
    refused("{{$m := tdict}}{{$x := tset $m \"self\" $m}}".to_owned(), "nests a list or map too deeply");
    refused(
        "{{$m := tdict}}{{$x := tset $m \"self\" (tlist $m)}}".to_owned(),
        "nests a list or map too deeply",
    );
    let outer = "{{$in := tdict}}{{$out := tdict \"in\" $in}}{{$x := tset $in \"a\" $out}}";
    refused(outer.to_owned(), "nests a list or map too deeply");
    let deep = "{{$l := tlist}}{{range 100000}}{{$l = tlist $l}}{{end}}".to_owned();
    refused(deep, "nests a list or map too deeply");
    let chain = "{{$m := tdict}}{{$in := $m}}{{range 10000}}{{$new := tdict}}{{$x := tset $in \"a\" $new}}{{$in = $new}}{{end}}";
    refused(format!("{chain}{{{{$m}}}}"), "nests a list or map too deeply");
    assert_eq!(rendered(&compiled(chain)).unwrap(), b"");
}

#[test]
fn a_large_source_is_refused_soon() {
    let size = MAX_GO_TEMPLATE_BYTES;
    refused(" ".repeat(size + 1), "is too long");
    refused("{{.a}}".repeat(size / 6), "has too many parts");
    refused(format!("{{{{{}}}}}", ".a".repeat(size / 2 - 2)), "has too many parts");
    refused("{{$x := 1}}".repeat(3000) + "{{range 1000000}}{{$y := $x}}{{end}}", "takes too many steps");
    let work = "{{range 100000}}{{end}}";
    assert_eq!(rendered(&compiled(work)).unwrap(), b"");
    let text = " ".repeat(size - work.len());
    assert_eq!(rendered(&compiled(text.clone() + "{{.a}}")).unwrap().len(), text.len() + 1);
    refused(text + work, "takes too many steps");
}

/// Each of these took minutes once: it looked through all of a text again for every byte or name in it.
#[test]
fn what_is_long_is_looked_through_once() {
    let ends =
        |source: String| drop(compile(source, &Delimiters::default()).map(|template| rendered(&template)));
    ends(format!("{{{{ $x := printf `{}` 1 }}}}", "%[".repeat(400_000)));
    ends(format!("{{{{ $x := printf `{}` (repeat 900000 `a`) }}}}", "%[1].1s".repeat(140_000)));
    ends(format!("{{{{ $x := toDate `{}` (repeat 900000 `1`) }}}}", "15".repeat(400_000)));
    let spaces = " ".repeat(400_000);
    let again = "{{define `x`}}{{end}}".repeat(10_000);
    ends(format!("{{{{define `x`}}}}{spaces}{{{{.a}}}}{{{{end}}}}{again}"));
}
