use super::super::probe::{cases, dict, outcome};
use crate::value::Value;

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
fn values_convert_to_numbers_as_cast_does() {
    cases(&[
        ("atoi", vec![text("12")], "int 12"),
        ("atoi", vec![text("-7")], "int -7"),
        ("atoi", vec![text("+5")], "int 5"),
        ("atoi", vec![text("x")], "int 0"),
        ("atoi", vec![text("")], "int 0"),
        ("atoi", vec![text("99999999999999999999")], "int 9223372036854775807"),
        ("atoi", vec![text("-99999999999999999999")], "int -9223372036854775808"),
        ("atoi", vec![text("1_0")], "int 0"),
        ("atoi", vec![text("0x10")], "int 0"),
        ("atoi", vec![text("010")], "int 10"),
        ("int", vec![text("5")], "int 5"),
        ("int", vec![float(1.9)], "int 1"),
        ("int", vec![Value::Bool(true)], "int 1"),
        ("int64", vec![text("0x1f")], "int64 31"),
        ("int64", vec![text("017")], "int64 15"),
        ("int64", vec![text("0o17")], "int64 15"),
        ("int64", vec![text("0b101")], "int64 5"),
        ("int64", vec![text("08")], "int64 0"),
        ("int64", vec![text("1_000")], "int64 1000"),
        ("int64", vec![text("1__0")], "int64 0"),
        ("int64", vec![text("_1")], "int64 0"),
        ("int64", vec![text("1_")], "int64 0"),
        ("int64", vec![text("0_7")], "int64 7"),
        ("int64", vec![text("0x_f")], "int64 15"),
        ("int64", vec![text("12.9")], "int64 12"),
        ("int64", vec![text("-12.9")], "int64 -12"),
        ("int64", vec![text("-.5")], "int64 0"),
        ("int64", vec![text(".5")], "int64 0"),
        ("int64", vec![text("+.")], "int64 0"),
        ("int64", vec![text("1.5e3")], "int64 0"),
        ("int64", vec![text("1e3")], "int64 0"),
        ("int64", vec![text(" 1")], "int64 0"),
        ("int64", vec![text("")], "int64 0"),
        ("int64", vec![text("abc")], "int64 0"),
        ("int64", vec![Value::Bool(true)], "int64 1"),
        ("int64", vec![Value::Nil], "int64 0"),
        ("int64", vec![float(3.9)], "int64 3"),
        ("int64", vec![float(-3.9)], "int64 -3"),
        ("int64", vec![float(f64::INFINITY)], "int64 -9223372036854775808"),
        ("int64", vec![float(f64::NAN)], "int64 -9223372036854775808"),
        ("int64", vec![float(1e300)], "int64 -9223372036854775808"),
        ("int64", vec![Value::int64(7)], "int64 7"),
        ("int64", vec![text("9223372036854775808")], "int64 0"),
        ("int64", vec![text("-9223372036854775808")], "int64 -9223372036854775808"),
        ("int64", vec![list(vec![int(1)])], "int64 0"),
        ("int64", vec![dict(&[])], "int64 0"),
        ("float64", vec![text("0x1f")], "float64 0"),
        ("float64", vec![text("017")], "float64 17"),
        ("float64", vec![text("0o17")], "float64 0"),
        ("float64", vec![text("0b101")], "float64 0"),
        ("float64", vec![text("08")], "float64 8"),
        ("float64", vec![text("1_000")], "float64 1000"),
        ("float64", vec![text("1__0")], "float64 0"),
        ("float64", vec![text("_1")], "float64 0"),
        ("float64", vec![text("1_")], "float64 0"),
        ("float64", vec![text("0_7")], "float64 7"),
        ("float64", vec![text("0x_f")], "float64 0"),
        ("float64", vec![text("12.9")], "float64 12.9"),
        ("float64", vec![text("-12.9")], "float64 -12.9"),
        ("float64", vec![text("-.5")], "float64 -0.5"),
        ("float64", vec![text(".5")], "float64 0.5"),
        ("float64", vec![text("+.")], "float64 0"),
        ("float64", vec![text("1.5e3")], "float64 1500"),
        ("float64", vec![text("1e3")], "float64 1000"),
        ("float64", vec![text(" 1")], "float64 0"),
        ("float64", vec![text("")], "float64 0"),
        ("float64", vec![text("abc")], "float64 0"),
        ("float64", vec![Value::Bool(true)], "float64 1"),
        ("float64", vec![Value::Nil], "float64 0"),
        ("float64", vec![float(3.9)], "float64 3.9"),
        ("float64", vec![float(-3.9)], "float64 -3.9"),
        ("float64", vec![float(f64::INFINITY)], "float64 +Inf"),
        ("float64", vec![float(f64::NAN)], "float64 NaN"),
        ("float64", vec![float(1e300)], "float64 1e+300"),
        ("float64", vec![Value::int64(7)], "float64 7"),
        ("float64", vec![text("9223372036854775808")], "float64 9.223372036854776e+18"),
        ("float64", vec![text("-9223372036854775808")], "float64 -9.223372036854776e+18"),
        ("float64", vec![list(vec![int(1)])], "float64 0"),
        ("float64", vec![dict(&[])], "float64 0"),
        ("float64", vec![text("inf")], "float64 +Inf"),
        ("float64", vec![text("-Infinity")], "float64 -Inf"),
        ("float64", vec![text("NaN")], "float64 NaN"),
        ("float64", vec![text("1e400")], "float64 0"),
        ("float64", vec![text("1e-400")], "float64 0"),
        ("float64", vec![text("0x1p4")], "float64 16"),
        ("float64", vec![text("0x1.8p-1")], "float64 0.75"),
        ("float64", vec![text("0x_1p1")], "float64 2"),
        ("float64", vec![text("0x1")], "float64 0"),
        ("float64", vec![text("1_000.5")], "float64 1000.5"),
        ("float64", vec![text("1.")], "float64 1"),
        ("float64", vec![text(".5")], "float64 0.5"),
        ("float64", vec![text("1e")], "float64 0"),
        ("float64", vec![text("5e-324")], "float64 5e-324"),
        ("float64", vec![text("0x1p-1074")], "float64 5e-324"),
        ("float64", vec![text("0x1p-1075")], "float64 0"),
        ("float64", vec![text("0x1.8p-1075")], "float64 5e-324"),
        ("float64", vec![text("0x1.fffffffffffff8p0")], "float64 2"),
        ("float64", vec![text("0x1.fffffffffffff7p0")], "float64 1.9999999999999998"),
        ("toDecimal", vec![text("777")], "int64 511"),
        ("toDecimal", vec![text("08")], "int64 0"),
        ("toDecimal", vec![text("-10")], "int64 -8"),
        ("toDecimal", vec![text("0o7")], "int64 0"),
        ("toDecimal", vec![text("1_0")], "int64 0"),
        ("toDecimal", vec![int(10)], "int64 8"),
        ("toDecimal", vec![Value::Nil], "int64 0"),
        ("toDecimal", vec![text("7777777777777777777777777")], "int64 0"),
    ]);
}

#[test]
fn ranges_hold_what_sprig_gives() {
    cases(&[
        ("seq", vec![], "string "),
        ("seq", vec![int(5)], "string 1 2 3 4 5"),
        ("seq", vec![int(-3)], "string 1 0 -1 -2 -3"),
        ("seq", vec![int(0)], "string 1 0"),
        ("seq", vec![int(1)], "string 1"),
        ("seq", vec![int(2), int(5)], "string 2 3 4 5"),
        ("seq", vec![int(5), int(2)], "string 5 4 3 2"),
        ("seq", vec![int(1), int(2), int(7)], "string 1 3 5 7"),
        ("seq", vec![int(7), int(-2), int(1)], "string 7 5 3 1"),
        ("seq", vec![int(7), int(2), int(1)], "string "),
        ("seq", vec![int(1), int(-2), int(7)], "string "),
        ("seq", vec![int(1), int(0), int(5)], "string "),
        ("seq", vec![int(3), int(-1), int(3)], "string "),
        ("seq", vec![int(1), int(2), int(3), int(4)], "string "),
        ("until", vec![int(3)], "[]int [0 1 2]"),
        ("until", vec![int(0)], "[]int []"),
        ("until", vec![int(-3)], "[]int [0 -1 -2]"),
        ("untilStep", vec![int(0), int(10), int(3)], "[]int [0 3 6 9]"),
        ("untilStep", vec![int(10), int(0), int(-4)], "[]int [10 6 2]"),
        ("untilStep", vec![int(0), int(10), int(-1)], "[]int []"),
        ("untilStep", vec![int(10), int(0), int(1)], "[]int []"),
        ("untilStep", vec![int(0), int(10), int(0)], "[]int []"),
        ("untilStep", vec![int(5), int(5), int(1)], "[]int []"),
    ]);
}

#[test]
fn whole_numbers_are_computed_as_int64() {
    cases(&[
        ("add1", vec![int(41)], "int64 42"),
        ("add1", vec![text("9223372036854775807")], "int64 -9223372036854775808"),
        ("add", vec![], "int64 0"),
        ("add", vec![int(1), text("2"), float(3.9), Value::Bool(true), Value::Nil], "int64 7"),
        ("sub", vec![int(5), text("7")], "int64 -2"),
        ("div", vec![int(7), int(2)], "int64 3"),
        ("div", vec![int(-7), int(2)], "int64 -3"),
        ("div", vec![int(1), int(0)], "raised"),
        ("div", vec![text("-9223372036854775808"), int(-1)], "int64 -9223372036854775808"),
        ("mod", vec![int(-7), int(3)], "int64 -1"),
        ("mod", vec![int(7), text("x")], "raised"),
        ("mul", vec![int(2), int(3), text("4")], "int64 24"),
        ("mul", vec![int(7)], "int64 7"),
        ("max", vec![int(1), text("5"), float(3.7)], "int64 5"),
        ("biggest", vec![int(-1)], "int64 -1"),
        ("min", vec![int(4), text("2"), int(3)], "int64 2"),
        ("randInt", vec![int(5), int(6)], "int 5"),
        ("randInt", vec![int(5), int(5)], "raised"),
        ("randInt", vec![int(6), int(5)], "raised"),
    ]);
}

#[test]
fn floats_are_computed_as_decimals() {
    cases(&[
        ("add1f", vec![float(1.1)], "float64 2.1"),
        ("addf", vec![float(0.1), float(0.2)], "float64 0.3"),
        ("addf", vec![], "float64 0"),
        ("addf", vec![text("1.5"), int(2), text("x")], "float64 3.5"),
        ("addf", vec![float(f64::INFINITY)], "raised"),
        ("addf", vec![float(1e300), float(1e-300)], "float64 1e+300"),
        ("subf", vec![float(0.3), float(0.1)], "float64 0.2"),
        ("subf", vec![int(1), float(0.9), float(0.05)], "float64 0.05"),
        ("divf", vec![int(1), int(3)], "float64 0.3333333333333333"),
        ("divf", vec![int(-2), int(3)], "float64 -0.6666666666666667"),
        ("divf", vec![int(1), int(0)], "raised"),
        ("divf", vec![int(10), int(4), float(0.5)], "float64 5"),
        ("divf", vec![float(1e-20), int(1)], "float64 0"),
        ("divf", vec![float(-1e-17), int(2)], "float64 0"),
        ("divf", vec![float(5e-17), int(1)], "float64 1e-16"),
        ("divf", vec![float(4.9e-17), int(1)], "float64 0"),
        ("divf", vec![int(0), int(5)], "float64 0"),
        ("mulf", vec![float(1.1), float(1.1)], "float64 1.21"),
        ("mulf", vec![float(1e308), float(1e308)], "float64 +Inf"),
        ("mulf", vec![float(1e-200), float(1e-200)], "float64 0"),
        ("mulf", vec![float(3.0)], "float64 3"),
    ]);
}

#[test]
fn floats_are_compared_and_rounded_as_sprig_does() {
    cases(&[
        ("maxf", vec![float(1.5), text("2.5"), int(1)], "float64 2.5"),
        ("maxf", vec![float(f64::NAN), int(1)], "float64 NaN"),
        ("maxf", vec![float(f64::NAN), float(f64::INFINITY)], "float64 +Inf"),
        ("maxf", vec![float(-0.0), int(0)], "float64 0"),
        ("minf", vec![float(1.5), int(-2), int(3)], "float64 -2"),
        ("minf", vec![float(f64::NEG_INFINITY), float(f64::NAN)], "float64 -Inf"),
        ("minf", vec![float(f64::NAN), int(1)], "float64 NaN"),
        ("minf", vec![int(0), float(-0.0)], "float64 -0"),
        ("ceil", vec![float(1.2)], "float64 2"),
        ("ceil", vec![text("-1.2")], "float64 -1"),
        ("floor", vec![float(1.8)], "float64 1"),
        ("floor", vec![float(-1.2)], "float64 -2"),
        ("round", vec![float(3.143), int(2)], "float64 3.14"),
        ("round", vec![float(-3.143), int(2)], "float64 -3.15"),
        ("round", vec![float(2.5), int(0)], "float64 3"),
        ("round", vec![float(-2.5), int(0)], "float64 -3"),
        ("round", vec![float(123.555_555), int(3)], "float64 123.556"),
        ("round", vec![float(123.5), int(0)], "float64 124"),
        ("round", vec![int(1234), int(-2)], "float64 1200"),
        ("round", vec![int(1250), int(-2)], "float64 1300"),
        ("round", vec![float(1.234_567_89), int(30)], "float64 1.23456789"),
        ("round", vec![float(123.5555), int(3), float(0.6)], "float64 123.555"),
        ("round", vec![text("1.005"), int(2)], "float64 1"),
        ("round", vec![float(f64::INFINITY), int(2)], "float64 +Inf"),
        ("round", vec![float(1e300), int(20)], "float64 +Inf"),
        ("round", vec![float(0.1), int(-5)], "float64 0"),
        ("round", vec![float(f64::NAN), int(1)], "float64 NaN"),
        ("round", vec![float(-1.5), int(0)], "float64 -2"),
        ("round", vec![float(1.25), int(1)], "float64 1.3"),
        ("round", vec![float(0.285), int(2)], "float64 0.28"),
        ("round", vec![int(1), int(400)], "float64 NaN"),
    ]);
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
