use super::super::probe::{cases, dict, outcome};
use crate::value::{Text, Value};

fn int(number: i64) -> Value {
    Value::int(number)
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn float(number: f64) -> Value {
    Value::Float(number)
}

fn list(items: Vec<Value>) -> Value {
    Value::list(items)
}

#[test]
fn ends_of_lists_are_taken() {
    cases(&[
        ("first", vec![list(vec![int(1), text("a"), float(2.5)])], "int 1"),
        ("first", vec![list(vec![])], "<nil> <nil>"),
        ("first", vec![Value::texts(["a", "b", "a"])], "string a"),
        ("first", vec![Value::Bytes(Text::from("ab"))], "uint8 97"),
        (
            "first",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [1]",
        ),
        ("first", vec![Value::Nil], "raised"),
        ("first", vec![text("x")], "raised"),
        ("first", vec![int(5)], "raised"),
        ("first", vec![dict(&[])], "raised"),
        ("last", vec![list(vec![int(1), text("a"), float(2.5)])], "float64 2.5"),
        ("last", vec![list(vec![])], "<nil> <nil>"),
        ("last", vec![Value::texts(["a", "b", "a"])], "string a"),
        ("last", vec![Value::Bytes(Text::from("ab"))], "uint8 98"),
        (
            "last",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "int 0",
        ),
        ("last", vec![Value::Nil], "raised"),
        ("last", vec![text("x")], "raised"),
        ("last", vec![int(5)], "raised"),
        ("last", vec![dict(&[])], "raised"),
        ("rest", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [a 2.5]"),
        ("rest", vec![list(vec![])], "[]interface {} []"),
        ("rest", vec![Value::texts(["a", "b", "a"])], "[]interface {} [b a]"),
        ("rest", vec![Value::Bytes(Text::from("ab"))], "[]interface {} [98]"),
        (
            "rest",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [[1]  <nil> 0]",
        ),
        ("rest", vec![Value::Nil], "raised"),
        ("rest", vec![text("x")], "raised"),
        ("rest", vec![int(5)], "raised"),
        ("rest", vec![dict(&[])], "raised"),
        ("initial", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [1 a]"),
        ("initial", vec![list(vec![])], "[]interface {} []"),
        ("initial", vec![Value::texts(["a", "b", "a"])], "[]interface {} [a b]"),
        ("initial", vec![Value::Bytes(Text::from("ab"))], "[]interface {} [97]"),
        (
            "initial",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [[1] [1]  <nil>]",
        ),
        ("initial", vec![Value::Nil], "raised"),
        ("initial", vec![text("x")], "raised"),
        ("initial", vec![int(5)], "raised"),
        ("initial", vec![dict(&[])], "raised"),
        ("reverse", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [2.5 a 1]"),
        ("reverse", vec![list(vec![])], "[]interface {} []"),
        ("reverse", vec![Value::texts(["a", "b", "a"])], "[]interface {} [a b a]"),
        ("reverse", vec![Value::Bytes(Text::from("ab"))], "[]interface {} [98 97]"),
        (
            "reverse",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [0 <nil>  [1] [1]]",
        ),
        ("reverse", vec![Value::Nil], "raised"),
        ("reverse", vec![text("x")], "raised"),
        ("reverse", vec![int(5)], "raised"),
        ("reverse", vec![dict(&[])], "raised"),
    ]);
}

#[test]
fn elements_are_added_and_found() {
    cases(&[
        ("append", vec![list(vec![int(1), text("a"), float(2.5)]), text("a")], "[]interface {} [1 a 2.5 a]"),
        ("append", vec![list(vec![]), text("a")], "[]interface {} [a]"),
        ("append", vec![Value::texts(["a"]), text("a")], "[]interface {} [a a]"),
        ("append", vec![Value::Bytes(Text::from("a")), text("a")], "[]interface {} [97 a]"),
        ("append", vec![Value::Nil, text("a")], "raised"),
        ("append", vec![text("x"), text("a")], "raised"),
        ("append", vec![int(5), text("a")], "raised"),
        ("append", vec![dict(&[]), text("a")], "raised"),
        ("prepend", vec![list(vec![int(1), text("a"), float(2.5)]), text("a")], "[]interface {} [a 1 a 2.5]"),
        ("prepend", vec![list(vec![]), text("a")], "[]interface {} [a]"),
        ("prepend", vec![Value::texts(["a"]), text("a")], "[]interface {} [a a]"),
        ("prepend", vec![Value::Bytes(Text::from("a")), text("a")], "[]interface {} [a 97]"),
        ("prepend", vec![Value::Nil, text("a")], "raised"),
        ("prepend", vec![text("x"), text("a")], "raised"),
        ("prepend", vec![int(5), text("a")], "raised"),
        ("prepend", vec![dict(&[]), text("a")], "raised"),
        ("has", vec![text("a"), list(vec![int(1), text("a"), float(2.5)])], "bool true"),
        ("has", vec![text("a"), list(vec![])], "bool false"),
        ("has", vec![text("a"), Value::texts(["a"])], "bool true"),
        ("has", vec![text("a"), Value::Bytes(Text::from("a"))], "bool false"),
        ("has", vec![text("a"), Value::Nil], "bool false"),
        ("has", vec![text("a"), text("x")], "raised"),
        ("has", vec![text("a"), int(5)], "raised"),
        ("has", vec![text("a"), dict(&[])], "raised"),
        ("has", vec![float(1.0), list(vec![int(1), text("a"), float(2.5)])], "bool false"),
        ("has", vec![Value::Nil, list(vec![Value::Nil])], "bool true"),
        ("has", vec![list(vec![int(1)]), list(vec![list(vec![int(1)])])], "bool true"),
        (
            "mustPush",
            vec![list(vec![int(1), text("a"), float(2.5)]), text("a")],
            "[]interface {} [1 a 2.5 a]",
        ),
        ("mustPush", vec![list(vec![]), text("a")], "[]interface {} [a]"),
        ("mustPush", vec![Value::texts(["a"]), text("a")], "[]interface {} [a a]"),
        ("mustPush", vec![Value::Bytes(Text::from("a")), text("a")], "[]interface {} [97 a]"),
        ("mustPush", vec![Value::Nil, text("a")], "raised"),
        ("mustPush", vec![text("x"), text("a")], "raised"),
        ("mustPush", vec![int(5), text("a")], "raised"),
        ("mustPush", vec![dict(&[]), text("a")], "raised"),
        ("list", vec![], "[]interface {} []"),
        ("tuple", vec![int(1), Value::Nil, text("a")], "[]interface {} [1 <nil> a]"),
    ]);
}

#[test]
fn elements_are_left_out() {
    cases(&[
        ("uniq", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [1 a 2.5]"),
        ("uniq", vec![list(vec![])], "[]interface {} []"),
        ("uniq", vec![Value::texts(["a", "b", "a"])], "[]interface {} [a b]"),
        ("uniq", vec![Value::Bytes(Text::from("ab"))], "[]interface {} [97 98]"),
        (
            "uniq",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [[1]  <nil> 0]",
        ),
        ("uniq", vec![Value::Nil], "raised"),
        ("uniq", vec![text("x")], "raised"),
        ("uniq", vec![int(5)], "raised"),
        ("uniq", vec![dict(&[])], "raised"),
        ("compact", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [1 a 2.5]"),
        ("compact", vec![list(vec![])], "[]interface {} []"),
        ("compact", vec![Value::texts(["a", "b", "a"])], "[]interface {} [a b a]"),
        ("compact", vec![Value::Bytes(Text::from("ab"))], "[]interface {} [97 98]"),
        (
            "compact",
            vec![list(vec![list(vec![int(1)]), list(vec![int(1)]), text(""), Value::Nil, int(0)])],
            "[]interface {} [[1] [1]]",
        ),
        ("compact", vec![Value::Nil], "raised"),
        ("compact", vec![text("x")], "raised"),
        ("compact", vec![int(5)], "raised"),
        ("compact", vec![dict(&[])], "raised"),
        (
            "without",
            vec![list(vec![int(1), text("a"), float(2.5)]), int(1), text("zz")],
            "[]interface {} [a 2.5]",
        ),
        ("without", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [1 a 2.5]"),
        ("without", vec![text("x"), int(1)], "raised"),
        ("without", vec![list(vec![Value::Nil, int(1)]), Value::Nil], "[]interface {} [1]"),
    ]);
}

#[test]
fn lists_are_cut_and_joined() {
    cases(&[
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)])], "[]interface {} [1 a 2.5]"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(1)], "[]interface {} [a 2.5]"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(1), int(2)], "[]interface {} [a]"),
        (
            "slice",
            vec![list(vec![int(1), text("a"), float(2.5)]), text("1"), text("3")],
            "[]interface {} [a 2.5]",
        ),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(2), int(1)], "raised"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(-1)], "raised"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(0), int(9)], "raised"),
        ("slice", vec![list(vec![])], "<nil> <nil>"),
        ("slice", vec![list(vec![]), int(1), int(2)], "<nil> <nil>"),
        ("slice", vec![Value::texts(["a", "b"]), int(1)], "[]string [b]"),
        ("slice", vec![Value::Bytes(Text::from("abc")), int(1), int(2)], "[]uint8 [98]"),
        ("slice", vec![text("x")], "raised"),
        ("slice", vec![Value::Nil], "raised"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(3)], "[]interface {} []"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), int(4)], "raised"),
        ("slice", vec![list(vec![int(1), text("a"), float(2.5)]), float(1.9)], "[]interface {} [a 2.5]"),
        ("concat", vec![], "[]interface {} []"),
        (
            "concat",
            vec![list(vec![int(1), text("a"), float(2.5)]), Value::texts(["z"]), list(vec![])],
            "[]interface {} [1 a 2.5 z]",
        ),
        ("concat", vec![list(vec![int(1), text("a"), float(2.5)]), text("x")], "raised"),
        ("concat", vec![Value::Nil], "raised"),
        ("chunk", vec![int(2), list(vec![int(1), int(2), int(3)])], "[][]interface {} [[1 2] [3]]"),
        ("chunk", vec![int(3), list(vec![int(1), int(2), int(3)])], "[][]interface {} [[1 2 3]]"),
        ("chunk", vec![int(5), list(vec![int(1)])], "[][]interface {} [[1]]"),
        ("chunk", vec![int(2), list(vec![])], "[][]interface {} []"),
        ("chunk", vec![int(0), list(vec![int(1), text("a"), float(2.5)])], "raised"),
        ("chunk", vec![int(-1), list(vec![int(1), text("a"), float(2.5)])], "raised"),
        ("chunk", vec![int(-2), list(vec![int(1)])], "[][]interface {} [[1]]"),
        ("chunk", vec![int(-2), list(vec![int(1), int(2), int(3)])], "[][]interface {} []"),
        ("chunk", vec![int(-2), list(vec![int(1), int(2), int(3), int(4)])], "raised"),
        ("chunk", vec![int(-1), list(vec![int(1)])], "raised"),
        ("chunk", vec![int(-1), list(vec![])], "raised"),
        ("chunk", vec![int(2), text("x")], "raised"),
        ("chunk", vec![int(2), Value::Nil], "raised"),
        ("chunk", vec![int(1), Value::texts(["a", "b"])], "[][]interface {} [[a] [b]]"),
    ]);
}

#[test]
fn a_list_that_doubles_itself_runs_out_of_budget() {
    let mut list = list(vec![int(1)]);
    for _ in 0..64 {
        match super::super::probe::call("concat", &[list.clone(), list.clone()]) {
            Ok(doubled) if outcome("reverse", std::slice::from_ref(&doubled)).starts_with("limit") => return,
            Ok(doubled) => list = doubled,
            Err(_) => return,
        }
    }
    panic!("never stopped");
}

#[test]
fn comparing_all_with_all_is_paid_for() {
    let many = (0..10_000).map(int).collect();
    assert_eq!(outcome("uniq", &[list(many)]), "limit: steps");
}
