//! What the oracle cannot show: lists that would take too much work.

use super::super::probe::outcome;
use crate::value::Value;

fn int(number: i64) -> Value {
    Value::int(number)
}

fn list(items: Vec<Value>) -> Value {
    Value::list(items)
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
