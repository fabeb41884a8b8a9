//! Owns the functions on numbers: conversions, whole-number and decimal arithmetic, ranges.

#![expect(clippy::unnecessary_wraps, reason = "all functions that templates call have one type")]

mod cast;
mod decimal;
mod range;

use std::rc::Rc;

use super::{Failure, Function, Scope};
use crate::value::{Element, IntKind, List, Type, Value, display};
use cast::Fault;
pub(crate) use cast::{parse_float, parse_int, parse_unsigned};
pub(super) use cast::{to_float, to_int};
use decimal::Decimal;

const INT: Type = Type::Int(IntKind::Int);

/// The functions of the family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "atoi", params: &[Type::Text], rest: None, call: atoi },
    Function { name: "int", params: &[Type::Any], rest: None, call: int },
    Function { name: "int64", params: &[Type::Any], rest: None, call: int64 },
    Function { name: "float64", params: &[Type::Any], rest: None, call: float64 },
    Function { name: "toDecimal", params: &[Type::Any], rest: None, call: to_decimal },
    Function { name: "seq", params: &[], rest: Some(INT), call: seq },
    Function { name: "until", params: &[INT], rest: None, call: until },
    Function { name: "untilStep", params: &[INT, INT, INT], rest: None, call: until_step },
    Function { name: "add1", params: &[Type::Any], rest: None, call: add1 },
    Function { name: "add", params: &[], rest: Some(Type::Any), call: add },
    Function { name: "sub", params: &[Type::Any, Type::Any], rest: None, call: sub },
    Function { name: "div", params: &[Type::Any, Type::Any], rest: None, call: div },
    Function { name: "mod", params: &[Type::Any, Type::Any], rest: None, call: modulo },
    Function { name: "mul", params: &[Type::Any], rest: Some(Type::Any), call: mul },
    Function { name: "randInt", params: &[INT, INT], rest: None, call: rand_int },
    Function { name: "add1f", params: &[Type::Any], rest: None, call: add1f },
    Function { name: "addf", params: &[], rest: Some(Type::Any), call: addf },
    Function { name: "subf", params: &[Type::Any], rest: Some(Type::Any), call: subf },
    Function { name: "divf", params: &[Type::Any], rest: Some(Type::Any), call: divf },
    Function { name: "mulf", params: &[Type::Any], rest: Some(Type::Any), call: mulf },
    Function { name: "biggest", params: &[Type::Any], rest: Some(Type::Any), call: max },
    Function { name: "max", params: &[Type::Any], rest: Some(Type::Any), call: max },
    Function { name: "min", params: &[Type::Any], rest: Some(Type::Any), call: min },
    Function { name: "maxf", params: &[Type::Any], rest: Some(Type::Any), call: maxf },
    Function { name: "minf", params: &[Type::Any], rest: Some(Type::Any), call: minf },
    Function { name: "ceil", params: &[Type::Any], rest: None, call: ceil },
    Function { name: "floor", params: &[Type::Any], rest: None, call: floor },
    Function { name: "round", params: &[Type::Any, INT], rest: Some(Type::Float), call: round },
];

/// The argument at `at`; the engine checked that it is there.
fn argument(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(&Value::Nil)
}

fn int_argument(arguments: &[Value], at: usize) -> i64 {
    to_int(argument(arguments, at))
}

fn float_argument(arguments: &[Value], at: usize) -> f64 {
    to_float(argument(arguments, at))
}

fn further(arguments: &[Value]) -> &[Value] {
    arguments.get(1..).unwrap_or_default()
}

/// Text outside the range gives the nearest number, text that is none gives 0.
fn atoi(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Value::Text(text) = argument(arguments, 0) else { return Ok(Value::int(0)) };
    Ok(Value::int(match parse_int(text, 10) {
        Ok(number) | Err(Fault::Range(number)) => number,
        Err(Fault::Syntax) => 0,
    }))
}

fn int(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::int(int_argument(arguments, 0)))
}

fn int64(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::int64(int_argument(arguments, 0)))
}

fn float64(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Float(float_argument(arguments, 0)))
}

/// Reads what the value prints as an octal number.
fn to_decimal(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::int64(parse_int(&display(argument(arguments, 0)), 8).unwrap_or(0)))
}

fn ints(numbers: Vec<i64>) -> Value {
    let items = numbers.into_iter().map(Value::int).collect();
    Value::List(List { element: Element::Int, items: Rc::new(items) })
}

fn until(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let count = int_argument(arguments, 0);
    range::numbers(scope, 0, count, if count < 0 { -1 } else { 1 }).map(ints)
}

fn until_step(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let [from, before, step] = [0, 1, 2].map(|at| int_argument(arguments, at));
    range::numbers(scope, from, before, step).map(ints)
}

fn seq(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let params: Vec<i64> = arguments.iter().map(to_int).collect();
    range::sequence(scope, &params).map(Value::text)
}

fn add1(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::int64(int_argument(arguments, 0).wrapping_add(1)))
}

fn add(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::int64(arguments.iter().fold(0, |sum, number| i64::wrapping_add(sum, to_int(number)))))
}

fn sub(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::int64(int_argument(arguments, 0).wrapping_sub(int_argument(arguments, 1))))
}

fn div(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match int_argument(arguments, 1) {
        0 => Err(division_by_zero()),
        divisor => Ok(Value::int64(int_argument(arguments, 0).wrapping_div(divisor))),
    }
}

fn modulo(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    match int_argument(arguments, 1) {
        0 => Err(division_by_zero()),
        divisor => Ok(Value::int64(int_argument(arguments, 0).wrapping_rem(divisor))),
    }
}

fn division_by_zero() -> Failure {
    Failure::Raised("runtime error: integer divide by zero".to_owned())
}

fn mul(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::int64(arguments.iter().fold(1, |product, number| i64::wrapping_mul(product, to_int(number)))))
}

/// Between the first (included) and the second (not included).
fn rand_int(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let least = int_argument(arguments, 0);
    let Some(count) =
        u64::try_from(int_argument(arguments, 1).wrapping_sub(least)).ok().filter(|&count| count > 0)
    else {
        return Err(Failure::Raised("invalid argument to Intn".to_owned()));
    };
    // Whatever lies beyond the last whole multiple would make small numbers more likely.
    let fair = u64::MAX - u64::MAX % count;
    let mut bytes = [0; 8];
    loop {
        scope.spend_steps(1)?;
        scope.random.fill(&mut bytes);
        let drawn = u64::from_ne_bytes(bytes);
        if drawn < fair {
            let offset = i64::try_from(drawn % count).unwrap_or(0);
            return Ok(Value::int(least.wrapping_add(offset)));
        }
    }
}

fn add1f(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    computed(scope, float_argument(arguments, 0), &[Value::int(1)], Decimal::plus)
}

fn addf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    computed(scope, 0.0, arguments, Decimal::plus)
}

fn subf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    computed(scope, float_argument(arguments, 0), further(arguments), Decimal::minus)
}

fn divf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    computed(scope, float_argument(arguments, 0), further(arguments), Decimal::over)
}

fn mulf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    computed(scope, float_argument(arguments, 0), further(arguments), Decimal::times)
}

/// One operation on decimals, from left to right. The cost of a step grows with the square of the digits.
fn computed(
    scope: &mut Scope<'_>,
    first: f64,
    others: &[Value],
    operation: fn(&Decimal, &Decimal) -> Result<Decimal, Failure>,
) -> Result<Value, Failure> {
    let mut result = Decimal::of(first)?;
    for other in others {
        scope.spend_steps(4 + result.digits() / 16)?;
        result = operation(&result, &Decimal::of(to_float(other))?)?;
    }
    scope.spend_steps(4 + result.digits() / 16)?;
    Ok(Value::Float(result.nearest_float()))
}

fn max(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::int64(arguments.iter().map(to_int).max().unwrap_or(0)))
}

fn min(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    Ok(Value::int64(arguments.iter().map(to_int).min().unwrap_or(0)))
}

fn maxf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    let first = float_argument(arguments, 0);
    let infinite = |one: f64, other: f64| one == f64::INFINITY || other == f64::INFINITY;
    Ok(Value::Float(further(arguments).iter().map(to_float).fold(first, |one, other| match () {
        () if infinite(one, other) => f64::INFINITY,
        () if one.is_nan() || other.is_nan() => f64::NAN,
        () if one == 0.0 && other == 0.0 && one.is_sign_negative() => other,
        () if one > other || (one == 0.0 && other == 0.0) => one,
        () => other,
    })))
}

fn minf(scope: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    scope.spend_steps(arguments.len())?;
    let first = float_argument(arguments, 0);
    let infinite = |one: f64, other: f64| one == f64::NEG_INFINITY || other == f64::NEG_INFINITY;
    Ok(Value::Float(further(arguments).iter().map(to_float).fold(first, |one, other| match () {
        () if infinite(one, other) => f64::NEG_INFINITY,
        () if one.is_nan() || other.is_nan() => f64::NAN,
        () if one == 0.0 && other == 0.0 && one.is_sign_negative() => one,
        () if one < other => one,
        () => other,
    })))
}

fn ceil(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Float(float_argument(arguments, 0).ceil()))
}

fn floor(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::Float(float_argument(arguments, 0).floor()))
}

/// To `places` digits after the point; the fraction from which it rounds up may be given (0.5). Negative numbers
/// go down, as upstream's do.
fn round(_: &mut Scope<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let power = power_of_ten(int_argument(arguments, 1));
    let up_from = arguments.get(2).map_or(0.5, to_float);
    let digit = power * float_argument(arguments, 0);
    let fraction = if digit.is_infinite() { f64::NAN } else { digit.fract() };
    let whole = if fraction >= up_from { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(whole / power))
}

/// Ten to a whole power by repeated squaring, which rounds as Go's `math.Pow` does.
fn power_of_ten(exponent: i64) -> f64 {
    let (mut left, mut result, mut square) = (exponent.unsigned_abs(), 1.0_f64, 10.0_f64);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    if exponent < 0 { 1.0 / result } else { result }
}

#[cfg(test)]
mod tests;
