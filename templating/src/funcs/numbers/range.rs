//! Decides which numbers a range holds, and never lets one outgrow the budget.

use crate::funcs::{Failure, Scope};

const BYTES_EACH: usize = 32;

/// From `from` to before `before`; a step in the wrong direction gives none.
pub(super) fn numbers(scope: &mut Scope<'_>, from: i64, before: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let span = i128::from(before) - i128::from(from);
    if span == 0 || step == 0 || (span < 0) != (step < 0) {
        return Ok(Vec::new());
    }
    let stride = i128::from(step);
    let count = (span.abs() + stride.abs() - 1) / stride.abs();
    let after = i128::from(from) + count * stride;
    // Go would wrap around and never end.
    let count =
        i64::try_from(after).ok().and_then(|_| usize::try_from(count).ok()).ok_or(Failure::Limit("steps"))?;
    scope.spend_steps(count)?;
    scope.spend_bytes(count.saturating_mul(BYTES_EACH))?;
    let mut all = Vec::with_capacity(count);
    let mut number = i128::from(from);
    for _ in 0..count {
        all.extend(i64::try_from(number).ok());
        number += stride;
    }
    Ok(all)
}

/// What `seq` prints: the numbers from the first to the last parameter, both included, with blanks between. With
/// three parameters the middle one is the step.
pub(super) fn sequence(scope: &mut Scope<'_>, params: &[i64]) -> Result<String, Failure> {
    let (start, step, end) = match *params {
        [end] => (1, if end < 1 { -1 } else { 1 }, end),
        [start, end] => (start, if end < start { -1 } else { 1 }, end),
        [start, step, end] => (start, step, end),
        _ => return Ok(String::new()),
    };
    let before = end.wrapping_add(if end < start { -1 } else { 1 });
    let numbers = numbers(scope, start, before, step)?;
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    scope.spend_bytes(texts.iter().map(|text| text.len() + 1).sum())?;
    Ok(texts.join(" "))
}
