//! Decides how a `float64` looks as text: the forms of Go's `strconv.FormatFloat`.

/// Digits after which an exact decimal expansion of a float has only zeros.
const EXACT_DIGITS: usize = 1100;
const MANTISSA_BITS: u32 = 52;
const SMALLEST_EXPONENT: i64 = -1022;

/// The form of a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `1.5e+06`: `%e`
    Exponent,
    /// `1500000`: `%f`
    Plain,
    /// The shorter of both: `%g`
    General,
    /// `6755399441055744p-52`: `%b`
    Binary,
    /// `0x1.8p+00`: `%x`
    Hexadecimal,
}

/// What `%v` prints: the fewest digits that name the number, with an exponent if it is large or small.
pub(crate) fn general(value: f64) -> String {
    formatted(value, Form::General, None)
}

/// What `strconv.FormatFloat` gives; without a precision the fewest digits that name the number.
pub(crate) fn formatted(value: f64, form: Form, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match form {
        Form::Exponent => exponent_form(&Decimal::of(value, precision.map(|digits| digits + 1))),
        Form::Plain => plain_form(value, precision),
        Form::General => general_form(value, precision),
        Form::Binary => binary_form(value),
        Form::Hexadecimal => hexadecimal_form(value, precision),
    };
    if value.is_sign_negative() { format!("-{text}") } else { text }
}

/// Decimal digits, the first of them before the point, and a power of ten.
struct Decimal {
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Rounded to a number of digits (at least one), or the fewest that name the number.
    fn of(value: f64, digits: Option<usize>) -> Self {
        let value = value.abs();
        let text = match digits {
            None => format!("{value:e}"),
            Some(digits) => format!("{value:.*e}", digits.saturating_sub(1).min(EXACT_DIGITS)),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut kept = mantissa.replace('.', "");
        let zeros = digits.unwrap_or_default().saturating_sub(kept.len());
        kept.extend(std::iter::repeat_n('0', zeros));
        Self { digits: kept, exponent: exponent.parse().unwrap_or_default() }
    }
}

fn exponent_form(decimal: &Decimal) -> String {
    let (first, rest) = decimal.digits.split_at_checked(1).unwrap_or(("0", ""));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if decimal.exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", decimal.exponent.abs())
}

fn plain_form(value: f64, precision: Option<usize>) -> String {
    let value = value.abs();
    let Some(precision) = precision else { return format!("{value}") };
    let mut text = format!("{value:.*}", precision.min(EXACT_DIGITS));
    text.extend(std::iter::repeat_n('0', precision.saturating_sub(EXACT_DIGITS)));
    text
}

fn general_form(value: f64, precision: Option<usize>) -> String {
    let precision = precision.map(|digits| digits.max(1));
    let mut decimal = Decimal::of(value, precision.map(|digits| digits.min(EXACT_DIGITS)));
    let kept = decimal.digits.trim_end_matches('0').len().max(1);
    decimal.digits.truncate(kept);
    let digits = i64::try_from(kept).unwrap_or(i64::MAX);
    let point = decimal.exponent + 1;
    let mut limit = precision.map_or(6, |digits| i64::try_from(digits).unwrap_or(i64::MAX));
    if precision.is_some() && limit > digits && digits >= point {
        limit = digits;
    }
    if decimal.exponent < -4 || decimal.exponent >= limit {
        exponent_form(&decimal)
    } else {
        placed_point(&decimal)
    }
}

/// The digits without an exponent.
fn placed_point(decimal: &Decimal) -> String {
    let Ok(exponent) = usize::try_from(decimal.exponent) else {
        let zeros = usize::try_from(-decimal.exponent - 1).unwrap_or_default();
        return format!("0.{}{}", "0".repeat(zeros), decimal.digits);
    };
    let whole = exponent + 1;
    match decimal.digits.split_at_checked(whole) {
        Some((whole, "")) => whole.to_owned(),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
        None => format!("{}{}", decimal.digits, "0".repeat(whole - decimal.digits.len())),
    }
}

/// The 53 bits of the number and the power of two of the last of them.
fn bits(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    let exponent = i64::try_from((bits >> MANTISSA_BITS) & 0x7ff).unwrap_or_default();
    if exponent == 0 {
        (fraction, SMALLEST_EXPONENT)
    } else {
        (fraction | 1 << MANTISSA_BITS, exponent - 1023)
    }
}

fn binary_form(value: f64) -> String {
    let (mantissa, exponent) = bits(value);
    format!("{mantissa}p{:+}", exponent - i64::from(MANTISSA_BITS))
}

fn hexadecimal_form(value: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = bits(value);
    if mantissa == 0 {
        exponent = 0;
    }
    // One bit before the point, 60 after it: whole hexadecimal digits.
    mantissa <<= 60 - MANTISSA_BITS;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = u32::try_from(60 - 4 * precision).unwrap_or_default();
        let (kept, cut) = (mantissa >> shift, mantissa & ((1 << shift) - 1));
        let half = 1u64 << (shift - 1);
        let up = cut > half || (cut == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(precision) if precision <= 15 => fraction.chars().take(precision).collect(),
        Some(precision) => fraction + &"0".repeat(precision - 15),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{}{point}{fraction}p{sign}{:02}", mantissa >> 60, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_general_form_uses_an_exponent_for_large_and_small_numbers() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (123_456.0, "123456"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e21, "1e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(general(number), text);
        }
    }

    #[test]
    fn every_form_rounds_to_the_precision() {
        for (number, form, precision, text) in [
            (0.5, Form::Plain, 0, "0"),
            (2.5, Form::Plain, 0, "2"),
            (1.005, Form::Plain, 2, "1.00"),
            (123.456, Form::Exponent, 2, "1.23e+02"),
            (123.456, Form::General, 2, "1.2e+02"),
            (123.456, Form::General, 4, "123.5"),
            (100.0, Form::General, 3, "100"),
            (1.0, Form::Hexadecimal, 3, "0x1.000p+00"),
            (1.999, Form::Hexadecimal, 0, "0x1p+01"),
        ] {
            assert_eq!(formatted(number, form, Some(precision)), text, "{number} {form:?} {precision}");
        }
        assert_eq!(formatted(1.5, Form::Hexadecimal, None), "0x1.8p+00");
        assert_eq!(formatted(1.5, Form::Binary, None), "6755399441055744p-52");
    }
}
