//! What rewrite operations make of a map; most expectations were seen on a running upstream controller.

use jiff::Timestamp;

use super::*;
use crate::Random;

struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn rewritten(operations: &[Rewrite], given: Fields) -> Result<Fields, RewriteError> {
    rewrite(operations, given, &mut Environment { now: Timestamp::UNIX_EPOCH, random: &mut Zeros })
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

fn regexp(source: &str, target: &str) -> Rewrite {
    Rewrite::Regexp { source: source.to_owned(), target: target.to_owned() }
}

fn keys(operations: &[Rewrite], given: &[&str]) -> Vec<String> {
    let given = given.iter().map(|key| ((*key).to_owned(), Vec::new())).collect();
    rewritten(operations, given).unwrap().into_keys().collect()
}

fn documents() -> Fields {
    fields(&[("a", r#"{"k1":"v1","n":1}"#), ("b", r#"{"k2":"v2"}"#), ("c", r#"{"k1":"again"}"#)])
}

fn priority(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn groups_are_expanded_as_go_does() {
    let given = ["DB_PASS", "DB_USER", "other"];
    let cases = [
        ("^(?P<pre>[A-Z]+)_(?P<rest>.*)$", "${rest}.${pre}", ["PASS.DB", "USER.DB", "other"].as_slice()),
        ("^DB_(.*)$", "${1}x", &["PASSx", "USERx", "other"]),
        ("^DB_(.*)$", "x$1", &["other", "xPASS", "xUSER"]),
        ("^DB_(.*)$", "$1x", &["", "other"]),
        ("^DB_(.*)$", "$$1-$0", &["$1-DB_PASS", "$1-DB_USER", "other"]),
        ("^DB_(.*)$", "$1.$", &["PASS.$", "USER.$", "other"]),
        ("^DB_(.*)$", "${1", &["${1", "other"]),
        ("^DB_(.*)$", "${}$9${nope}$01", &["${}", "other"]),
        ("_", "", &["DBPASS", "DBUSER", "other"]),
        ("[A-Z]", "x", &["other", "xx_xxxx"]),
        ("x*", "-", &["-D-B-_-P-A-S-S-", "-D-B-_-U-S-E-R-", "-o-t-h-e-r-"]),
        ("nomatch", "x", &["DB_PASS", "DB_USER", "other"]),
    ];
    for (source, target, expected) in cases {
        assert_eq!(keys(&[regexp(source, target)], &given), expected, "{source} -> {target}");
    }
}

#[test]
fn operations_apply_in_order() {
    let operations = [regexp("^DB_", "db."), regexp(r"^db\.(.*)$", "final-$1")];
    assert_eq!(keys(&operations, &["DB_USER", "other"]), ["final-USER", "other"]);
}

#[test]
fn of_colliding_keys_the_last_in_sorted_order_stays() {
    let out = rewritten(&[regexp("^.$", "x")], fields(&[("c", "3"), ("a", "1"), ("b", "2")])).unwrap();
    assert_eq!(out, fields(&[("x", "3")]));
}

#[test]
fn merge_extract_replaces_the_map_with_the_union() {
    let merge = |priority: Vec<String>| {
        Rewrite::Merge(Merge { priority, conflict_policy: ConflictPolicy::Ignore, ..Merge::default() })
    };
    let by_name = rewritten(&[merge(Vec::new())], documents()).unwrap();
    assert_eq!(by_name, fields(&[("k1", "again"), ("k2", "v2"), ("n", "1")]));
    let by_priority = rewritten(&[merge(priority(&["c", "a"]))], documents()).unwrap();
    assert_eq!(by_priority, fields(&[("k1", "v1"), ("k2", "v2"), ("n", "1")]));
    let after_regexp = [regexp("^(.)$", "p-$1"), merge(priority(&["p-a"]))];
    assert_eq!(rewritten(&after_regexp, documents()).unwrap(), by_priority);
}

#[test]
fn merged_values_become_bytes_by_the_value_table() {
    let given = fields(&[
        ("a", r#"{"big":9007199254740993,"e":1e21,"t":true,"z":null,"o":{"b":1.50,"a":"<"},"s":"<"}"#),
        ("b", "null"),
    ]);
    let out = rewritten(&[Rewrite::Merge(Merge::default())], given).unwrap();
    let expected = [
        ("big", "9007199254740992"),
        ("e", "1000000000000000000000"),
        ("o", r#"{"a":"\u003c","b":1.5}"#),
        ("s", "<"),
        ("t", "true"),
        ("z", ""),
    ];
    assert_eq!(out, fields(&expected));
}

#[test]
fn merge_json_adds_the_union_and_keeps_the_rest() {
    let json = |into: &str| {
        let conflict_policy = ConflictPolicy::Ignore;
        Rewrite::Merge(Merge {
            strategy: MergeStrategy::Json,
            into: into.to_owned(),
            conflict_policy,
            ..Merge::default()
        })
    };
    let out = rewritten(&[json("all")], documents()).unwrap();
    assert_eq!(out.get("all").unwrap(), br#"{"k1":"again","k2":"v2","n":1}"#);
    assert_eq!(out.len(), 4);
    let html = fields(&[("a", r#"{"k":"<&>"}"#), ("b", r#"{"u":"ü","n":1.50}"#)]);
    let out = rewritten(&[json("a")], html).unwrap();
    assert_eq!(out.get("a").unwrap(), r#"{"k":"<&>","n":1.5,"u":"ü"}"#.as_bytes());
    assert_eq!(out.get("b").unwrap(), r#"{"u":"ü","n":1.50}"#.as_bytes());
}

#[test]
fn errors_read_as_upstreams_and_never_show_a_value() {
    let message = |operation: Rewrite, given: Fields| rewritten(&[operation], given).unwrap_err().to_string();
    let prefix = "error applying rewrite to keys: failed rewrite operation[0]: ";
    let merge = Merge { priority: priority(&["c", "a"]), ..Merge::default() };
    assert_eq!(
        message(Rewrite::Merge(merge), documents()),
        format!("{prefix}merge failed with conflicts: k1")
    );
    let no_into =
        Merge { strategy: MergeStrategy::Json, conflict_policy: ConflictPolicy::Ignore, ..Merge::default() };
    assert_eq!(
        message(Rewrite::Merge(no_into), documents()),
        format!("{prefix}merge failed with missing 'into' field")
    );
    let unknown =
        Merge { priority: priority(&["x"]), conflict_policy: ConflictPolicy::Ignore, ..Merge::default() };
    assert_eq!(
        message(Rewrite::Merge(unknown.clone()), documents()),
        format!("{prefix}merge failed with key \"x\" not found in input map")
    );
    let lenient = Merge { priority_policy: PriorityPolicy::IgnoreNotFound, ..unknown };
    assert!(rewritten(&[Rewrite::Merge(lenient)], documents()).is_ok());
    let plain = Rewrite::Merge(Merge::default());
    assert_eq!(
        message(plain.clone(), fields(&[("a", "canary")])),
        format!("{prefix}merge failed with failed to unmarshal JSON: key \"a\": invalid JSON at byte 0")
    );
    assert_eq!(
        message(plain.clone(), fields(&[("a", "[\"canary\"]")])),
        format!(
            "{prefix}merge failed with failed to unmarshal JSON: key \"a\": expected a JSON object, found array"
        )
    );
    assert!(
        message(plain, fields(&[("a", r#"{"n":1e400}"#)]))
            .contains("member \"n\": a JSON number is out of range")
    );
    assert_eq!(
        message(regexp("(", "x"), documents()),
        format!("{prefix}regexp failed with failed to compile: unclosed group")
    );
}

#[test]
fn a_key_cannot_grow_without_bound() {
    let double = regexp("(.*)", "$1$1$1$1$1$1$1$1");
    let operations = vec![double; 12];
    let error = rewritten(&operations, fields(&[("ab", "")])).unwrap_err();
    assert_eq!(error.reason, RewriteFault::KeyTooLong);
}

#[test]
fn a_transform_renders_every_key() {
    let transform = |template: &str| Rewrite::Transform { template: template.to_owned() };
    let given = ["a", "b"];
    assert_eq!(keys(&[transform("x-{{ .value }}")], &given), ["x-a", "x-b"]);
    assert_eq!(keys(&[transform("{{ .value }}{{ .nope }}")], &given), ["a<no value>", "b<no value>"]);
    assert_eq!(keys(&[transform("same")], &given), ["same"]);
    let broken = rewritten(&[transform("{{ .value")], fields(&[("a", "canary")])).unwrap_err().to_string();
    assert!(
        broken.starts_with("error applying rewrite to keys: failed rewrite operation[0]: transform failed")
    );
}
