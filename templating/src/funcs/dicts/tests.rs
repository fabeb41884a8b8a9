use super::super::probe::{cases, dict, outcome};
use crate::value::Value;

fn int(number: i64) -> Value {
    Value::int(number)
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn list(items: Vec<Value>) -> Value {
    Value::list(items)
}

#[test]
fn maps_are_read_and_changed() {
    cases(&[
        ("dict", vec![text("a"), int(1), text("b")], "map[string]interface {} map[a:1 b:]"),
        (
            "dict",
            vec![int(1), int(2), Value::Nil, int(3), Value::Bool(true), list(vec![int(1)])],
            "map[string]interface {} map[1:2 <nil>:3 true:[1]]",
        ),
        ("dict", vec![text("a"), int(1), text("a"), int(2)], "map[string]interface {} map[a:2]"),
        ("dict", vec![], "map[string]interface {} map[]"),
        (
            "get",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("a"),
            ],
            "int 1",
        ),
        (
            "get",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("zz"),
            ],
            "string ",
        ),
        ("get", vec![Value::Nil, text("a")], "string "),
        (
            "set",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("n"),
                int(5),
            ],
            "map[string]interface {} map[a:1 b:map[c:x d:<nil>] e: f:[] n:5]",
        ),
        ("set", vec![Value::Nil, text("n"), int(5)], "raised"),
        (
            "unset",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("b"),
            ],
            "map[string]interface {} map[a:1 e: f:[]]",
        ),
        (
            "unset",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("zz"),
            ],
            "map[string]interface {} map[a:1 b:map[c:x d:<nil>] e: f:[]]",
        ),
        (
            "hasKey",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("e"),
            ],
            "bool true",
        ),
        (
            "hasKey",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("zz"),
            ],
            "bool false",
        ),
        ("hasKey", vec![Value::Nil, text("zz")], "bool false"),
    ]);
}

#[test]
fn parts_of_maps_are_taken() {
    cases(&[
        (
            "pluck",
            vec![
                text("a"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                dict(&[("b", int(1))]),
                dict(&[("a", text("2"))]),
            ],
            "[]interface {} [1 2]",
        ),
        (
            "keys",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                dict(&[("z", int(1))]),
            ],
            "[]string [a b e f z]",
        ),
        ("keys", vec![], "[]string []"),
        (
            "pick",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("a"),
                text("zz"),
                text("e"),
            ],
            "map[string]interface {} map[a:1 e:]",
        ),
        (
            "pick",
            vec![dict(&[
                ("a", int(1)),
                ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                ("e", text("")),
                ("f", list(vec![])),
            ])],
            "map[string]interface {} map[]",
        ),
        (
            "omit",
            vec![
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
                text("a"),
                text("zz"),
            ],
            "map[string]interface {} map[b:map[c:x d:<nil>] e: f:[]]",
        ),
        (
            "omit",
            vec![dict(&[
                ("a", int(1)),
                ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                ("e", text("")),
                ("f", list(vec![])),
            ])],
            "map[string]interface {} map[a:1 b:map[c:x d:<nil>] e: f:[]]",
        ),
        ("values", vec![dict(&[("a", int(1))])], "[]interface {} [1]"),
        ("values", vec![dict(&[])], "[]interface {} []"),
        (
            "dig",
            vec![
                text("b"),
                text("c"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "string x",
        ),
        (
            "dig",
            vec![
                text("b"),
                text("zz"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "string def",
        ),
        (
            "dig",
            vec![
                text("a"),
                text("c"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "raised",
        ),
        (
            "dig",
            vec![
                text("zz"),
                text("c"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "string def",
        ),
        (
            "dig",
            vec![
                text("b"),
                text("d"),
                text("q"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "raised",
        ),
        (
            "dig",
            vec![
                text("a"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "raised",
        ),
        (
            "dig",
            vec![
                int(1),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "raised",
        ),
        ("dig", vec![text("a"), text("def"), text("x")], "raised"),
        ("dig", vec![], "raised"),
        (
            "dig",
            vec![
                text("b"),
                text("d"),
                text("def"),
                dict(&[
                    ("a", int(1)),
                    ("b", dict(&[("c", text("x")), ("d", Value::Nil)])),
                    ("e", text("")),
                    ("f", list(vec![])),
                ]),
            ],
            "<nil> <nil>",
        ),
    ]);
}

#[test]
fn maps_are_merged_as_mergo_does() {
    cases(&[
        (
            "merge",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:<nil>]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        ("merge", vec![dict(&[("v", int(0))]), dict(&[("v", int(1))])], "map[string]interface {} map[v:1]"),
        (
            "merge",
            vec![dict(&[("v", int(0))]), dict(&[("v", dict(&[]))])],
            "map[string]interface {} map[v:map[]]",
        ),
        (
            "merge",
            vec![dict(&[("q", int(1))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[q:1 v:0]",
        ),
        (
            "merge",
            vec![dict(&[("v", int(1))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:1]",
        ),
        (
            "merge",
            vec![dict(&[("v", int(1))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:1]",
        ),
        ("merge", vec![dict(&[("v", text(""))]), dict(&[("v", int(0))])], "map[string]interface {} map[v:0]"),
        (
            "merge",
            vec![dict(&[("v", text(""))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        ("merge", vec![dict(&[]), dict(&[("v", text(""))])], "map[string]interface {} map[v:]"),
        (
            "merge",
            vec![dict(&[("v", text("x"))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "merge",
            vec![dict(&[("v", text("x"))]), dict(&[("v", dict(&[("k", int(1))]))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "merge",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "merge",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "merge",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "merge",
            vec![dict(&[("v", list(vec![int(1)]))]), dict(&[("v", int(1))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "merge",
            vec![dict(&[("v", list(vec![int(1)]))]), dict(&[("v", dict(&[]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "merge",
            vec![dict(&[("q", int(1))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[q:1 v:[1]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[]))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "merge",
            vec![
                dict(&[("v", dict(&[("k", int(1))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(1))]))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[v:map[k:1]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(1))]))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:map[k:1]]",
        ),
        (
            "merge",
            vec![dict(&[]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("q", int(1))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[q:1 v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[v:0]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", int(1))])],
            "map[string]interface {} map[v:1]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "merge",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "merge",
            vec![dict(&[]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "merge",
            vec![dict(&[("q", int(1))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[q:1 v:false]",
        ),
        (
            "merge",
            vec![
                dict(&[("a", dict(&[("b", dict(&[("c", int(1)), ("d", int(2))]))]))]),
                dict(&[("a", dict(&[("b", dict(&[("c", int(9)), ("e", int(5))]))]))]),
                dict(&[("z", int(1))]),
            ],
            "map[string]interface {} map[a:map[b:map[c:1 d:2 e:5]] z:1]",
        ),
        ("merge", vec![dict(&[]), Value::Nil], "map[string]interface {} map[]"),
        ("merge", vec![Value::Nil, dict(&[("a", int(1))])], "map[string]interface {} map[a:1]"),
        ("merge", vec![dict(&[("a", int(1))])], "map[string]interface {} map[a:1]"),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:<nil>]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Nil)]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", int(0))]), dict(&[("v", int(1))])],
            "map[string]interface {} map[v:1]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", int(0))]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("q", int(1))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[q:1 v:0]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", int(1))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", int(1))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", text(""))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[v:0]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", text(""))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        ("mergeOverwrite", vec![dict(&[]), dict(&[("v", text(""))])], "map[string]interface {} map[v:]"),
        (
            "mergeOverwrite",
            vec![dict(&[("v", text("x"))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", text("x"))]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:<nil>]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", list(vec![]))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", list(vec![int(1)]))]), dict(&[("v", int(1))])],
            "map[string]interface {} map[v:1]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", list(vec![int(1)]))]), dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:1 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("q", int(1))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[q:1 v:[1]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "mergeOverwrite",
            vec![
                dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[v:0]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(1)), ("l", int(3))]))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "mergeOverwrite",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
                dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]),
            ],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("q", int(1))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[q:1 v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", Value::Nil)])],
            "map[string]interface {} map[v:<nil>]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", int(0))])],
            "map[string]interface {} map[v:0]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", int(1))])],
            "map[string]interface {} map[v:1]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", text(""))])],
            "map[string]interface {} map[v:]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", text("x"))])],
            "map[string]interface {} map[v:x]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", list(vec![]))])],
            "map[string]interface {} map[v:[]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", list(vec![int(1)]))])],
            "map[string]interface {} map[v:[1]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", dict(&[("k", int(2)), ("l", int(3))]))])],
            "map[string]interface {} map[v:map[k:2 l:3]]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("v", Value::Bool(false))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[v:false]",
        ),
        (
            "mergeOverwrite",
            vec![dict(&[("q", int(1))]), dict(&[("v", Value::Bool(false))])],
            "map[string]interface {} map[q:1 v:false]",
        ),
        (
            "mergeOverwrite",
            vec![
                dict(&[("a", dict(&[("b", dict(&[("c", int(1)), ("d", int(2))]))]))]),
                dict(&[("a", dict(&[("b", dict(&[("c", int(9)), ("e", int(5))]))]))]),
                dict(&[("z", int(1))]),
            ],
            "map[string]interface {} map[a:map[b:map[c:9 d:2 e:5]] z:1]",
        ),
        ("mergeOverwrite", vec![dict(&[]), Value::Nil], "map[string]interface {} map[]"),
        ("mergeOverwrite", vec![Value::Nil, dict(&[("a", int(1))])], "map[string]interface {} map[a:1]"),
        ("mergeOverwrite", vec![dict(&[("a", int(1))])], "map[string]interface {} map[a:1]"),
    ]);
}

#[test]
fn a_map_cannot_be_put_into_itself() {
    let map = dict(&[]);
    assert_eq!(outcome("set", &[map.clone(), text("k"), map.clone()]), "limit: a map inside itself");
    let inner = dict(&[]);
    outcome("set", &[map.clone(), text("inner"), inner.clone()]);
    assert_eq!(
        outcome("set", &[inner.clone(), text("up"), Value::list(vec![map.clone()])]),
        "limit: a map inside itself"
    );
    let source = dict(&[("up", map.clone())]);
    assert_eq!(outcome("merge", &[inner, source]), "limit: a map inside itself");
    assert_eq!(outcome("merge", &[map.clone(), map]), "map[string]interface {} map[inner:map[]]");
}

#[test]
fn texts_only_take_texts() {
    let texts = Value::text_map(std::collections::BTreeMap::from([("a".into(), text("x"))]));
    let target = dict(&[("m", texts)]);
    assert_eq!(
        outcome("mergeOverwrite", &[target.clone(), dict(&[("m", dict(&[("a", text("y"))]))])]),
        "map[string]interface {} map[m:map[a:y]]"
    );
}
