//! What templates render, and what hostile ones run into.

use jiff::Timestamp;

use super::*;
use crate::funcs::Random;
use crate::limits::{MAX_TEMPLATE_BYTES, MAX_TEMPLATE_NESTING, MAX_TEMPLATE_TAGS};

fn data() -> BTreeMap<String, Vec<u8>> {
    let fields: [(&str, &[u8]); 6] = [
        ("user", b"admin"),
        ("password", b"canary <&> \"q\""),
        ("empty", b""),
        ("tls.crt", b"PEM"),
        ("binary", b"\xff\x00a"),
        ("encoded", b"/wBh"),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn rendered_with(source: &str, data: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, TemplateError> {
    let mut environment = Environment { now: Timestamp::UNIX_EPOCH, random: &mut Zeros };
    compile(source)?.render(data, &mut environment)
}

fn rendered(source: &str) -> Result<String, TemplateError> {
    Ok(String::from_utf8(rendered_with(source, &data())?).unwrap())
}

fn message(source: &str) -> String {
    rendered(source).unwrap_err().to_string()
}

#[test]
fn fields_blocks_and_helpers_render_without_escaping() {
    let cases = [
        ("{{user}}:{{password}}", "admin:canary <&> \"q\""),
        ("{{[tls.crt]}} {{{user}}}", "PEM admin"),
        ("{{#if user}}yes{{else}}no{{/if}}{{#if missing}}yes{{else}}no{{/if}}", "yesno"),
        ("{{#if empty}}a{{else if user}}b{{else}}c{{/if}}{{#unless empty}}d{{/unless}}", "bd"),
        ("{{#each this}}{{@key}} {{/each}}", "binary empty encoded password tls.crt user "),
        ("{{#each [1,2]}}{{this}}{{/each}}", "12"),
        ("{{#with user}}{{this}}{{/with}}{{lookup this \"user\"}}", "adminadmin"),
        ("{{#if (eq user \"admin\")}}same{{/if}}", "same"),
        ("{{b64enc user}} {{upper user}} {{lower \"ABC\"}} [{{trim \"  x \"}}]", "YWRtaW4= ADMIN abc [x]"),
        ("{{b64dec (b64enc user)}} {{b64enc binary}} {{b64enc (b64dec encoded)}}", "admin /wBh /wBh"),
        (
            "{{quote password}} {{toJson password}} {{toJson 1}}",
            "\"canary <&> \\\"q\\\"\" \"canary \\u003c\\u0026\\u003e \\\"q\\\"\" 1",
        ),
        ("{{default \"x\" missing}}{{default \"y\" empty}}{{default \"z\" user}}", "xyadmin"),
        ("{{!-- comment {{user}} --}}{{! short }}\\{{user}}{{~ user ~}}  end", "{{user}}adminend"),
        ("{{{{raw}}}}{{user}}{{{{/raw}}}}", "{{user}}"),
        ("", ""),
    ];
    for (source, expected) in cases {
        assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn bytes_that_are_not_text_survive() {
    let source = "<{{binary}}|{{b64dec encoded}}|{{substr 0 1 binary}}|{{toString (list binary)}}>";
    let expected = b"<\xff\x00a|\xff\x00a|\xff|[\xff\x00a]>";
    assert_eq!(rendered_with(source, &data()).unwrap(), expected);
}

#[test]
fn a_missing_field_is_named_with_its_place_and_similar_ones_but_no_value() {
    assert_eq!(
        message("a\n  {{pasword}}"),
        "template line 2, column 3: field \"pasword\" does not exist; similar: password"
    );
    assert_eq!(
        message("{{upper usr}}"),
        "template line 1, column 1: field \"usr\" does not exist; similar: user"
    );
    assert_eq!(
        message("{{nothing_like_it}}"),
        "template line 1, column 1: field \"nothing_like_it\" does not exist"
    );
    assert_eq!(
        message("{{#each missing}}{{/each}}"),
        "template line 1, column 1: field \"missing\" does not exist"
    );
    assert!(message("{{user.name}}").contains("field \"user.name\" does not exist"));
    assert!(message("{{#if (eq usr \"x\")}}{{/if}}").contains("its field does not exist"));
}

#[test]
fn helper_errors_name_the_helper_and_no_value() {
    for (source, expected) in [
        ("{{mustFromJson password}}", "function mustFromJson: "),
        ("{{upper this}}", "function upper: argument 1 must be string, not map[string]interface {}"),
        ("{{upper 1}}", "function upper: argument 1 must be string, not int"),
        ("{{trunc \"1\" user}}", "function trunc: argument 1 must be int, not string"),
        ("{{fail \"no\"}}", "function fail: no"),
        ("{{fail password}}", "function fail: the template gives up with a text that it computes"),
        ("{{upper user by=1}}", "function upper: takes no by=…: arguments go by their places"),
        ("{{#upper user}}{{/upper}}", "function upper: is a function, not a block"),
        ("{{uper user}}", "there is no helper \"uper\"; similar: upper"),
        ("{{nope user}}", "there is no helper \"nope\""),
        ("{{log user}}", "there is no helper \"log\""),
        ("{{trunc 1}}", "function trunc: takes 2 arguments, not 1"),
        ("{{eq user}}", "helper eq: parameter 2 is missing"),
        ("{{upper (lookup this \"usr\")}}", "does not exist"),
    ] {
        let found = message(source);
        assert!(found.contains(expected), "{source}: {found}");
        assert!(!found.contains("canary"), "{found}");
    }
}

#[test]
fn broken_syntax_is_placed() {
    for source in
        ["{{", "{{#if user}}", "{{/if}}", "{{#if user}}{{/each}}", "{{user", "{{(}}", "{{{user}}", "{{else}}"]
    {
        let error = compile(source).unwrap_err();
        assert!(matches!(error, TemplateError::Syntax { line: 1, .. }), "{source}: {error:?}");
    }
}

#[test]
fn partials_and_decorators_are_refused_wherever_they_stand() {
    let sources = [
        "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}",
        "{{> a}}",
        "{{* inline}}",
        "{{#> a}}x{{/a}}",
        "{{#if user}}{{else}}\n{{> a}}{{/if}}",
        "{{#each this}}{{#*inline \"a\"}}x{{/inline}}{{/each}}",
    ];
    for source in sources {
        let error = compile(source).unwrap_err();
        assert!(matches!(error, TemplateError::Refused { .. }), "{source}: {error:?}");
    }
    assert_eq!(message("x\n {{> a}}"), "template line 2, column 2: partials are not allowed");
}

#[test]
fn nesting_is_bounded_before_the_parser_sees_it() {
    let blocks = |depth: usize| "{{#if user}}".repeat(depth) + &"{{/if}}".repeat(depth);
    assert_eq!(rendered(&blocks(MAX_TEMPLATE_NESTING)).as_deref(), Ok(""));
    let chain = |depth: usize| format!("{{{{#if empty}}}}{}{{{{/if}}}}", "{{else if empty}}".repeat(depth));
    assert_eq!(rendered(&chain(MAX_TEMPLATE_NESTING - 1)).as_deref(), Ok(""));
    let calls = |depth: usize| format!("{{{{upper {}user{}}}}}", "(upper ".repeat(depth), ")".repeat(depth));
    assert_eq!(rendered(&calls(MAX_TEMPLATE_NESTING)).as_deref(), Ok("ADMIN"));
    let hostile: Vec<String> = vec![
        blocks(MAX_TEMPLATE_NESTING + 1),
        blocks(400),
        "{{#if user}}".repeat(800),
        "{{~ # if user}}".repeat(800),
        "{{^user}}".repeat(100) + &"{{#user}}{{^}}".repeat(400),
        chain(800),
        "{{#if empty}}".to_owned() + &"{{^if empty}}".repeat(800) + "{{/if}}",
        calls(2000),
        format!("{{{{#each {}{}}}}}{{{{/each}}}}", "[".repeat(5000), "]".repeat(5000)),
        format!("{{{{upper {}1{}}}}}", "{\"a\":".repeat(5000), "}".repeat(5000)),
        "{{{{raw}}}}".repeat(400),
        "{{".repeat(800),
        "(".repeat(100_000),
        "{".repeat(100_000),
        // What hides its nesting: closing tags and brackets that are only text.
        "{{#if user}}{{! {{/if}}".repeat(500),
        "{{#if user}}{{!-- {{/if}} --}}".repeat(500),
        "{{#if user}}{{! -- {{/if}} --}}".repeat(500),
        "{{#if user}}\\{{/if}}".repeat(500),
        "{{#if user}}\\\\{{/if}}".repeat(500),
        "{{#if user}}\\{{{{/if}}".repeat(250),
        "{{#if user}}{{{{raw}}}}{{/if}}{{{{/raw}}}}".repeat(250),
        "{{#if user}}{{{{raw}}}}\\{{{{/if}}{{{{/raw}}}}".repeat(250),
        "{{#if user}}{{default \"{{/if}}\" user}}".repeat(250),
        "{{#if user}}{{default '{{/if}}' user}}".repeat(250),
        "{{#if user}}{{[a{{/if}}]}}".repeat(250),
        format!("{{{{default \"}}}}\" {}", "(upper ".repeat(20_000)),
        format!("{{{{upper {}", "(upper \")\" ".repeat(20_000)),
        format!("{{{{upper {}", "(upper [)] ".repeat(20_000)),
        format!("{{{{upper {}", "(upper [1)] ".repeat(20_000)),
        format!("{{{{upper {}", "(upper [\"]\" ) \"] ".repeat(10_000)),
        format!("{{{{#each [\"]\"{}", "[[".repeat(10_000)),
        format!("{{{{{{upper {}}}}}}}", "(upper \"}}\" ".repeat(10_000)),
        format!("{{{{{{{{raw {}", "(upper ".repeat(20_000)),
        format!("{{{{!{}", "{{#if user}}".repeat(500)),
    ];
    for source in hostile {
        // Reading may succeed or fail; it must come to an end.
        let _ = rendered(&source);
    }
    assert_eq!(
        message(&format!("\n{}", blocks(400))),
        "template line 2: blocks or brackets are nested deeper than 64 levels"
    );
}

#[test]
fn the_stack_holds_more_than_the_nesting_check_lets_through() {
    let source = "{{#if user}}".repeat(MAX_TEMPLATE_TAGS / 2) + &"{{/if}}".repeat(MAX_TEMPLATE_TAGS / 2);
    let depth = on_known_stack(|| {
        let parsed = handlebars::Template::compile(&source).map_err(|error| TemplateError::syntax(&error))?;
        check::constructs(&parsed)
    });
    assert_eq!(depth, Err(TemplateError::TooNested { line: 1 }));
}

#[test]
fn brackets_and_quotes_in_ordinary_tags_are_read_as_the_parser_reads_them() {
    let cases = [
        ("{{default \"}} ) ] {{\" missing}}", "}} ) ] {{"),
        ("{{default '(\\'' missing}}", "('"),
        ("{{#each [\"a\", {\"b\": [1]}, -1, true]}}{{@index}}{{/each}}", "0123"),
        ("{{lookup {\"a\":{\"b\":1}} \"c\"}}", ""),
        ("\\\\{{user}} \\{{{{user}}}}", "\\admin {{{{user}}}}"),
        ("{ {user} } }} )", "{ {user} } }} )"),
        ("{{! }}{{!----}}{{!-- }} {{/if}} --}}x", "x"),
    ];
    for (source, expected) in cases {
        let found = rendered(source);
        match expected {
            "" => assert!(matches!(found, Err(TemplateError::MissingField { .. })), "{source}: {found:?}"),
            _ => assert_eq!(found.as_deref(), Ok(expected), "{source}"),
        }
    }
}

#[test]
fn long_sources_are_refused_and_many_tags_are_read_in_time() {
    assert_eq!(message(&"x".repeat(MAX_TEMPLATE_BYTES + 1)), "template is longer than 32768 bytes");
    assert_eq!(message(&"{{user}}".repeat(MAX_TEMPLATE_TAGS + 1)), "template has more than 1024 tags");
    assert!(message("\u{10ff00}").contains("reserved"));
    let filled = |tags: usize, each: usize| format!("{:x<each$}", "{{user}}").repeat(tags);
    assert!(rendered(&filled(MAX_TEMPLATE_TAGS, 8)).is_ok());
    assert!(rendered(&filled(256, 128)).is_ok());
    assert_eq!(
        message(&filled(512, 64)),
        "template of 32768 bytes has 512 tags; so long a template may have at most 256"
    );
}

#[test]
fn fields_with_the_name_of_a_function_are_fields() {
    let data = BTreeMap::from([("title".to_owned(), b"Dr".to_vec()), ("now".to_owned(), b"later".to_vec())]);
    let text = |source| String::from_utf8(rendered_with(source, &data).unwrap()).unwrap();
    assert_eq!(text("{{title}} {{this.title}} {{title \"a\"}} {{upper title}} {{now}}"), "Dr Dr A DR later");
    assert_eq!(text("{{date \"2006\" (now)}} {{len (uuidv4)}}"), "1970 36");
    let error = rendered_with("{{upper}}", &data).unwrap_err();
    assert!(error.to_string().ends_with("function upper: takes 1 arguments, not 0"), "{error}");
}

#[test]
fn what_json_cannot_hold_goes_from_call_to_call() {
    let cases = [
        ("{{date \"2006-01-02\" (toDate \"2006-01-02\" \"2024-02-29\")}}", "2024-02-29"),
        ("{{semver \"v1.2.3\"}} {{toString (semver \"1.2\")}}", "1.2.3 1.2.0"),
        (
            "{{#each (fromJson '{\"a\":[1,2.5],\"b\":null}')}}{{@key}}{{toJson this}}{{/each}}",
            "a[1,2.5]bnull",
        ),
        ("{{#each (splitList \",\" \"a,b\")}}{{@index}}{{this}}{{/each}}", "0a1b"),
        (
            "{{get (set (dict \"a\" 1) \"b\" \"x\") \"b\"}}{{toYaml (dict \"a\" (list 1 true))}}",
            "xa:\n- 1\n- true",
        ),
        ("{{lookup (dict \"a\" \"x\") \"a\"}}{{index (list \"y\") 0}}{{div 7 2}}{{add 1 2 3}}", "xy36"),
        ("{{#if (hasPrefix \"ad\" user)}}yes{{/if}}{{#each (until 3)}}{{this}}{{/each}}", "yes012"),
        ("{{printf \"%s-%03d\" user 7}} {{floor 3.7}} {{mulf 1.5 2}}", "admin-007 3 3"),
    ];
    for (source, expected) in cases {
        assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
    }
    // A template cannot make up an object.
    let error = message("{{date \"2006\" {\"\\udbff\\udf00object\": 7}}}");
    assert!(error.contains("there is no such object"), "{error}");
}

#[test]
fn every_function_is_a_helper() {
    let own = ["and", "or", "not", "eq", "ne", "lt", "gt", "len"];
    for name in crate::engine::go_template::names().filter(|name| !own.contains(name)) {
        let found = rendered(&format!("{{{{{name} 1 2 3 4 5 6 7}}}}"));
        if let Err(error) = found {
            assert!(!error.to_string().contains("there is no helper"), "{name}: {error}");
        }
    }
}

#[test]
fn loops_inside_loops_pay_for_every_turn() {
    let steps = Err(TemplateError::Limit("takes too many steps"));
    let nested = |depth: usize| {
        let opened: Vec<String> =
            (0..depth).map(|level| format!("{{{{#each {}this}}}}", "../".repeat(level))).collect();
        opened.concat() + &"{{/each}}".repeat(depth)
    };
    assert!(rendered(&nested(3)).is_ok());
    let many: BTreeMap<String, Vec<u8>> = (0..100).map(|index| (format!("k{index}"), Vec::new())).collect();
    assert_eq!(rendered_with(&nested(6), &many).map(|_| String::new()), steps);
    let literal = format!("{{{{#each [{}1]}}}}", "1,".repeat(3_000)).repeat(3) + &"{{/each}}".repeat(3);
    assert_eq!(rendered(&literal), steps);
    let of_a_function =
        |body: &str| format!("{{{{#with (until 10000)}}}}{{{{#each this}}}}{body}{{{{/each}}}}{{{{/with}}}}");
    for body in [
        "{{#each ../this}}{{/each}}",
        "{{#each ../../this}}{{/each}}",
        "{{#if ../this}}{{/if}}",
        "{{#unless ../this}}{{else}}{{#each ../this}}{{/each}}{{/unless}}",
    ] {
        assert_eq!(rendered(&of_a_function(body)), steps, "{body}");
    }
    assert_eq!(rendered("{{#each (until 10000000)}}{{/each}}"), steps);
}

#[test]
fn output_and_intermediate_texts_are_capped() {
    let big = BTreeMap::from([("big".to_owned(), vec![b'x'; 600_000])]);
    assert_eq!(rendered_with("{{big}}{{big}}", &big), Err(TemplateError::TooLarge));
    assert_eq!(rendered_with("{{big}}", &big).unwrap().len(), 600_000);
    let quotes = format!("{{{{quote {}\"\\\"\"{}}}}}", "(quote ".repeat(40), ")".repeat(40));
    assert_eq!(rendered(&quotes), Err(TemplateError::Limit("builds too much text")));
}

#[test]
fn a_template_can_be_used_from_a_small_stack_and_shows_nothing() {
    let source = "{{#if user}}".repeat(MAX_TEMPLATE_NESTING)
        + "{{password}}"
        + &"{{/if}}".repeat(MAX_TEMPLATE_NESTING);
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(move || rendered(&source));
    assert_eq!(thread.unwrap().join().unwrap().as_deref(), Ok("canary <&> \"q\""));
    assert_eq!(format!("{:?}", compile("{{password}}").unwrap()), "Template(handlebars)");
}
