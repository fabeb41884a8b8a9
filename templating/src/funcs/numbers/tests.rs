//! What the oracle cannot show: limits and randomness.

use super::super::probe::outcome;
use crate::value::Value;

fn int(number: i64) -> Value {
    Value::int(number)
}

fn float(number: f64) -> Value {
    Value::Float(number)
}

#[test]
fn endless_ranges_run_out_of_steps() {
    assert_eq!(outcome("until", &[int(1_000_000_000)]), "limit: steps");
    assert_eq!(outcome("until", &[int(i64::MAX)]), "limit: steps");
    assert_eq!(outcome("untilStep", &[int(0), int(i64::MAX), int(i64::MAX - 1)]), "limit: steps");
    assert_eq!(outcome("seq", &[int(i64::MAX - 1)]), "limit: steps");
}

#[test]
fn random_numbers_stay_inside_their_bounds() {
    for _ in 0..50 {
        let Ok(Value::Int(drawn)) = super::super::probe::call("randInt", &[int(-3), int(4)]) else {
            panic!()
        };
        assert!((-3..4).contains(&drawn.value));
    }
}

#[test]
fn products_of_many_digits_run_out_of_steps() {
    let factors = vec![float(1.234_567_890_123_456_7e-300); 100_000];
    assert_eq!(outcome("mulf", &factors), "limit: steps");
}
