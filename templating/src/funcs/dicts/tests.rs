//! What the oracle cannot show: maps that would contain themselves.

use super::super::probe::{dict, outcome};
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::text(text)
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
